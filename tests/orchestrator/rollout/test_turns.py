from collections.abc import Sequence
from dataclasses import replace

import pytest

from fieldwise.update import UpdateFailure, UpdatePhase
from orchestrator.fleet.device import Standing
from orchestrator.fleet.report import UpdateReport
from orchestrator.rollout.evidence import Outcome
from orchestrator.rollout.machine import Look, obey, reconcile
from orchestrator.rollout.orders import wave_in
from orchestrator.rollout.phases import Command, Phase, Reason
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import OnAbort, Overdue, Plan, Promotion, Undecided, Wave, Window
from orchestrator.rollout.rollout import Happening, Rollout
from orchestrator.rollout.turns import LOST_SECONDS
from tests.fleet_records import NOW
from tests.rollout_records import (
    ARRIVED,
    DECLINED,
    FAILED,
    MEMBER,
    PLAN,
    ROLLOUT,
    STRANGER,
    WANTED,
    at,
    named,
    permitted,
    verdict,
)

TWO = replace(PLAN, waves=(Wave(devices=3), Wave()))


def started(plan: Plan, count: int = 8, now: float = NOW) -> tuple[Rollout, list[str], list[str]]:
    """Return a rollout after its first look, with the devices of its waves."""
    rollout = replace(ROLLOUT, plan=plan)
    look = reconcile(rollout, named(count, STRANGER), now)
    names = [each.device for each in named(count, STRANGER)]
    first = [name for name in names if wave_in(look.rollout, name) == 0]
    return look.rollout, first, [name for name in names if name not in first]


def devices(names: Sequence[str], standing: Standing) -> list[Standing]:
    return [replace(standing, device=name) for name in names]


def look_at(rollout: Rollout, *groups: Sequence[Standing], now: float = NOW) -> Look:
    return reconcile(rollout, [each for group in groups for each in group], now)


def harmed() -> Standing:
    failure = UpdateReport(3, WANTED, UpdatePhase.REVERTED, UpdateFailure.PROBATION_ERRORS)
    return replace(permitted(FAILED), update=failure)


def test_a_rollout_ends_by_itself_where_only_who_had_arrived_was_taken_over() -> None:
    had = replace(MEMBER, device="d2", rollout=6, before=(WANTED,))
    left = look_at(ROLLOUT, [ARRIVED, had]).rollout
    assert (left.phase, left.counts) == (
        Phase.COMPLETE,
        {Place.HEALTHY: 1, Place.SUPERSEDED: 1},
    )
    watched = replace(ROLLOUT, plan=replace(PLAN, soak_seconds=60))
    assert look_at(watched, [ARRIVED, had]).rollout.phase is Phase.RUNNING
    assert look_at(ROLLOUT, [FAILED, had]).rollout.phase is Phase.REVERTING
    assert look_at(ROLLOUT, [had]).rollout.phase is Phase.SUPERSEDED


@pytest.mark.parametrize(
    ("on_abort", "phase"), [(OnAbort.REVERT, Phase.REVERTING), (OnAbort.HOLD, Phase.HELD)]
)
@pytest.mark.parametrize("paused", [False, True])
def test_harm_turns_a_rollout_back_or_ends_it_paused_or_not(
    on_abort: OnAbort, phase: Phase, paused: bool
) -> None:
    rollout, first, rest = started(replace(TWO, on_abort=on_abort))
    if paused:
        rollout, _ = obey(rollout, Command.PAUSE, NOW)
    look = look_at(rollout, devices(first, harmed()), devices(rest, STRANGER))
    assert look.rollout.finding is not None
    assert look.rollout.finding.outcome is Outcome.CLOSED
    assert (look.rollout.phase, look.rollout.reason) == (phase, Reason.HARM)
    assert {order.device for order in look.orders} == (
        set(first) if phase is Phase.REVERTING else set()
    )


@pytest.mark.parametrize(
    ("silent", "listened", "phase"),
    [
        (LOST_SECONDS - 1, LOST_SECONDS, Phase.RUNNING),
        (LOST_SECONDS, LOST_SECONDS, Phase.REVERTING),
        (10 * LOST_SECONDS, 1, Phase.RUNNING),
        (10 * LOST_SECONDS, LOST_SECONDS, Phase.REVERTING),
    ],
)
def test_silence_is_harm_once_somebody_has_listened_for_long(
    silent: float, listened: float, phase: Phase
) -> None:
    rollout, first, rest = started(TWO)
    mute = at(UpdatePhase.MIGRATING, permitted(replace(MEMBER, seen_at=NOW - silent)))
    cohort = [*devices(first, mute), *devices(rest, STRANGER)]
    look = reconcile(rollout, cohort, NOW, heard_since=NOW - listened)
    assert look.rollout.phase is phase
    assert look.rollout.counts[Place.OFFLINE] == len(first)


