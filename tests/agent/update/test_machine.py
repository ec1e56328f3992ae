"""The update machine, as transcripts, as a seeded simulation, and against sabotage."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest

from agent.update import machine
from agent.update.machine import (
    FROM_OUTSIDE,
    FROM_WORK,
    ON_ENTRY,
    RESTARTS_MAX,
    WORKING,
    Action,
    Deed,
    Event,
    Failed,
    Failure,
    Fetched,
    Installed,
    Lost,
    Migrated,
    Pair,
    Permitted,
    Phase,
    Restarted,
    Sign,
    Targeted,
    UpdateState,
    Verified,
    step,
)
from fieldwise.errors import Fault, FieldwiseError

OLD, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64
SERVING = UpdateState(
    generation=3,
    wanted=OLD,
    variant="fp32",
    phase=Phase.ACTIVE,
    work=3,
    in_use=Pair(OLD, "fp32"),
)


def after(state: UpdateState, *events: Event) -> UpdateState:
    for event in events:
        state, _ = step(state, event)
    return state


def test_every_phase_has_a_row_in_every_table() -> None:
    assert set(FROM_OUTSIDE) == set(FROM_WORK) == set(ON_ENTRY) == set(Phase)


def test_no_entry_of_the_tables_is_dead() -> None:
    taken: set[tuple[Phase, object]] = set()
    for seed in range(150):
        simulate(seed, lambda before, event, _: taken.add((before.phase, sign_of(before, event))))
    wanted = {(phase, sign) for phase, row in FROM_OUTSIDE.items() for sign in row}
    wanted |= {(phase, kind) for phase, row in FROM_WORK.items() for kind in row}
    assert wanted - taken == set()


def test_a_target_is_begun_only_with_a_permit() -> None:
    state, actions = step(SERVING, Targeted(4, NEW))
    assert (state.phase, state.generation, state.wanted) == (Phase.IDLE, 4, NEW)
    assert actions == ()
    state, actions = step(state, Permitted(4))
    assert state.phase is Phase.FETCHING
    assert actions == (Action(Deed.FETCH, 4),)


def test_a_permit_for_another_generation_starts_nothing() -> None:
    waiting = after(SERVING, Targeted(4, NEW))
    assert step(waiting, Permitted(3)) == (waiting, ())
    assert step(waiting, Permitted(5)) == (waiting, ())


def test_a_permit_without_any_target_starts_nothing() -> None:
    assert step(UpdateState(), Permitted(0)) == (UpdateState(), ())


def test_the_whole_way_to_the_new_pair() -> None:
    state = after(SERVING, Targeted(4, NEW), Permitted(4))
    state, actions = step(state, Fetched(4))
    assert (state.phase, actions) == (Phase.VERIFYING, (Action(Deed.VERIFY, 5),))
    state, actions = step(state, Verified(5, "int8"))
    assert (state.phase, actions) == (Phase.MIGRATING, (Action(Deed.MIGRATE, 6),))
    assert state.in_use == Pair(OLD, "fp32")
    state, actions = step(state, Migrated(6))
    assert (state.phase, actions) == (Phase.ACTIVE, (Action(Deed.SERVE, 6),))
    assert state.in_use == Pair(NEW, "int8")
    assert state.before == Pair(OLD, "fp32")


@pytest.mark.parametrize("phase", sorted(WORKING))
def test_a_failure_in_any_phase_leaves_the_old_pair_and_says_why(phase: Phase) -> None:
    state = replace(SERVING, generation=4, wanted=NEW, phase=phase, work=9)
    state, actions = step(state, Failed(9, Failure.DISK_FULL))
    assert (state.phase, state.failure) == (Phase.REVERTED, Failure.DISK_FULL)
    assert state.in_use == SERVING.in_use
    assert actions == (Action(Deed.DISCARD, 9),)


def test_a_reverted_generation_is_not_tried_again() -> None:
    reverted = replace(SERVING, generation=4, wanted=NEW, phase=Phase.REVERTED)
    assert step(reverted, Targeted(4, NEW)) == (reverted, ())
    assert step(reverted, Permitted(4)) == (reverted, ())
    assert step(reverted, Restarted()) == (reverted, ())


def test_a_newer_target_moves_a_reverted_device() -> None:
    reverted = replace(
        SERVING, generation=4, wanted=NEW, phase=Phase.REVERTED, failure=Failure.UNSUITABLE
    )
    state = after(reverted, Targeted(5, NEW), Permitted(5))
    assert (state.phase, state.failure) == (Phase.FETCHING, Failure.NONE)


def test_what_serves_already_needs_no_permit() -> None:
    state, actions = step(SERVING, Targeted(4, OLD))
    assert (state.phase, state.generation) == (Phase.ACTIVE, 4)
    assert [action.deed for action in actions] == [Deed.SERVE]


def test_an_older_target_changes_nothing() -> None:
    assert step(SERVING, Targeted(3, NEW)) == (SERVING, ())


def test_a_new_wish_ends_what_is_under_way() -> None:
    fetching = after(SERVING, Targeted(4, NEW), Permitted(4))
    state, actions = step(fetching, Targeted(5, OTHER))
    assert (state.phase, state.wanted) == (Phase.IDLE, OTHER)
    assert actions == (Action(Deed.CANCEL, 4),)
    assert step(state, Fetched(4)) == (state, ())


def test_the_owner_installs_without_a_permit() -> None:
    state, actions = step(UpdateState(), Installed(NEW))
    assert (state.phase, state.generation) == (Phase.VERIFYING, 0)
    assert actions == (Action(Deed.VERIFY, 1),)


def test_a_late_outcome_never_passes_for_a_fresh_one() -> None:
    state = after(SERVING, Targeted(4, NEW), Permitted(4), Fetched(4))
    assert step(state, Failed(4, Failure.INTERNAL)) == (state, ())


def test_an_outcome_that_its_phase_cannot_have_is_refused() -> None:
    state = after(SERVING, Targeted(4, NEW), Permitted(4))
    with pytest.raises(FieldwiseError) as caught:
        step(state, Migrated(4))
    assert caught.value.fault is Fault.INTERNAL


def test_a_bundle_that_kills_the_agent_cannot_do_so_for_ever() -> None:
    state = after(SERVING, Targeted(4, NEW), Permitted(4), Fetched(4))
    for _ in range(RESTARTS_MAX):
        state, actions = step(state, Restarted())
        assert [action.deed for action in actions] == [Deed.VERIFY]
    state, _ = step(state, Restarted())
    assert (state.phase, state.failure) == (Phase.REVERTED, Failure.LOAD_FAILED)


def test_a_download_survives_any_number_of_restarts() -> None:
    state = after(SERVING, Targeted(4, NEW), Permitted(4), *[Restarted()] * 50)
    assert state.phase is Phase.FETCHING


def test_lost_files_are_fetched_again_for_the_same_generation() -> None:
    state = after(SERVING, Lost())
    assert (state.in_use, state.phase, state.wanted) == (None, Phase.IDLE, OLD)
    assert after(state, Permitted(3)).phase is Phase.FETCHING


def sign_of(state: UpdateState, event: Event) -> object:
    if isinstance(event, Fetched | Verified | Migrated | Failed):
        return type(event) if event.work == state.work else None
    return machine._read(state, event)


Watcher = Callable[[UpdateState, Event, UpdateState], object]


def simulate(seed: int, watch: Watcher) -> None:
    """A device's life by chance: events and outcomes in any order, also late ones."""
    chance = random.Random(seed)
    state, generation = UpdateState(), 0
    for _ in range(120):
        event, generation = draw(chance, state, generation)
        try:
            moved, actions = step(state, event)
        except FieldwiseError:
            continue
        check(state, event, moved, actions)
        watch(state, event, moved)
        state = moved


