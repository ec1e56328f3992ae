"""The update machine, as transcripts, as a seeded simulation, and against sabotage."""

from dataclasses import replace

import pytest

from agent.update.events import (
    Action,
    Confirmed,
    Deed,
    Event,
    Failed,
    Fetched,
    HoldChanged,
    Installed,
    Lacking,
    Lost,
    Migrated,
    Pair,
    Permitted,
    Pinned,
    ProbationPassed,
    Refused,
    Restarted,
    RolledBack,
    Stopped,
    Stranded,
    Targeted,
    Unpinned,
    UpdateState,
    Verified,
    Wish,
)
from agent.update.machine import FROM_OUTSIDE, FROM_WORK, ON_ENTRY, step
from agent.update.signs import RESTARTS_MAX
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UNDER_WAY, UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.verdict import Basis, Judgement, Verdict
from tests.agent.update.lives import judged

OLD, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64
OLD_PAIR, NEW_PAIR = Pair(OLD, "fp32"), Pair(NEW, "int8")
SERVING = UpdateState(
    generation=3,
    wish=Wish(OLD),
    variant="fp32",
    phase=UpdatePhase.ACTIVE,
    work=3,
    in_use=OLD_PAIR,
)


def after(state: UpdateState, *events: Event) -> UpdateState:
    for event in events:
        state, _ = step(state, event)
    return state


JUDGING = after(
    SERVING, Targeted(4, NEW), Permitted(4), Fetched(4), Verified(5, "int8"), Migrated(6)
)
PROBATION = after(JUDGING, judged(7, Judgement.ACCEPTED))


def test_every_phase_has_a_row_in_every_table() -> None:
    assert set(FROM_OUTSIDE) == set(FROM_WORK) == set(ON_ENTRY) == set(UpdatePhase)


def test_a_target_is_begun_only_with_a_permit() -> None:
    state, actions = step(SERVING, Targeted(4, NEW, "int8"))
    assert (state.phase, state.generation, state.wish) == (
        UpdatePhase.IDLE,
        4,
        Wish(NEW, "int8"),
    )
    assert actions == ()
    state, actions = step(state, Permitted(4, 1000))
    assert (state.phase, state.bytes_per_second) == (UpdatePhase.FETCHING, 1000)
    assert actions == (Action(Deed.FETCH, 4),)


def test_a_permit_for_another_generation_starts_nothing() -> None:
    waiting = after(SERVING, Targeted(4, NEW))
    assert step(waiting, Permitted(3)) == (waiting, ())
    assert step(waiting, Permitted(5)) == (waiting, ())


def test_a_permit_without_any_target_starts_nothing() -> None:
    assert step(UpdateState(), Permitted(0)) == (UpdateState(), ())


def test_the_old_pair_serves_until_judging_has_ended_well() -> None:
    state = after(SERVING, Targeted(4, NEW), Permitted(4))
    state, actions = step(state, Fetched(4))
    assert (state.phase, actions) == (UpdatePhase.VERIFYING, (Action(Deed.VERIFY, 5),))
    state, actions = step(state, Verified(5, "int8"))
    assert (state.phase, actions) == (UpdatePhase.MIGRATING, (Action(Deed.MIGRATE, 6),))
    state, actions = step(state, Migrated(6))
    assert (state.phase, actions) == (UpdatePhase.JUDGING, (Action(Deed.JUDGE, 7),))
    assert state.in_use == OLD_PAIR
    state, actions = step(state, judged(7, Judgement.ACCEPTED))
    assert state.phase is UpdatePhase.PROBATION
    assert actions == (Action(Deed.SERVE, 8), Action(Deed.WATCH, 8))
    assert (state.in_use, state.before) == (NEW_PAIR, OLD_PAIR)
    state, actions = step(state, ProbationPassed(8))
    assert (state.phase, actions) == (UpdatePhase.ACTIVE, (Action(Deed.DISCARD, 8),))
    assert (state.in_use, state.before) == (NEW_PAIR, OLD_PAIR)


