"""What stores promise of limits, recalls, ways back and histories, asked of all of them."""

import asyncio
from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdatePhase
from orchestrator.check_in_ports import Granted
from orchestrator.fleet.device import Permit, Target
from orchestrator.paging import PageRequest
from orchestrator.rollout.operations import fresh_rollout
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.plan import Limits, Plan, Window
from orchestrator.rollout.rollout import Actor, Event, Happening, Kind, Order, Rollout
from orchestrator.storage.stores import Stores
from tests.fleet_records import (
    NOW,
    backbone,
    caller,
    join,
    order,
    report,
    roll_out,
    sighting,
    step,
)

NAMES = [f"d{number}" for number in range(8)]
PLAN = Plan("lite0:1")


async def ordered(stores: Stores, plan: Plan = PLAN) -> Rollout:
    for name in NAMES:
        await join(stores, name)
    return await order(stores, await roll_out(stores, plan=plan), 1, *NAMES)


async def granted(stores: Stores, name: str, now: float = NOW) -> Granted | None:
    return await stores.check_ins.permit(name, Permit(1, now + 20), now)


async def recall_of(stores: Stores, version: str) -> Rollout:
    found, _ = await stores.backbones.add(backbone(version))
    fresh = fresh_rollout(found, Plan(found.manifest.title), Kind.RECALL, NOW)
    return replace(fresh, phase=Phase.REVERTING)


class TestLimits:
    @pytest.mark.parametrize(
        "limits", [Limits(in_flight=3), Limits(starts_per_minute=3)], ids=["in flight", "a minute"]
    )
    async def test_a_limit_holds_however_many_ask_at_once(
        self, stores: Stores, limits: Limits
    ) -> None:
        await ordered(stores, replace(PLAN, limits=limits))
        given = await asyncio.gather(*(granted(stores, name) for name in NAMES))
        assert sum(each is not None for each in given) == 3

    async def test_a_place_is_free_again_when_its_device_has_settled(self, stores: Stores) -> None:
        rollout = await ordered(stores, replace(PLAN, limits=Limits(in_flight=1)))
        assert await granted(stores, "d0")
        assert not await granted(stores, "d1")
        told = report(
            1,
            generation=1,
            bundle=rollout.digest,
            update=step(1, rollout.digest, UpdatePhase.ACTIVE),
        )
        await stores.check_ins.keep([sighting("d0", told)])
        assert await granted(stores, "d1")

    async def test_a_start_counts_for_a_minute_though_its_device_has_settled(
        self, stores: Stores
    ) -> None:
        rollout = await ordered(stores, replace(PLAN, limits=Limits(starts_per_minute=1)))
        assert await granted(stores, "d0")
        told = report(1, generation=1, update=step(1, rollout.digest, UpdatePhase.DECLINED))
        await stores.check_ins.keep([sighting("d0", told)])
        assert not await granted(stores, "d1", NOW + 59)
        assert await granted(stores, "d1", NOW + 60)

    async def test_a_device_keeps_its_place_and_since_when(self, stores: Stores) -> None:
        await ordered(stores, replace(PLAN, limits=Limits(in_flight=1)))
        assert await granted(stores, "d0") == Granted(Permit(1, NOW + 20, NOW))
        assert await granted(stores, "d0", NOW + 9) == Granted(Permit(1, NOW + 29, NOW))

    async def test_the_bandwidth_is_shared(self, stores: Stores) -> None:
        await ordered(stores, replace(PLAN, limits=Limits(in_flight=3, bytes_per_second=600)))
        shares = [await granted(stores, name) for name in NAMES]
        assert [each.bytes_per_second for each in shares if each] == [200, 200, 200]

    async def test_nobody_starts_outside_of_the_window(self, stores: Stores) -> None:
        minute = int(NOW % 86_400) // 60
        later = Window((minute + 10) % 1440, (minute + 20) % 1440)
        await ordered(stores, replace(PLAN, window=later))
        assert not await granted(stores, "d0")
        assert await granted(stores, "d0", NOW + 660)

    async def test_a_permit_ends_with_the_window(self, stores: Stores) -> None:
        minute = int(NOW % 86_400) // 60
        window = Window((minute - 10) % 1440, (minute + 2) % 1440)
        await ordered(stores, replace(PLAN, window=window))
        ends = NOW - NOW % 60 + 120
        given = await stores.check_ins.permit("d0", Permit(1, NOW + 900), NOW)
        assert given is not None
        assert given.permit == Permit(1, ends, NOW)
        assert not await stores.check_ins.permit("d1", Permit(1, ends + 900), ends - 20)

    async def test_the_way_back_knows_no_limit_and_no_phase(self, stores: Stores) -> None:
        minute = int(NOW % 86_400) // 60
        closed = Window((minute + 10) % 1440, (minute + 20) % 1440)
        plan = replace(PLAN, window=closed, limits=Limits(in_flight=1))
        rollout = await ordered(stores, plan)
        await stores.backbones.add(backbone("2"))
        held = replace(rollout, phase=Phase.HELD)
        back = [Order(name, Target(2, backbone("2").digest, back=True)) for name in NAMES[:2]]
        await stores.rollouts.save(held, back)
        for name in NAMES[:2]:
            assert (await stores.check_ins.visitor(caller(name))).may_start
            assert await stores.check_ins.permit(name, Permit(2, NOW + 20), NOW)
        assert not (await stores.check_ins.visitor(caller("d2"))).may_start

    async def test_a_permit_of_a_complete_rollout_lets_it_be_watched_again(
        self, stores: Stores
    ) -> None:
        rollout = await ordered(stores)
        left = await stores.rollouts.save(replace(rollout, phase=Phase.COMPLETE, watched=False))
        assert await granted(stores, "d0")
        [watched] = await stores.rollouts.watched()
        assert watched == replace(left, watched=True, revision=left.revision + 1)


