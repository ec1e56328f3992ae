from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdatePhase
from orchestrator.fleet.device import Permit, Standing, Target, is_ahead
from orchestrator.fleet.report import UpdateReport
from orchestrator.rollout.machine import (
    COMMANDS,
    VERDICTS,
    Command,
    Order,
    Phase,
    Place,
    Rollout,
    host_of,
    may_start,
    obey,
    place_of,
    reconcile,
)
from tests.fleet_records import NOW

WANTED, OTHER = "a" * 64, "b" * 64
ROLLOUT = Rollout(5, WANTED, "lite0:1", "", NOW - 100)
MEMBER = Standing("d1", NOW - 100, target=Target(3, WANTED), rollout=5, seen_at=NOW, generation=3)
ARRIVED = replace(MEMBER, bundle_in_use=WANTED, update=UpdateReport(3, WANTED, UpdatePhase.ACTIVE))
FAILED = replace(MEMBER, bundle_in_use=OTHER, update=UpdateReport(3, WANTED, UpdatePhase.REVERTED))
DIGESTS = st.sampled_from([None, WANTED, OTHER])
SMALL = st.integers(0, 4)


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    """Any row that a store could hold, sensible or not."""
    rollout = draw(st.integers(0, 7))
    target = Target(draw(st.integers(1, 4)), draw(st.sampled_from([WANTED, OTHER])))
    return Standing(
        device=draw(st.uuids()).hex,
        enrolled_at=NOW - 1000,
        target=target if rollout else None,
        rollout=rollout,
        permit=draw(st.none() | st.builds(Permit, SMALL, st.sampled_from([NOW - 9, NOW + 9]))),
        seen_at=draw(st.sampled_from([None, NOW - 500, NOW - 50, NOW])),
        generation=draw(SMALL),
        bundle_in_use=draw(DIGESTS),
        update=draw(st.builds(UpdateReport, SMALL, DIGESTS, st.sampled_from(UpdatePhase))),
    )


def one(rollout: Rollout, *cohort: Standing) -> tuple[Rollout, tuple[Order, ...]]:
    return reconcile(rollout, cohort, NOW)


def test_every_phase_has_a_row_in_both_tables() -> None:
    assert set(COMMANDS) == set(VERDICTS) == set(Phase)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("command", Command)
def test_a_command_does_what_the_table_says_or_is_refused(phase: Phase, command: Command) -> None:
    rollout = replace(ROLLOUT, phase=phase)
    if command in COMMANDS[phase]:
        obeyed = obey(rollout, command, NOW)
        assert (obeyed.phase, obeyed.ended_at) == (COMMANDS[phase][command], NOW)
        return
    with pytest.raises(FieldwiseError) as caught:
        obey(rollout, command, NOW)
    assert caught.value.fault is Fault.ILLEGAL_COMMAND


@settings(max_examples=300, deadline=None)
@given(st.lists(standings(), max_size=8), st.sampled_from(Phase), st.booleans())
def test_any_look_is_total_adds_up_and_is_idempotent(
    cohort: Sequence[Standing], phase: Phase, watched: bool
) -> None:
    rollout = replace(ROLLOUT, phase=phase, watched=watched or phase is Phase.RUNNING)
    seen, orders = reconcile(rollout, cohort, NOW)
    if rollout.watched:
        assert sum(seen.counts.values()) == len(cohort)
    again, repeated = reconcile(seen, cohort, NOW)
    assert again == seen
    assert repeated == (orders if seen.watched else ())


@settings(max_examples=300, deadline=None)
@given(st.lists(standings(), max_size=8))
def test_orders_go_where_they_are_owed_with_unused_generations(cohort: Sequence[Standing]) -> None:
    seen, orders = reconcile(ROLLOUT, cohort, NOW)
    owed = {
        each.device for each in cohort if each.rollout < 5 or (each.rollout == 5 and is_ahead(each))
    }
    assert {order.device for order in orders} == owed
    rows = {each.device: each for each in cohort}
    for order in orders:
        row = rows[order.device]
        known = max(row.generation, row.target.generation if row.target else 0)
        assert order.target == Target(known + 1, WANTED)
    assert seen.phase is Phase.RUNNING or not orders


@pytest.mark.parametrize(
    ("standing", "place"),
    [
        (replace(MEMBER, rollout=0, target=None), Place.WAITING),
        (MEMBER, Place.WAITING),
        (replace(MEMBER, permit=Permit(3, NOW + 1)), Place.PERMITTED),
        (replace(MEMBER, permit=Permit(2, NOW + 1)), Place.WAITING),
        (replace(MEMBER, permit=Permit(3, NOW)), Place.WAITING),
        (replace(MEMBER, update=UpdateReport(3, WANTED, UpdatePhase.FETCHING)), Place.FETCHING),
        (replace(MEMBER, update=UpdateReport(3, WANTED, UpdatePhase.VERIFYING)), Place.VERIFYING),
        (replace(MEMBER, update=UpdateReport(3, WANTED, UpdatePhase.MIGRATING)), Place.MIGRATING),
        (replace(MEMBER, update=UpdateReport(2, OTHER, UpdatePhase.FETCHING)), Place.WAITING),
        (ARRIVED, Place.HEALTHY),
        (replace(ARRIVED, seen_at=NOW - 999), Place.HEALTHY),
        (FAILED, Place.FAILED),
        (replace(FAILED, seen_at=NOW - 999), Place.FAILED),
        (replace(MEMBER, seen_at=NOW - 181), Place.OFFLINE),
        (replace(ARRIVED, rollout=6), Place.SUPERSEDED),
        (replace(ARRIVED, generation=9), Place.WAITING),
    ],
)
def test_a_device_is_counted_in_one_place(standing: Standing, place: Place) -> None:
    assert place_of(ROLLOUT, standing, NOW) is place