def test_a_harmful_comparison_turns_a_rollout_back() -> None:
    rollout, first, rest = started(TWO)
    ruined = replace(ARRIVED, verdict=verdict(worse=40))
    look = look_at(rollout, devices(first, ruined), devices(rest, STRANGER))
    assert look.rollout.phase is Phase.REVERTING


def test_a_comparison_of_another_generation_says_nothing() -> None:
    rollout, first, rest = started(TWO)
    stale = replace(ARRIVED, verdict=verdict(worse=40, generation=2))
    look = look_at(rollout, devices(first, stale), devices(rest, STRANGER))
    assert look.rollout.phase is Phase.RUNNING


def test_a_wave_is_watched_for_its_soak() -> None:
    rollout, first, rest = started(replace(TWO, soak_seconds=60))
    cohort = (devices(first, ARRIVED), devices(rest, STRANGER))
    settled = look_at(rollout, *cohort, now=NOW + 10).rollout
    assert (settled.wave, settled.wave_settled_at) == (0, NOW + 10)
    assert look_at(settled, *cohort, now=NOW + 69).rollout.wave == 0
    assert look_at(settled, *cohort, now=NOW + 70).rollout.wave == 1


def test_a_wave_without_a_device_is_not_watched_for_its_soak() -> None:
    waves = (Wave(devices=3), Wave(devices=5), Wave(devices=5), Wave())
    rollout, first, _ = started(replace(TWO, waves=waves, soak_seconds=60), count=3)
    cohort = devices(first, ARRIVED)
    settled = look_at(rollout, cohort).rollout
    assert (settled.wave, settled.wave_settled_at) == (0, NOW)
    look = look_at(settled, cohort, now=NOW + 60)
    assert (look.rollout.wave, look.rollout.phase) == (3, Phase.COMPLETE)


def test_a_soak_begins_anew_where_a_device_moves_again() -> None:
    rollout, first, rest = started(replace(TWO, soak_seconds=60))
    settled = look_at(rollout, devices(first, ARRIVED), devices(rest, STRANGER)).rollout
    moving = [*devices(first[:1], MEMBER), *devices(first[1:], ARRIVED)]
    assert look_at(settled, moving, devices(rest, STRANGER)).rollout.wave_settled_at is None


def test_a_manual_promotion_waits_for_a_word_and_runs_meanwhile() -> None:
    rollout, first, rest = started(replace(TWO, promotion=Promotion.MANUAL))
    cohort = (devices(first, ARRIVED), devices(rest, STRANGER))
    look = look_at(rollout, *cohort)
    assert (look.rollout.phase, look.rollout.wave) == (Phase.RUNNING, 0)
    assert look.rollout.reason is Reason.PROMOTION
    assert look.events[-1].kind is Happening.AWAITS_PROMOTION
    again = look_at(look.rollout, *cohort, now=NOW + 999)
    assert (again.rollout.wave, again.events) == (0, ())
    promoted, _ = obey(again.rollout, Command.PROMOTE, NOW + 999)
    assert (promoted.wave, promoted.reason) == (1, None)


def test_harm_that_shows_while_a_rollout_waits_for_a_word_turns_it_back() -> None:
    rollout, first, rest = started(replace(TWO, promotion=Promotion.MANUAL))
    waiting = look_at(rollout, devices(first, ARRIVED), devices(rest, STRANGER)).rollout
    look = look_at(waiting, devices(first, harmed()), devices(rest, STRANGER))
    assert look.rollout.phase is Phase.REVERTING


def test_the_own_promotion_of_a_wave_goes_before_the_plan_s() -> None:
    waves = (Wave(devices=3, promotion=Promotion.AUTOMATIC), Wave())
    rollout, first, rest = started(replace(TWO, waves=waves, promotion=Promotion.MANUAL))
    look = look_at(rollout, devices(first, ARRIVED), devices(rest, STRANGER))
    assert look.rollout.wave == 1


@pytest.mark.parametrize(
    ("undecided", "phase", "wave"),
    [
        (Undecided.PAUSE, Phase.PAUSED, 0),
        (Undecided.PROMOTE, Phase.RUNNING, 1),
        (Undecided.ABORT, Phase.REVERTING, 0),
    ],
)
def test_a_wave_that_its_deadline_leaves_undecided_goes_as_planned(
    undecided: Undecided, phase: Phase, wave: int
) -> None:
    plan = replace(TWO, undecided=undecided, wave_deadline_seconds=600)
    rollout, first, rest = started(plan)
    cohort = (devices(first, MEMBER), devices(rest, STRANGER))
    late = [[replace(each, seen_at=NOW + 601) for each in group] for group in cohort]
    assert look_at(rollout, *late, now=NOW + 600).rollout.phase is Phase.RUNNING
    look = look_at(rollout, *late, now=NOW + 601)
    assert (look.rollout.phase, look.rollout.wave) == (phase, wave)