def draw(chance: random.Random, state: UpdateState, generation: int) -> tuple[Event, int]:
    digest = chance.choice((OLD, NEW, OTHER))
    work = state.work - chance.choice((0, 0, 0, 0, 1))
    kind = chance.randrange(14)
    if kind == 0:
        return Targeted(generation + chance.choice((0, 1)), digest), generation + 1
    outside: tuple[Event, ...] = (
        Installed(digest),
        Lost(),
        Restarted(),
        Restarted(),
        Permitted(state.generation),
        Permitted(state.generation),
    )
    outcomes: dict[Phase, Event] = {
        Phase.FETCHING: Fetched(work),
        Phase.VERIFYING: Verified(work, "fp32"),
        Phase.MIGRATING: Migrated(work),
    }
    if kind == 6 and state.restarts:
        return Restarted(), generation  # what kills an agent once often does so again
    if kind <= 4:
        return chance.choice(outside), generation
    if kind == 5:
        return Failed(work, chance.choice(list(Failure)[1:])), generation
    return outcomes.get(state.phase, Permitted(state.generation)), generation


def check(
    before: UpdateState, event: Event, state: UpdateState, actions: tuple[Action, ...]
) -> None:
    """What must hold after every step of every life."""
    assert state.generation >= before.generation
    assert state.work >= before.work
    if state.in_use != before.in_use:
        assert isinstance(event, Migrated | Lost)
    if isinstance(event, Migrated) and state != before:
        assert state.before == before.in_use
        assert state.in_use == Pair(before.wanted, before.variant)
    if state.phase is Phase.ACTIVE:
        assert state.in_use is not None
        assert state.in_use.digest == state.wanted
    assert (state.phase is Phase.REVERTED) == (state.failure is not Failure.NONE)
    begun = [action for action in actions if action.deed in (Deed.FETCH, Deed.VERIFY, Deed.MIGRATE)]
    if state.phase in WORKING and state != before:
        assert [action.work for action in begun] == [state.work]
        assert state.work > before.work
    else:
        assert begun == []
    if before.phase in WORKING and state.phase is Phase.IDLE:
        assert actions[0] == Action(Deed.CANCEL, before.work)
    if state.phase is Phase.FETCHING and before.phase is not Phase.FETCHING:
        assert isinstance(event, Permitted)
        assert before.phase is Phase.IDLE
    assert state.restarts <= RESTARTS_MAX or state.phase is Phase.FETCHING


