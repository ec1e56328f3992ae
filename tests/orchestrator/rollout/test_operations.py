from collections.abc import Sequence

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.check_in import CheckIns
from orchestrator.fleet.cohort import Selector
from orchestrator.paging import PageRequest
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.machine import Order, Phase, Place, Rollout
from orchestrator.rollout.operations import Rollouts, rollout_number
from orchestrator.storage.memory import Contents, MemoryRollouts, memory_stores
from tests.fleet_records import SetClock, backbone, caller, join, report


class RacedRollouts(MemoryRollouts):
    """Rollouts that another writer saves first, the first so many times."""

    def __init__(self, contents: Contents, races: int) -> None:
        super().__init__(contents)
        self.races = races

    async def save(self, rollout: Rollout, orders: Sequence[Order] = ()) -> Rollout:
        if self.races > 0:
            self.races -= 1
            await super().save(await self.get(rollout.number))
        return await super().save(rollout, orders)


class Fleet:
    def __init__(self, races: int = 0) -> None:
        self.clock, self.contents = SetClock(), Contents()
        self.stores = memory_stores(self.contents)
        store = RacedRollouts(self.contents, races)
        self.controller = Controller(store, self.clock)
        self.rollouts = Rollouts(store, self.stores.backbones, self.controller, self.clock)
        self.check_ins = CheckIns(self.stores.check_ins, self.clock)

    async def prepare(self, *devices: str) -> None:
        await self.stores.backbones.add(backbone())
        for device in devices:
            await join(self.stores, device, site="berlin")


async def test_a_start_orders_the_cohort_at_once() -> None:
    fleet = Fleet()
    await fleet.prepare("d1", "d2")
    rollout = await fleet.rollouts.start("lite0", "site=berlin")
    assert (rollout.phase, rollout.counts) == (Phase.RUNNING, {Place.WAITING: 2})
    orders = await fleet.check_ins.check_in(caller("d1"), report(1))
    assert orders.permit is not None
    assert (await fleet.rollouts.get(rollout.id)).counts == {Place.WAITING: 1, Place.PERMITTED: 1}


async def test_who_joins_later_gets_the_target_at_the_next_look() -> None:
    fleet = Fleet()
    await fleet.prepare("d1")
    await fleet.rollouts.start("lite0:1", "")
    await join(fleet.stores, "d2")
    await fleet.controller.look_at_all()
    assert (await fleet.check_ins.check_in(caller("d2"), report(1))).target is not None


async def test_a_rollout_that_a_newer_one_overtakes_at_its_start_ends_as_superseded() -> None:
    fleet = Fleet()
    await fleet.prepare("d1", "d2")
    published, _ = await fleet.stores.backbones.add(backbone())
    old = await fleet.stores.rollouts.add(published, Selector(), fleet.clock.now())
    new = await fleet.rollouts.start("lite0", "")
    await fleet.controller.look_at_all()
    overtaken = await fleet.stores.rollouts.get(old.number)
    assert (overtaken.phase, overtaken.counts) == (Phase.SUPERSEDED, {Place.SUPERSEDED: 2})
    assert [each.number for each in await fleet.stores.rollouts.watched()] == [new.number]


async def test_a_stop_says_how_many_may_still_start() -> None:
    fleet = Fleet()
    await fleet.prepare("d1", "d2", "d3")
    rollout = await fleet.rollouts.start("lite0", "")
    for device in ("d1", "d2"):
        await fleet.check_ins.check_in(caller(device), report(1))
    fleet.clock.pass_by(5)
    stopped = await fleet.rollouts.stop(rollout.id)
    assert (stopped.may_still_start, stopped.rollout.phase) == (2, Phase.STOPPED)
    assert 45 <= stopped.within_seconds <= 48
    assert (await fleet.check_ins.check_in(caller("d3"), report(1))).permit is None
    fleet.clock.pass_by(60)
    with pytest.raises(FieldwiseError) as caught:
        await fleet.rollouts.stop(rollout.id)
    assert caught.value.fault is Fault.ILLEGAL_COMMAND


async def test_a_stop_without_permits_says_none() -> None:
    fleet = Fleet()
    await fleet.prepare("d1")
    stopped = await fleet.rollouts.stop((await fleet.rollouts.start("lite0", "")).id)
    assert (stopped.may_still_start, stopped.within_seconds) == (0, 0)


async def test_an_operator_wins_against_a_busy_controller() -> None:
    fleet = Fleet(races=6)
    await fleet.prepare("d1")
    rollout = await fleet.rollouts.start("lite0", "")
    assert (await fleet.rollouts.stop(rollout.id)).rollout.phase is Phase.STOPPED


async def test_an_operator_who_always_loses_is_told() -> None:
    fleet = Fleet(races=1000)
    await fleet.prepare("d1")
    with pytest.raises(FieldwiseError) as caught:
        await fleet.rollouts.start("lite0", "")
    assert caught.value.fault is Fault.CONFLICT


async def test_a_rollout_that_others_keep_changing_can_be_looked_at_all_the_same() -> None:
    fleet = Fleet()
    await fleet.prepare("d1")
    rollout = await fleet.rollouts.start("lite0", "")
    await fleet.check_ins.check_in(caller("d1"), report(1))
    store = RacedRollouts(fleet.contents, 1000)
    controller = Controller(store, fleet.clock)
    raced = Rollouts(store, fleet.stores.backbones, controller, fleet.clock)
    assert (await raced.get(rollout.id)).counts == {Place.WAITING: 1}


async def test_a_conflict_does_not_keep_the_controller_from_other_rollouts() -> None:
    fleet = Fleet()
    await fleet.prepare("d1")
    store = RacedRollouts(fleet.contents, 1)
    old = await store.add(backbone(), Selector(), fleet.clock.now())
    new = await store.add(backbone(), Selector(), fleet.clock.now())
    await Controller(store, fleet.clock).look_at_all()
    assert (await store.get(new.number)).counts == {}
    assert (await store.get(old.number)).counts == {Place.WAITING: 1}


@pytest.mark.parametrize(("name", "cohort"), [("lite9", ""), ("!", ""), ("lite0", "=")])
async def test_a_start_that_makes_no_sense_starts_nothing(name: str, cohort: str) -> None:
    fleet = Fleet()
    await fleet.prepare("d1")
    with pytest.raises(FieldwiseError):
        await fleet.rollouts.start(name, cohort)
    assert (await fleet.rollouts.list(PageRequest())).items == ()


@pytest.mark.parametrize("text", ["", "r", "r0", "7", "r-1", "r1 ", "r" + "9" * 19, "r٣"])
def test_what_names_no_rollout_is_not_found(text: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        rollout_number(text)
    assert caught.value.fault is Fault.NOT_FOUND