class TestRecall:
    async def test_a_recalled_backbone_is_permitted_to_nobody(self, stores: Stores) -> None:
        await ordered(stores)
        assert await granted(stores, "d0")
        recall = await stores.rollouts.recall(await recall_of(stores, "1"))
        assert recall is not None
        assert not await granted(stores, "d0")
        assert await stores.backbones.recalled() == {recall.digest}
        [kept] = (await stores.backbones.list(PageRequest())).items
        assert kept.recalled_at == NOW

    async def test_a_backbone_is_recalled_once(self, stores: Stores) -> None:
        fresh = await recall_of(stores, "1")
        assert await stores.rollouts.recall(fresh) is not None
        assert await stores.rollouts.recall(fresh) is None
        assert len((await stores.rollouts.list(PageRequest())).items) == 1

    async def test_complete_rollouts_of_it_are_watched_again(self, stores: Stores) -> None:
        rollout = await ordered(stores)
        left = await stores.rollouts.save(replace(rollout, phase=Phase.COMPLETE, watched=False))
        recall = await stores.rollouts.recall(await recall_of(stores, "1"))
        assert recall is not None
        watched = [each.number for each in await stores.rollouts.watched()]
        assert watched == [recall.number, left.number]

    async def test_its_cohort_is_whoever_runs_it_or_should(self, stores: Stores) -> None:
        rollout = await order(stores, await roll_out(stores), 1)
        for name in ("ordered", "runs", "other"):
            await join(stores, name)
        await order(stores, rollout, 1, "ordered")
        await stores.check_ins.keep([sighting("runs", report(1, bundle=rollout.digest))])
        recall = await stores.rollouts.recall(await recall_of(stores, "1"))
        assert recall is not None
        found = {each.device for each in await stores.rollouts.cohort(recall)}
        assert found == {"ordered", "runs"}
        done = await stores.rollouts.save(replace(recall, phase=Phase.REVERTED))
        # Had nobody turned up, they would not be of it; where one does, it is looked at again.
        assert len(await stores.rollouts.cohort(done)) == 2

    async def test_who_is_heard_with_it_after_its_end_lets_it_be_watched_again(
        self, stores: Stores
    ) -> None:
        rollout = await order(stores, await roll_out(stores), 1)
        for name in ("late", "stranger", "first"):
            await join(stores, name)
        had = [Order("late", Target(1, "b" * 64), ("b" * 64,)), Order("first", Target(1, "b" * 64))]
        await stores.rollouts.save(rollout, had)
        recall = await stores.rollouts.recall(await recall_of(stores, "1"))
        assert recall is not None
        ended = replace(recall, phase=Phase.REVERTED, watched=False)
        done = await stores.rollouts.save(ended)
        for name in ("late", "first"):
            assert not (await stores.check_ins.visitor(caller(name))).runs_recalled
            await stores.check_ins.keep([sighting(name, report(1, bundle=rollout.digest))])
            assert (await stores.check_ins.visitor(caller(name))).runs_recalled
        for name in ("stranger", "first", "nobody"):
            await stores.check_ins.look_again(name)
        assert await stores.rollouts.get(done.number) == done
        await stores.check_ins.look_again("late")
        assert (await stores.rollouts.get(done.number)).watched


