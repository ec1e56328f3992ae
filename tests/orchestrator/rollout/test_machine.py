from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateHold, UpdatePhase
from orchestrator.fleet.device import Permit, Standing, Target
from orchestrator.fleet.report import NOTHING_BEGUN, UpdateReport
from orchestrator.rollout.history import ENTERED
from orchestrator.rollout.machine import Look, host_of, is_news, obey, reconcile
from orchestrator.rollout.orders import wave_in
from orchestrator.rollout.phases import COMMANDS, ENDED, TURNS, Command, Phase, Reason
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import Wave
from orchestrator.rollout.rollout import Actor, Happening, Kind, Rollout, may_start
from orchestrator.rollout.telling import told
from tests.fleet_records import NOW
from tests.rollout_records import (
    ARRIVED,
    FAILED,
    MEMBER,
    OTHER,
    PLAN,
    ROLLOUT,
    STRANGER,
    WANTED,
    at,
    named,
    ordered_back,
    permitted,
)

DIGESTS = st.sampled_from([None, WANTED, OTHER])
SMALL = st.integers(0, 4)
WAVES = (Wave(devices=2), Wave(share=0.5), Wave())


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    """Any row that a store could hold, sensible or not."""
    rollout = draw(st.integers(0, 7))
    digest = draw(st.sampled_from([WANTED, OTHER]))
    target = Target(draw(st.integers(1, 4)), digest, back=draw(st.booleans()))
    moments = st.sampled_from([NOW - 99_999, NOW - 9, NOW])
    holds = st.none() | st.sampled_from(UpdateHold)
    phases = st.sampled_from(UpdatePhase)
    return Standing(
        device=draw(st.uuids()).hex,
        enrolled_at=NOW - 1000,
        target=target if rollout else None,
        rollout=rollout,
        permit=draw(
            st.none() | st.builds(Permit, SMALL, st.sampled_from([NOW - 9, NOW + 9]), moments)
        ),
        before=tuple(draw(st.lists(st.sampled_from([WANTED, OTHER]), max_size=2))),
        ordered_at=draw(moments),
        seen_at=draw(st.sampled_from([None, NOW - 500, NOW - 50, NOW])),
        generation=draw(SMALL),
        bundle_in_use=draw(DIGESTS),
        update=draw(st.builds(UpdateReport, SMALL, DIGESTS, phases, st.none(), holds)),
    )


ROLLOUTS = st.builds(
    replace,
    st.just(ROLLOUT),
    phase=st.sampled_from(Phase),
    plan=st.sampled_from([PLAN, replace(PLAN, waves=WAVES)]),
    kind=st.sampled_from(Kind),
    wave=st.just(0),
)
COHORTS = st.lists(standings(), max_size=8)
RECALLED = st.sets(st.sampled_from([WANTED, OTHER]))


def one(rollout: Rollout, *cohort: Standing) -> Look:
    return reconcile(rollout, cohort, NOW)


def waved(rollout: Rollout, standing: Standing, count: int) -> list[Standing]:
    """Return devices whose names begin with the rollout's waves drawn."""
    return named(count, replace(standing, rollout=rollout.number))


def test_every_phase_has_a_row_in_both_tables() -> None:
    assert set(COMMANDS) == set(TURNS) == set(ENTERED) == set(Phase)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("command", Command)
def test_a_command_does_what_the_table_says_or_is_refused(phase: Phase, command: Command) -> None:
    rollout = replace(ROLLOUT, phase=phase, plan=replace(PLAN, waves=WAVES))
    if command in COMMANDS[phase]:
        obeyed, events = obey(rollout, command, NOW)
        assert obeyed.phase is COMMANDS[phase][command]
        assert (obeyed.phase is not phase) <= bool(events)
        assert all(event.actor is Actor.OPERATOR for event in events)
        return
    with pytest.raises(FieldwiseError) as caught:
        obey(rollout, command, NOW)
    assert caught.value.fault is Fault.ILLEGAL_COMMAND


