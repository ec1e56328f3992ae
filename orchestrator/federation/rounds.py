"""What the aggregator of a campaign asks for, and the look at its rounds that keeps time.

Read, decide, save: whoever was slower than another writer reads again. Rounds are looked at by
whoever waits for one, and by the leader now and then, so that a round ends without an aggregator,
too. Nothing is sent from here: devices hear of a round at their check-ins.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.federation.campaign import Campaign, HeadVersion, RoundResult, campaign_number
from orchestrator.federation.contribution import Contribution
from orchestrator.federation.machine import committed, missed, opened, pause_left, reconcile, turned
from orchestrator.federation.phases import CampaignTurn, RoundPhase
from orchestrator.federation.selection import SEED_BYTES, asked_of
from orchestrator.federation_ports import CampaignStore, ContributionStore
from orchestrator.ports import Clock, Entropy

SAVES_MAX = 20  # more lost races than this are a defect
AGAIN_SECONDS = 30  # until it is asked again whether enough devices can be asked

_log = structlog.get_logger(__name__)
_DoneT = TypeVar("_DoneT")


@dataclass(frozen=True, slots=True)
class Opening:
    """A campaign whose newest round is open or closed; or the seconds to ask again after.

    With neither a round under way nor seconds it is over.
    """

    campaign: Campaign
    wait_seconds: int = 0


class Rounds:
    """The use cases over the rounds of campaigns.

    Args:
        campaigns: Where campaigns are kept.
        contributions: Where it is kept what devices gave.
        clock: What time it is.
        entropy: What chooses who is asked.
    """

    def __init__(
        self,
        campaigns: CampaignStore,
        contributions: ContributionStore,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._campaigns = campaigns
        self._contributions = contributions
        self._clock = clock
        self._entropy = entropy

    async def open(self, campaign_id: str) -> Opening:
        """Open the next round, or return the one that is under way.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """

        async def opening(read: Campaign) -> Opening:
            campaign, now = await self._looked_at(read), self._clock.now()
            if not campaign.runs or campaign.under_way is not None:
                return Opening(campaign)
            pause = pause_left(campaign, now)
            if pause > 0:
                return Opening(campaign, pause)
            cohort = await self._campaigns.candidates(campaign, now)
            asked = asked_of(campaign, cohort, self._entropy.token(SEED_BYTES))
            if not asked:
                return Opening(campaign, AGAIN_SECONDS)
            fresh = opened(campaign, len(asked), now)
            saved = await self._campaigns.save(fresh, asked)
            _log.info("round opened", campaign=saved.id, asked=len(asked))
            return Opening(saved)

        return await self._insist(campaign_id, opening)

    async def look(self, campaign_id: str) -> Campaign:
        """Return a campaign as of now.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        return await self._insist(campaign_id, self._looked_at)

    async def look_at_all(self, term: int | None = None) -> None:
        """Look at every campaign that runs.

        Args:
            term: In which this replica leads; None where there is no other.

        Raises:
            FieldwiseError: As the store; a conflict with another writer is no error.
        """
        for campaign_id in await self._campaigns.working():
            campaign = await self._campaigns.get(campaign_number(campaign_id))
            try:
                await self._looked_at(campaign, term)
            except FieldwiseError as error:
                if error.fault is not Fault.CONFLICT:
                    raise

    async def contributions(self, campaign_id: str) -> Sequence[Contribution]:
        """Return what the head of a closed round is to be made of.

        Raises:
            FieldwiseError: ``NOT_FOUND``, or ``ILLEGAL_COMMAND`` where no round is closed.
        """
        campaign = await self.look(campaign_id)
        if campaign.round is None or campaign.round.phase is not RoundPhase.CLOSED:
            raise FieldwiseError(Fault.ILLEGAL_COMMAND, f"no round of {campaign.id} is closed")
        return await self._contributions.standing(campaign.number)

    async def commit(self, campaign_id: str, result: RoundResult) -> HeadVersion:
        """End a closed round with a version of the head, whose files are kept already.

        A round that was committed before gives the version that came of it then.

        Raises:
            FieldwiseError: ``NOT_FOUND``, or ``ILLEGAL_COMMAND`` where the round is not closed.
        """

        async def commit(read: Campaign) -> HeadVersion:
            after, head = committed(read, result, self._clock.now())
            if head is None:
                assert read.round is not None
                return await self._campaigns.head(read.number, read.round.version)
            saved = await self._campaigns.save(after, head=head)
            _log.info("round committed", campaign=saved.id, version=head.version)
            return head

        return await self._insist(campaign_id, commit)

    async def miss(self, campaign_id: str, result: RoundResult) -> None:
        """End a closed round of which too little is usable for a head.

        Raises:
            FieldwiseError: ``NOT_FOUND``, or ``ILLEGAL_COMMAND`` where the round is not closed.
        """

        async def miss(read: Campaign) -> None:
            saved = await self._campaigns.save(missed(read, result, self._clock.now()))
            _log.warning(
                "round missed: fewer devices than the quorum gave what is usable",
                campaign=saved.id,
                round=result.round,
                rows_left_out=result.rows_left_out,
            )

        await self._insist(campaign_id, miss)

    async def give_up(self, campaign_id: str, reason: str) -> Campaign:
        """End a campaign that its aggregator cannot go on with; again changes nothing.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """

        async def give_up(read: Campaign) -> Campaign:
            after = turned(read, CampaignTurn.GIVE_UP, self._clock.now(), reason)
            return read if after == read else await self._campaigns.save(after)

        return await self._insist(campaign_id, give_up)

    async def _looked_at(self, read: Campaign, term: int | None = None) -> Campaign:
        current = read.under_way
        if current is None:
            return read
        tally = await self._campaigns.tally(read.number, current.number)
        after = reconcile(read, tally, self._clock.now())
        return read if after == read else await self._campaigns.save(after, term=term)

    async def _insist(
        self, campaign_id: str, deed: Callable[[Campaign], Awaitable[_DoneT]]
    ) -> _DoneT:
        """Do it to the campaign as it is now, again where another writer was faster."""
        number = campaign_number(campaign_id)
        for _ in range(SAVES_MAX):
            try:
                return await deed(await self._campaigns.get(number))
            except FieldwiseError as error:
                if error.fault is not Fault.CONFLICT:
                    raise
        raise FieldwiseError(
            Fault.CONFLICT, f"{campaign_id} changed {SAVES_MAX} times while being saved"
        )