def test_stopping_a_complete_rollout_keeps_when_it_ended_and_lets_nobody_in() -> None:
    complete = replace(ROLLOUT, phase=Phase.COMPLETE, ended_at=NOW - 9)
    stopped = obey(complete, Command.STOP, NOW)
    assert (stopped.phase, stopped.ended_at) == (Phase.STOPPED, NOW - 9)
    assert not may_start(stopped.phase)


def test_a_rollout_completes_when_all_have_settled() -> None:
    seen, _ = one(ROLLOUT, ARRIVED, replace(FAILED, device="d2"))
    assert (seen.phase, seen.ended_at, seen.watched) == (Phase.COMPLETE, NOW, False)
    assert seen.counts == {Place.HEALTHY: 1, Place.FAILED: 1}


def test_a_silent_device_keeps_a_rollout_running() -> None:
    seen, _ = one(ROLLOUT, ARRIVED, replace(MEMBER, device="d2", seen_at=NOW - 999))
    assert seen.phase is Phase.RUNNING


def test_an_empty_cohort_waits_for_its_first_device() -> None:
    assert one(ROLLOUT)[0].phase is Phase.RUNNING


def test_a_rollout_whose_rest_was_taken_over_is_superseded() -> None:
    seen, _ = one(ROLLOUT, ARRIVED, replace(MEMBER, device="d2", rollout=6))
    assert seen.phase is Phase.SUPERSEDED


def test_a_complete_rollout_is_watched_until_its_newcomers_have_settled() -> None:
    complete = replace(ROLLOUT, phase=Phase.COMPLETE, ended_at=NOW - 9)
    newcomer = replace(MEMBER, device="d2")
    for standing in (newcomer, replace(newcomer, seen_at=NOW - 999)):
        seen, orders = one(complete, ARRIVED, standing)
        assert (seen.phase, seen.ended_at, seen.watched) == (Phase.COMPLETE, NOW - 9, True)
        assert (sum(seen.counts.values()), orders) == (2, ())
    for standing in (replace(FAILED, device="d2"), replace(newcomer, rollout=6)):
        assert not one(complete, ARRIVED, standing)[0].watched


def test_a_complete_rollout_orders_its_own_again_and_no_one_else() -> None:
    complete = replace(ROLLOUT, phase=Phase.COMPLETE)
    ahead, stranger = replace(MEMBER, generation=7), replace(MEMBER, device="d2", rollout=0)
    seen, orders = one(complete, ahead, stranger)
    assert orders == (Order("d1", Target(8, WANTED)),)
    assert seen.watched


@pytest.mark.parametrize(
    ("rollouts", "host"),
    [
        ([], None),
        ([("", Phase.STOPPED), ("", Phase.SUPERSEDED)], None),
        ([("", Phase.COMPLETE), ("", Phase.COMPLETE)], 2),
        ([("", Phase.COMPLETE), ("site=paris", Phase.COMPLETE)], 1),
        ([("", Phase.COMPLETE), ("", Phase.STOPPED)], 1),
        ([("", Phase.COMPLETE), ("site", Phase.RUNNING)], None),
        ([("", Phase.COMPLETE), ("line", Phase.RUNNING)], 1),
        ([("", Phase.RUNNING), ("", Phase.COMPLETE)], 2),
    ],
)
def test_a_member_without_a_rollout_belongs_to_the_newest_complete_one_of_its_tags(
    rollouts: list[tuple[str, Phase]], host: int | None
) -> None:
    oldest_first = [
        replace(ROLLOUT, number=number, cohort=cohort, phase=phase)
        for number, (cohort, phase) in enumerate(rollouts, start=1)
    ]
    found = host_of(reversed(oldest_first), {"site": "berlin"})
    assert (found.number if found else None) == host


def test_a_stopped_rollout_is_watched_while_a_device_may_still_move() -> None:
    stopped = obey(ROLLOUT, Command.STOP, NOW)
    permitted = replace(MEMBER, permit=Permit(3, NOW + 1))
    begun = replace(MEMBER, update=UpdateReport(3, WANTED, UpdatePhase.FETCHING))
    silent = replace(MEMBER, permit=Permit(3, NOW - 5), seen_at=NOW - 9)
    unaware = replace(MEMBER, generation=2)
    for moving in (permitted, begun, silent, unaware):
        assert one(stopped, moving)[0].watched
    for settled in (MEMBER, ARRIVED, FAILED, replace(permitted, rollout=6)):
        assert not one(stopped, settled)[0].watched
