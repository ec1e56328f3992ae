"""The update machine: how one device comes to serve another backbone, or stays with what it has.

Two rules for this file. Everything that decides where an update stands is here, as two literal
tables and a small engine; and nothing here touches a clock, a file, a thread or the wire: whoever
drives it writes the returned state to the journal first and carries out the actions second.

A *pair* is a backbone and the head learned on it. ``in_use`` names the pair that serves,
``before`` the one it replaced. Neither changes while an update is under way: the pair that serves
goes on serving until ``MIGRATED`` puts the new one in its place, in the same journal entry that
makes the phase ACTIVE. So at whatever instant the power goes, the journal names exactly one pair.

*What comes from outside* may arrive at any time: the orchestrator's target and its permit, the
owner's own installation, a restart of the daemon, a pair whose files are gone. What the present
phase has no entry for changes nothing, because all of it is level-triggered: it comes again.

*Outcomes* come from work that this machine asked for. Each piece of work has a number that its
outcome repeats. An outcome with an older number belongs to work that was given up and is ignored;
one with the present number that the phase does not know is a defect, and is refused.

A generation that ended in REVERTED is not tried again: only a newer target, or the owner, moves
it. A restart resumes the phase it fell into; a phase that runs foreign code or much memory is
resumed a bounded number of times, so that a backbone that kills the agent cannot do so for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from fieldwise.errors import Fault, FieldwiseError

RESTARTS_MAX = 3  # twice may be a power cut; a third time in the same phase it is the bundle


class Phase(StrEnum):
    """Where a device stands in bringing a backbone into use."""

    IDLE = "idle"
    FETCHING = "fetching"
    VERIFYING = "verifying"
    MIGRATING = "migrating"
    ACTIVE = "active"
    REVERTED = "reverted"


class Failure(StrEnum):
    """Why an update ended in REVERTED."""

    NONE = "none"
    DIGEST_MISMATCH = "digest-mismatch"
    BUNDLE_INVALID = "bundle-invalid"
    UNSUITABLE = "unsuitable"
    DISK_FULL = "disk-full"
    LOAD_FAILED = "load-failed"
    GOLDEN_MISMATCH = "golden-mismatch"
    MIGRATION_FAILED = "migration-failed"
    NOT_AVAILABLE = "not-available"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Pair:
    """A backbone in one of its variants, and so the head that was learned on it."""

    digest: str  # of the manifest, hexadecimal
    variant: str


@dataclass(frozen=True, slots=True)
class UpdateState:
    """Everything the journal holds."""

    generation: int = 0  # highest target seen
    wanted: str = ""  # manifest digest of the newest target or installation
    variant: str = ""  # of the wanted bundle, once it is verified
    phase: Phase = Phase.IDLE
    failure: Failure = Failure.NONE
    work: int = 0  # number of the newest piece of work
    restarts: int = 0  # in the present phase
    in_use: Pair | None = None
    before: Pair | None = None


@dataclass(frozen=True, slots=True)
class Targeted:
    """The orchestrator says what this device should run."""

    generation: int
    digest: str


@dataclass(frozen=True, slots=True)
class Permitted:
    """The orchestrator lets this device start on a target now."""

    generation: int


@dataclass(frozen=True, slots=True)
class Installed:
    """The owner put the files of a bundle on the device and wants it used."""

    digest: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The daemon starts on what the journal says."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The files of the pair in use are gone or damaged."""


@dataclass(frozen=True, slots=True)
class Fetched:
    work: int


@dataclass(frozen=True, slots=True)
class Verified:
    work: int
    variant: str


@dataclass(frozen=True, slots=True)
class Migrated:
    work: int


@dataclass(frozen=True, slots=True)
class Failed:
    work: int
    failure: Failure


Outcome = Fetched | Verified | Migrated | Failed
Event = Targeted | Permitted | Installed | Restarted | Lost | Outcome


class Deed(StrEnum):
    """What an action asks for."""

    FETCH = "fetch"
    VERIFY = "verify"
    MIGRATE = "migrate"
    CANCEL = "cancel"
    SERVE = "serve"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True)
class Action:
    """A deed, and the number of the work it begins or ends."""

    deed: Deed
    work: int


class Sign(StrEnum):
    """An event from outside, read against the state: the columns of the first table."""

    RETARGETED = "retargeted"  # something else than what serves is wanted
    SETTLED = "settled"  # what is wanted serves already
    PERMITTED = "permitted"
    INSTALLED = "installed"
    RESUMED = "resumed"
    EXHAUSTED = "exhausted"  # resumed too often
    LOST = "lost"


# A new wish can come in any phase: it ends what is under way.
_WISHES: Mapping[Sign, Phase] = MappingProxyType(
    {
        Sign.RETARGETED: Phase.IDLE,
        Sign.SETTLED: Phase.ACTIVE,
        Sign.INSTALLED: Phase.VERIFYING,
        Sign.LOST: Phase.IDLE,
    }
)

FROM_OUTSIDE: Mapping[Phase, Mapping[Sign, Phase]] = MappingProxyType(
    {
        Phase.IDLE: {**_WISHES, Sign.PERMITTED: Phase.FETCHING},
        Phase.FETCHING: {**_WISHES, Sign.RESUMED: Phase.FETCHING},
        Phase.VERIFYING: {
            **_WISHES,
            Sign.RESUMED: Phase.VERIFYING,
            Sign.EXHAUSTED: Phase.REVERTED,
        },
        Phase.MIGRATING: {
            **_WISHES,
            Sign.RESUMED: Phase.MIGRATING,
            Sign.EXHAUSTED: Phase.REVERTED,
        },
        Phase.ACTIVE: _WISHES,
        Phase.REVERTED: _WISHES,
    }
)

