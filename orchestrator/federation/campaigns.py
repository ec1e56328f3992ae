"""What operators do with campaigns."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import HeadOutcome, space_of
from orchestrator.federation.campaign import (
    Campaign,
    HeadVersion,
    Round,
    campaign_number,
)
from orchestrator.federation.machine import taken_back, turned
from orchestrator.federation.phases import CampaignTurn
from orchestrator.federation.plan import CampaignPlan
from orchestrator.federation.plan_rules import check_size, checked
from orchestrator.federation.selection import agrees
from orchestrator.federation_ports import CampaignStore
from orchestrator.fleet.cohort import parse_selector
from orchestrator.paging import Page, PageRequest
from orchestrator.ports import BackboneStore, Clock
from orchestrator.repeats import asked_otherwise, request_fingerprint
from orchestrator.rollout.backbone import parse_reference, refuse_recalled

RUNNING_MAX = 16
"""Each has an aggregator of 80 MB. Some that start at once may be let in beyond it: check-ins look
at ``OFFERING_MAX``, and all of them are offered still."""

SAVES_MAX = 20  # rounds are looked at every second: more lost races than this are a defect


@dataclass(frozen=True, slots=True)
class Reach:
    """How many members a campaign's cohort has, and of how many the owners agree to its level."""

    devices: int
    agreed: int


class Campaigns:
    """The use cases over campaigns.

    Args:
        campaigns: Where they are kept.
        backbones: What heads can be of.
        clock: What time it is.
        statistics_allowed: Whether this installation lets anybody ask for statistics.
    """

    def __init__(
        self,
        campaigns: CampaignStore,
        backbones: BackboneStore,
        clock: Clock,
        *,
        statistics_allowed: bool,
    ) -> None:
        self._campaigns = campaigns
        self._backbones = backbones
        self._clock = clock
        self._statistics_allowed = statistics_allowed

    async def start(
        self, plan: CampaignPlan, *, request: str = "", created_by: str = "", dry_run: bool = False
    ) -> Campaign:
        """Start a campaign; a request starts one. A dry run checks everything and keeps nothing.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` with every mistake of the plan or for the name of
                another request, ``NOT_FOUND`` for the backbone, ``ILLEGAL_COMMAND`` for a recalled
                one, or where ``RUNNING_MAX`` campaigns run.
        """
        checked(plan, statistics_allowed=self._statistics_allowed)
        meant = replace(plan, cohort=str(parse_selector(plan.cohort)))
        named = request_fingerprint(request)
        known = await self._campaigns.requested(named) if named else None
        if known is None:
            fresh = await self._fresh(meant, created_by)
            if dry_run:
                return fresh
            known = await self._campaigns.add(replace(fresh, request=named))
        if known.plan != meant:
            raise asked_otherwise(known.id)
        return known

    async def stop(self, campaign_id: str) -> Campaign:
        """End a campaign; a round under way is dropped. One that has ended stays as it is.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        for _ in range(SAVES_MAX):
            read = await self.get(campaign_id)
            after = turned(read, CampaignTurn.STOP, self._clock.now())
            try:
                return read if after == read else await self._campaigns.save(after)
            except FieldwiseError as error:
                if error.fault is not Fault.CONFLICT:
                    raise
        raise _restless(campaign_id)

    async def roll_back(self, campaign_id: str, version: int, request: str = "") -> HeadVersion:
        """Offer an earlier head again, as a new version; a round under way is dropped.

        What devices were handed cannot be called back, and the updates that it was made of stand:
        the next round of means makes a head of all of them again. A request makes one version of a
        campaign: whoever repeats it later takes back nothing that came since.

        Raises:
            FieldwiseError: ``NOT_FOUND`` for the campaign or the version, ``INVALID_ARGUMENT`` for
                the name of another request.
        """
        number, named = campaign_number(campaign_id), request_fingerprint(request)
        to = await self._campaigns.head(number, version)
        for _ in range(SAVES_MAX):
            read = await self._campaigns.get(number)
            known = await self._campaigns.head_requested(number, named) if named else None
            if known is not None:
                return _asked_for(known, to)
            after, head = taken_back(read, to, self._clock.now(), named)
            if head is None:
                assert read.head is not None
                return read.head
            try:
                await self._campaigns.save(after, head=head)
            except FieldwiseError as error:
                if error.fault is not Fault.CONFLICT:
                    raise
            else:
                return head
        raise _restless(campaign_id)

    async def get(self, campaign_id: str) -> Campaign:
        """Return a campaign as of the last look at it.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        return await self._campaigns.get(campaign_number(campaign_id))

    async def reach(self, campaign: Campaign) -> Reach:
        """Count its cohort."""
        cohort = await self._campaigns.candidates(campaign, self._clock.now())
        return Reach(len(cohort), sum(agrees(campaign, each) for each in cohort))

    async def list(self, page: PageRequest) -> Page[Campaign]:
        """Return campaigns, newest first."""
        return await self._campaigns.list(page)

    async def rounds(self, campaign_id: str, page: PageRequest) -> Page[Round]:
        """Return a campaign's rounds, newest first.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        return await self._campaigns.rounds(campaign_number(campaign_id), page)

    async def heads(self, campaign_id: str, page: PageRequest) -> Page[HeadVersion]:
        """Return a campaign's heads, newest first.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        return await self._campaigns.heads(campaign_number(campaign_id), page)

    async def head(self, campaign_id: str, version: int = 0) -> HeadVersion:
        """Return a version of a campaign's head; without one what is offered now.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        if version:
            return await self._campaigns.head(campaign_number(campaign_id), version)
        offered = (await self.get(campaign_id)).head
        if offered is None:
            raise FieldwiseError(Fault.NOT_FOUND, f"{campaign_id} has no head yet")
        return offered

    async def outcomes(self, campaign_id: str) -> Mapping[int, Mapping[HeadOutcome, int]]:
        """Count devices by the newest version that they judged, and by what came of it."""
        return await self._campaigns.outcomes(campaign_number(campaign_id))

    async def _fresh(self, plan: CampaignPlan, created_by: str) -> Campaign:
        if (running := len(await self._campaigns.working())) >= RUNNING_MAX:
            raise FieldwiseError(
                Fault.ILLEGAL_COMMAND,
                f"{running} campaigns run, and no more than {RUNNING_MAX} may; stop one first",
            )
        found = await self._backbones.find(parse_reference(plan.backbone))
        refuse_recalled(found)
        space = space_of(found.digest, found.manifest)
        check_size(plan, space)
        now = self._clock.now()
        return Campaign(0, plan, found.manifest.title, space, now, created_by=created_by)


def _asked_for(known: HeadVersion, to: HeadVersion) -> HeadVersion:
    if known.back_to != (to.back_to or to.version):
        raise asked_otherwise(f"version {known.version}")
    return known


def _restless(campaign_id: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.CONFLICT, f"{campaign_id} changed {SAVES_MAX} times while being saved"
    )
