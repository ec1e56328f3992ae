"""Whether an aggregator is let in: by the one token of its campaign that is in force."""

from typing import Protocol

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.federation.worker_token import campaign_of, is_in_force


class WorkerTokens(Protocol):
    """The part of the store of campaigns that admitting needs."""

    async def worker_token(self, campaign: str) -> str | None:
        """Return the digest of the token in force; None for none, or without such a campaign."""
        ...


class WorkerAdmission:
    """Lets aggregators in.

    Args:
        tokens: What is kept of their tokens.
    """

    def __init__(self, tokens: WorkerTokens) -> None:
        self._tokens = tokens

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
        return campaign