def test_a_first_backbone_has_nothing_to_be_judged_against() -> None:
    state = after(UpdateState(), Targeted(1, NEW), Permitted(1), Fetched(1), Verified(2, "int8"))
    state, actions = step(state, Migrated(3))
    assert (state.phase, state.in_use, state.before) == (UpdatePhase.ACTIVE, NEW_PAIR, None)
    assert [action.deed for action in actions] == [Deed.SERVE, Deed.DISCARD]
    assert state.verdict == Verdict(1, Judgement.ACCEPTED, Basis.NONE)


def test_what_an_operator_takes_back_is_neither_judged_nor_watched() -> None:
    state = after(SERVING, Targeted(4, NEW, back=True), Permitted(4), Fetched(4))
    state = after(state, Verified(5, "int8"), Migrated(6))
    assert (state.phase, state.in_use, state.before) == (UpdatePhase.ACTIVE, NEW_PAIR, OLD_PAIR)


def test_what_is_judged_to_do_harm_never_serves() -> None:
    state, actions = step(JUDGING, judged(7, Judgement.DECLINED))
    assert (state.phase, state.failure) == (UpdatePhase.DECLINED, UpdateFailure.HARM)
    assert state.in_use == OLD_PAIR
    assert [action.deed for action in actions] == [Deed.DISCARD]
    assert state.verdict is not None
    assert (state.verdict.generation, state.verdict.judgement) == (4, Judgement.DECLINED)


@pytest.mark.parametrize("phase", sorted(UNDER_WAY - {UpdatePhase.PROBATION}))
def test_a_failure_before_the_switch_leaves_the_old_pair_and_says_why(phase: UpdatePhase) -> None:
    state = replace(SERVING, generation=4, wish=Wish(NEW), phase=phase, work=9)
    state, actions = step(state, Failed(9, UpdateFailure.DISK_FULL))
    assert (state.phase, state.failure) == (UpdatePhase.REVERTED, UpdateFailure.DISK_FULL)
    assert state.in_use == SERVING.in_use
    assert actions == (Action(Deed.DISCARD, 9),)


def test_a_failure_on_probation_puts_the_old_pair_back_in_the_same_entry() -> None:
    state, actions = step(PROBATION, Failed(8, UpdateFailure.PROBATION_ERRORS))
    assert (state.phase, state.failure) == (UpdatePhase.REVERTED, UpdateFailure.PROBATION_ERRORS)
    assert (state.in_use, state.before) == (OLD_PAIR, None)
    assert [action.deed for action in actions] == [Deed.SERVE, Deed.DISCARD]


@pytest.mark.parametrize("phase", [UpdatePhase.REVERTED, UpdatePhase.DECLINED])
def test_a_generation_that_ended_badly_is_not_tried_again(phase: UpdatePhase) -> None:
    ended = replace(
        SERVING, generation=4, wish=Wish(NEW), phase=phase, failure=UpdateFailure.UNSUITABLE
    )
    for event in (Targeted(4, NEW), Permitted(4), Restarted(), Confirmed(), HoldChanged(None)):
        assert step(ended, event) == (ended, ())
    state = after(ended, Targeted(5, NEW), Permitted(5))
    assert (state.phase, state.failure) == (UpdatePhase.FETCHING, None)


def test_files_lost_after_a_refusal_do_not_bring_back_what_was_refused() -> None:
    refused = after(JUDGING, judged(7, Judgement.DECLINED), Lost())
    assert (refused.phase, refused.in_use) == (UpdatePhase.DECLINED, None)
    assert step(refused, Permitted(4)) == (refused, ())


def test_what_serves_already_needs_no_permit() -> None:
    state, actions = step(SERVING, Targeted(4, OLD))
    assert (state.phase, state.generation) == (UpdatePhase.ACTIVE, 4)
    assert [action.deed for action in actions] == [Deed.DISCARD]


