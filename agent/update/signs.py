"""What an event means to an update, by where that stands: the columns of the machine's tables."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from agent.update.events import (
    Confirmed,
    Failed,
    Fetched,
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
)
from fieldwise.update import UNDER_WAY, UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.verdict import Judgement

RESTARTS_MAX = 3  # twice may be a power cut; a third time in the same phase it is the bundle

# Fetching runs nothing of the bundle, and a moving vehicle may restart through all of it.
FAILURE_WHEN_EXHAUSTED: Mapping[UpdatePhase, UpdateFailure] = MappingProxyType(
    {
        UpdatePhase.VERIFYING: UpdateFailure.LOAD_FAILED,
        UpdatePhase.MIGRATING: UpdateFailure.MIGRATION_FAILED,
        UpdatePhase.JUDGING: UpdateFailure.CRASHED,
        UpdatePhase.PROBATION: UpdateFailure.CRASHED,
    }
)

# In these a wish waits or is worked on, and its pair does not serve yet.
BEFORE_SERVING = frozenset(
    {
        UpdatePhase.IDLE,
        UpdatePhase.FETCHING,
        UpdatePhase.VERIFYING,
        UpdatePhase.MIGRATING,
        UpdatePhase.JUDGING,
    }
)


class Sign(StrEnum):
    """An event read against the state: the columns of the tables."""

    # From outside.
    RETARGETED = "retargeted"  # something else than what serves is wanted
    ORDERED_BACK = "ordered-back"  # the same, and an operator takes a bundle back
    TAKEN_BACK = "taken-back"  # what is on probation is to make way for the pair from before
    SETTLED = "settled"  # what is wanted serves already
    PERMITTED = "permitted"
    INSTALLED = "installed"
    ROLLED_BACK = "rolled-back"
    ROLLED_TO_WISH = "rolled-to-wish"  # the pair from before takes over, and is the one wanted
    PINNED = "pinned"  # while the fleet's wish is under way or waits
    CONFIRMED = "confirmed"  # a judged pair that waited for it
    REFUSED = "refused"
    RELEASED = "released"  # what held a judged pair holds no more
    RESUMED = "resumed"
    EXHAUSTED = "exhausted"  # resumed too often
    LOST = "lost"
    STRANDED = "stranded"
    NOTED = "noted"  # worth keeping, and no more
    # From work.
    FETCHED = "fetched"
    LACKING = "lacking"
    VERIFIED = "verified"
    MIGRATED = "migrated"
    MIGRATED_UNJUDGED = "migrated-unjudged"  # nothing to compare with, or not asked to
    ACCEPTED = "accepted"
    HELD = "held"
    DECLINED = "declined"
    PASSED = "passed"
    FAILED = "failed"


def read(state: UpdateState, event: Outside) -> Sign | None:
    """What an event from outside means; None for nothing."""
    match event:
        case Targeted() | Permitted():
            return _read_fleet(state, event)
        case HoldChanged() | Restarted() | Stopped() | Lost() | Stranded():
            return _read_device(state, event)
        case _:
            return _read_owner(state, event)


def read_outcome(state: UpdateState, outcome: Outcome) -> Sign:
    """What an outcome means."""
    match outcome:
        case Migrated():
            unjudged = state.in_use is None or state.wish.back
            return Sign.MIGRATED_UNJUDGED if unjudged else Sign.MIGRATED
        case Judged():
            return _read_judgement(state, outcome)
        case _:
            return _PLAIN[type(outcome)]


_PLAIN: Mapping[type[Outcome], Sign] = MappingProxyType(
    {
        Fetched: Sign.FETCHED,
        Lacking: Sign.LACKING,
        Verified: Sign.VERIFIED,
        ProbationPassed: Sign.PASSED,
        Failed: Sign.FAILED,
    }
)


def _read_judgement(state: UpdateState, outcome: Judged) -> Sign:
    judgement = outcome.verdict.judgement
    if judgement is Judgement.DECLINED:
        return Sign.DECLINED
    asks = outcome.ask or judgement is Judgement.HELD
    return Sign.HELD if asks and not state.wish.confirmed else Sign.ACCEPTED


def _read_fleet(state: UpdateState, event: FromFleet) -> Sign | None:
    on_probation = state.phase is UpdatePhase.PROBATION
    match event:
        case Permitted(generation):
            due = generation == state.generation and state.wanted and state.hold is None
            return Sign.PERMITTED if due else None
        case Targeted(generation) if generation <= state.generation or _is_the_owners(state):
            return None
        case Targeted(digest=digest) if _is(state.in_use, digest):
            return Sign.SETTLED
        case Targeted(digest=digest, back=True) if not (on_probation and state.pinned):
            ends = on_probation and _is(state.before, digest)
            return Sign.TAKEN_BACK if ends else Sign.ORDERED_BACK
        case Targeted():
            return Sign.RETARGETED


def _is_the_owners(state: UpdateState) -> bool:
    """Whether the owner, who lets nobody else change the backbone, is about to change it."""
    under_way = state.phase in UNDER_WAY and state.phase is not UpdatePhase.PROBATION
    return state.pinned and state.wish.by_owner and under_way


def _read_device(state: UpdateState, event: FromDevice) -> Sign | None:
    match event:
        case Restarted():
            return _read_restart(state)
        case Stopped():
            return Sign.NOTED if state.restarts else None
        case Lost() if state.in_use is None:
            return None
        case Lost():
            to_wish = state.phase in BEFORE_SERVING and _is(state.before, state.wanted)
            return Sign.ROLLED_TO_WISH if to_wish else Sign.LOST
        case Stranded():
            return Sign.STRANDED if state.before else None
        case HoldChanged():
            return _read_hold(state, event)


def _read_restart(state: UpdateState) -> Sign | None:
    waits_for_permit = state.phase is UpdatePhase.IDLE and not state.wish.by_owner
    if state.hold is not None or waits_for_permit:  # what waits runs nothing
        return None
    bounded = state.phase in FAILURE_WHEN_EXHAUSTED
    return Sign.EXHAUSTED if bounded and state.restarts >= RESTARTS_MAX else Sign.RESUMED


def _read_hold(state: UpdateState, event: HoldChanged) -> Sign | None:
    if state.phase is UpdatePhase.JUDGING:
        return Sign.RELEASED if state.hold is not None and event.hold is None else None
    waits = state.phase is UpdatePhase.IDLE and state.wanted
    if not waits or state.hold is UpdateHold.PINNED:
        return None
    changed = (event.hold, event.missing_bytes) != (state.hold, state.missing_bytes)
    return Sign.NOTED if changed else None


def _read_owner(state: UpdateState, event: FromOwner) -> Sign | None:
    match event:
        case Installed(digest) if _is(state.in_use, digest):
            return Sign.SETTLED
        case Installed(digest):
            on_probation = state.phase is UpdatePhase.PROBATION
            ends = on_probation and _is(state.before, digest)
            return Sign.TAKEN_BACK if ends else Sign.INSTALLED
        case RolledBack() if state.before is not None:
            back_to_wish = state.before.digest == state.wanted
            return Sign.ROLLED_TO_WISH if back_to_wish else Sign.ROLLED_BACK
        case Unpinned() if state.pinned:
            return Sign.NOTED
        case Pinned() | Confirmed() | Refused():
            return _read_word(state, event)
    return None


def _read_word(state: UpdateState, word: Pinned | Confirmed | Refused) -> Sign | None:
    open_wish = bool(state.wanted) and state.phase in BEFORE_SERVING
    match word:
        case Pinned() if not state.pinned:
            return Sign.PINNED if open_wish and not state.wish.by_owner else Sign.NOTED
        case Confirmed() if open_wish and not state.wish.confirmed:
            held = state.phase is UpdatePhase.JUDGING and state.hold is not None
            return Sign.CONFIRMED if held else Sign.NOTED
        case Refused() if open_wish:
            return Sign.REFUSED
    return None


def _is(pair: Pair | None, digest: str) -> bool:
    return pair is not None and pair.digest == digest