@settings(max_examples=300, deadline=None)
@given(COHORTS, ROLLOUTS, RECALLED)
def test_any_look_is_total_adds_up_and_is_idempotent(
    cohort: Sequence[Standing], rollout: Rollout, recalled: set[str]
) -> None:
    look = reconcile(rollout, cohort, NOW, recalled)
    assert sum(look.rollout.counts.values()) == len(cohort)
    assert len(look.rollout.tally) == len(rollout.plan.waves)
    again = reconcile(look.rollout, cohort, NOW, recalled)
    assert (again.rollout, again.events) == (look.rollout, ())
    assert again.orders == (look.orders if look.rollout.watched else ())


@settings(max_examples=300, deadline=None)
@given(COHORTS, ROLLOUTS, RECALLED)
def test_no_order_reuses_a_generation_takes_from_a_newer_rollout_or_brings_what_is_recalled(
    cohort: Sequence[Standing], rollout: Rollout, recalled: set[str]
) -> None:
    look = reconcile(rollout, cohort, NOW, recalled)
    rows = {each.device: each for each in cohort}
    for order in look.orders:
        row = rows[order.device]
        known = max(row.generation, row.target.generation if row.target else 0)
        assert order.target.generation == known + 1
        assert row.rollout <= rollout.number
        assert order.target.digest not in recalled


def test_a_pause_lets_nobody_start_and_a_resume_gives_the_wave_its_time_again() -> None:
    seen = replace(one(ROLLOUT, MEMBER).rollout, wave_started_at=NOW - 500)
    paused, _ = obey(seen, Command.PAUSE, NOW)
    assert (paused.phase, paused.reason) == (Phase.PAUSED, Reason.OPERATOR)
    target = MEMBER.target
    assert target is not None
    assert not may_start(paused, target)
    resumed, _ = obey(paused, Command.RESUME, NOW)
    assert may_start(resumed, target)
    assert one(resumed, MEMBER).rollout.wave_started_at == NOW


def test_a_command_that_finds_what_it_wants_changes_nothing() -> None:
    assert obey(ROLLOUT, Command.RESUME, NOW) == (ROLLOUT, ())
    paused, _ = obey(ROLLOUT, Command.PAUSE, NOW)
    assert obey(paused, Command.PAUSE, NOW + 1) == (paused, ())


def test_a_promotion_opens_the_next_wave_and_one_to_the_end_all_of_them() -> None:
    rollout = replace(ROLLOUT, plan=replace(PLAN, waves=WAVES))
    next_, [event] = obey(rollout, Command.PROMOTE, NOW)
    assert (next_.wave, next_.to_end) == (1, False)
    assert (event.kind, dict(event.facts)["wave"]) == (Happening.WAVE_OPENED, 2)
    last, _ = obey(rollout, Command.PROMOTE_TO_END, NOW)
    assert (last.wave, last.to_end) == (2, True)
    insisted, [event] = obey(replace(rollout, wave=2), Command.PROMOTE, NOW)
    assert (insisted.wave, insisted.to_end) == (2, True)
    assert event.kind is Happening.PROMOTED
    assert told(event) == (
        "From here on the evidence that there is suffices, and only harm stops it, by an operator."
    )
    watched = replace(insisted, wave_started_at=NOW - 9, wave_settled_at=NOW - 5)
    assert obey(watched, Command.PROMOTE, NOW) == (watched, ())


def test_holding_a_complete_rollout_keeps_when_it_ended_and_lets_nobody_in() -> None:
    complete = replace(ROLLOUT, phase=Phase.COMPLETE, ended_at=NOW - 9)
    held, _ = obey(complete, Command.HOLD, NOW)
    assert (held.phase, held.ended_at) == (Phase.HELD, NOW - 9)
    assert not may_start(held, Target(1, WANTED))
    assert may_start(held, Target(1, OTHER, back=True))


