from collections.abc import Sequence
from dataclasses import replace

import pytest

from fieldwise.answers import LearningCounters
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateFailure, UpdatePhase
from orchestrator.check_in_ports import CheckInStore, Sighting, Visitor
from orchestrator.fleet.check_in import CheckIns, Pace, StartPermit
from orchestrator.fleet.cohort import Selector
from orchestrator.fleet.device import CONTINUED_MAX, Target
from orchestrator.fleet.report import Report, UpdateReport
from orchestrator.fleet.settings import DeviceSettings, SettingsRevision
from orchestrator.ports import Permits
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.rollout import Kind, Order, Rollout
from orchestrator.storage.memory import memory_stores
from tests.fleet_records import SetClock, caller, join, report, roll_out, step


class CountedCheckIns:
    """A store that counts what is written through it and can be away."""

    def __init__(self, store: CheckInStore) -> None:
        self._store = store
        self.writes: list[Sequence[Sighting]] = []
        self.away = False
        self.poison: frozenset[str] = frozenset()
        self.visitor = store.visitor
        self.permit = store.permit
        self.welcome = store.welcome
        self.continue_settings = store.continue_settings
        self.look_again = store.look_again

    async def keep(self, sightings: Sequence[Sighting]) -> None:
        if self.away:
            raise FieldwiseError(Fault.UNAVAILABLE, "the database does not answer")
        if self.poison & {sighting.device for sighting in sightings}:
            raise FieldwiseError(Fault.INVALID_ARGUMENT, "the database refuses a value")
        self.writes.append(sightings)
        await self._store.keep(sightings)


class Fixture:
    def __init__(self) -> None:
        self.clock = SetClock()
        self.stores = memory_stores()
        self.counted = CountedCheckIns(self.stores.check_ins)
        self.check_ins = CheckIns(self.counted, self.clock)

    async def roll_out(self, generation: int = 1) -> Rollout:
        rollout = await roll_out(self.stores)
        order = Order("d1", Target(generation, rollout.digest))
        return await self.stores.rollouts.save(rollout, [order])

    async def visitor(self) -> Visitor:
        return await self.stores.check_ins.visitor(caller("d1"))


@pytest.fixture
async def fleet() -> Fixture:
    made = Fixture()
    await join(made.stores, "d1")
    return made


def learned(sequence: int, samples: int) -> Report:
    return replace(report(sequence), learning=LearningCounters(samples=samples))


async def test_a_device_without_a_target_has_nothing_to_do(fleet: Fixture) -> None:
    orders = await fleet.check_ins.check_in(caller("d1"), report(1))
    assert (orders.target, orders.permit, orders.settings) == (None, None, None)
    assert (orders.next_seconds, orders.unix_seconds) == (60, int(fleet.clock.now()))


async def test_a_stranger_is_refused(fleet: Fixture) -> None:
    with pytest.raises(FieldwiseError) as caught:
        await fleet.check_ins.check_in(caller("d2"), report(1))
    assert caught.value.fault is Fault.DEVICE_UNKNOWN


async def test_a_key_that_is_not_the_device_s_own_is_refused(fleet: Fixture) -> None:
    with pytest.raises(FieldwiseError) as caught:
        await fleet.check_ins.check_in(caller("d1", "other"), report(1))
    assert caught.value.fault is Fault.CERTIFICATE_INVALID


@pytest.mark.parametrize(
    "told",
    [report(1, generation=CONTINUED_MAX + 1), report(1, settings_revision=CONTINUED_MAX + 1)],
)
async def test_a_number_that_nobody_can_have_given_is_refused(fleet: Fixture, told: Report) -> None:
    with pytest.raises(FieldwiseError) as caught:
        await fleet.check_ins.check_in(caller("d1"), told)
    assert caught.value.fault is Fault.OVER_LIMIT
    assert (await fleet.visitor()).standing.seen_at is None


