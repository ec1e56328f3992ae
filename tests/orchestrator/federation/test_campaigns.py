import asyncio
from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, HeadOutcome
from orchestrator.federation.campaign import HeadVersion
from orchestrator.federation.campaigns import RUNNING_MAX, Campaigns, Reach
from orchestrator.federation.phases import CampaignPhase
from orchestrator.paging import PageRequest
from orchestrator.rollout.operations import fresh_rollout
from orchestrator.rollout.plan import Plan
from orchestrator.rollout.rollout import Kind
from orchestrator.storage.memory import memory_stores
from tests.campaigns import BACKBONE, SPACE, agree, asking, federated, partners, plan
from tests.fleet_records import NOW, SetClock, join

REQUEST = "0123456789abcdef" * 2


class Fleet:
    def __init__(self) -> None:
        self.clock, self.stores = SetClock(), memory_stores()
        self.campaigns = Campaigns(
            self.stores.campaigns, self.stores.backbones, self.clock, statistics_allowed=False
        )

    async def with_heads(self, count: int) -> str:
        found = await self.campaigns.start(plan())
        for version in range(1, count + 1):
            head = HeadVersion(version, f"{version:x}" * 64, 5, NOW, version)
            changed = replace(found, head=head, version=version)
            found = await self.stores.campaigns.save(changed, head=head)
        return found.id


@pytest.fixture
async def fleet() -> Fleet:
    made = Fleet()
    await made.stores.backbones.add(BACKBONE)
    return made


async def refused(fleet: Fleet, **changes: object) -> Fault:
    with pytest.raises(FieldwiseError) as caught:
        await fleet.campaigns.start(plan(**changes))
    return caught.value.fault


async def test_a_campaign_starts_in_the_space_of_its_backbone(fleet: Fleet) -> None:
    found = await fleet.campaigns.start(plan(cohort=" site = berlin "), created_by="anna")
    assert (found.id, found.title, found.created_by) == ("c1", "lite0:1", "anna")
    assert (found.space, found.plan.cohort) == (SPACE, "site=berlin")
    assert await fleet.campaigns.get("c1") == found
    assert (await fleet.campaigns.list(PageRequest())).items == (found,)


async def test_a_dry_run_checks_and_keeps_nothing(fleet: Fleet) -> None:
    found = await fleet.campaigns.start(plan(), dry_run=True, request=REQUEST)
    assert (found.number, found.space) == (0, SPACE)
    assert (await fleet.campaigns.list(PageRequest())).items == ()
    with pytest.raises(FieldwiseError):
        await fleet.campaigns.start(plan(quorum=0), dry_run=True)


async def test_a_request_starts_one_campaign(fleet: Fleet) -> None:
    first = await fleet.campaigns.start(plan(), request=REQUEST)
    assert await fleet.campaigns.start(plan(), request=REQUEST) == first
    with pytest.raises(FieldwiseError) as caught:
        await fleet.campaigns.start(plan(quorum=3), request=REQUEST)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
    assert len((await fleet.campaigns.list(PageRequest())).items) == 1


async def test_what_cannot_be_is_refused(fleet: Fleet) -> None:
    assert await refused(fleet, quorum=0) is Fault.INVALID_ARGUMENT
    assert await refused(fleet, level=Consent.STATISTICS) is Fault.INVALID_ARGUMENT
    assert await refused(fleet, backbone="other") is Fault.NOT_FOUND
    recall = fresh_rollout(BACKBONE, Plan("lite0:1"), Kind.RECALL, NOW)
    await fleet.stores.rollouts.recall(recall)
    assert await refused(fleet) is Fault.ILLEGAL_COMMAND