def test_an_abort_ends_when_every_device_is_back() -> None:
    aborted, _ = obey(ROLLOUT, Command.ABORT, NOW)
    look = one(aborted, ARRIVED)
    assert (look.rollout.phase, look.rollout.ended_at) == (Phase.REVERTING, None)
    assert [order.target.digest for order in look.orders] == [OTHER]
    back = replace(ordered_back(ARRIVED), generation=4, bundle_in_use=OTHER)
    ended = one(look.rollout, back).rollout
    assert (ended.phase, ended.reason, ended.ended_at) == (Phase.REVERTED, Reason.OPERATOR, NOW)
    assert not ended.watched


def test_an_abort_ends_no_sooner_than_permits_do_that_were_given_while_it_looked() -> None:
    aborted, _ = obey(ROLLOUT, Command.ABORT, NOW)
    look = one(aborted, MEMBER)
    assert (look.rollout.phase, len(look.orders)) == (Phase.REVERTING, 1)
    assert one(look.rollout, ordered_back(permitted())).rollout.phase is Phase.REVERTING
    assert one(look.rollout, ordered_back(MEMBER)).rollout.phase is Phase.REVERTED


def test_an_unseen_device_that_may_run_it_keeps_a_rollout_turning_back() -> None:
    reverting = replace(ROLLOUT, phase=Phase.REVERTING)
    silent = replace(ordered_back(permitted()), seen_at=NOW - 9999)
    assert one(reverting, silent).rollout.phase is Phase.REVERTING
    assert one(reverting, replace(silent, permit=None)).rollout.phase is Phase.REVERTED


def test_a_device_that_cannot_go_back_keeps_a_rollout_turning_back() -> None:
    reverting = replace(ROLLOUT, phase=Phase.REVERTING)
    stuck = at(UpdatePhase.REVERTED, replace(ordered_back(ARRIVED), generation=4))
    look = one(reverting, stuck)
    assert look.rollout.phase is Phase.REVERTING
    assert look.rollout.counts == {Place.FAILED: 1}


def test_a_device_with_nothing_before_does_not_keep_a_rollout_from_having_turned_back() -> None:
    reverting = replace(ROLLOUT, phase=Phase.REVERTING)
    look = one(reverting, replace(ARRIVED, before=()))
    assert (look.rollout.phase, look.orders) == (Phase.REVERTED, ())
    assert look.rollout.counts == {Place.EXCLUDED: 1}


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.PAUSED, Phase.COMPLETE])
def test_a_rollout_whose_backbone_is_recalled_turns_back(phase: Phase) -> None:
    look = reconcile(replace(ROLLOUT, phase=phase), [ARRIVED], NOW, {WANTED})
    assert (look.rollout.phase, look.rollout.reason) == (Phase.REVERTING, Reason.RECALLED)
    assert [order.target for order in look.orders] == [Target(4, OTHER, back=True)]
    assert look.events[-1].kind is Happening.REVERTING


def test_what_had_turned_back_turns_back_again_for_a_device_that_turns_up() -> None:
    reverted = replace(
        ROLLOUT, phase=Phase.REVERTED, reason=Reason.HARM, watched=False, ended_at=NOW - 9
    )
    ahead = replace(ordered_back(ARRIVED), generation=9)
    assert is_news(reverted, ahead)
    look = one(replace(reverted, watched=True), ahead)
    assert (look.rollout.phase, look.rollout.reason) == (Phase.REVERTING, Reason.HARM)
    assert [order.target for order in look.orders] == [Target(10, OTHER, back=True)]
    [order] = look.orders
    arrived = replace(ahead, generation=10, bundle_in_use=OTHER, update=NOTHING_BEGUN)
    back = replace(arrived, target=order.target)
    assert not is_news(reverted, back)
    assert one(look.rollout, back).rollout.phase is Phase.REVERTED


@pytest.mark.parametrize("phase", [Phase.HELD, Phase.SUPERSEDED])
def test_a_device_that_knows_more_keeps_what_it_runs_where_its_rollout_was_held(
    phase: Phase,
) -> None:
    ended = replace(ROLLOUT, phase=phase, watched=False)
    assert not is_news(ended, replace(ARRIVED, generation=9))
    assert one(replace(ended, watched=True), replace(ARRIVED, generation=9)).orders == ()