@pytest.mark.parametrize("seed", range(60))
def test_no_life_of_a_device_breaks_a_promise(seed: int) -> None:
    simulate(seed, lambda *_: None)


def simulate_many(lives: int) -> None:
    for seed in range(lives):
        simulate(seed, lambda *_: None)


def _patched(
    table: Mapping[Phase, Mapping[object, Phase]], phase: Phase, key: object, target: Phase
) -> Mapping[Phase, Mapping[object, Phase]]:
    return MappingProxyType({**table, phase: {**table[phase], key: target}})


SABOTAGES: dict[str, tuple[str, object]] = {
    "begins without a permit": (
        "FROM_OUTSIDE",
        _patched(FROM_OUTSIDE, Phase.IDLE, Sign.RETARGETED, Phase.FETCHING),  # type: ignore[arg-type]  # keys widen
    ),
    "tries a reverted generation again": (
        "FROM_OUTSIDE",
        _patched(FROM_OUTSIDE, Phase.REVERTED, Sign.PERMITTED, Phase.FETCHING),  # type: ignore[arg-type]  # keys widen
    ),
    "a failure counts as success": (
        "FROM_WORK",
        _patched(FROM_WORK, Phase.MIGRATING, Failed, Phase.ACTIVE),  # type: ignore[arg-type]  # keys widen
    ),
    "forgets to begin the work": (
        "ON_ENTRY",
        MappingProxyType({**ON_ENTRY, Phase.VERIFYING: None}),
    ),
    "serves before it has migrated": (
        "FROM_WORK",
        _patched(FROM_WORK, Phase.VERIFYING, Verified, Phase.ACTIVE),  # type: ignore[arg-type]  # keys widen
    ),
}


@pytest.mark.parametrize("name", sorted(SABOTAGES))
def test_the_simulation_notices_a_sabotaged_table(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, value = SABOTAGES[name]
    monkeypatch.setattr(machine, table, value)
    with pytest.raises(AssertionError):
        simulate_many(200)