def test_an_older_target_changes_nothing() -> None:
    assert step(SERVING, Targeted(3, NEW)) == (SERVING, ())


def test_a_new_target_ends_what_is_under_way() -> None:
    fetching = after(SERVING, Targeted(4, NEW), Permitted(4))
    state, actions = step(fetching, Targeted(5, OTHER))
    assert (state.phase, state.wanted) == (UpdatePhase.IDLE, OTHER)
    assert actions == (Action(Deed.CANCEL, 4),)
    assert step(state, Fetched(4)) == (state, ())


def test_a_new_target_waits_until_probation_is_over() -> None:
    assert step(PROBATION, Targeted(5, OTHER)) == (PROBATION, ())
    state = after(PROBATION, ProbationPassed(8), Targeted(5, OTHER))
    assert (state.phase, state.generation) == (UpdatePhase.IDLE, 5)


def test_an_operator_takes_back_at_once_what_is_on_probation() -> None:
    state, actions = step(PROBATION, Targeted(5, OLD, back=True))
    assert (state.phase, state.generation, state.in_use) == (UpdatePhase.ACTIVE, 5, OLD_PAIR)
    assert [action.deed for action in actions] == [Deed.SERVE, Deed.CANCEL, Deed.DISCARD]


def test_a_target_that_is_on_probation_goes_on_with_it() -> None:
    state, actions = step(PROBATION, Targeted(5, NEW))
    assert (state.phase, state.generation, actions) == (UpdatePhase.PROBATION, 5, ())
    assert state.work == PROBATION.work


def test_the_owner_installs_without_a_permit() -> None:
    state, actions = step(UpdateState(), Installed(NEW))
    assert (state.phase, state.generation) == (UpdatePhase.VERIFYING, 0)
    assert actions == (Action(Deed.VERIFY, 1),)


def test_a_verdict_on_the_owners_bundle_is_of_no_generation() -> None:
    state = after(SERVING, Installed(NEW), Verified(4, "int8"), Migrated(5))
    state = after(state, judged(6, Judgement.ACCEPTED))
    assert state.verdict is not None
    assert (state.phase, state.verdict.generation) == (UpdatePhase.PROBATION, 0)


def test_the_owner_goes_back_and_forth_between_two_pairs() -> None:
    active = after(PROBATION, ProbationPassed(8))
    back = after(active, RolledBack())
    assert (back.phase, back.failure) == (UpdatePhase.REVERTED, UpdateFailure.OWNER)
    assert (back.in_use, back.before) == (OLD_PAIR, NEW_PAIR)
    forth = after(back, RolledBack())
    assert (forth.phase, forth.failure, forth.in_use) == (UpdatePhase.ACTIVE, None, NEW_PAIR)


def test_there_is_nothing_to_go_back_to_on_a_first_backbone() -> None:
    assert step(SERVING, RolledBack()) == (SERVING, ())


def test_what_waits_goes_on_waiting_when_the_owner_goes_back() -> None:
    waiting = after(PROBATION, ProbationPassed(8), Targeted(5, OTHER))
    state, actions = step(waiting, RolledBack())
    assert (state.phase, state.in_use, state.failure) == (UpdatePhase.IDLE, OLD_PAIR, None)
    assert [action.deed for action in actions] == [Deed.SERVE]
    assert after(state, Permitted(5)).phase is UpdatePhase.FETCHING


def test_a_pinned_backbone_is_changed_by_nobody_but_the_owner() -> None:
    pinned = after(SERVING, Pinned(), Targeted(4, NEW))
    assert (pinned.phase, pinned.hold) == (UpdatePhase.IDLE, UpdateHold.PINNED)
    assert step(pinned, Permitted(4)) == (pinned, ())
    assert step(pinned, HoldChanged(None)) == (pinned, ())
    assert after(pinned, Installed(OTHER)).phase is UpdatePhase.VERIFYING
    assert after(pinned, Unpinned(), Permitted(4)).phase is UpdatePhase.FETCHING