def test_a_recall_that_has_ended_concerns_whoever_runs_the_backbone_and_had_another() -> None:
    recall = replace(
        ROLLOUT, number=9, kind=Kind.RECALL, phase=Phase.REVERTED, watched=False, ended_at=NOW - 9
    )
    assert is_news(recall, ARRIVED, {WANTED})
    assert not is_news(recall, replace(ARRIVED, before=()), {WANTED})
    assert not is_news(recall, replace(ARRIVED, rollout=10), {WANTED})
    assert not is_news(recall, replace(ARRIVED, bundle_in_use=OTHER), {WANTED})
    assert not is_news(replace(recall, watched=True), ARRIVED, {WANTED})
    look = reconcile(replace(recall, watched=True), [ARRIVED], NOW, {WANTED})
    assert (look.rollout.phase, look.rollout.ended_at) == (Phase.REVERTING, None)


def test_a_recall_is_done_when_nobody_may_run_the_backbone_any_more() -> None:
    recall = replace(ROLLOUT, phase=Phase.REVERTING, kind=Kind.RECALL, number=9)
    look = reconcile(recall, [ARRIVED], NOW, {WANTED})
    assert look.rollout.phase is Phase.REVERTING
    taken = replace(
        ordered_back(ARRIVED), rollout=9, generation=4, bundle_in_use=OTHER, before=(WANTED, OTHER)
    )
    assert reconcile(look.rollout, [taken], NOW, {WANTED}).rollout.phase is Phase.REVERTED


def test_a_rollout_completes_when_all_have_settled() -> None:
    look = one(ROLLOUT, *named(3, ARRIVED))
    assert (look.rollout.phase, look.rollout.ended_at) == (Phase.COMPLETE, NOW)
    assert not look.rollout.watched
    assert look.rollout.counts == {Place.HEALTHY: 3}
    assert [event.kind for event in look.events] == [Happening.FINDING, Happening.COMPLETE]


def test_a_silent_device_keeps_a_rollout_running_until_it_is_overdue() -> None:
    silent = replace(MEMBER, device="d2", seen_at=NOW - 9999, ordered_at=NOW - 9999)
    assert one(ROLLOUT, ARRIVED, silent).rollout.phase is Phase.RUNNING
    hasty = replace(ROLLOUT, plan=replace(PLAN, device_deadline_seconds=600))
    counts = one(hasty, ARRIVED, silent).rollout.counts
    assert counts == {Place.HEALTHY: 1, Place.OVERDUE: 1}


def test_an_empty_cohort_waits_for_its_first_device_and_draws_its_waves_then() -> None:
    rollout = replace(ROLLOUT, plan=replace(PLAN, waves=(Wave(devices=1), Wave())))
    empty = one(rollout).rollout
    assert (empty.phase, empty.thresholds, empty.wave_started_at) == (Phase.RUNNING, (), None)
    look = one(empty, *named(5, STRANGER))
    assert [sum(wave.values()) for wave in look.rollout.tally] == [1, 4]
    assert len(look.orders) == 1


def test_a_cohort_of_nobody_suitable_waits() -> None:
    pinned = replace(STRANGER, update=UpdateReport(hold=UpdateHold.PINNED))
    look = one(ROLLOUT, pinned)
    assert (look.rollout.phase, look.orders) == (Phase.RUNNING, ())
    assert look.rollout.counts == {Place.EXCLUDED: 1}


def test_the_share_that_was_silent_at_the_start_is_remembered() -> None:
    silent = named(1, replace(STRANGER, seen_at=NOW - 999))
    started = one(ROLLOUT, *named(3, ARRIVED), *silent).rollout
    assert started.silent_before == 0.25
    assert one(started, *named(4, replace(MEMBER, seen_at=NOW - 999))).rollout.silent_before == 0.25


