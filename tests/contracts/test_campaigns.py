"""What every store promises about campaigns, their rounds and their heads."""

import asyncio
from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, HeadOutcome, RowKind
from orchestrator.federation.campaign import Campaign, Candidate, HeadVersion, Tally
from orchestrator.federation.contribution import Answer
from orchestrator.federation.machine import committed, opened, reconcile, taken_back, turned
from orchestrator.federation.phases import CampaignPhase, CampaignTurn, RoundPhase
from orchestrator.federation_ports import OFFERING_MAX
from orchestrator.leadership import Replica
from orchestrator.paging import PageRequest
from orchestrator.storage.stores import Stores
from tests.campaigns import (
    agree,
    ask,
    asking,
    campaign,
    give,
    partners,
    result,
    started,
)
from tests.fleet_records import NOW, join

HOUR = 3600.0


async def decided(stores: Stores, read: Campaign, at: float = NOW + HOUR) -> Campaign:
    """Look at a campaign's round after its deadline."""
    assert read.round is not None
    tally = await stores.campaigns.tally(read.number, read.round.number)
    return await stores.campaigns.save(reconcile(read, tally, at))


async def versioned(stores: Stores, read: Campaign, name: str = "head") -> Campaign:
    assert read.round is not None
    after, head = committed(read, result(read.round.number, name), NOW + HOUR)
    return await stores.campaigns.save(after, head=head)


async def with_head(stores: Stores, *devices: str, rounds: int = 0) -> Campaign:
    found = await asking(stores, *devices, rounds=rounds)
    for device in devices:
        assert await give(stores, found, device)
    return await versioned(stores, await decided(stores, found))


