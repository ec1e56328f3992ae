"""What an update remembers of an event: its state but for the phase, which the tables decide."""

from dataclasses import replace

from agent.update.events import (
    Confirmed,
    Failed,
    FromDevice,
    FromFleet,
    FromOwner,
    HoldChanged,
    Installed,
    Judged,
    Lacking,
    Lost,
    Migrated,
    Outcome,
    Outside,
    Pair,
    Permitted,
    Pinned,
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
from agent.update.signs import FAILURE_WHEN_EXHAUSTED, Sign
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.verdict import Basis, Judgement, Verdict


def note(state: UpdateState, event: Outside, sign: Sign) -> UpdateState:
    """Remember what an event from outside says."""
    match event:
        case Targeted() | Permitted():
            return _note_fleet(state, event, sign)
        case HoldChanged() | Restarted() | Stopped() | Lost() | Stranded():
            return _note_device(state, event, sign)
        case _:
            return _note_owner(state, event, sign)


def note_outcome(state: UpdateState, outcome: Outcome, sign: Sign) -> UpdateState:
    """Remember how work ended."""
    match outcome:
        case Verified(variant=variant):
            return replace(state, variant=variant)
        case Migrated() if sign is Sign.MIGRATED_UNJUDGED:
            nothing = Verdict(_judged_generation(state), Judgement.ACCEPTED, Basis.NONE)
            return _promoted(replace(state, verdict=nothing))
        case Judged():
            return _note_judgement(state, outcome, sign)
        case Lacking(missing_bytes=missing_bytes):
            return replace(state, hold=UpdateHold.DISK, missing_bytes=missing_bytes)
        case Failed(failure=failure):
            return _failed(state, failure)
        case _:
            return state


def _note_fleet(state: UpdateState, event: FromFleet, sign: Sign) -> UpdateState:
    match event:
        case Targeted(generation, digest, variant, back):
            wish = Wish(digest, variant, back)
            return _wish(replace(state, generation=generation), wish, sign)
        case Permitted(bytes_per_second=bound):
            return replace(state, bytes_per_second=bound)


def _note_device(state: UpdateState, event: FromDevice, sign: Sign) -> UpdateState:
    match event:
        case Restarted() if sign is Sign.EXHAUSTED:
            return _failed(state, FAILURE_WHEN_EXHAUSTED[state.phase])
        case Restarted() | Stopped():
            more = 1 if isinstance(event, Restarted) else -1
            return replace(state, restarts=state.restarts + more)
        case Lost() if state.phase is UpdatePhase.PROBATION:
            return _failed(state, UpdateFailure.LOAD_FAILED)
        case Lost():
            # What a judged pair waited for does not keep it from beginning anew.
            hold = None if state.phase is UpdatePhase.JUDGING else state.hold
            return replace(state, in_use=state.before, before=None, hold=hold, judged=False)
        case Stranded():
            return replace(state, before=None)
        case HoldChanged(hold, missing_bytes):
            stands = state.judged and state.hold is not UpdateHold.TOO_FEW
            return replace(state, hold=hold, missing_bytes=missing_bytes, judged=stands)


def _note_owner(state: UpdateState, event: FromOwner, sign: Sign) -> UpdateState:
    match event:
        case Installed(digest):
            return _wish(state, Wish(digest, by_owner=True, confirmed=True), sign)
        case RolledBack():
            return _note_rollback(state, sign)
        case Refused():
            return replace(state, failure=UpdateFailure.OWNER)
        case Confirmed():
            return replace(state, wish=replace(state.wish, confirmed=True))
        case Pinned() | Unpinned():
            return _note_pin(state, sign, pinned=isinstance(event, Pinned))


def _note_pin(state: UpdateState, sign: Sign, *, pinned: bool) -> UpdateState:
    if sign is Sign.PINNED:
        return replace(state, pinned=True, hold=UpdateHold.PINNED, missing_bytes=0)
    hold = None if state.hold is UpdateHold.PINNED else state.hold
    return replace(state, pinned=pinned, hold=hold)


def _wish(state: UpdateState, wish: Wish, sign: Sign) -> UpdateState:
    waits = sign in (Sign.RETARGETED, Sign.ORDERED_BACK)
    hold = UpdateHold.PINNED if state.pinned and waits else None
    ends_probation = state.phase is UpdatePhase.PROBATION and sign is not Sign.SETTLED
    begun = _exchanged(state) if ends_probation else state  # what is proven serves meanwhile
    begun = replace(begun, wish=wish, variant="", judged=False)
    return replace(begun, failure=None, hold=hold, missing_bytes=0, bytes_per_second=0)


def _note_rollback(state: UpdateState, sign: Sign) -> UpdateState:
    """What waits for its permit goes on waiting; everything else is given up."""
    keeps = sign is Sign.ROLLED_TO_WISH or state.phase is UpdatePhase.IDLE
    failure = None if keeps else UpdateFailure.OWNER
    return replace(_exchanged(state), failure=failure, judged=False)


def _exchanged(state: UpdateState) -> UpdateState:
    return replace(state, in_use=state.before, before=state.in_use)


def _promoted(state: UpdateState) -> UpdateState:
    verdict = state.verdict and replace(state.verdict, judgement=Judgement.ACCEPTED)
    new = Pair(state.wanted, state.variant)
    return replace(state, in_use=new, before=state.in_use, verdict=verdict)


def _failed(state: UpdateState, failure: UpdateFailure) -> UpdateState:
    """What failed on probation is not worth going back to."""
    if state.phase is UpdatePhase.PROBATION:
        return replace(state, failure=failure, in_use=state.before, before=None)
    return replace(state, failure=failure)


def _note_judgement(state: UpdateState, outcome: Judged, sign: Sign) -> UpdateState:
    verdict = replace(outcome.verdict, generation=_judged_generation(state))
    judged = replace(state, verdict=verdict)
    if sign is Sign.ACCEPTED:
        return _promoted(judged)
    if sign is Sign.DECLINED:
        return replace(judged, failure=outcome.failure or UpdateFailure.HARM)
    too_few = verdict.judgement is Judgement.HELD
    hold = UpdateHold.TOO_FEW if too_few else UpdateHold.CONFIRMATION
    return replace(judged, hold=hold, restarts=0, judged=True)


def _judged_generation(state: UpdateState) -> int:
    return 0 if state.wish.by_owner else state.generation