def test_a_wave_that_went_well_opens_the_next_in_the_same_look() -> None:
    rollout = replace(ROLLOUT, plan=replace(PLAN, waves=(Wave(devices=2), Wave())))
    cohort = named(6, STRANGER)
    started = one(rollout, *cohort).rollout
    first = [each for each in cohort if wave_in(started, each.device) == 0]
    assert len(first) == 2
    settled = [replace(ARRIVED, device=each.device) for each in first]
    rest = [each for each in cohort if each not in first]
    look = one(started, *settled, *rest)
    assert (look.rollout.phase, look.rollout.wave) == (Phase.RUNNING, 1)
    assert {order.device for order in look.orders} == {each.device for each in rest}
    kinds = [event.kind for event in look.events]
    assert kinds == [Happening.FINDING, Happening.WAVE_OPENED, Happening.FINDING]


def test_a_rollout_whose_rest_was_taken_over_is_superseded() -> None:
    look = one(ROLLOUT, ARRIVED, replace(MEMBER, device="d2", rollout=6))
    assert look.rollout.phase is Phase.SUPERSEDED


def test_a_complete_rollout_is_watched_until_its_newcomers_have_settled() -> None:
    complete = replace(ROLLOUT, phase=Phase.COMPLETE, ended_at=NOW - 9)
    newcomer = replace(MEMBER, device="d2")
    for standing in (newcomer, replace(newcomer, seen_at=NOW - 999)):
        look = one(complete, ARRIVED, standing)
        seen = look.rollout
        assert (seen.phase, seen.ended_at, seen.watched) == (Phase.COMPLETE, NOW - 9, True)
        assert (sum(seen.counts.values()), look.orders) == (2, ())
    for standing in (replace(FAILED, device="d2"), replace(newcomer, rollout=6)):
        assert not one(complete, ARRIVED, standing).rollout.watched


@pytest.mark.parametrize(
    ("rollouts", "host"),
    [
        ([], None),
        ([("", Phase.HELD), ("", Phase.SUPERSEDED), ("", Phase.REVERTED)], None),
        ([("", Phase.COMPLETE), ("", Phase.COMPLETE)], 2),
        ([("", Phase.COMPLETE), ("site=paris", Phase.COMPLETE)], 1),
        ([("", Phase.COMPLETE), ("", Phase.HELD)], 1),
        ([("", Phase.COMPLETE), ("", Phase.PAUSED)], 1),
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
    found = host_of(reversed(oldest_first), STRANGER, {"site": "berlin"})
    assert (found.number if found else None) == host


def test_a_newcomer_whose_wave_is_not_open_belongs_to_an_older_rollout_meanwhile() -> None:
    old = replace(ROLLOUT, number=1, phase=Phase.COMPLETE)
    waves = replace(PLAN, waves=(Wave(devices=1), Wave()))
    new = replace(ROLLOUT, number=2, plan=waves, thresholds=(0.0, 1.0))
    assert host_of([new, old], STRANGER, {}) == old
    assert host_of([replace(new, wave=1), old], STRANGER, {}) is None


def test_nobody_is_welcome_to_what_does_not_suit_him_nor_to_a_recall() -> None:
    complete = replace(ROLLOUT, phase=Phase.COMPLETE)
    picky = replace(complete, plan=replace(PLAN, minimum_agent_version="9"))
    assert host_of([picky], STRANGER, {}) is None
    assert host_of([replace(complete, kind=Kind.RECALL)], STRANGER, {}) is None


def test_a_held_rollout_is_watched_while_a_device_may_still_move() -> None:
    held, _ = obey(ROLLOUT, Command.HOLD, NOW)
    silent = replace(permitted(until=NOW - 5), seen_at=NOW - 9)
    unaware = replace(MEMBER, generation=2)
    for moving in (permitted(), at(UpdatePhase.FETCHING), at(UpdatePhase.PROBATION), silent):
        assert one(held, moving).rollout.watched
    assert one(held, unaware).rollout.watched
    for settled in (MEMBER, ARRIVED, FAILED, replace(permitted(), rollout=6)):
        assert not one(held, settled).rollout.watched


def test_what_is_watched_no_more_stays_as_it_is() -> None:
    for phase in ENDED:
        left = replace(ROLLOUT, phase=phase, watched=False)
        assert one(left, STRANGER, ARRIVED) == Look(left)