class TestOrders:
    async def test_an_order_comes_back_whole_with_the_way_back_from_it(
        self, stores: Stores
    ) -> None:
        await join(stores, "d1")
        rollout = await roll_out(stores)
        target = Target(3, rollout.digest, "int8", back=True)
        given = Order("d1", target, ("b" * 64, "c" * 64), NOW + 5)
        rollout = await stores.rollouts.save(rollout, [given])
        standing = (await stores.check_ins.visitor(caller("d1"))).standing
        assert (standing.target, standing.before) == (target, given.before)
        assert standing.ordered_at == NOW + 5
        await stores.rollouts.save(rollout, [Order("d1", Target(4, rollout.digest), (), NOW + 9)])
        standing = (await stores.check_ins.visitor(caller("d1"))).standing
        assert (standing.before, standing.ordered_at) == ((), NOW + 9)

    async def test_an_order_that_came_too_late_leaves_the_way_back_alone(
        self, stores: Stores
    ) -> None:
        await join(stores, "d1")
        rollout = await roll_out(stores)
        given = Order("d1", Target(3, rollout.digest), ("b" * 64,), NOW)
        rollout = await stores.rollouts.save(rollout, [given])
        late = Order("d1", Target(3, rollout.digest), ("c" * 64,), NOW + 9)
        await stores.rollouts.save(rollout, [late])
        standing = (await stores.check_ins.visitor(caller("d1"))).standing
        assert standing.before == ("b" * 64,)


class TestHistory:
    async def test_it_grows_with_every_save_and_comes_newest_first(self, stores: Stores) -> None:
        told = [
            Event(NOW + n, kind, Actor.GATE, {"wave": n, "reason": "harm", "upper": 0.5})
            for n, kind in enumerate((Happening.STARTED, Happening.FINDING, Happening.HELD))
        ]
        published, _ = await stores.backbones.add(backbone())
        fresh = fresh_rollout(published, PLAN, Kind.FORWARD, NOW)
        rollout = await stores.rollouts.add(fresh, told[:1])
        await stores.rollouts.save(rollout, (), told[1:])
        numbered = [replace(each, sequence=n) for n, each in enumerate(told, start=1)]
        first = await stores.rollouts.history(rollout.number, PageRequest(size=2))
        second = await stores.rollouts.history(rollout.number, PageRequest(2, first.next_token))
        assert [*first.items, *second.items] == numbered[::-1]

    async def test_a_save_that_is_refused_tells_nothing(self, stores: Stores) -> None:
        rollout = await roll_out(stores)
        await stores.rollouts.save(rollout)
        event = Event(NOW, Happening.HELD, Actor.OPERATOR)
        with pytest.raises(FieldwiseError):
            await stores.rollouts.save(rollout, (), [event])
        assert (await stores.rollouts.history(rollout.number, PageRequest())).items == ()

    async def test_nobody_has_a_history_who_is_not_there(self, stores: Stores) -> None:
        with pytest.raises(FieldwiseError) as caught:
            await stores.rollouts.history(7, PageRequest())
        assert caught.value.fault is Fault.NOT_FOUND


async def test_nobody_waits_for_a_permit_to_what_was_recalled(stores: Stores) -> None:
    await join(stores, "d1")
    rollout = await order(stores, await roll_out(stores), 1, "d1")
    assert (await stores.check_ins.visitor(caller("d1"))).may_start
    await stores.rollouts.recall(replace(rollout, number=0, kind=Kind.RECALL))
    assert not (await stores.check_ins.visitor(caller("d1"))).may_start
    assert await stores.check_ins.permit("d1", Permit(1, NOW + 20), NOW) is None
