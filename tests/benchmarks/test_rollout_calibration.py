"""A small calibration of the real gate, with seeded dice, and sabotages of it that it finds.

The full one is ``python -m benchmarks.rollout_calibration``; its table stands in docs/rollouts.md.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from benchmarks.rollout_calibration import RULES, Row, measure, rows, title
from benchmarks.rollout_devices import World, pool_of
from orchestrator.rollout import gate
from orchestrator.rollout.chances import normal_quantile
from orchestrator.rollout.evidence import Evidence, Outcome
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import GateRules
from orchestrator.rollout.tally import Tally, tally_of
from tools.calibration import MEASURED

POOL, WAVE = 2_000, 150


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is true of a fleet, how it is looked at, and how often at most that may end so."""

    world: World
    outcome: Outcome  # of which there may be at most this share
    share_max: float
    rollouts: int = 150
    rules: GateRules = RULES
    looks: tuple[float, ...] = (0.95, 1.0)
    last: bool = False


def share_of(fleet: Fleet) -> float:
    """The share of rollouts with the outcome, at any look, before the last wave or in it."""
    chance = np.random.default_rng(5)
    pool = pool_of(fleet.world, POOL, 0.0, chance)
    devices = [pool.evidence(at) for at in range(POOL)]
    count = 0
    for _ in range(fleet.rollouts):
        members = [devices[at] for at in chance.integers(0, POOL, WAVE).tolist()]
        ends = {ask(fleet, members, look) for look in fleet.looks}
        count += fleet.outcome in ends
    return count / fleet.rollouts


def ask(fleet: Fleet, members: list[Evidence], look: float) -> Outcome:
    seen = round(look * len(members))
    waiting = [Evidence("pending", 1, Place.MIGRATING, started=True)] * (len(members) - seen)
    return gate.assess(
        fleet.rules,
        members[:seen] + waiting,
        wave=1,
        last_wave=1 if fleet.last else 2,
        cohort_size=500,
        silent_before=0.02,
        deadline_passed=False,
    ).outcome


# Rates of the real gate are far below these; the bounds leave room for the chance of 150 rollouts.
AT_MARGIN = Fleet(World(RULES.margin, 0.02), Outcome.OPEN, 0.1)
ONLY_THE_MEAN = replace(RULES, declined_share_max=1.0, worst_device_alpha=0.0)
DECLINING = Fleet(
    World(RULES.margin, 0.07, samples_min=200), Outcome.OPEN, 0.1, rules=ONLY_THE_MEAN
)
DIFFERING = Fleet(
    World(0.0, 0.1, samples_min=100, samples_max=100),
    Outcome.CLOSED,
    0.05,
    rollouts=100,
    rules=ONLY_THE_MEAN,
)
OFTEN = tuple(at / 20 for at in range(1, 21))
LOOKED_AT_OFTEN = Fleet(
    World(RULES.margin, 0.03),
    Outcome.OPEN,
    0.1,
    rules=replace(RULES, settled_share_min=0.05, devices_min=5, false_abort=1e-9),
    looks=OFTEN,
)
UNCHANGED = Fleet(World(), Outcome.CLOSED, 0.05, looks=OFTEN)
DYING = Fleet(World(silent=0.12), Outcome.OPEN, 0.05)


@pytest.mark.parametrize(
    "fleet", [AT_MARGIN, DECLINING, DIFFERING, LOOKED_AT_OFTEN, UNCHANGED, DYING], ids=repr
)
def test_the_gate_keeps_what_it_says(fleet: Fleet) -> None:
    assert share_of(fleet) <= fleet.share_max


def test_the_gate_lets_go_on_where_nothing_changed() -> None:
    assert share_of(Fleet(World(spread=0.01), Outcome.OPEN, 1.0)) >= 0.8


def without_declined(evidence: Iterable[Evidence], wave: int) -> Tally:
    return tally_of([each for each in evidence if each.place is not Place.DECLINED], wave)


def pooled_samples(evidence: Iterable[Evidence], wave: int) -> Tally:
    tally = tally_of(evidence, wave)
    lots = [each.verdict.overall for each in tally.compared if each.verdict]
    tally.losses = [
        loss
        for lot in lots
        for loss in [1.0] * lot.only_old
        + [-1.0] * lot.only_new
        + [0.0] * (lot.both_right + lot.both_wrong)
    ]
    return tally


def without_silence(evidence: Iterable[Evidence], wave: int) -> Tally:
    tally = tally_of(evidence, wave)
    tally.silent = tally.lost = 0
    return tally


SABOTAGES: list[tuple[str, Callable[..., object], Fleet]] = [
    ("tally_of", without_declined, DECLINING),
    ("tally_of", pooled_samples, DIFFERING),
    ("look_level", lambda alpha, *_: alpha, LOOKED_AT_OFTEN),
    ("anytime_deviations", lambda _, chance: normal_quantile(chance), UNCHANGED),
    ("tally_of", without_silence, DYING),
]


@pytest.mark.parametrize(("name", "instead", "fleet"), SABOTAGES)
def test_a_gate_that_is_sabotaged_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str, instead: Callable[..., object], fleet: Fleet
) -> None:
    monkeypatch.setattr(gate, name, instead)
    assert share_of(fleet) > fleet.share_max


def test_a_row_of_the_table_is_the_same_whenever_it_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmarks.rollout_calibration.POOL", 500)
    row = Row("no change", World(samples_max=40), (10, 50), 100)
    first, again = measure(row, 30, seed=1), measure(row, 30, seed=1)
    assert first == again
    assert first.promoted + first.aborted + first.undecided == pytest.approx(1)


def test_rows_have_names_of_their_own() -> None:
    names = [(title(row), row.devices) for row in rows()]
    assert len(set(names)) == len(names)


def test_the_table_in_the_documentation_is_of_these_rows_and_keeps_their_bounds() -> None:
    measured = json.loads(MEASURED.read_text())
    assert [(each["name"], each["devices"], each["held_to"]) for each in measured] == [
        (title(row), row.devices, row.held_to) for row in rows()
    ]
    assert all(each["rollouts"] >= 10_000 and each["kept"] for each in measured)
