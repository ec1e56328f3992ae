"""The update machine: how one device comes to serve another backbone, or stays with what it has.

Everything that decides where an update stands is here, as two literal tables and a small engine;
beside it ``signs`` says what an event means and ``notes`` what is remembered of it. Nothing in the
three touches a clock, a file, a thread or the wire: whoever drives the machine writes the returned
state to the journal first and carries out the actions second.

A *pair* is a backbone and the head learned on it. ``in_use`` names the pair that serves, ``before``
the one that it replaced, kept until the next one is proven. The way of an update is

    idle -> fetching -> verifying -> migrating -> judging -> probation -> active

and the pair that serves goes on serving through all of it until JUDGING ends well. ``in_use``
changes in the same journal entry as the phase, and the deed SERVE stands first among the actions of
that entry, so at whatever instant the power goes the journal names exactly one pair. On PROBATION
the new pair serves and there is always a ``before``: whatever ends probation badly (what was seen,
the owner, an operator, too many restarts, files that cannot be opened) puts it back in that same
entry. A first backbone has nothing to be compared with and nothing to fall back to, and an
operator who takes a bundle back does not ask: both go from MIGRATING to ACTIVE.

*What comes from outside* may arrive at any time: the orchestrator's target and its permit, the
owner's word, a restart of the daemon, a pair that cannot be opened. It is read against the state as
a *sign*, the columns of the tables. A sign for which the present phase has no entry changes
nothing, because all of it is level-triggered and comes again, or is an owner's word that says
nothing now. Where the entry is ``STAY`` the state takes note and the phase goes on with its work.
So a new target waits until probation is over, while one that takes back the very pair on probation
is obeyed at once and without a permit: going back to what is here needs none. Where the owner has
pinned that pair it waits like any other, and so does every target while what the owner of a pinned
device installs is under way. Whatever else ends probation before its time, a bundle
that the owner installs or one that an operator goes back to, puts the pair from before in its place
first: a pair that has not stood its probation neither serves unwatched nor becomes what the next
one would fall back to.

*Outcomes* come from work that this machine asked for. Each piece of work has a number that its
outcome repeats. An outcome with an older number belongs to work that was given up and is ignored;
one with the present number that the phase does not know is a defect, and is refused.

*Holds* are the owner's: IDLE with a hold starts with no permit, JUDGING with one has ended its work
and keeps its verdict until the owner, or the rule that held it, says how to go on. JUDGING is then
entered again, since a restart may have taken the pair from memory, and the verdict stands.

A generation that ended in REVERTED or DECLINED is not tried again: only a newer target, or the
owner, moves it. A restart resumes the phase it fell into; a phase that runs foreign code or much
memory is resumed a bounded number of times, so that a backbone that kills the agent cannot do so
for ever. A daemon that ends as it was told to takes its start back from the count. Where the pair
that served was lost, a restart begins what the owner installed anew: nobody else gives it a permit.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from agent.update.events import Action, Deed, Event, Outcome, Outside, UpdateState
from agent.update.notes import note, note_outcome
from agent.update.signs import Sign, read, read_outcome
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UNDER_WAY, UpdatePhase

STAY: Final = None  # the phase goes on with the work that it has

Row = Mapping[Sign, UpdatePhase | None]

# A new wish ends what is under way; only probation lets a target wait.
_WISHES: Row = MappingProxyType(
    {
        Sign.RETARGETED: UpdatePhase.IDLE,
        Sign.ORDERED_BACK: UpdatePhase.IDLE,
        Sign.SETTLED: UpdatePhase.ACTIVE,
        Sign.INSTALLED: UpdatePhase.VERIFYING,
    }
)

# What can be said of every pair that serves.
_ALWAYS: Row = MappingProxyType(
    {
        Sign.ROLLED_BACK: UpdatePhase.REVERTED,
        Sign.STRANDED: STAY,
        Sign.NOTED: STAY,
    }
)

_UNSERVED: Row = MappingProxyType(
    {
        **_WISHES,
        **_ALWAYS,
        Sign.ROLLED_TO_WISH: UpdatePhase.ACTIVE,
        Sign.PINNED: UpdatePhase.IDLE,
        Sign.REFUSED: UpdatePhase.DECLINED,
        Sign.LOST: UpdatePhase.IDLE,
    }
)

_ENDED: Row = MappingProxyType(
    {**_WISHES, **_ALWAYS, Sign.ROLLED_TO_WISH: UpdatePhase.ACTIVE, Sign.LOST: STAY}
)

FROM_OUTSIDE: Mapping[UpdatePhase, Row] = MappingProxyType(
    {
        UpdatePhase.IDLE: {
            **_UNSERVED,
            Sign.ROLLED_BACK: STAY,
            Sign.PINNED: STAY,
            Sign.LOST: STAY,
            Sign.PERMITTED: UpdatePhase.FETCHING,
            Sign.RESUMED: UpdatePhase.VERIFYING,
        },
        UpdatePhase.FETCHING: {
            **_UNSERVED,
            Sign.RESUMED: UpdatePhase.FETCHING,
        },
        UpdatePhase.VERIFYING: {
            **_UNSERVED,
            Sign.RESUMED: UpdatePhase.VERIFYING,
            Sign.EXHAUSTED: UpdatePhase.REVERTED,
        },
        UpdatePhase.MIGRATING: {
            **_UNSERVED,
            Sign.RESUMED: UpdatePhase.MIGRATING,
            Sign.EXHAUSTED: UpdatePhase.REVERTED,
        },
        UpdatePhase.JUDGING: {
            **_UNSERVED,
            Sign.CONFIRMED: UpdatePhase.JUDGING,
            Sign.RELEASED: UpdatePhase.JUDGING,
            Sign.RESUMED: UpdatePhase.JUDGING,
            Sign.EXHAUSTED: UpdatePhase.REVERTED,
        },
        UpdatePhase.PROBATION: {
            **_ALWAYS,
            Sign.ORDERED_BACK: UpdatePhase.IDLE,
            Sign.TAKEN_BACK: UpdatePhase.ACTIVE,
            Sign.SETTLED: STAY,
            Sign.INSTALLED: UpdatePhase.VERIFYING,
            Sign.RESUMED: UpdatePhase.PROBATION,
            Sign.EXHAUSTED: UpdatePhase.REVERTED,
            Sign.LOST: UpdatePhase.REVERTED,
            Sign.STRANDED: UpdatePhase.ACTIVE,
        },
        UpdatePhase.ACTIVE: {**_WISHES, **_ALWAYS, Sign.LOST: UpdatePhase.IDLE},
        UpdatePhase.DECLINED: _ENDED,
        UpdatePhase.REVERTED: _ENDED,
    }
)

FROM_WORK: Mapping[UpdatePhase, Row] = MappingProxyType(
    {
        UpdatePhase.IDLE: {},
        UpdatePhase.FETCHING: {
            Sign.FETCHED: UpdatePhase.VERIFYING,
            Sign.LACKING: UpdatePhase.IDLE,
            Sign.FAILED: UpdatePhase.REVERTED,
        },
        UpdatePhase.VERIFYING: {
            Sign.VERIFIED: UpdatePhase.MIGRATING,
            Sign.FAILED: UpdatePhase.REVERTED,
        },
        UpdatePhase.MIGRATING: {
            Sign.MIGRATED: UpdatePhase.JUDGING,
            Sign.MIGRATED_UNJUDGED: UpdatePhase.ACTIVE,
            Sign.FAILED: UpdatePhase.REVERTED,
        },
        UpdatePhase.JUDGING: {
            Sign.ACCEPTED: UpdatePhase.PROBATION,
            Sign.HELD: STAY,
            Sign.DECLINED: UpdatePhase.DECLINED,
            Sign.FAILED: UpdatePhase.REVERTED,
        },
        UpdatePhase.PROBATION: {
            Sign.PASSED: UpdatePhase.ACTIVE,
            Sign.FAILED: UpdatePhase.REVERTED,
        },
        UpdatePhase.ACTIVE: {},
        UpdatePhase.DECLINED: {},
        UpdatePhase.REVERTED: {},
    }
)

ON_ENTRY: Mapping[UpdatePhase, Deed | None] = MappingProxyType(
    {
        UpdatePhase.IDLE: None,
        UpdatePhase.FETCHING: Deed.FETCH,
        UpdatePhase.VERIFYING: Deed.VERIFY,
        UpdatePhase.MIGRATING: Deed.MIGRATE,
        UpdatePhase.JUDGING: Deed.JUDGE,
        UpdatePhase.PROBATION: Deed.WATCH,
        UpdatePhase.ACTIVE: Deed.DISCARD,
        UpdatePhase.DECLINED: Deed.DISCARD,
        UpdatePhase.REVERTED: Deed.DISCARD,
    }
)

Step = tuple[UpdateState, tuple[Action, ...]]


def step(state: UpdateState, event: Event) -> Step:
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
    if isinstance(event, Outcome):
        return _take_outcome(state, event)
    return _take_from_outside(state, event)


def _take_outcome(state: UpdateState, outcome: Outcome) -> Step:
    held = state.phase is UpdatePhase.JUDGING and state.hold is not None
    if outcome.work != state.work or state.phase not in UNDER_WAY or held:
        return state, ()
    sign = read_outcome(state, outcome)
    if sign not in FROM_WORK[state.phase]:
        raise FieldwiseError(Fault.INTERNAL, f"{sign} is no outcome of {state.phase}")
    return _move(state, note_outcome(state, outcome, sign), FROM_WORK[state.phase][sign])


def _take_from_outside(state: UpdateState, event: Outside) -> Step:
    sign = read(state, event)
    if sign is None or sign not in FROM_OUTSIDE[state.phase]:
        return state, ()
    target = FROM_OUTSIDE[state.phase][sign]
    ends = target is not STAY and state.phase in UNDER_WAY and sign not in _AFTER_WORK
    return _move(state, note(state, event, sign), target, ends=ends)


_AFTER_WORK = frozenset({Sign.RESUMED, Sign.EXHAUSTED, Sign.RELEASED, Sign.CONFIRMED})


def _move(
    state: UpdateState, noted: UpdateState, target: UpdatePhase | None, *, ends: bool = False
) -> Step:
    actions = [Action(Deed.CANCEL, state.work)] if ends else []
    deed = None
    if target is not STAY:
        noted, deed = _enter(noted, target), ON_ENTRY[target]
    if noted.in_use not in (state.in_use, None):
        actions.insert(0, Action(Deed.SERVE, noted.work))
    if deed is not None:
        actions.append(Action(deed, noted.work))
    return noted, tuple(actions)


def _enter(state: UpdateState, phase: UpdatePhase) -> UpdateState:
    waits = phase is UpdatePhase.IDLE
    return replace(
        state,
        phase=phase,
        hold=state.hold if waits else None,
        missing_bytes=state.missing_bytes if waits else 0,
        work=state.work + 1 if phase in UNDER_WAY else state.work,
        restarts=state.restarts if phase is state.phase else 0,
    )
