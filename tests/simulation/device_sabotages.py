"""Ways to break a device's update machine that the simulation of its lives must notice."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from agent.update import machine, notes, signs
from agent.update.events import Deed, Event, Outcome, UpdateState
from agent.update.signs import Sign
from fieldwise.update import UpdateFailure, UpdatePhase

Sabotage = Callable[[pytest.MonkeyPatch], None]


def _row(
    patch: pytest.MonkeyPatch, table: str, phase: UpdatePhase, **changes: UpdatePhase | None
) -> None:
    rows = getattr(machine, table)
    row = {**rows[phase], **{Sign[name]: target for name, target in changes.items()}}
    patch.setattr(machine, table, {**rows, phase: row})


def _forget(patch: pytest.MonkeyPatch, phase: UpdatePhase, sign: Sign) -> None:
    rows = machine.FROM_OUTSIDE
    row = {each: target for each, target in rows[phase].items() if each is not sign}
    patch.setattr(machine, "FROM_OUTSIDE", {**rows, phase: row})


def what_failed_its_golden_vectors_goes_on(patch: pytest.MonkeyPatch) -> None:
    _row(patch, "FROM_WORK", UpdatePhase.VERIFYING, FAILED=UpdatePhase.MIGRATING)


def a_new_pair_is_not_judged(patch: pytest.MonkeyPatch) -> None:
    genuine = machine.read_outcome

    def read(state: UpdateState, outcome: Outcome) -> Sign:
        sign = genuine(state, outcome)
        return Sign.MIGRATED_UNJUDGED if sign is Sign.MIGRATED else sign

    patch.setattr(machine, "read_outcome", read)
    _row(patch, "FROM_WORK", UpdatePhase.MIGRATING, MIGRATED=UpdatePhase.ACTIVE)


def what_was_judged_worse_serves(patch: pytest.MonkeyPatch) -> None:
    genuine = machine.read_outcome

    def read(state: UpdateState, outcome: Outcome) -> Sign:
        sign = genuine(state, outcome)
        return Sign.ACCEPTED if sign is Sign.DECLINED else sign

    patch.setattr(machine, "read_outcome", read)


def nobody_asks_the_owner(patch: pytest.MonkeyPatch) -> None:
    genuine = machine.read_outcome

    def read(state: UpdateState, outcome: Outcome) -> Sign:
        sign = genuine(state, outcome)
        return Sign.ACCEPTED if sign is Sign.HELD else sign

    patch.setattr(machine, "read_outcome", read)


def a_pair_that_fails_probation_stays(patch: pytest.MonkeyPatch) -> None:
    def failed(state: UpdateState, failure: UpdateFailure) -> UpdateState:
        return replace(state, failure=failure)

    patch.setattr(notes, "_failed", failed)


def the_pair_from_before_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    genuine = notes._promoted
    patch.setattr(notes, "_promoted", lambda state: replace(genuine(state), before=None))


def a_probation_that_is_cut_short_proves_a_pair(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(notes, "_exchanged", lambda state: state)


def the_journal_names_a_pair_that_does_not_serve(patch: pytest.MonkeyPatch) -> None:
    genuine = machine.step

    def step(state: UpdateState, event: Event) -> machine.Step:
        after, actions = genuine(state, event)
        return after, tuple(action for action in actions if action.deed is not Deed.SERVE)

    patch.setattr(machine, "step", step)


def a_new_wish_leaves_old_work_running(patch: pytest.MonkeyPatch) -> None:
    genuine = machine.step

    def step(state: UpdateState, event: Event) -> machine.Step:
        after, actions = genuine(state, event)
        return after, tuple(action for action in actions if action.deed is not Deed.CANCEL)

    patch.setattr(machine, "step", step)


def a_restart_forgets_the_head_that_was_being_made(patch: pytest.MonkeyPatch) -> None:
    _forget(patch, UpdatePhase.MIGRATING, Sign.RESUMED)


def a_restart_ends_probation_unwatched(patch: pytest.MonkeyPatch) -> None:
    _forget(patch, UpdatePhase.PROBATION, Sign.RESUMED)


def a_bundle_may_kill_the_agent_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(signs, "RESTARTS_MAX", 10**9)


def probation_may_kill_the_agent_for_ever(patch: pytest.MonkeyPatch) -> None:
    kept = dict(signs.FAILURE_WHEN_EXHAUSTED)
    del kept[UpdatePhase.PROBATION]
    patch.setattr(signs, "FAILURE_WHEN_EXHAUSTED", kept)


def a_lost_pair_is_not_replaced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(machine, "read", _without(machine.read, Sign.LOST))


def nothing_leads_out_of_probation_without_a_way_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(machine, "read", _without(machine.read, Sign.STRANDED))


def _without(
    read: Callable[[UpdateState, Event], Sign | None], sign: Sign
) -> Callable[[UpdateState, Event], Sign | None]:
    def reading(state: UpdateState, event: Event) -> Sign | None:
        found = read(state, event)
        return None if found is sign else found

    return reading


def a_pin_holds_nothing(patch: pytest.MonkeyPatch) -> None:
    genuine = notes._wish

    def wish(state: UpdateState, *arguments: object) -> UpdateState:
        return replace(genuine(state, *arguments), hold=None)

    patch.setattr(notes, "_wish", wish)


def the_fleet_ends_what_the_owner_of_a_pinned_device_installs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(signs, "_is_the_owners", lambda _: False)


def what_holds_is_never_let_go(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(machine, "read", _without(machine.read, Sign.RELEASED))
    patch.setattr(machine, "read", _without(machine.read, Sign.CONFIRMED))


def a_target_that_was_seen_is_obeyed_again(patch: pytest.MonkeyPatch) -> None:
    genuine = notes._note_fleet

    def fleet(state: UpdateState, event: Event, sign: Sign) -> UpdateState:
        return replace(genuine(state, event, sign), generation=state.generation)

    patch.setattr(notes, "_note_fleet", fleet)


SABOTAGES: tuple[Sabotage, ...] = (
    what_failed_its_golden_vectors_goes_on,
    a_new_pair_is_not_judged,
    what_was_judged_worse_serves,
    nobody_asks_the_owner,
    a_pair_that_fails_probation_stays,
    the_pair_from_before_is_forgotten,
    a_probation_that_is_cut_short_proves_a_pair,
    the_journal_names_a_pair_that_does_not_serve,
    a_new_wish_leaves_old_work_running,
    a_restart_forgets_the_head_that_was_being_made,
    a_restart_ends_probation_unwatched,
    a_bundle_may_kill_the_agent_for_ever,
    probation_may_kill_the_agent_for_ever,
    a_lost_pair_is_not_replaced,
    nothing_leads_out_of_probation_without_a_way_back,
    a_pin_holds_nothing,
    the_fleet_ends_what_the_owner_of_a_pinned_device_installs,
    what_holds_is_never_let_go,
    a_target_that_was_seen_is_obeyed_again,
)