async def test_a_device_at_the_highest_number_that_is_believed_still_obeys_and_arrives(
    fleet: Fixture,
) -> None:
    rollout = await fleet.roll_out()
    top = report(1, generation=CONTINUED_MAX, settings_revision=CONTINUED_MAX)
    settings = (await fleet.check_ins.check_in(caller("d1"), top)).settings
    assert settings == SettingsRevision(CONTINUED_MAX + 1, DeviceSettings())
    controller = Controller(fleet.stores.rollouts, fleet.stores.backbones, fleet.clock)
    await controller.look_at_all()
    again = replace(top, sequence=2, settings_revision=CONTINUED_MAX + 1)
    target = (await fleet.check_ins.check_in(caller("d1"), again)).target
    assert target == Target(CONTINUED_MAX + 1, rollout.digest)
    arrived = replace(
        again,
        sequence=3,
        generation=target.generation,
        bundle_in_use=rollout.digest,
        update=step(target.generation, rollout.digest, UpdatePhase.ACTIVE),
    )
    await fleet.check_ins.check_in(caller("d1"), arrived)
    await controller.look_at_all()
    assert (await fleet.stores.rollouts.get(rollout.number)).phase is Phase.COMPLETE


async def test_how_an_update_ended_is_told_once(fleet: Fixture) -> None:
    heard: list[tuple[UpdatePhase, UpdateFailure | None]] = []
    check_ins = CheckIns(
        fleet.counted, fleet.clock, ended=lambda phase, failure: heard.append((phase, failure))
    )
    fetching = step(1, "a" * 64, UpdatePhase.FETCHING)
    ends = (
        UpdateReport(1, "a" * 64, UpdatePhase.REVERTED, UpdateFailure.CRASHED),
        step(2, "b" * 64, UpdatePhase.ACTIVE),
    )
    told = (fetching, ends[0], ends[0], ends[1], ends[1])
    for number, update in enumerate(told, start=1):
        await check_ins.check_in(caller("d1"), report(number, update=update))
    await check_ins.check_in(caller("d1"), report(2, update=ends[0]))  # a late one is no news
    assert heard == [(each.phase, each.failure) for each in ends]


async def test_a_target_comes_with_a_permit_of_two_check_ins(fleet: Fixture) -> None:
    rollout = await fleet.roll_out()
    orders = await fleet.check_ins.check_in(caller("d1"), report(1))
    assert orders.target == Target(1, rollout.digest)
    assert orders.permit == StartPermit(1, 20)
    assert orders.next_seconds == 10
    stored = await fleet.stores.rollouts.permits(rollout.number, fleet.clock.now())
    assert stored == Permits(1, fleet.clock.now() + 20 + 30)


async def test_a_permit_is_renewed_until_it_is_used(fleet: Fixture) -> None:
    await fleet.roll_out()
    await fleet.check_ins.check_in(caller("d1"), report(1))
    fleet.clock.pass_by(8)
    again = await fleet.check_ins.check_in(caller("d1"), report(2, generation=1))
    fleet.clock.pass_by(8)
    renewed = await fleet.check_ins.check_in(caller("d1"), report(3, generation=1))
    assert again.permit == StartPermit(1, 20)
    assert renewed.permit == StartPermit(1, 20)


async def test_a_permit_never_lasts_beyond_ten_minutes(fleet: Fixture) -> None:
    await fleet.roll_out()
    slow = CheckIns(fleet.stores.check_ins, fleet.clock, Pace(3600, 3600))
    orders = await slow.check_in(caller("d1"), report(1))
    assert orders.permit == StartPermit(1, 600)


@pytest.mark.parametrize(
    ("phase", "next_seconds"),
    [
        (UpdatePhase.FETCHING, 10),
        (UpdatePhase.MIGRATING, 10),
        (UpdatePhase.ACTIVE, 60),
        (UpdatePhase.REVERTED, 60),
    ],
)
async def test_who_has_begun_needs_no_permit(
    fleet: Fixture, phase: UpdatePhase, next_seconds: int
) -> None:
    rollout = await fleet.roll_out()
    bundle = rollout.digest if phase is UpdatePhase.ACTIVE else None
    told = report(1, generation=1, bundle=bundle, update=step(1, rollout.digest, phase))
    orders = await fleet.check_ins.check_in(caller("d1"), told)
    assert orders.target == Target(1, rollout.digest)
    assert (orders.permit, orders.next_seconds) == (None, next_seconds)