@pytest.mark.parametrize("digest", [OLD, OTHER])
def test_a_pinned_backbone_stays_on_probation_whatever_an_operator_takes_back(digest: str) -> None:
    pinned = after(PROBATION, Pinned())
    assert step(pinned, Targeted(5, digest, back=True)) == (pinned, ())
    proven = after(pinned, ProbationPassed(8), Targeted(5, digest, back=True))
    assert (proven.phase, proven.hold) == (UpdatePhase.IDLE, UpdateHold.PINNED)
    assert proven.in_use == pinned.in_use


def test_pinning_ends_what_the_fleet_began() -> None:
    state, actions = step(JUDGING, Pinned())
    assert (state.phase, state.hold) == (UpdatePhase.IDLE, UpdateHold.PINNED)
    assert actions == (Action(Deed.CANCEL, 7),)


def test_a_hold_starts_with_no_permit_until_it_is_over() -> None:
    held = after(SERVING, Targeted(4, NEW), HoldChanged(UpdateHold.WINDOW))
    assert step(held, Permitted(4)) == (held, ())
    assert after(held, HoldChanged(None), Permitted(4)).phase is UpdatePhase.FETCHING


def test_without_room_nothing_is_begun_and_the_missing_room_is_kept() -> None:
    state = after(SERVING, Targeted(4, NEW), Permitted(4), Lacking(4, 123))
    assert (state.phase, state.hold, state.missing_bytes) == (
        UpdatePhase.IDLE,
        UpdateHold.DISK,
        123,
    )
    state = after(state, HoldChanged(None))
    assert (state.hold, state.missing_bytes) == (None, 0)
    assert after(state, Permitted(4)).phase is UpdatePhase.FETCHING


def test_too_few_samples_wait_for_the_owner() -> None:
    held, actions = step(JUDGING, judged(7, Judgement.HELD))
    assert (held.phase, held.hold, actions) == (UpdatePhase.JUDGING, UpdateHold.TOO_FEW, ())
    assert step(held, Restarted()) == (held, ())
    again, actions = step(held, Confirmed())
    assert (again.phase, again.judged) == (UpdatePhase.JUDGING, True)
    assert [action.deed for action in actions] == [Deed.JUDGE]
    state = after(again, judged(again.work, Judgement.HELD))
    assert state.phase is UpdatePhase.PROBATION
    assert state.verdict is not None
    assert state.verdict.judgement is Judgement.ACCEPTED


def test_a_restart_of_what_was_confirmed_goes_on_to_probation() -> None:
    held = after(JUDGING, judged(7, Judgement.ACCEPTED, ask=True))
    assert held.hold is UpdateHold.CONFIRMATION
    confirmed = after(held, Confirmed(), Restarted())
    assert (confirmed.phase, confirmed.judged) == (UpdatePhase.JUDGING, True)
    state = after(confirmed, judged(confirmed.work, Judgement.ACCEPTED, ask=True))
    assert state.phase is UpdatePhase.PROBATION


def test_enough_samples_are_judged_anew() -> None:
    held = after(JUDGING, judged(7, Judgement.HELD))
    state, actions = step(held, HoldChanged(None))
    assert (state.phase, state.hold, state.judged) == (UpdatePhase.JUDGING, None, False)
    assert [action.deed for action in actions] == [Deed.JUDGE]


def test_an_owner_who_said_yes_before_is_not_asked_again() -> None:
    confirmed = after(SERVING, Targeted(4, NEW), Confirmed(), Permitted(4))
    assert confirmed.wish.confirmed
    state = after(confirmed, Fetched(4), Verified(5, "int8"), Migrated(6))
    assert after(state, judged(7, Judgement.ACCEPTED, ask=True)).phase is UpdatePhase.PROBATION


