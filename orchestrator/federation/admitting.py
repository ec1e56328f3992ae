"""Whether an aggregator is let in: by the one token of its campaign that is in force.

A token outlives its campaign by some minutes, in which its aggregator hears that it is over.
"""

from typing import Protocol

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.federation.campaign import Campaign, campaign_number
from orchestrator.federation.worker_token import campaign_of, is_in_force
from orchestrator.ports import Clock

OUTLIVING_SECONDS = 600.0  # an aggregator that lost the server tries again every five minutes


class WorkerTokens(Protocol):
    """The part of the store of campaigns that admitting needs."""

    async def worker_token(self, campaign: str) -> str | None:
        """Return the digest of the token in force; None for none, or without such a campaign."""
        ...

    async def get(self, number: int) -> Campaign:
        """Return a campaign."""
        ...


class WorkerAdmission:
    """Lets aggregators in.

    Args:
        tokens: What is kept of their tokens.
        clock: What time it is.
    """

    def __init__(self, tokens: WorkerTokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock

    async def admit(self, token: str) -> str:
        """Return the id of the campaign that a token is for.

        Raises:
            FieldwiseError: ``UNAUTHENTICATED``.
        """
        campaign = campaign_of(token)
        kept = await self._tokens.worker_token(campaign) if campaign else None
        if campaign is None or not is_in_force(token, kept):
            raise FieldwiseError(
                Fault.UNAUTHENTICATED, "the token of the aggregator is not the one in force"
            )
        ended_at = (await self._tokens.get(campaign_number(campaign))).ended_at
        if ended_at is not None and self._clock.now() >= ended_at + OUTLIVING_SECONDS:
            raise FieldwiseError(
                Fault.UNAUTHENTICATED, f"{campaign} is over, and its aggregator's token with it"
            )
        return campaign