async def test_no_more_run_than_there_is_room_for(fleet: Fleet) -> None:
    await fleet.campaigns.start(plan(), request=REQUEST)
    for _ in range(RUNNING_MAX - 1):
        await fleet.campaigns.start(plan())
    with pytest.raises(FieldwiseError, match=f"{RUNNING_MAX} campaigns run") as caught:
        await fleet.campaigns.start(plan())
    assert caught.value.fault is Fault.ILLEGAL_COMMAND
    assert (await fleet.campaigns.start(plan(), request=REQUEST)).id == "c1"
    await fleet.campaigns.stop("c2")
    assert (await fleet.campaigns.start(plan())).number == RUNNING_MAX + 1


async def test_stopped_twice_it_is_stopped_once(fleet: Fleet) -> None:
    await fleet.campaigns.start(plan())
    stopped = await fleet.campaigns.stop("c1")
    assert stopped.phase is CampaignPhase.STOPPED
    fleet.clock.pass_by(60)
    assert await fleet.campaigns.stop("c1") == stopped


async def test_an_earlier_head_is_offered_again(fleet: Fleet) -> None:
    name = await fleet.with_heads(3)
    head = await fleet.campaigns.roll_back(name, 1)
    assert (head.version, head.back_to, head.digest) == (4, 1, "1" * 64)
    assert await fleet.campaigns.roll_back(name, 1) == head
    assert await fleet.campaigns.head(name) == head
    assert (await fleet.campaigns.head(name, 2)).digest == "2" * 64
    listed = (await fleet.campaigns.heads(name, PageRequest())).items
    assert [each.version for each in listed] == [4, 3, 2, 1]
    with pytest.raises(FieldwiseError) as caught:
        await fleet.campaigns.roll_back(name, 9)
    assert caught.value.fault is Fault.NOT_FOUND


async def test_a_taking_back_that_is_repeated_takes_back_nothing_that_came_since(
    fleet: Fleet,
) -> None:
    name = await fleet.with_heads(3)
    back = await fleet.campaigns.roll_back(name, 1, REQUEST)
    forth = await fleet.campaigns.roll_back(name, 3, REQUEST[::-1])
    assert await fleet.campaigns.roll_back(name, 1, REQUEST) == back
    assert await fleet.campaigns.roll_back(name, back.version, REQUEST) == back
    assert await fleet.campaigns.head(name) == forth
    with pytest.raises(FieldwiseError) as caught:
        await fleet.campaigns.roll_back(name, 2, REQUEST)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
    again = await fleet.campaigns.roll_back(name, 1)
    assert (again.version, again.back_to) == (6, 1)


async def test_of_one_request_at_once_one_version_comes(fleet: Fleet) -> None:
    name = await fleet.with_heads(3)
    made = await asyncio.gather(*(fleet.campaigns.roll_back(name, 1, REQUEST) for _ in range(3)))
    assert {each.version for each in made} == {4}
    assert (await fleet.campaigns.get(name)).version == 4


async def test_a_campaign_without_a_head_says_so(fleet: Fleet) -> None:
    await fleet.campaigns.start(plan())
    with pytest.raises(FieldwiseError) as caught:
        await fleet.campaigns.head("c1")
    assert caught.value.fault is Fault.NOT_FOUND


async def test_its_reach_is_the_cohort_and_whose_owners_agree(fleet: Fleet) -> None:
    await partners(fleet.stores, "d1", "d2")
    await agree(fleet.stores, "d2", Consent.OFF, sequence=2)
    await join(fleet.stores, "d3")
    found = await fleet.campaigns.start(plan())
    assert await fleet.campaigns.reach(found) == Reach(3, 1)


async def test_rounds_and_outcomes_are_told(fleet: Fleet) -> None:
    await partners(fleet.stores, "d1", "d2")
    found = await asking(fleet.stores, "d1", "d2")
    told = federated(
        Consent.WEIGHTS, head_campaign=found.id, head_version=1, outcome=HeadOutcome.HARM
    )
    await fleet.stores.contributions.tell("d1", told)
    assert await fleet.campaigns.outcomes(found.id) == {1: {HeadOutcome.HARM: 1}}
    assert (await fleet.campaigns.rounds(found.id, PageRequest())).items == (found.round,)