class TestCampaignStore:
    async def test_a_campaign_is_kept_as_it_was_made(self, stores: Stores) -> None:
        made = campaign(
            cohort="site=berlin",
            kind=RowKind.WEIGHTS,
            strategy="FedAvgM",
            options={"server_momentum": 0.9},
            noise=0.5,
            norm_max=2.0,
            only_idle=True,
        )
        kept = await stores.campaigns.add(replace(made, created_by="anna"))
        assert kept == replace(made, created_by="anna", number=1)
        assert await stores.campaigns.get(1) == kept
        assert (await stores.campaigns.list(PageRequest())).items == (kept,)

    async def test_what_is_not_there_is_not_found(self, stores: Stores) -> None:
        store = stores.campaigns
        for missing in (
            store.get(1),
            store.rounds(1, PageRequest()),
            store.heads(1, PageRequest()),
            store.head(1, 1),
            store.tally(1, 1),
        ):
            with pytest.raises(FieldwiseError) as caught:
                await missing
            assert caught.value.fault is Fault.NOT_FOUND
        assert await store.worker_token("c1") is None
        assert await store.worker_token("nonsense") is None
        await started(stores)
        with pytest.raises(FieldwiseError) as caught:
            await store.head(1, 1)
        assert caught.value.fault is Fault.NOT_FOUND

    async def test_a_request_makes_one_campaign(self, stores: Stores) -> None:
        made = campaign(request="f" * 64)
        first = await stores.campaigns.add(made)
        again = await asyncio.gather(*(stores.campaigns.add(made) for _ in range(4)))
        assert {each.number for each in again} == {first.number}
        assert await stores.campaigns.requested("f" * 64) == first
        assert await stores.campaigns.requested("e" * 64) is None
        assert (await started(stores)).number != (await started(stores)).number

    async def test_of_two_writers_one_saves(self, stores: Stores) -> None:
        read = await started(stores)
        stopped = turned(read, CampaignTurn.STOP, NOW)
        saved = await stores.campaigns.save(stopped)
        assert saved == replace(stopped, revision=read.revision + 1)
        with pytest.raises(FieldwiseError) as caught:
            await stores.campaigns.save(stopped)
        assert caught.value.fault is Fault.CONFLICT
        assert await stores.campaigns.get(read.number) == saved

    async def test_a_leader_of_before_saves_nothing(self, stores: Stores) -> None:
        read = await started(stores)
        lead = await stores.leadership.claim(Replica("p", "place"), 60)
        after = turned(read, CampaignTurn.STOP, NOW)
        with pytest.raises(FieldwiseError) as caught:
            await stores.campaigns.save(after, term=lead.term - 1)
        assert caught.value.fault is Fault.CONFLICT
        with pytest.raises(FieldwiseError) as caught:
            await stores.campaigns.keep_worker_token(read.id, "a" * 64, lead.term - 1)
        assert caught.value.fault is Fault.CONFLICT
        assert await stores.campaigns.worker_token(read.id) is None
        assert await stores.campaigns.get(read.number) == read
        await stores.campaigns.save(after, term=lead.term)

    async def test_one_token_of_a_campaign_is_in_force(self, stores: Stores) -> None:
        first, second = await started(stores), await started(stores)
        lead = await stores.leadership.claim(Replica("p", "place"), 60)
        for digest in ("a" * 64, "b" * 64):
            await stores.campaigns.keep_worker_token(first.id, digest, lead.term)
        assert await stores.campaigns.worker_token(first.id) == "b" * 64
        assert await stores.campaigns.worker_token(second.id) is None
        assert await stores.campaigns.get(first.number) == first
        with pytest.raises(FieldwiseError) as caught:
            await stores.campaigns.keep_worker_token("c9", "a" * 64, lead.term)
        assert caught.value.fault is Fault.NOT_FOUND

    async def test_those_that_run_are_worked_on_and_heads_outlive_them(
        self, stores: Stores
    ) -> None:
        await partners(stores, "d1", "d2")
        first, second = await with_head(stores, "d1", "d2"), await started(stores)
        third = await started(stores)
        assert await stores.campaigns.working() == [first.id, second.id, third.id]
        for each in (first, second):
            await stores.campaigns.save(turned(each, CampaignTurn.STOP, NOW))
        assert await stores.campaigns.working() == [third.id]
        offering = await stores.campaigns.offering()
        assert [each.number for each in offering] == [third.number, first.number]

    async def test_no_more_are_offered_than_check_ins_look_at(self, stores: Stores) -> None:
        for _ in range(OFFERING_MAX + 2):
            newest = await started(stores)
        numbers = [each.number for each in await stores.campaigns.offering()]
        assert numbers == list(range(newest.number, newest.number - OFFERING_MAX, -1))

    async def test_one_that_runs_is_not_forgotten_for_others_that_have_ended(
        self, stores: Stores
    ) -> None:
        oldest = await started(stores, rounds=0)
        head = HeadVersion(1, "ab" * 32, 1000, NOW, round=1)
        over = replace(campaign(), phase=CampaignPhase.COMPLETE, head=head, version=1)
        for _ in range(OFFERING_MAX + 1):
            await stores.campaigns.add(over)
        numbers = [each.number for each in await stores.campaigns.offering()]
        assert numbers == [*range(OFFERING_MAX + 2, 3, -1), oldest.number]

    async def test_rounds_and_heads_are_listed_newest_first(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2")
        found = await with_head(stores, "d1", "d2")
        for number in (2, 3):
            found = await ask(stores, found, "d1", "d2", at=NOW + 2 * HOUR * number)
            await give(stores, found, "d1")
            await give(stores, found, "d2")
            found = await decided(stores, found, NOW + 9 * HOUR)
            found = await versioned(stores, found, f"head {number}")
        first = await stores.campaigns.rounds(found.number, PageRequest(2))
        rest = await stores.campaigns.rounds(found.number, PageRequest(2, first.next_token))
        assert [each.number for each in (*first.items, *rest.items)] == [3, 2, 1]
        assert {each.phase for each in first.items} == {RoundPhase.COMMITTED}
        assert rest.items[0].tally == Tally(asked=2, taken=2, bytes=200)
        heads = await stores.campaigns.heads(found.number, PageRequest(2))
        more = await stores.campaigns.heads(found.number, PageRequest(2, heads.next_token))
        assert [each.version for each in (*heads.items, *more.items)] == [3, 2, 1]
        assert await stores.campaigns.head(found.number, 3) == found.head

    async def test_a_head_that_was_taken_back_is_offered_under_a_new_version(
        self, stores: Stores
    ) -> None:
        await partners(stores, "d1", "d2")
        found = await with_head(stores, "d1", "d2")
        to = await stores.campaigns.head(found.number, 1)
        found = await ask(stores, found, "d1", "d2", at=NOW + 3 * HOUR)
        await give(stores, found, "d1")
        await give(stores, found, "d2")
        found = await versioned(stores, await decided(stores, found, NOW + 9 * HOUR), "worse")
        after, head = taken_back(found, to, NOW + 10 * HOUR, "5e41a1")
        saved = await stores.campaigns.save(after, head=head)
        assert head == await stores.campaigns.head_requested(found.number, "5e41a1")
        assert await stores.campaigns.head_requested(found.number + 1, "5e41a1") is None
        assert await stores.campaigns.head_requested(found.number, "5e41a2") is None
        assert saved.head == await stores.campaigns.head(found.number, 3)
        assert saved.head is not None
        assert (saved.head.digest, saved.head.back_to) == (to.digest, 1)

    async def test_the_state_of_a_strategy_is_kept_with_its_head(self, stores: Stores) -> None:
        read = await started(stores)
        head = HeadVersion(1, "a" * 64, 5, NOW, 1, state_digest="b" * 64, state_bytes=7)
        saved = await stores.campaigns.save(replace(read, head=head, version=1), head=head)
        assert (await stores.campaigns.get(read.number)).head == head == saved.head
        assert (await stores.campaigns.heads(read.number, PageRequest())).items == (head,)

    async def test_candidates_are_the_members_that_the_selector_takes(self, stores: Stores) -> None:
        for device in ("d1", "d2", "d3", "d4"):
            await join(stores, device, site="berlin")
        await join(stores, "e1", site="rome")
        await agree(stores, "d1", Consent.STATISTICS)
        await agree(stores, "d2", Consent.OFF)
        await agree(stores, "d3", None)
        await stores.members.remove("d4", NOW)
        await agree(stores, "e1")
        found = await started(stores, cohort="site=berlin")
        bundle = found.space.bundle
        assert await stores.campaigns.candidates(found, NOW + 60) == [
            Candidate("d1", Consent.STATISTICS, bundle),
            Candidate("d2", Consent.OFF, bundle),
            Candidate("d3", None, bundle),
        ]
        late = await stores.campaigns.candidates(found, NOW + HOUR)
        assert [each.is_offline for each in late] == [True, True, True]

    async def test_a_round_counts_how_those_that_it_asked_stand(self, stores: Stores) -> None:
        names = ("d1", "d2", "d3", "d4", "d5")
        await partners(stores, *names)
        found = await asking(stores, *names)
        assert await stores.campaigns.tally(found.number, 1) == Tally(asked=5)
        assert await give(stores, found, "d1")
        assert await give(stores, found, "d2")
        await stores.contributions.answer(found.number, 1, "d3", Answer.DECLINED)
        await stores.contributions.answer(found.number, 1, "d4", Answer.REFUSED)
        tally = await stores.campaigns.tally(found.number, 1)
        assert tally == Tally(asked=5, taken=2, declined=1, refused=1, bytes=200)
        await stores.members.remove("d1", NOW)
        await agree(stores, "d5", Consent.OFF, sequence=2)
        tally = await stores.campaigns.tally(found.number, 1)
        assert tally == Tally(asked=5, taken=1, declined=3, refused=1, bytes=100)

    @pytest.mark.parametrize("level", [Consent.WEIGHTS, Consent.STATISTICS])
    async def test_who_has_nothing_new_is_told_from_who_declines(
        self, stores: Stores, level: Consent
    ) -> None:
        names = ("d1", "d2", "d3", "d4")
        await partners(stores, *names, consent=Consent.STATISTICS)
        found = await asking(stores, *names, rounds=0, level=level)
        for device in ("d1", "d2"):
            assert await give(stores, found, device)
        found = await versioned(stores, await decided(stores, found))
        found = await ask(stores, found, *names, at=NOW + 2 * HOUR)
        for device in ("d1", "d2", "d4"):
            await stores.contributions.answer(found.number, 2, device, Answer.DECLINED)
        assert await give(stores, found, "d3")
        tally = await stores.campaigns.tally(found.number, 2)
        assert tally == Tally(asked=4, taken=1, declined=1, unchanged=2, bytes=100)
        await agree(stores, "d2", Consent.OFF, sequence=2)
        await stores.contributions.withdraw("d2", Consent.OFF)
        tally = await stores.campaigns.tally(found.number, 2)
        assert tally == Tally(asked=4, taken=1, declined=2, unchanged=1, bytes=100)

    async def test_what_came_to_no_head_waits_for_the_next(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2", "d3")
        found = await asking(stores, "d1", "d2", "d3", rounds=0)
        assert await give(stores, found, "d1")
        found = await decided(stores, found)
        assert found.missed == 1
        found = await ask(stores, found, "d1", "d2", "d3", at=NOW + 2 * HOUR)
        assert (await stores.campaigns.tally(found.number, 2)).waiting == 1
        await stores.contributions.answer(found.number, 2, "d1", Answer.DECLINED)
        assert await give(stores, found, "d2")
        tally = await stores.campaigns.tally(found.number, 2)
        assert tally == Tally(asked=3, taken=1, unchanged=1, waiting=1, bytes=100)
        assert await give(stores, found, "d3")
        found = await versioned(stores, await decided(stores, found))
        found = await ask(stores, found, "d1", "d2", "d3", at=NOW + 4 * HOUR)
        assert await stores.campaigns.tally(found.number, 3) == Tally(asked=3)

    async def test_weights_are_of_one_round_alone(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2")
        found = await asking(stores, "d1", "d2", rounds=0, kind=RowKind.WEIGHTS)
        assert await give(stores, found, "d1")
        found = await decided(stores, found)
        found = await ask(stores, found, "d1", "d2", at=NOW + 2 * HOUR)
        await stores.contributions.answer(found.number, 2, "d1", Answer.DECLINED)
        tally = await stores.campaigns.tally(found.number, 2)
        assert tally == Tally(asked=2, declined=1)

    async def test_a_new_round_asks_anew(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2", "d3")
        found = await asking(stores, "d1", "d2", rounds=0)
        await give(stores, found, "d1")
        await stores.contributions.answer(found.number, 1, "d2", Answer.DECLINED)
        found = await decided(stores, found)
        assert found.missed == 1
        found = await ask(stores, found, "d1", "d2", "d3", at=NOW + 2 * HOUR)
        assert await stores.campaigns.tally(found.number, 2) == Tally(asked=3, waiting=1)
        part = (await stores.contributions.partner("d2")).parts[found.number]
        assert (part.asked, part.answer) == (2, None)

    async def test_what_devices_make_of_a_head_is_counted_by_version(self, stores: Stores) -> None:
        names = ("d1", "d2", "d3", "d4")
        await partners(stores, *names)
        found = await with_head(stores, "d1", "d2")
        for device, version, outcome in (
            ("d1", 1, HeadOutcome.ADOPTED),
            ("d2", 1, HeadOutcome.HARM),
            ("d3", 1, HeadOutcome.ADOPTED),
            ("d4", 1, HeadOutcome.ADOPTED),
        ):
            await agree(
                stores,
                device,
                sequence=2,
                head_campaign=found.id,
                head_version=version,
                outcome=outcome,
                blend_permille=500,
            )
            report = (await stores.devices.get(device)).report
            assert report is not None
            assert report.federation is not None
            await stores.contributions.tell(device, report.federation)
        await stores.members.remove("d4", NOW)
        assert await stores.campaigns.outcomes(found.number) == {
            1: {HeadOutcome.ADOPTED: 2, HeadOutcome.HARM: 1}
        }
        judged = await stores.campaigns.judged(found.number, 1)
        assert sorted(each.outcome or "" for each in judged) == ["adopted", "adopted", "harm"]
        assert {each.blend_permille for each in judged} == {500}
        assert await stores.campaigns.judged(found.number, 2) == []

    async def test_a_campaign_ends_with_its_last_round(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2")
        found = await with_head(stores, "d1", "d2", rounds=1)
        assert found.phase is CampaignPhase.COMPLETE
        assert await stores.campaigns.get(found.number) == found
        with pytest.raises(FieldwiseError):
            opened(found, 2, NOW + 9 * HOUR)