async def test_a_stopped_rollout_gives_no_permit_but_the_target_stays(fleet: Fixture) -> None:
    rollout = await fleet.roll_out()
    await fleet.stores.rollouts.save(replace(rollout, phase=Phase.HELD))
    orders = await fleet.check_ins.check_in(caller("d1"), report(1))
    assert orders.target is not None
    assert (orders.permit, orders.next_seconds) == (None, 60)


async def test_who_joins_after_completion_gets_target_and_permit_at_its_first_check_in(
    fleet: Fixture,
) -> None:
    rollout = await fleet.roll_out()
    await fleet.stores.rollouts.save(replace(rollout, phase=Phase.COMPLETE, watched=False))
    await join(fleet.stores, "d2")
    orders = await fleet.check_ins.check_in(caller("d2"), report(1, generation=6))
    assert orders.target == Target(7, rollout.digest)
    assert orders.permit == StartPermit(7, 20)
    assert orders.next_seconds == 10


async def test_settings_are_told_until_they_are_in_force(fleet: Fixture) -> None:
    settings = DeviceSettings(learning_paused=True)
    await fleet.stores.devices.apply_settings(Selector(), settings)
    orders = await fleet.check_ins.check_in(caller("d1"), report(1))
    assert orders.settings == SettingsRevision(1, settings)
    orders = await fleet.check_ins.check_in(caller("d1"), report(2, settings_revision=1))
    assert orders.settings is None


async def test_settings_of_a_restored_database_are_told_above_what_the_device_knows(
    fleet: Fixture,
) -> None:
    settings = DeviceSettings(learning_paused=True)
    await fleet.stores.devices.apply_settings(Selector(), settings)
    orders = await fleet.check_ins.check_in(caller("d1"), report(1, settings_revision=3))
    assert orders.settings == SettingsRevision(4, settings)
    orders = await fleet.check_ins.check_in(caller("d1"), report(2, settings_revision=3))
    assert orders.settings == SettingsRevision(4, settings)
    orders = await fleet.check_ins.check_in(caller("d1"), report(3, settings_revision=4))
    assert orders.settings is None


async def test_what_others_act_on_is_kept_before_the_reply(fleet: Fixture) -> None:
    rollout = await fleet.roll_out()
    update = step(1, rollout.digest, UpdatePhase.FETCHING)
    for told in (report(1), report(2, generation=1), report(3, generation=1, update=update)):
        await fleet.check_ins.check_in(caller("d1"), told)
        assert (await fleet.visitor()).standing.report_order == told.order


async def test_liveness_and_counters_are_written_together(fleet: Fixture) -> None:
    await fleet.check_ins.check_in(caller("d1"), report(1))
    for sequence in range(2, 12):
        await fleet.check_ins.check_in(caller("d1"), learned(sequence, sequence))
    assert len(fleet.counted.writes) == 1
    await fleet.check_ins.flush()
    assert [len(sightings) for sightings in fleet.counted.writes] == [1, 1]
    device = await fleet.stores.devices.get("d1")
    assert device.report == learned(11, 11)


async def test_a_flush_that_fails_is_made_up_for(fleet: Fixture) -> None:
    await fleet.check_ins.check_in(caller("d1"), report(1))
    await fleet.check_ins.check_in(caller("d1"), learned(2, 5))
    fleet.counted.away = True
    with pytest.raises(FieldwiseError):
        await fleet.check_ins.flush()
    fleet.counted.away = False
    await fleet.check_ins.flush()
    assert (await fleet.visitor()).standing.report_order == (1, 2)


async def liven(fleet: Fixture, names: Sequence[str]) -> None:
    """Let devices check in twice: the second reports wait to be written."""
    for name in names:
        await join(fleet.stores, name)
        await fleet.check_ins.check_in(caller(name), report(1))
        await fleet.check_ins.check_in(caller(name), learned(2, 5))


async def test_a_report_that_cannot_be_kept_takes_no_other_with_it() -> None:
    fleet = Fixture()
    names = [f"d{number}" for number in range(9)]
    await liven(fleet, names)
    fleet.counted.poison = frozenset({"d2", "d7"})
    with pytest.raises(FieldwiseError, match="reports of 2 devices") as caught:
        await fleet.check_ins.flush()
    assert caught.value.fault is Fault.INTERNAL
    kept = {each.device: each.report_order for each in await fleet.stores.devices.standings()}
    assert kept == {name: (1, 1 if name in fleet.counted.poison else 2) for name in names}
    fleet.counted.poison = frozenset()
    await fleet.check_ins.flush()
    assert (await fleet.stores.devices.get("d2")).report == report(1)


