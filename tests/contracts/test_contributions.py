"""What every store promises about what devices give to campaigns."""

import asyncio
from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, HeadOutcome, RoundStep, RowKind
from orchestrator.federation.campaign import Campaign
from orchestrator.federation.contribution import Answer, Part
from orchestrator.federation.machine import reconcile, turned
from orchestrator.federation.phases import CampaignTurn
from orchestrator.storage.stores import Stores
from tests.campaigns import (
    agree,
    ask,
    asking,
    federated,
    give,
    partners,
    started,
    update_head,
)
from tests.fleet_records import NOW, join

HOUR = 3600.0


async def part_of(stores: Stores, device: str, found: Campaign) -> Part | None:
    return (await stores.contributions.partner(device)).parts.get(found.number)


async def standing(stores: Stores, found: Campaign) -> list[tuple[int, int, str]]:
    given = await stores.contributions.standing(found.number)
    return [(each.alias, each.round, each.update.digest) for each in given]


async def next_round(stores: Stores, found: Campaign, *devices: str) -> Campaign:
    """End the newest round without a version, and ask in another one."""
    assert found.round is not None
    at = found.round.opened_at + HOUR
    tally = await stores.campaigns.tally(found.number, found.round.number)
    ended = reconcile(found, replace(tally, waiting=0), at)
    assert ended.under_way is None
    found = await stores.campaigns.save(ended)
    return await ask(stores, found, *devices, at=at + HOUR)


async def discarded(stores: Stores, before: float = NOW) -> list[tuple[str, int, str]]:
    found = await stores.contributions.discard(before, 100)
    return sorted((each.device, each.round, each.digest) for each in found)


