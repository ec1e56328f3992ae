"""Lives of a device by chance: no promise is broken, and each sabotage of the tables breaks one."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from agent.update import machine
from agent.update.machine import FROM_OUTSIDE, FROM_WORK, ON_ENTRY, STAY, Row
from agent.update.signs import Sign
from fieldwise.update import UpdatePhase
from tests.agent.update.lives import live, sign_of


def test_no_entry_of_the_tables_is_dead() -> None:
    untaken: set[tuple[UpdatePhase, Sign | None]]
    untaken = {(phase, sign) for phase, row in FROM_OUTSIDE.items() for sign in row}
    untaken |= {(phase, sign) for phase, row in FROM_WORK.items() for sign in row}
    for seed in range(2000):
        live(seed, lambda before, event, _: untaken.discard((before.phase, sign_of(before, event))))
        if not untaken:
            break
    assert untaken == set()


@pytest.mark.parametrize("seed", range(100))
def test_no_life_of_a_device_breaks_a_promise(seed: int) -> None:
    live(seed, lambda *_: None)


def live_many(lives: int) -> None:
    for seed in range(lives):
        live(seed, lambda *_: None)


def _patched(
    table: Mapping[UpdatePhase, Row], phase: UpdatePhase, sign: Sign, target: UpdatePhase | None
) -> Mapping[UpdatePhase, Row]:
    return MappingProxyType({**table, phase: {**table[phase], sign: target}})


def _without(
    table: Mapping[UpdatePhase, Row], phase: UpdatePhase, sign: Sign
) -> Mapping[UpdatePhase, Row]:
    row = {each: target for each, target in table[phase].items() if each is not sign}
    return MappingProxyType({**table, phase: row})


SABOTAGES: dict[str, tuple[str, object]] = {
    "begins without a permit": (
        "FROM_OUTSIDE",
        _patched(FROM_OUTSIDE, UpdatePhase.IDLE, Sign.RETARGETED, UpdatePhase.FETCHING),
    ),
    "tries a reverted generation again": (
        "FROM_OUTSIDE",
        _patched(FROM_OUTSIDE, UpdatePhase.REVERTED, Sign.PERMITTED, UpdatePhase.FETCHING),
    ),
    "tries a declined generation again": (
        "FROM_OUTSIDE",
        _patched(FROM_OUTSIDE, UpdatePhase.DECLINED, Sign.PERMITTED, UpdatePhase.FETCHING),
    ),
    "fetches again what was declined once files are lost": (
        "FROM_OUTSIDE",
        _patched(FROM_OUTSIDE, UpdatePhase.DECLINED, Sign.LOST, UpdatePhase.IDLE),
    ),
    "a failure counts as success": (
        "FROM_WORK",
        _patched(FROM_WORK, UpdatePhase.MIGRATING, Sign.FAILED, UpdatePhase.ACTIVE),
    ),
    "a failure on probation leaves the new pair": (
        "FROM_WORK",
        _patched(FROM_WORK, UpdatePhase.PROBATION, Sign.FAILED, UpdatePhase.ACTIVE),
    ),
    "forgets to begin the work": (
        "ON_ENTRY",
        MappingProxyType({**ON_ENTRY, UpdatePhase.VERIFYING: None}),
    ),
    "forgets to watch": (
        "ON_ENTRY",
        MappingProxyType({**ON_ENTRY, UpdatePhase.PROBATION: None}),
    ),
    "serves before it has migrated": (
        "FROM_WORK",
        _patched(FROM_WORK, UpdatePhase.VERIFYING, Sign.VERIFIED, UpdatePhase.PROBATION),
    ),
    "serves without having been judged": (
        "FROM_WORK",
        _patched(FROM_WORK, UpdatePhase.MIGRATING, Sign.MIGRATED, UpdatePhase.PROBATION),
    ),
    "serves what was declined": (
        "FROM_WORK",
        _patched(FROM_WORK, UpdatePhase.JUDGING, Sign.DECLINED, UpdatePhase.PROBATION),
    ),
    "skips probation": (
        "FROM_WORK",
        _patched(FROM_WORK, UpdatePhase.JUDGING, Sign.ACCEPTED, UpdatePhase.ACTIVE),
    ),
    "watches a first backbone with nothing to fall back to": (
        "FROM_WORK",
        _patched(FROM_WORK, UpdatePhase.MIGRATING, Sign.MIGRATED_UNJUDGED, UpdatePhase.PROBATION),
    ),
    "stays on probation without a pair to fall back to": (
        "FROM_OUTSIDE",
        _patched(FROM_OUTSIDE, UpdatePhase.PROBATION, Sign.STRANDED, STAY),
    ),
    "is restarted on probation for ever": (
        "FROM_OUTSIDE",
        _patched(FROM_OUTSIDE, UpdatePhase.PROBATION, Sign.EXHAUSTED, UpdatePhase.PROBATION),
    ),
    "does not resume judging": (
        "FROM_OUTSIDE",
        _without(FROM_OUTSIDE, UpdatePhase.JUDGING, Sign.RESUMED),
    ),
    "does not hear the owner's yes": (
        "FROM_OUTSIDE",
        _without(FROM_OUTSIDE, UpdatePhase.JUDGING, Sign.CONFIRMED),
    ),
    "keeps a new target from a device for ever": (
        "FROM_OUTSIDE",
        _without(FROM_OUTSIDE, UpdatePhase.ACTIVE, Sign.RETARGETED),
    ),
}


@pytest.mark.parametrize("name", sorted(SABOTAGES))
def test_the_simulation_notices_a_sabotaged_table(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, value = SABOTAGES[name]
    monkeypatch.setattr(machine, table, value)
    with pytest.raises(AssertionError):
        live_many(300)