def test_a_deadline_starts_when_the_window_opens_for_the_wave() -> None:
    minute = int(NOW % 86_400) // 60
    window = Window((minute + 10) % 1440, (minute + 100) % 1440)
    rollout, first, rest = started(replace(TWO, window=window, wave_deadline_seconds=600))
    assert rollout.wave_started_at is None
    cohort = (devices(first, MEMBER), devices(rest, STRANGER))
    opened = look_at(rollout, *cohort, now=NOW + 660).rollout
    assert opened.wave_started_at == NOW + 660


@pytest.mark.parametrize(
    ("overdue", "stuck", "phase", "wave"),
    [
        (Overdue.FAIL, 3, Phase.REVERTING, 0),
        (Overdue.PAUSE, 1, Phase.PAUSED, 0),
        (Overdue.IGNORE, 1, Phase.RUNNING, 1),
        (Overdue.IGNORE, 3, Phase.PAUSED, 0),  # nobody is left to judge by
    ],
)
def test_overdue_devices_are_taken_for_what_the_plan_says(
    overdue: Overdue, stuck: int, phase: Phase, wave: int
) -> None:
    plan = replace(TWO, overdue=overdue, device_deadline_seconds=60)
    rollout, first, rest = started(plan)
    late = permitted(replace(MEMBER, seen_at=NOW), since=NOW - 61)
    settled = [*devices(first[:stuck], late), *devices(first[stuck:], ARRIVED)]
    look = look_at(rollout, settled, devices(rest, STRANGER))
    assert (look.rollout.phase, look.rollout.wave) == (phase, wave)


@pytest.mark.parametrize(
    ("undecided", "phase"),
    [
        (Undecided.PAUSE, Phase.PAUSED),
        (Undecided.ABORT, Phase.REVERTING),
        (Undecided.PROMOTE, Phase.COMPLETE),
    ],
)
def test_a_fleet_that_is_overdue_and_ignored_decides_nothing(
    undecided: Undecided, phase: Phase
) -> None:
    plan = replace(PLAN, overdue=Overdue.IGNORE, undecided=undecided, device_deadline_seconds=60)
    rollout, everyone, _ = started(plan)
    late = permitted(replace(MEMBER, seen_at=NOW), since=NOW - 61)
    look = look_at(rollout, devices(everyone, late))
    assert look.rollout.finding is not None
    assert look.rollout.finding.outcome is Outcome.UNDECIDED
    assert look.rollout.phase is phase


@pytest.mark.parametrize(
    ("undecided", "phase"),
    [
        (Undecided.PAUSE, Phase.PAUSED),
        (Undecided.ABORT, Phase.REVERTING),
        (Undecided.PROMOTE, Phase.COMPLETE),
    ],
)
@pytest.mark.parametrize("waves", [(Wave(),), (Wave(devices=1), Wave())], ids=["one", "two"])
def test_a_last_wave_that_everyone_declined_is_not_complete_but_as_planned(
    undecided: Undecided, phase: Phase, waves: tuple[Wave, ...]
) -> None:
    rollout, *names = started(replace(PLAN, waves=waves, undecided=undecided), count=2)
    last = replace(rollout, wave=rollout.last_wave)
    look = look_at(last, *(devices(each, DECLINED) for each in names))
    assert look.rollout.phase is phase


def test_a_rollout_of_what_is_not_listed_any_more_pauses_and_says_why() -> None:
    rollout, first, rest = started(TWO)
    cohort = [*devices(first, ARRIVED), *devices(rest, STRANGER)]
    look = reconcile(rollout, cohort, NOW, unlisted=True)
    assert (look.rollout.phase, look.rollout.reason) == (Phase.PAUSED, Reason.UNLISTED)
    assert (look.rollout.wave, look.orders) == (0, ())
    paused = look.events[-1]
    assert (paused.kind, paused.facts["reason"]) == (Happening.PAUSED, "unlisted")
    assert reconcile(ROLLOUT, [], NOW, unlisted=True).rollout.phase is Phase.PAUSED
    resumed, _ = obey(look.rollout, Command.RESUME, NOW)
    assert reconcile(resumed, cohort, NOW).rollout.phase is Phase.RUNNING
    assert reconcile(resumed, cohort, NOW, unlisted=True).rollout.phase is Phase.PAUSED


