from dataclasses import replace
from unittest.mock import AsyncMock

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdatePhase
from orchestrator.fleet.device import Target
from orchestrator.paging import PageRequest
from orchestrator.rollout.controller import BREAK_SECONDS, Controller
from orchestrator.rollout.operations import Rollouts, rollout_number
from orchestrator.rollout.phases import Phase, Reason
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import GateRules, Limits, Plan, Wave
from orchestrator.rollout.rollout import Happening
from tests.fleet_records import backbone, caller, join, report, roll_out, step
from tests.rollout_fleet import ALL, Fleet, RacedRollouts

REQUEST = "0f" * 16


@pytest.fixture
async def fleet() -> Fleet:
    made = Fleet()
    await made.prepare("d1", "d2")
    return made


async def test_a_start_orders_the_cohort_at_once(fleet: Fleet) -> None:
    rollout = await fleet.rollouts.start(replace(ALL, cohort="site=berlin"))
    assert (rollout.phase, rollout.counts) == (Phase.RUNNING, {Place.WAITING: 2})
    await fleet.calls("d1")
    assert (await fleet.rollouts.get(rollout.id)).counts == {Place.WAITING: 1, Place.PERMITTED: 1}


async def test_a_start_that_is_repeated_starts_one_rollout(fleet: Fleet) -> None:
    first = await fleet.rollouts.start(replace(ALL, cohort="line!=3, site=berlin"), REQUEST)
    again = await fleet.rollouts.start(replace(ALL, cohort="line!=3,site=berlin"), REQUEST)
    assert (again.id, again.counts) == (first.id, first.counts)
    assert (await fleet.rollouts.start(ALL)).id != first.id