async def test_what_is_left_of_a_spoiled_batch_waits_while_the_store_is_away() -> None:
    fleet = Fixture()
    names = [f"d{number}" for number in range(8)]
    await liven(fleet, names)
    fleet.counted.poison = frozenset({"d0"})
    genuine, calls = fleet.counted.keep, 0

    async def keep(sightings: Sequence[Sighting]) -> None:
        nonlocal calls
        calls += 1
        fleet.counted.away = calls == 3
        await genuine(sightings)

    fleet.counted.keep = keep  # type: ignore[method-assign]  # a store that goes away half-way
    with pytest.raises(FieldwiseError) as caught:
        await fleet.check_ins.flush()
    assert caught.value.fault is Fault.UNAVAILABLE
    with pytest.raises(FieldwiseError, match="reports of 1 devices"):
        await fleet.check_ins.flush()
    kept = {each.device: each.report_order for each in await fleet.stores.devices.standings()}
    assert kept == {name: (1, 1 if name == "d0" else 2) for name in names}


async def test_without_the_store_news_is_not_acknowledged(fleet: Fixture) -> None:
    fleet.counted.away = True
    with pytest.raises(FieldwiseError) as caught:
        await fleet.check_ins.check_in(caller("d1"), report(1))
    assert caught.value.fault is Fault.UNAVAILABLE


async def test_a_late_report_never_passes_for_a_fresh_one(fleet: Fixture) -> None:
    rollout = await fleet.roll_out()
    await fleet.check_ins.check_in(caller("d1"), report(5, generation=1, bundle=rollout.digest))
    late = await fleet.check_ins.check_in(caller("d1"), report(4))
    assert late.permit is None
    assert (await fleet.visitor()).standing.bundle_in_use == rollout.digest


async def test_a_late_report_does_not_hide_one_that_waits_to_be_written(fleet: Fixture) -> None:
    await fleet.check_ins.check_in(caller("d1"), report(1))
    await fleet.check_ins.check_in(caller("d1"), learned(5, 50))
    await fleet.check_ins.check_in(caller("d1"), learned(3, 30))
    await fleet.check_ins.flush()
    device = await fleet.stores.devices.get("d1")
    assert device.report == learned(5, 50)


async def test_many_busy_devices_are_dealt_out_over_time() -> None:
    fleet = Fixture()
    names = [f"d{number}" for number in range(40)]
    for name in names:
        await join(fleet.stores, name)
    rollout = await roll_out(fleet.stores)
    orders = [Order(name, Target(1, rollout.digest)) for name in names]
    await fleet.stores.rollouts.save(rollout, orders)
    pace = Pace(idle_seconds=60, busy_seconds=10, busy_calls_per_second=0.5)
    check_ins = CheckIns(fleet.stores.check_ins, fleet.clock, pace)
    told = [(await check_ins.check_in(caller(name), report(1))).next_seconds for name in names]
    assert told == [10 + 2 * n for n in range(25)] + [60] * 15


@pytest.mark.parametrize(("idle", "busy"), [(60, 0), (5, 10), (86_401, 10)])
def test_paces_out_of_order_are_refused(idle: int, busy: int) -> None:
    with pytest.raises(FieldwiseError) as caught:
        Pace(idle, busy)
    assert caught.value.fault is Fault.SETTING_INVALID


async def test_who_waits_for_what_was_recalled_calls_as_if_idle() -> None:
    fixture = Fixture()
    await join(fixture.stores, "d1")
    rollout = await fixture.roll_out()
    orders = await fixture.check_ins.check_in(caller("d1"), report(1))
    assert (orders.next_seconds, orders.permit is None) == (Pace().busy_seconds, False)
    await fixture.stores.rollouts.recall(replace(rollout, kind=Kind.RECALL))
    orders = await fixture.check_ins.check_in(caller("d1"), report(2))
    assert (orders.next_seconds, orders.permit) == (Pace().idle_seconds, None)