@pytest.mark.parametrize("phase", [Phase.COMPLETE, Phase.HELD, Phase.REVERTING])
def test_only_what_runs_is_paused_by_a_list(phase: Phase) -> None:
    rollout, first, _ = started(TWO)
    there = replace(rollout, phase=phase, watched=True)
    look = reconcile(there, devices(first, ARRIVED), NOW, unlisted=True)
    assert look.rollout.reason is not Reason.UNLISTED


def test_an_operator_who_resumes_accepts_the_overdue_devices_that_there_are() -> None:
    gate = replace(TWO.gate, failed_share_max=1.0, silent_share_max=1.0)
    plan = replace(TWO, overdue=Overdue.PAUSE, device_deadline_seconds=60, gate=gate)
    rollout, first, rest = started(plan)
    stuck = permitted(replace(MEMBER, seen_at=NOW), since=NOW - 61)
    one = [*devices(first[:1], stuck), *devices(first[1:], MEMBER)]
    paused = look_at(rollout, one, devices(rest, STRANGER)).rollout
    assert (paused.phase, paused.reason) == (Phase.PAUSED, Reason.OVERDUE)
    resumed, _ = obey(paused, Command.RESUME, NOW)
    assert look_at(resumed, one, devices(rest, STRANGER)).rollout.phase is Phase.RUNNING
    two = [*devices(first[:2], stuck), *devices(first[2:], MEMBER)]
    assert look_at(resumed, two, devices(rest, STRANGER)).rollout.phase is Phase.PAUSED


def test_a_resume_of_what_was_undecided_waits_for_something_new_and_not_for_the_same_again() -> (
    None
):
    plan = replace(TWO, wave_deadline_seconds=600)
    rollout, first, rest = started(plan)
    cohort = [*devices(first[:2], DECLINED), *devices(first[2:], ARRIVED)]
    paused = look_at(rollout, cohort, devices(rest, STRANGER)).rollout
    assert (paused.phase, paused.reason) == (Phase.PAUSED, Reason.UNDECIDED)
    resumed, _ = obey(paused, Command.RESUME, NOW)
    waiting = look_at(resumed, cohort, devices(rest, STRANGER)).rollout
    assert (waiting.phase, waiting.wave_started_at) == (Phase.RUNNING, NOW)
    asked_again, _ = obey(waiting, Command.PAUSE, NOW)
    asked_again, _ = obey(asked_again, Command.RESUME, NOW)
    assert look_at(asked_again, cohort, devices(rest, STRANGER)).rollout.phase is Phase.RUNNING
    for looked_at in (waiting, asked_again):
        better = look_at(looked_at, devices(first, ARRIVED), devices(rest, STRANGER)).rollout
        assert (better.phase, better.wave, better.patient) == (Phase.RUNNING, 1, False)
    late = [replace(each, seen_at=NOW + 601) for each in (*cohort, *devices(rest, STRANGER))]
    again = look_at(waiting, late, now=NOW + 601).rollout
    assert (again.phase, again.reason) == (Phase.PAUSED, Reason.UNDECIDED)


def test_a_resume_of_what_an_operator_paused_lets_the_gate_decide_at_once() -> None:
    rollout, first, rest = started(TWO)
    paused, _ = obey(rollout, Command.PAUSE, NOW)
    resumed, _ = obey(paused, Command.RESUME, NOW)
    cohort = [*devices(first[:2], DECLINED), *devices(first[2:], ARRIVED)]
    look = look_at(resumed, cohort, devices(rest, STRANGER))
    assert (look.rollout.phase, look.rollout.reason) == (Phase.PAUSED, Reason.UNDECIDED)


def test_a_promotion_takes_what_is_undecided_in_the_last_wave_for_enough() -> None:
    plan = replace(PLAN, wave_deadline_seconds=600)
    rollout, first, _ = started(plan)
    cohort = devices(first, replace(MEMBER, seen_at=NOW + 601))
    paused = look_at(rollout, cohort, now=NOW + 601).rollout
    assert paused.phase is Phase.PAUSED
    promoted, _ = obey(paused, Command.PROMOTE, NOW + 601)
    ended = look_at(promoted, cohort, now=NOW + 601).rollout
    assert look_at(ended, cohort, now=NOW + 1300).rollout.phase is Phase.COMPLETE


def test_a_wave_of_which_nobody_is_left_decides_nothing_for_the_next() -> None:
    rollout, first, rest = started(TWO)
    taken = devices(first, replace(MEMBER, rollout=6))
    look = look_at(rollout, taken, devices(rest, STRANGER))
    assert (look.rollout.phase, look.rollout.wave) == (Phase.PAUSED, 0)
    assert look.rollout.reason is Reason.UNDECIDED