async def test_a_start_is_made_up_for_where_the_server_died_before_its_first_look(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(fleet.controller, "look_at", AsyncMock(side_effect=RuntimeError))
        with pytest.raises(RuntimeError):
            await fleet.rollouts.start(ALL, REQUEST)
    assert (await fleet.rollouts.start(ALL, REQUEST)).id == "r1"
    assert fleet.target("d1") is not None


async def test_an_undo_that_is_repeated_starts_one_rollout(fleet: Fleet) -> None:
    await fleet.rollouts.start(Plan("lite0:1"))
    second = await fleet.rollouts.start(Plan("lite0:2"))
    first = await fleet.rollouts.undo(second.id, "r1", REQUEST)
    again = await fleet.rollouts.undo(second.id, "r1", REQUEST)
    assert (again.rollout.id, again.ordered) == (first.rollout.id, first.ordered)
    assert len((await fleet.rollouts.list(PageRequest())).items) == 3


async def test_the_name_of_a_request_is_good_for_that_one(fleet: Fleet) -> None:
    await fleet.rollouts.start(Plan("lite0:1"), REQUEST)
    second = await fleet.rollouts.start(Plan("lite0:2"))
    for other in (
        fleet.rollouts.start(Plan("lite0:2"), REQUEST),
        fleet.rollouts.undo(second.id, "r1", REQUEST),
        fleet.rollouts.start(ALL, "deploy-7"),
    ):
        with pytest.raises(FieldwiseError) as caught:
            await other
        assert caught.value.fault is Fault.INVALID_ARGUMENT


async def test_a_promotion_that_is_repeated_opens_one_wave(fleet: Fleet) -> None:
    waves = (Wave(devices=1), Wave(devices=1), Wave())
    rollout = await fleet.rollouts.start(replace(ALL, waves=waves))
    first = await fleet.rollouts.promote(rollout.id, wave=1)
    again = await fleet.rollouts.promote(rollout.id, wave=1)
    assert (first.changed, again.changed, again.rollout.wave) == (True, False, 1)
    assert (await fleet.rollouts.promote(rollout.id)).rollout.wave == 2


async def test_a_wave_that_was_never_open_is_not_promoted(fleet: Fleet) -> None:
    rollout = await fleet.rollouts.start(replace(ALL, waves=(Wave(devices=1), Wave())))
    with pytest.raises(FieldwiseError, match="wave 2 of rollout r1 is not open: wave 1 is") as told:
        await fleet.rollouts.promote(rollout.id, wave=2)
    assert told.value.fault is Fault.INVALID_ARGUMENT
    assert (await fleet.rollouts.get(rollout.id)).wave == 0


async def test_who_joins_later_gets_the_target_at_the_next_look(fleet: Fleet) -> None:
    await fleet.rollouts.start(ALL)
    await join(fleet.stores, "d3")
    await fleet.controller.look_at_all()
    assert await fleet.calls("d3") is not None


async def test_who_joins_later_does_not_get_what_everyone_declined(fleet: Fleet) -> None:
    first = await fleet.rollouts.start(Plan("lite0:1"))
    for device in ("d1", "d2"):
        await fleet.arrives(device)
    second = await fleet.rollouts.start(Plan("lite0:2"))
    for device in ("d1", "d2"):
        await fleet.calls(device)
        await fleet.calls(device, UpdatePhase.DECLINED)
    seen = await fleet.rollouts.get(second.id)
    assert (seen.phase, seen.reason) == (Phase.PAUSED, Reason.UNDECIDED)
    await join(fleet.stores, "d3")
    await fleet.controller.look_at_all()
    assert await fleet.calls("d3") == Target(1, first.digest)
    await fleet.rollouts.promote(second.id)
    assert fleet.target("d3") == Target(2, second.digest)


async def test_a_rollout_that_a_newer_one_overtakes_at_its_start_ends_as_superseded(
    fleet: Fleet,
) -> None:
    old = await roll_out(fleet.stores)
    new = await fleet.rollouts.start(ALL)
    await fleet.controller.look_at_all()
    overtaken = await fleet.stores.rollouts.get(old.number)
    assert (overtaken.phase, overtaken.counts) == (Phase.SUPERSEDED, {Place.SUPERSEDED: 2})
    assert [each.number for each in await fleet.stores.rollouts.watched()] == [new.number]


@pytest.mark.parametrize("word", ["pause", "hold", "abort"])
async def test_a_stop_says_how_many_may_still_start(word: str) -> None:
    fleet = Fleet()
    await fleet.prepare("d1", "d2", "d3")
    rollout = await fleet.rollouts.start(ALL)
    for device in ("d1", "d2"):
        await fleet.calls(device)
    fleet.clock.pass_by(5)
    change = await getattr(fleet.rollouts, word)(rollout.id)
    assert (change.changed, change.may_still_start) == (True, 2)
    assert 45 <= change.within_seconds <= 48
    await fleet.calls("d3")
    again = await getattr(fleet.rollouts, word)(rollout.id)
    assert (again.changed, again.may_still_start) == (False, 2)


async def test_a_stop_without_permits_says_none(fleet: Fleet) -> None:
    change = await fleet.rollouts.hold((await fleet.rollouts.start(ALL)).id)
    assert (change.may_still_start, change.within_seconds) == (0, 0)
    assert change.rollout.phase is Phase.HELD


async def test_a_pause_now_takes_the_target_back_and_a_resume_gives_it_again(
    fleet: Fleet,
) -> None:
    await fleet.rollouts.start(Plan("lite0:1"))
    for device in ("d1", "d2"):
        await fleet.arrives(device)
    had = backbone("1").digest
    rollout = await fleet.rollouts.start(Plan("lite0:2"))
    await fleet.calls("d1")
    await fleet.calls("d1", UpdatePhase.MIGRATING)
    change = await fleet.rollouts.pause(rollout.id, now=True)
    assert change.ordered == 2
    targets = [fleet.target(device) for device in ("d1", "d2")]
    assert targets == [Target(3, had, back=True)] * 2
    resumed = await fleet.rollouts.resume(rollout.id)
    assert resumed.ordered == 2
    assert fleet.target("d1") == Target(4, rollout.digest)
    history = await fleet.rollouts.history(rollout.id, PageRequest())
    kinds = [event.kind for event in reversed(history.items)]
    told = [Happening.STARTED, Happening.PAUSED, Happening.REVOKED, Happening.RESUMED]
    assert [kind for kind in kinds if kind is not Happening.FINDING] == told


async def test_a_promotion_orders_the_next_wave_at_once(fleet: Fleet) -> None:
    rollout = await fleet.rollouts.start(replace(ALL, waves=(Wave(devices=1), Wave())))
    assert sum(fleet.target(device) is not None for device in ("d1", "d2")) == 1
    change = await fleet.rollouts.promote(rollout.id)
    assert (change.rollout.wave, change.ordered) == (1, 1)
    again = await fleet.rollouts.promote(rollout.id, to_end=True)
    assert again.rollout.to_end


async def test_a_retry_orders_the_failed_again(fleet: Fleet) -> None:
    lenient = GateRules(failed_share_max=1.0, rollback_share_max=1.0)
    rollout = await fleet.rollouts.start(replace(ALL, gate=lenient))
    await fleet.calls("d1")
    await fleet.calls("d1", UpdatePhase.REVERTED)
    change = await fleet.rollouts.retry(rollout.id)
    assert change.ordered == 1
    assert fleet.target("d1") == Target(2, rollout.digest)
    assert not (await fleet.rollouts.retry(rollout.id)).changed


async def test_an_abort_brings_devices_back_to_what_each_had(fleet: Fleet) -> None:
    await fleet.rollouts.start(Plan("lite0:1"))
    await fleet.arrives("d1")
    rollout = await fleet.rollouts.start(Plan("lite0:2"))
    await fleet.arrives("d1")
    change = await fleet.rollouts.abort(rollout.id)
    assert change.rollout.phase is Phase.REVERTING
    assert fleet.target("d1") == Target(3, backbone("1").digest, back=True)
    assert fleet.target("d2") == Target(2, backbone("2").digest)  # it never had anything
    await fleet.arrives("d1")
    ended = await fleet.rollouts.get(rollout.id)
    assert (ended.phase, ended.reason) == (Phase.REVERTED, Reason.OPERATOR)


async def test_devices_wait_for_their_turn_where_few_may_be_under_way(fleet: Fleet) -> None:
    limits = Limits(in_flight=1, bytes_per_second=1000)
    await fleet.rollouts.start(replace(ALL, limits=limits))
    first = await fleet.check_ins.check_in(caller("d1"), report(1))
    assert first.permit is not None
    assert first.permit.bytes_per_second == 1000
    assert (await fleet.check_ins.check_in(caller("d2"), report(1))).permit is None
    await fleet.calls("d1", UpdatePhase.ACTIVE)
    fleet.clock.pass_by(2)
    assert (await fleet.check_ins.check_in(caller("d2"), report(2))).permit is not None


async def test_an_operator_wins_against_a_busy_controller() -> None:
    fleet = Fleet(races=6)
    await fleet.prepare("d1")
    rollout = await fleet.rollouts.start(ALL)
    assert (await fleet.rollouts.hold(rollout.id)).rollout.phase is Phase.HELD


async def test_an_operator_who_always_loses_is_told() -> None:
    fleet = Fleet(races=1000)
    await fleet.prepare("d1")
    with pytest.raises(FieldwiseError) as caught:
        await fleet.rollouts.start(ALL)
    assert caught.value.fault is Fault.CONFLICT


async def test_a_rollout_that_others_keep_changing_can_be_looked_at_all_the_same(
    fleet: Fleet,
) -> None:
    rollout = await fleet.rollouts.start(ALL)
    await fleet.calls("d1")
    store = RacedRollouts(fleet.contents, 1000)
    controller = Controller(store, fleet.stores.backbones, fleet.clock)
    raced = Rollouts(store, fleet.stores.backbones, controller, fleet.clock)
    assert (await raced.get(rollout.id)).counts == {Place.WAITING: 2}


async def test_a_conflict_does_not_keep_the_controller_from_other_rollouts(fleet: Fleet) -> None:
    old = await roll_out(fleet.stores)
    new = await roll_out(fleet.stores)
    store = RacedRollouts(fleet.contents, 1)
    await Controller(store, fleet.stores.backbones, fleet.clock).look_at_all()
    assert (await store.get(new.number)).counts == {}
    assert (await store.get(old.number)).counts == {Place.WAITING: 2}


async def test_a_device_that_knows_more_than_a_restored_database_is_ordered_by_what_was_complete(
    fleet: Fleet,
) -> None:
    started = await fleet.rollouts.start(ALL)
    for device in ("d1", "d2"):
        await fleet.arrives(device)
    assert not (await fleet.stores.rollouts.get(started.number)).watched
    ahead = report(
        fleet.next(), generation=9, bundle="f" * 64, update=step(9, "f" * 64, UpdatePhase.ACTIVE)
    )
    await fleet.check_ins.check_in(caller("d1"), ahead)
    await fleet.controller.look_at_all()
    assert fleet.target("d1") == Target(10, started.digest)


@pytest.mark.parametrize("again", [False, True], ids=["suspended", "started again"])
async def test_an_orchestrator_that_was_away_takes_nobody_for_lost_until_it_has_listened(
    fleet: Fleet, again: bool
) -> None:
    started = await fleet.rollouts.start(ALL)
    for device in ("d1", "d2"):
        await fleet.calls(device)
        await fleet.calls(device, UpdatePhase.MIGRATING)
    fleet.clock.pass_by(2 * BREAK_SECONDS)
    store, backbones = fleet.stores.rollouts, fleet.stores.backbones
    controller = Controller(store, backbones, fleet.clock) if again else fleet.controller
    await controller.look_at_all()
    seen = await store.get(started.number)
    assert (seen.phase, seen.counts) == (Phase.RUNNING, {Place.OFFLINE: 2})
    for _ in range(4):
        fleet.clock.pass_by(BREAK_SECONDS / 2)
        await controller.look_at_all()
    assert (await store.get(started.number)).reason is Reason.HARM


@pytest.mark.parametrize(("name", "cohort"), [("lite9", ""), ("!", ""), ("lite0", "=")])
async def test_a_start_that_makes_no_sense_starts_nothing(
    fleet: Fleet, name: str, cohort: str
) -> None:
    with pytest.raises(FieldwiseError):
        await fleet.rollouts.start(Plan(name, cohort))
    assert (await fleet.rollouts.list(PageRequest())).items == ()


@pytest.mark.parametrize("text", ["", "r", "r0", "7", "r-1", "r1 ", "r" + "9" * 19, "r٣"])
def test_what_names_no_rollout_is_not_found(text: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        rollout_number(text)
    assert caught.value.fault is Fault.NOT_FOUND
