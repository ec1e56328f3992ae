import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent
from orchestrator.federation.campaign import Campaign
from orchestrator.federation.phases import CampaignPhase, RoundPhase
from orchestrator.federation.rounds import AGAIN_SECONDS, Rounds
from orchestrator.leadership import Replica
from orchestrator.storage.memory import memory_stores
from orchestrator.storage.memory_campaigns import MemoryCampaigns
from tests.campaigns import agree, give, partners, result, started
from tests.fleet_records import NOW, CountedEntropy, SetClock


class Fleet:
    def __init__(self) -> None:
        self.clock, self.stores = SetClock(), memory_stores(now=lambda: NOW)
        self.rounds = Rounds(
            self.stores.campaigns, self.stores.contributions, self.clock, CountedEntropy()
        )

    async def closed(self, **changes: object) -> Campaign:
        """A campaign whose first round all have answered."""
        found = await started(self.stores, **changes)
        opening = await self.rounds.open(found.id)
        for device in ("d1", "d2", "d3"):
            assert await give(self.stores, opening.campaign, device)
        return await self.rounds.look(found.id)


@pytest.fixture
async def fleet() -> Fleet:
    made = Fleet()
    await partners(made.stores, "d1", "d2", "d3")
    return made


async def test_a_round_asks_and_is_opened_once(fleet: Fleet) -> None:
    found = await started(fleet.stores)
    opening = await fleet.rounds.open(found.id)
    assert opening.wait_seconds == 0
    assert opening.campaign.open_round is not None
    assert opening.campaign.open_round.tally.asked == 3
    assert await fleet.rounds.open(found.id) == opening
    for device in ("d1", "d2", "d3"):
        part = (await fleet.stores.contributions.partner(device)).parts[found.number]
        assert part.asked == 1


async def test_a_round_waits_for_devices_that_can_be_asked(fleet: Fleet) -> None:
    found = await started(fleet.stores, quorum=4)
    opening = await fleet.rounds.open(found.id)
    assert (opening.wait_seconds, opening.campaign) == (AGAIN_SECONDS, found)
    await partners(fleet.stores, "d4")
    assert (await fleet.rounds.open(found.id)).campaign.open_round is not None


async def test_nobody_is_asked_whose_owner_does_not_agree(fleet: Fleet) -> None:
    await agree(fleet.stores, "d1", Consent.OFF, sequence=2)
    opening = await fleet.rounds.open((await started(fleet.stores)).id)
    assert opening.campaign.open_round is not None
    assert opening.campaign.open_round.tally.asked == 2
    assert (await fleet.stores.contributions.partner("d1")).parts == {}


async def test_a_round_is_committed_and_the_next_waits_for_its_pause(fleet: Fleet) -> None:
    found = await fleet.closed(rounds=0, pause_seconds=120)
    assert found.round is not None
    assert found.round.phase is RoundPhase.CLOSED
    assert (await fleet.rounds.open(found.id)).campaign == found
    given = await fleet.rounds.contributions(found.id)
    assert [each.alias for each in given] == [1, 2, 3]
    head = await fleet.rounds.commit(found.id, result(1))
    assert head.version == 1
    assert await fleet.rounds.commit(found.id, result(1)) == head
    assert await fleet.rounds.commit(found.id, result(1, "another")) == head
    assert (await fleet.rounds.open(found.id)).wait_seconds == 120
    fleet.clock.pass_by(119.5)
    assert (await fleet.rounds.open(found.id)).wait_seconds == 1
    fleet.clock.pass_by(0.5)
    for device in ("d1", "d2", "d3"):
        await agree(fleet.stores, device, sequence=2, at=fleet.clock.now())
    opening = await fleet.rounds.open(found.id)
    assert opening.campaign.open_round is not None
    assert opening.campaign.open_round.number == 2


async def test_a_round_that_ended_unnoticed_ends_when_the_next_is_asked_for(
    fleet: Fleet,
) -> None:
    found = await started(fleet.stores, deadline_seconds=60)
    await fleet.rounds.open(found.id)
    fleet.clock.pass_by(61)
    opening = await fleet.rounds.open(found.id)
    assert (opening.wait_seconds, opening.campaign.missed) == (300, 1)


async def test_contributions_are_of_a_closed_round(fleet: Fleet) -> None:
    found = await started(fleet.stores)
    for _ in range(2):
        with pytest.raises(FieldwiseError) as caught:
            await fleet.rounds.contributions(found.id)
        assert caught.value.fault is Fault.ILLEGAL_COMMAND
        await fleet.rounds.open(found.id)


async def test_nothing_is_handed_out_of_a_round_of_which_too_many_withdrew(fleet: Fleet) -> None:
    found = await fleet.closed(quorum=3)
    await fleet.stores.contributions.withdraw("d1", Consent.OFF)
    with pytest.raises(FieldwiseError) as caught:
        await fleet.rounds.contributions(found.id)
    assert caught.value.fault is Fault.ILLEGAL_COMMAND
    after = await fleet.stores.campaigns.get(found.number)
    assert after.round is not None
    assert (after.round.phase, after.missed) == (RoundPhase.MISSED, 1)


async def test_who_gives_up_ends_the_campaign_once(fleet: Fleet) -> None:
    found = await fleet.closed()
    for reason in ("no such strategy", "something else"):
        failed = await fleet.rounds.give_up(found.id, reason)
        assert (failed.phase, failed.reason) == (CampaignPhase.FAILED, "no such strategy")
    opening = await fleet.rounds.open(found.id)
    assert (opening.wait_seconds, opening.campaign.under_way) == (0, None)
    with pytest.raises(FieldwiseError) as caught:
        await fleet.rounds.commit(found.id, result(1))
    assert caught.value.fault is Fault.ILLEGAL_COMMAND


async def test_rounds_end_without_an_aggregator_too(fleet: Fleet) -> None:
    first, second = await started(fleet.stores), await started(fleet.stores)
    for each in (first, second):
        await fleet.rounds.open(each.id)
    fleet.clock.pass_by(3600)
    lead = await fleet.stores.leadership.claim(Replica("p", "place"), 60)
    await fleet.rounds.look_at_all(lead.term - 1)
    assert (await fleet.stores.campaigns.get(first.number)).missed == 0
    await fleet.rounds.look_at_all(lead.term)
    for each in (first, second):
        assert (await fleet.stores.campaigns.get(each.number)).missed == 1


async def test_a_faster_writer_is_no_error(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await started(fleet.stores)
    genuine, raced = MemoryCampaigns.save, []

    async def save(
        self: MemoryCampaigns, campaign: Campaign, *others: object, **named: object
    ) -> Campaign:
        if not raced:
            raced.append(await genuine(self, await self.get(campaign.number)))
        return await genuine(self, campaign, *others, **named)

    monkeypatch.setattr(MemoryCampaigns, "save", save)
    opening = await fleet.rounds.open(found.id)
    assert opening.campaign.open_round is not None
    assert opening.campaign.revision == 2


async def test_what_is_not_there_is_not_found(fleet: Fleet) -> None:
    for name in ("c9", "nonsense", ""):
        with pytest.raises(FieldwiseError) as caught:
            await fleet.rounds.look(name)
        assert caught.value.fault is Fault.NOT_FOUND