FROM_WORK: Mapping[Phase, Mapping[type[Outcome], Phase]] = MappingProxyType(
    {
        Phase.IDLE: {},
        Phase.FETCHING: {Fetched: Phase.VERIFYING, Failed: Phase.REVERTED},
        Phase.VERIFYING: {Verified: Phase.MIGRATING, Failed: Phase.REVERTED},
        Phase.MIGRATING: {Migrated: Phase.ACTIVE, Failed: Phase.REVERTED},
        Phase.ACTIVE: {},
        Phase.REVERTED: {},
    }
)

ON_ENTRY: Mapping[Phase, Deed | None] = MappingProxyType(
    {
        Phase.IDLE: None,
        Phase.FETCHING: Deed.FETCH,
        Phase.VERIFYING: Deed.VERIFY,
        Phase.MIGRATING: Deed.MIGRATE,
        Phase.ACTIVE: Deed.SERVE,
        Phase.REVERTED: Deed.DISCARD,
    }
)

WORKING = frozenset({Phase.FETCHING, Phase.VERIFYING, Phase.MIGRATING})

# Fetching runs nothing of the bundle, and a moving vehicle may restart through all of it.
_FAILURE_WHEN_EXHAUSTED: Mapping[Phase, Failure] = MappingProxyType(
    {Phase.VERIFYING: Failure.LOAD_FAILED, Phase.MIGRATING: Failure.MIGRATION_FAILED}
)


def step(state: UpdateState, event: Event) -> tuple[UpdateState, tuple[Action, ...]]:
    """Take one event.

    Args:
        state: What the journal holds.
        event: What happened.

    Returns:
        The state to write to the journal, and then what to do, in order. The same state and no
        action where the event changes nothing.

    Raises:
        FieldwiseError: ``INTERNAL`` for an outcome of the present work that its phase cannot have;
            nothing is changed.
    """
    if isinstance(event, Fetched | Verified | Migrated | Failed):
        return _take_outcome(state, event)
    return _take_from_outside(state, event)


def _take_outcome(state: UpdateState, outcome: Outcome) -> tuple[UpdateState, tuple[Action, ...]]:
    if outcome.work != state.work or state.phase not in WORKING:
        return state, ()
    target = FROM_WORK[state.phase].get(type(outcome))
    if target is None:
        name = type(outcome).__name__.lower()
        raise FieldwiseError(Fault.INTERNAL, f"{name} is no outcome of {state.phase}")
    return _enter(_note_outcome(state, outcome), target)


def _note_outcome(state: UpdateState, outcome: Outcome) -> UpdateState:
    match outcome:
        case Verified(variant=variant):
            return replace(state, variant=variant)
        case Migrated():
            return replace(state, in_use=Pair(state.wanted, state.variant), before=state.in_use)
        case Failed(failure=failure):
            return replace(state, failure=failure)
        case Fetched():
            return state


def _take_from_outside(
    state: UpdateState, event: Targeted | Permitted | Installed | Restarted | Lost
) -> tuple[UpdateState, tuple[Action, ...]]:
    sign = _read(state, event)
    target = FROM_OUTSIDE[state.phase].get(sign) if sign else None
    if sign is None or target is None:
        return state, ()
    noted = _note_from_outside(state, event, sign)
    if state.phase in WORKING and sign not in (Sign.RESUMED, Sign.EXHAUSTED):
        noted, actions = _enter(noted, target)
        return noted, (Action(Deed.CANCEL, state.work), *actions)
    return _enter(noted, target)


def _read(
    state: UpdateState, event: Targeted | Permitted | Installed | Restarted | Lost
) -> Sign | None:
    serving = state.in_use.digest if state.in_use else ""
    match event:
        case Targeted(generation, digest):
            if generation <= state.generation:
                return None
            return Sign.SETTLED if digest == serving else Sign.RETARGETED
        case Permitted(generation):
            return Sign.PERMITTED if generation == state.generation and state.wanted else None
        case Installed(digest):
            return Sign.SETTLED if digest == serving else Sign.INSTALLED
        case Restarted():
            bounded = state.phase in _FAILURE_WHEN_EXHAUSTED
            return Sign.EXHAUSTED if bounded and state.restarts >= RESTARTS_MAX else Sign.RESUMED
        case Lost():
            return Sign.LOST if state.in_use else None


def _note_from_outside(
    state: UpdateState,
    event: Targeted | Permitted | Installed | Restarted | Lost,
    sign: Sign,
) -> UpdateState:
    match event:
        case Targeted(generation, digest):
            return _wish(replace(state, generation=generation), digest)
        case Installed(digest):
            return _wish(state, digest)
        case Restarted() if sign is Sign.EXHAUSTED:
            return replace(state, failure=_FAILURE_WHEN_EXHAUSTED[state.phase])
        case Restarted():
            return replace(state, restarts=state.restarts + 1)
        case Lost():
            return replace(_wish(state, state.wanted), in_use=None)
        case Permitted():
            return state


def _wish(state: UpdateState, digest: str) -> UpdateState:
    return replace(state, wanted=digest, variant="", failure=Failure.NONE)


def _enter(state: UpdateState, phase: Phase) -> tuple[UpdateState, tuple[Action, ...]]:
    deed = ON_ENTRY[phase]
    restarts = state.restarts if phase is state.phase else 0
    work = state.work + 1 if phase in WORKING else state.work
    entered = replace(state, phase=phase, work=work, restarts=restarts)
    return entered, (Action(deed, work),) if deed else ()