class TestContributionStore:
    async def test_a_partner_has_its_tags_and_its_parts(self, stores: Stores) -> None:
        await join(stores, "d1", site="berlin")
        await agree(stores, "d1")
        found = await stores.contributions.partner("d1")
        assert (dict(found.tags), dict(found.parts)) == ({"site": "berlin"}, {})
        for device in ("d2", "d\0"):
            with pytest.raises(FieldwiseError) as caught:
                await stores.contributions.partner(device)
            assert caught.value.fault is Fault.DEVICE_REMOVED

    async def test_an_update_is_taken_from_who_was_asked(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2", "d3")
        found = await asking(stores, "d1", "d2")
        assert await part_of(stores, "d1", found) == Part(1)
        assert await part_of(stores, "d3", found) is None
        assert await give(stores, found, "d1")
        assert not await give(stores, found, "d3")
        taken = update_head("d1 1").digest
        assert await part_of(stores, "d1", found) == Part(1, Answer.TAKEN, taken)
        assert await standing(stores, found) == [(1, 1, taken)]

    async def test_what_is_kept_of_an_update_is_what_it_says(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2")
        found = await asking(stores, "d1", "d2", kind=RowKind.WEIGHTS)
        told = update_head("w", rows=1, bytes=77, kind=RowKind.WEIGHTS, base_version=0)
        await stores.contributions.expect(found.number, 1, "d2", told, NOW)
        assert await stores.contributions.take(found.number, 1, "d2", told, frozenset({3}))
        [given] = await stores.contributions.standing(found.number)
        assert (given.alias, given.round, given.update) == (2, 1, told)

    async def test_an_update_taken_again_is_taken_once(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2")
        found = await asking(stores, "d1", "d2")
        same = await asyncio.gather(*(give(stores, found, "d1", name="same") for _ in range(4)))
        assert all(same)
        assert len(await standing(stores, found)) == 1
        assert (await stores.campaigns.tally(found.number, 1)).taken == 1
        assert await discarded(stores) == []

    async def test_a_second_update_of_a_round_replaces_the_first(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2")
        found = await asking(stores, "d1", "d2")
        await give(stores, found, "d1", name="first")
        await give(stores, found, "d1", name="second")
        assert await standing(stores, found) == [(1, 1, update_head("second").digest)]
        assert await discarded(stores) == [("d1", 1, update_head("first").digest)]

    async def test_nothing_unexpected_is_taken(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2")
        found = await asking(stores, "d1", "d2")
        told = update_head()
        taken = await stores.contributions.take(found.number, 1, "d1", told, frozenset({1}))
        assert not taken
        assert await standing(stores, found) == []

    async def test_nothing_is_taken_once_the_round_is_over(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2", "d3")
        found = await asking(stores, "d1", "d2", "d3")
        await give(stores, found, "d1")
        await give(stores, found, "d2")
        tally = await stores.campaigns.tally(found.number, 1)
        closed = await stores.campaigns.save(reconcile(found, tally, NOW + HOUR))
        assert not await give(stores, closed, "d3")
        assert not await give(stores, closed, "d1", name="another")
        assert len(await standing(stores, found)) == 2

    async def test_many_give_while_the_round_is_being_closed(self, stores: Stores) -> None:
        names = [f"d{n}" for n in range(12)]
        await partners(stores, *names)
        found = await asking(stores, *names)

        async def close() -> Campaign:
            return await stores.campaigns.save(turned(found, CampaignTurn.STOP, NOW))

        *taken, _ = await asyncio.gather(*(give(stores, found, each) for each in names), close())
        assert len(await standing(stores, found)) == sum(taken)

    async def test_who_does_not_agree_any_more_gives_nothing(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2", "d3")
        found = await asking(stores, "d1", "d2", "d3")
        await give(stores, found, "d1")
        await agree(stores, "d1", Consent.OFF, sequence=2)
        await agree(stores, "d2", None, sequence=2)
        await stores.members.remove("d3", NOW)
        assert not await give(stores, found, "d2")
        assert not await give(stores, found, "d3")
        assert await standing(stores, found) == []

    async def test_what_is_withdrawn_stays_so(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2", consent=Consent.STATISTICS)
        weights = await asking(stores, "d1", "d2")
        exact = await asking(stores, "d1", "d2", level=Consent.STATISTICS)
        for found in (weights, exact):
            assert await give(stores, found, "d1")
            assert await give(stores, found, "d2")
        await stores.contributions.withdraw("d1", Consent.WEIGHTS)
        assert [each[0] for each in await standing(stores, weights)] == [1, 2]
        assert [each[0] for each in await standing(stores, exact)] == [2]
        part = await part_of(stores, "d1", exact)
        assert part == Part(1, Answer.DECLINED)
        tally = await stores.campaigns.tally(exact.number, 1)
        assert (tally.taken, tally.declined, tally.bytes) == (1, 1, 100)
        await stores.contributions.withdraw("d1", Consent.OFF)
        assert [each[0] for each in await standing(stores, weights)] == [2]
        await agree(stores, "d1", Consent.STATISTICS, sequence=2)
        assert [each[0] for each in await standing(stores, exact)] == [2]
        digest = update_head("d1 1").digest
        assert await discarded(stores) == [("d1", 1, digest), ("d1", 1, digest)]

    async def test_what_is_given_while_it_is_withdrawn_is_either(self, stores: Stores) -> None:
        names = [f"d{n}" for n in range(8)]
        await partners(stores, *names)
        found = await asking(stores, *names)
        await asyncio.gather(
            *(give(stores, found, each) for each in names),
            *(stores.contributions.withdraw(each, Consent.OFF) for each in names),
        )
        parts = [await part_of(stores, each, found) for each in names]
        taken = [each for each in parts if each and each.answer is Answer.TAKEN]
        assert len(await standing(stores, found)) == len(taken)

    async def test_means_stand_until_every_class_came_again(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2")
        found = await asking(stores, "d1", "d2", rounds=0, quorum=2)
        await give(stores, found, "d1", (1, 2, 3))
        found = await next_round(stores, found, "d1", "d2")
        await give(stores, found, "d1", (1,))
        assert [each[1] for each in await standing(stores, found)] == [1, 2]
        found = await next_round(stores, found, "d1", "d2")
        await give(stores, found, "d1", (2, 3))
        assert [each[1] for each in await standing(stores, found)] == [2, 3]
        assert await discarded(stores) == [("d1", 1, update_head("d1 1").digest)]

    async def test_statistics_replace_all_that_came_before(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2", consent=Consent.STATISTICS)
        found = await asking(stores, "d1", "d2", rounds=0, level=Consent.STATISTICS)
        await give(stores, found, "d1", (1, 2, 3))
        found = await next_round(stores, found, "d1", "d2")
        await give(stores, found, "d2", (1,))
        assert [each[:2] for each in await standing(stores, found)] == [(1, 1), (2, 2)]
        found = await next_round(stores, found, "d1", "d2")
        await give(stores, found, "d1", (1,))
        assert [each[:2] for each in await standing(stores, found)] == [(1, 3), (2, 2)]

    async def test_weights_stand_for_one_round(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2")
        found = await asking(stores, "d1", "d2", rounds=0, kind=RowKind.WEIGHTS)
        await give(stores, found, "d1")
        assert await discarded(stores) == []
        found = await next_round(stores, found, "d1", "d2")
        assert await standing(stores, found) == []
        assert await discarded(stores) == [("d1", 1, update_head("d1 1").digest)]

    async def test_what_a_device_declines_counts_for_the_round_that_it_means(
        self, stores: Stores
    ) -> None:
        await partners(stores, "d1", "d2", "d3", "d4")
        found = await asking(stores, "d1", "d2", "d3", "d4")
        assert await give(stores, found, "d1")
        for device, campaign, number, step in (
            ("d1", found.id, 1, RoundStep.TOO_FEW),  # it has answered already
            ("d2", found.id, 1, RoundStep.TOO_FEW),
            ("d3", found.id, 2, RoundStep.NOT_AGREED),  # of no round that there is
            ("d4", "c9", 1, RoundStep.UNSUITABLE),
            ("d4", "nonsense", 1, RoundStep.UNSUITABLE),
            ("d4", found.id, 1, RoundStep.ANSWERED),
            ("d4", found.id, 1, RoundStep.WAITING),
        ):
            told = federated(Consent.WEIGHTS, campaign=campaign, round=number, step=step)
            await stores.contributions.tell(device, told)
        tally = await stores.campaigns.tally(found.number, 1)
        assert (tally.taken, tally.declined) == (1, 1)

    async def test_who_judges_a_head_need_not_have_been_asked(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2", "d3")
        found = await asking(stores, "d1", "d2")
        told = federated(
            Consent.WEIGHTS, head_campaign=found.id, head_version=4, outcome=HeadOutcome.HARM
        )
        for device in ("d3", "d1", "gone"):
            await stores.contributions.tell(device, told)
        assert await part_of(stores, "d3", found) == Part(head_version=4)
        assert await part_of(stores, "d1", found) == Part(1, head_version=4)
        found = await next_round(stores, found, "d1", "d2", "d3")
        assert await part_of(stores, "d3", found) == Part(2, head_version=4)
        await stores.contributions.tell(
            "d3", federated(Consent.WEIGHTS, head_campaign="c9", outcome=HeadOutcome.HARM)
        )

    async def test_what_was_expected_and_never_came_is_discarded(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2")
        found = await asking(stores, "d1", "d2")
        told = update_head("lost")
        await stores.contributions.expect(found.number, 1, "d1", told, NOW)
        assert await discarded(stores, NOW) == []
        assert await stores.contributions.needs(told.digest)
        assert await discarded(stores, NOW + 1) == [("d1", 1, told.digest)]
        assert not await stores.contributions.needs(told.digest)
        late = await stores.contributions.take(found.number, 1, "d1", told, frozenset({1}))
        assert not late
        assert await give(stores, found, "d1", name="lost")
        assert await discarded(stores, NOW + 1) == []

    async def test_of_what_a_device_announces_only_the_last_is_waited_for(
        self, stores: Stores
    ) -> None:
        await partners(stores, "d1", "d2")
        found = await asking(stores, "d1", "d2")
        assert await give(stores, found, "d1", name="given")
        told = [update_head(f"announced {each}") for each in range(5)]
        for device in ("d2", "d1"):
            for each in told:
                await stores.contributions.expect(found.number, 1, device, each, NOW)
        gone = {(device, 1, each.digest) for device in ("d1", "d2") for each in told[:-1]}
        assert set(await discarded(stores)) == gone
        last = frozenset({1, 2})
        assert not await stores.contributions.take(found.number, 1, "d2", told[0], last)
        assert await stores.contributions.take(found.number, 1, "d2", told[-1], last)
        assert (await stores.campaigns.tally(found.number, 1)).taken == 2

    async def test_what_is_gone_is_forgotten_unless_it_came_again(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2")
        found = await asking(stores, "d1", "d2")
        for name in ("one", "two", "three"):
            await give(stores, found, "d1", name=name)
        gone = await stores.contributions.discard(NOW, 1)
        assert len(gone) == 1
        gone = await stores.contributions.discard(NOW, 100)
        assert len(gone) == 2
        await give(stores, found, "d1", name="one")
        await stores.contributions.forget(gone)
        await stores.contributions.forget([])
        assert await standing(stores, found) == [(1, 1, update_head("one").digest)]
        assert await discarded(stores) == [("d1", 1, update_head("three").digest)]

    async def test_content_of_two_goes_with_the_second(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2")
        found = await asking(stores, "d1", "d2")
        for device in ("d1", "d2"):
            await give(stores, found, device, name="same")
        digest = update_head("same").digest
        await stores.contributions.withdraw("d1", Consent.OFF)
        assert await discarded(stores) == [("d1", 1, digest)]
        assert await stores.contributions.needs(digest)
        await stores.contributions.withdraw("d2", Consent.OFF)
        assert not await stores.contributions.needs(digest)

    async def test_nothing_outlives_its_campaign_or_its_device(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2", "d3")
        ended, goes_on = (
            await asking(stores, "d1", "d2"),
            await asking(stores, "d1", "d3"),
        )
        await give(stores, ended, "d1")
        await give(stores, goes_on, "d1", name="kept")
        await give(stores, goes_on, "d3", name="removed")
        assert await discarded(stores) == []
        await stores.campaigns.save(turned(ended, CampaignTurn.STOP, NOW))
        await stores.members.remove("d3", NOW)
        assert await discarded(stores) == [
            ("d1", 1, update_head("d1 1").digest),
            ("d3", 1, update_head("removed").digest),
        ]

    async def test_aliases_are_of_one_campaign(self, stores: Stores) -> None:
        await partners(stores, "d1", "d2", "d3")
        first = await asking(stores, "d3", "d1")
        second = await asking(stores, "d1", "d2", "d3")
        for device in ("d1", "d3"):
            await give(stores, first, device)
            await give(stores, second, device)
        assert [each[0] for each in await standing(stores, first)] == [1, 2]
        assert [each[0] for each in await standing(stores, second)] == [1, 3]
        third = await started(stores)
        assert await standing(stores, third) == []
