"""Lives of a device by chance, and what must hold after every step of each of them.

The machine alone, without journal and hands: events and outcomes come in any order, also late ones.
A sabotage of the tables must break one of the promises in some life.
"""

import random
from collections.abc import Callable, Sequence

from agent.update.events import (
    Action,
    Confirmed,
    Deed,
    Event,
    Failed,
    Fetched,
    HoldChanged,
    Installed,
    Judged,
    Lacking,
    Lost,
    Migrated,
    Outcome,
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
from agent.update.machine import step
from agent.update.signs import RESTARTS_MAX, Sign, read, read_outcome
from fieldwise.errors import FieldwiseError
from fieldwise.update import UNDER_WAY, UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.verdict import Basis, Judgement, Verdict

DIGESTS = ("a" * 64, "b" * 64, "c" * 64)
STEPS = 150
BEGINNING = frozenset({Deed.FETCH, Deed.VERIFY, Deed.MIGRATE, Deed.JUDGE, Deed.WATCH})
ENDED = frozenset({UpdatePhase.DECLINED, UpdatePhase.REVERTED})
OWNERS_WORDS = (Installed, RolledBack)

Watcher = Callable[[UpdateState, Event, UpdateState], object]


def sign_of(state: UpdateState, event: Event) -> Sign | None:
    """The column of the tables that an event meets; None where it meets none."""
    if not isinstance(event, Outcome):
        return read(state, event)
    held = state.phase is UpdatePhase.JUDGING and state.hold is not None
    if event.work != state.work or held:
        return None
    return read_outcome(state, event)


def live(seed: int, watch: Watcher) -> None:
    """One life; raises ``AssertionError`` where a promise is broken."""
    chance = random.Random(seed)
    state, tried = UpdateState(), set[int]()
    for _ in range(STEPS):
        event = _drawn(chance, state)
        try:
            moved, actions = step(state, event)
        except FieldwiseError:
            continue
        check(state, event, moved, actions)
        check_not_tried_again(state, event, moved, tried)
        watch(state, event, moved)
        state = moved
    check_arrives(state)


def _drawn(chance: random.Random, state: UpdateState) -> Event:
    if state.restarts and state.phase is not UpdatePhase.FETCHING and chance.random() < 0.6:
        return Restarted()  # what kills an agent once often does so again
    works = state.phase in UNDER_WAY and state.hold is None
    if works and chance.random() < 0.6:
        return _outcome(chance, state)
    kind = chance.random()
    if kind < (0.1 if works else 0.3):
        return _target(chance, state)
    if kind < 0.5:
        return Permitted(state.generation + chance.choice((0, 0, 0, 1)), 1000)
    return chance.choice(_outside(chance, state))


def _target(chance: random.Random, state: UpdateState) -> Event:
    return Targeted(
        state.generation + chance.choice((-1, 0, 1, 1)),
        chance.choice(DIGESTS),
        chance.choice(("", "int8")),
        back=chance.random() < 0.4,
    )


def _outside(chance: random.Random, state: UpdateState) -> Sequence[Event]:
    holds = (None, None, UpdateHold.WINDOW, UpdateHold.CONDITIONS, UpdateHold.DISK)
    hold = chance.choice(holds)
    return (
        Installed(chance.choice(DIGESTS)),
        Installed(state.before.digest if state.before else DIGESTS[0]),
        RolledBack(),
        RolledBack(),
        Pinned(),
        Unpinned(),
        Unpinned(),
        Confirmed(),
        Confirmed(),
        Refused(),
        Lost(),
        Stopped(),
        Stranded(),
        Restarted(),
        Restarted(),
        HoldChanged(hold, 7 if hold is UpdateHold.DISK else 0),
        HoldChanged(None),
        HoldChanged(None),
        ProbationPassed(state.work),  # of work that was given up, or that nobody began
    )


def _outcome(chance: random.Random, state: UpdateState) -> Event:
    work = state.work - (chance.random() < 0.1)
    asks = chance.random() < 0.2
    if chance.random() < 0.15:
        return Failed(work, chance.choice(tuple(UpdateFailure)))
    outcomes: dict[UpdatePhase, Event] = {
        UpdatePhase.FETCHING: Lacking(work, 9) if asks else Fetched(work),
        UpdatePhase.VERIFYING: Verified(work, chance.choice(("fp32", "int8"))),
        UpdatePhase.MIGRATING: Migrated(work),
        UpdatePhase.JUDGING: judged(work, chance.choice(tuple(Judgement)), ask=asks),
    }
    return outcomes.get(state.phase, ProbationPassed(work))


def judged(work: int, judgement: Judgement, *, ask: bool = False) -> Judged:
    """An outcome of judging."""
    failure = UpdateFailure.HARM if judgement is Judgement.DECLINED else None
    return Judged(work, Verdict(0, judgement, Basis.LABELLED), failure, ask)


def check(
    before: UpdateState, event: Event, state: UpdateState, actions: tuple[Action, ...]
) -> None:
    """What must hold after every step of every life."""
    assert state.generation >= before.generation
    assert state.work >= before.work
    _check_pairs(before, event, state)
    _check_phase(before, event, state)
    _check_actions(before, event, state, actions)
    _check_heard(before, event, state)
    bounded = UNDER_WAY - {UpdatePhase.FETCHING}
    assert state.phase not in bounded or state.restarts <= RESTARTS_MAX


def _check_pairs(before: UpdateState, event: Event, state: UpdateState) -> None:
    """Exactly one pair in use, one to go back to while on probation, and none by surprise."""
    if state.phase is UpdatePhase.PROBATION:
        assert state.in_use is not None
        assert state.before is not None
        assert state.in_use.digest == state.wanted
    if state.phase is UpdatePhase.ACTIVE:
        assert state.in_use is not None
        assert state.in_use.digest == state.wanted
    if state.in_use == before.in_use:
        watched = before.phase is not UpdatePhase.PROBATION or state.phase is before.phase
        assert watched or state.phase is UpdatePhase.ACTIVE  # what was not proven does not stay
        return
    promoted = isinstance(event, Migrated | Judged)
    if promoted:
        assert before.phase in (UpdatePhase.MIGRATING, UpdatePhase.JUDGING)
        assert state.in_use == Pair(before.wanted, before.variant)
        assert state.before == before.in_use
        unjudged = before.in_use is None or before.wish.back
        expected = UpdatePhase.ACTIVE if unjudged else UpdatePhase.PROBATION
        assert state.phase is expected
        assert state.verdict is not None
        assert state.verdict.judgement is Judgement.ACCEPTED
    else:
        assert state.in_use == before.before
        assert isinstance(event, Failed | Restarted | Lost | RolledBack | Targeted | Installed)
    if isinstance(event, Failed | Restarted | Targeted | Installed):
        assert before.phase is UpdatePhase.PROBATION


def _check_phase(before: UpdateState, event: Event, state: UpdateState) -> None:
    ended_badly = state.phase in ENDED
    assert ended_badly == (state.failure is not None)
    if isinstance(event, Failed) and before.phase is UpdatePhase.PROBATION and state != before:
        assert state.phase is UpdatePhase.REVERTED
        assert state.in_use == before.before
    if state.phase is UpdatePhase.DECLINED:
        assert before.phase is UpdatePhase.DECLINED or isinstance(event, Judged | Refused)
    if state.hold is not None:
        assert state.phase in (UpdatePhase.IDLE, UpdatePhase.JUDGING)
    assert state.missing_bytes == 0 or state.hold is UpdateHold.DISK
    if state.phase is UpdatePhase.FETCHING and before.phase is not UpdatePhase.FETCHING:
        assert isinstance(event, Permitted)
        assert before.phase is UpdatePhase.IDLE
        assert before.hold is None
    if before.pinned and state.pinned and before.phase is UpdatePhase.IDLE:
        assert state.phase is not UpdatePhase.FETCHING or before.hold is None


def _check_actions(
    before: UpdateState, event: Event, state: UpdateState, actions: tuple[Action, ...]
) -> None:
    begun = [action for action in actions if action.deed in BEGINNING]
    held = state.phase is UpdatePhase.JUDGING and state.hold is not None
    entered = state.work != before.work
    assert [action.work for action in begun] == ([state.work] if entered else [])
    if state.phase in UNDER_WAY and before.phase is not state.phase:
        assert entered
    serves = [action for action in actions if action.deed is Deed.SERVE]
    assert bool(serves) == (state.in_use not in (before.in_use, None))
    if serves:
        assert actions[0] == serves[0]
    left = before.phase in UNDER_WAY and not isinstance(event, Outcome | Restarted)
    if left and not held and before.hold is None and state.phase is not before.phase:
        assert Action(Deed.CANCEL, before.work) in actions


def _check_heard(before: UpdateState, event: Event, state: UpdateState) -> None:
    """No word that matters falls on deaf ears."""
    waits = before.phase in (UpdatePhase.IDLE, UpdatePhase.JUDGING) and before.hold is not None
    match event:
        case Restarted() if before.phase in UNDER_WAY and before.hold is None:
            assert state.phase is not before.phase or state.work > before.work
        case Confirmed() if waits and before.phase is UpdatePhase.JUDGING:
            assert (state.hold, state.work) == (None, before.work + 1)
        case HoldChanged(None) if waits and before.hold is not UpdateHold.PINNED:
            assert state.hold is None
        case RolledBack() if before.before is not None:
            assert (state.in_use, state.before) == (before.before, before.in_use)
        case Pinned() | Unpinned():
            assert state.pinned == isinstance(event, Pinned)


def check_not_tried_again(
    before: UpdateState, event: Event, state: UpdateState, tried: set[int]
) -> None:
    """A generation that ended badly is not begun again, unless its owner wants it so."""
    if before.phase in ENDED and not before.wish.by_owner:
        tried.add(before.generation)
    if isinstance(event, OWNERS_WORDS):
        tried.discard(state.generation)
    if state.phase in UNDER_WAY and not state.wish.by_owner:
        assert state.generation not in tried


def check_arrives(state: UpdateState) -> None:
    """From wherever a life has come, a device that is let do so reaches what is wanted."""
    state, _ = step(state, Unpinned())
    state, _ = step(state, Restarted())
    wanted = Targeted(state.generation + 1, "d" * 64)
    for _ in range(30):
        for event in (wanted, HoldChanged(None), Permitted(state.generation), Confirmed()):
            state, _ = step(state, event)
        if state.phase in UNDER_WAY and state.hold is None:
            state, _ = step(state, _success(state))
    assert state.phase is UpdatePhase.ACTIVE
    assert state.in_use is not None
    assert state.in_use.digest == wanted.digest


def _success(state: UpdateState) -> Outcome:
    match state.phase:
        case UpdatePhase.FETCHING:
            return Fetched(state.work)
        case UpdatePhase.VERIFYING:
            return Verified(state.work, "fp32")
        case UpdatePhase.MIGRATING:
            return Migrated(state.work)
        case UpdatePhase.JUDGING:
            return judged(state.work, Judgement.ACCEPTED)
        case _:
            return ProbationPassed(state.work)