@pytest.mark.parametrize(
    "state",
    [
        after(SERVING, Targeted(4, NEW)),
        after(SERVING, Targeted(4, NEW), Permitted(4)),
        JUDGING,
        after(JUDGING, judged(7, Judgement.HELD)),
    ],
    ids=["waiting", "fetching", "judging", "held"],
)
def test_the_owner_refuses_what_does_not_serve_yet(state: UpdateState) -> None:
    refused = after(state, Refused())
    assert (refused.phase, refused.failure) == (UpdatePhase.DECLINED, UpdateFailure.OWNER)
    assert (refused.in_use, refused.hold) == (OLD_PAIR, None)


def test_there_is_nothing_to_refuse_where_nothing_waits() -> None:
    for state in (UpdateState(), SERVING, PROBATION):
        assert step(state, Refused()) == (state, ())
        assert step(state, Confirmed()) == (state, ())


def test_a_late_outcome_never_passes_for_a_fresh_one() -> None:
    state = after(SERVING, Targeted(4, NEW), Permitted(4), Fetched(4))
    assert step(state, Failed(4, UpdateFailure.INTERNAL)) == (state, ())


def test_an_outcome_that_its_phase_cannot_have_is_refused() -> None:
    state = after(SERVING, Targeted(4, NEW), Permitted(4))
    with pytest.raises(FieldwiseError) as caught:
        step(state, Migrated(4))
    assert caught.value.fault is Fault.INTERNAL


@pytest.mark.parametrize(
    ("state", "failure"),
    [
        (after(SERVING, Targeted(4, NEW), Permitted(4), Fetched(4)), UpdateFailure.LOAD_FAILED),
        (
            after(SERVING, Targeted(4, NEW), Permitted(4), Fetched(4), Verified(5, "int8")),
            UpdateFailure.MIGRATION_FAILED,
        ),
        (JUDGING, UpdateFailure.CRASHED),
        (PROBATION, UpdateFailure.CRASHED),
    ],
    ids=["verifying", "migrating", "judging", "probation"],
)
def test_a_bundle_that_kills_the_agent_cannot_do_so_for_ever(
    state: UpdateState, failure: UpdateFailure
) -> None:
    deed = ON_ENTRY[state.phase]
    for _ in range(RESTARTS_MAX):
        state, actions = step(state, Restarted())
        assert [action.deed for action in actions] == [deed]
    state, _ = step(state, Restarted())
    assert (state.phase, state.failure) == (UpdatePhase.REVERTED, failure)
    assert state.in_use == OLD_PAIR


def test_a_daemon_that_is_told_to_end_is_not_held_against_a_bundle() -> None:
    state = after(PROBATION, *[Restarted(), Stopped()] * 10)
    assert (state.phase, state.restarts) == (UpdatePhase.PROBATION, 0)


def test_a_download_survives_any_number_of_restarts() -> None:
    state = after(SERVING, Targeted(4, NEW), Permitted(4), *[Restarted()] * 50)
    assert state.phase is UpdatePhase.FETCHING


def test_lost_files_are_fetched_again_for_the_same_generation() -> None:
    state = after(SERVING, Lost())
    assert (state.in_use, state.phase, state.wanted) == (None, UpdatePhase.IDLE, OLD)
    assert after(state, Permitted(3)).phase is UpdatePhase.FETCHING


def test_the_pair_from_before_takes_the_place_of_lost_files() -> None:
    lost = after(PROBATION, Lost())
    assert (lost.phase, lost.failure) == (UpdatePhase.REVERTED, UpdateFailure.LOAD_FAILED)
    assert lost.in_use == OLD_PAIR
    later = after(PROBATION, ProbationPassed(8), Lost())
    assert (later.phase, later.in_use, later.wanted) == (UpdatePhase.IDLE, OLD_PAIR, NEW)


def test_with_nothing_left_to_fall_back_to_the_new_pair_stays() -> None:
    state = after(PROBATION, Stranded())
    assert (state.phase, state.in_use, state.before) == (UpdatePhase.ACTIVE, NEW_PAIR, None)
