"""Two of ten devices are hostile: what a robust strategy makes of it loses next to nothing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from aggregator.combining import combine
from aggregator.flower.aggregating import FlowerStrategies
from aggregator.work import Campaign
from fieldwise.federation import Consent, HeadSpace, Row, RowKind, Update
from fieldwise.global_head import GlobalHead, decode
from tests.fakes.updates import UNIT, campaign

WIDTH = 64
CLASSES = 30
DEVICES, HOSTILE = 10, 2
HARDLY, WELL = 1 / 3, 2 / 3  # of the classes a device sees
SPACE = HeadSpace("a" * 64, "b" * 64, (WIDTH,))
STRATEGIES = FlowerStrategies()


class World:
    """Classes with one covariance, of which each device sees a share, unevenly."""

    def __init__(self, seed: int, share: float) -> None:
        dice = np.random.default_rng(seed)
        self.centres = np.abs(dice.normal(0, 1, (CLASSES, WIDTH)))
        self.root = dice.normal(0, 0.3, (WIDTH, WIDTH)) / WIDTH**0.25
        self.devices = [self._device(dice, round(CLASSES * share)) for _ in range(DEVICES)]
        self.tests = {each: self.samples(dice, each, 60) for each in range(CLASSES)}

    def samples(self, dice: np.random.Generator, each: int, count: int) -> np.ndarray:
        raw = np.abs(self.centres[each] + dice.normal(size=(count, WIDTH)) @ self.root)
        powered = np.sqrt(raw)
        return np.rint(powered / np.linalg.norm(powered, axis=1, keepdims=True) * UNIT)

    def _device(self, dice: np.random.Generator, classes: int) -> dict[int, np.ndarray]:
        known = dice.permutation(CLASSES)[:classes]
        return {
            int(each) + 1: self.samples(dice, int(each), int(dice.integers(10, 60)))
            for each in sorted(known)
        }

    def update(self, alias: int) -> Update:
        rows = tuple(
            Row(each, len(grid), grid.mean(axis=0).astype(np.float32))
            for each, grid in self.devices[alias - 1].items()
        )
        return Update("c7", 1, RowKind.MEANS, Consent.WEIGHTS, SPACE, rows)

    def accuracy(self, head: GlobalHead) -> float:
        """Of the discriminant that head's means and covariance make, on all classes; percent."""
        spread = head.factors[0].T.astype(np.float64) @ head.factors[0]
        shrunk = 0.5 * spread + 0.5 * np.trace(spread) / WIDTH * np.eye(WIDTH)
        weights = np.linalg.solve(shrunk, head.rows.T.astype(np.float64))
        biases = -0.5 * (head.rows.T * weights).sum(axis=0)
        right = sum(
            (np.array(head.ids)[(grid @ weights + biases).argmax(axis=1)] == each + 1).sum()
            for each, grid in self.tests.items()
        )
        return 100 * float(right) / sum(map(len, self.tests.values()))


@cache
def world(seed: int, share: float) -> World:
    return World(seed, share)


def plan(strategy: str, options: Mapping[str, float]) -> Campaign:
    names = {each + 1: f"class {each + 1}" for each in range(CLASSES)}
    return campaign(strategy=strategy, options=options, space=SPACE, classes=names)


def changed(update: Update, values: Callable[[np.ndarray], np.ndarray]) -> Update:
    rows = tuple(replace(row, values=values(row.values).astype(np.float32)) for row in update.rows)
    return replace(update, rows=rows)


def mislabelled(update: Update) -> Update:
    rows = update.rows
    turned = (*rows[1:], rows[0])
    return replace(
        update,
        rows=tuple(
            replace(row, values=other.values) for row, other in zip(rows, turned, strict=True)
        ),
    )


def inflated(update: Update) -> Update:
    return replace(update, rows=tuple(replace(row, samples=10**12) for row in update.rows))


NOISE = np.random.default_rng(77).normal(0, 400, WIDTH)
ATTACKS: Mapping[str, Callable[[Update], Update]] = {
    "not a number": lambda each: changed(each, lambda row: row * np.nan),
    "infinite": lambda each: changed(each, lambda row: row + np.inf),
    "huge": lambda each: changed(each, lambda row: row * 1000),
    "tripled": lambda each: changed(each, lambda row: row * 3),
    "turned around": lambda each: changed(each, lambda row: -row),
    "all alike": lambda each: changed(each, lambda row: row * 0 + UNIT / 8),
    "nothing": lambda each: changed(each, lambda row: row * 0),
    "shifted together": lambda each: changed(each, lambda row: row + NOISE),
    "too short": lambda each: changed(each, lambda row: row[:1]),
    "mislabelled": mislabelled,
    "mislabelled and inflated": lambda each: inflated(mislabelled(each)),
    "turned around and inflated": lambda each: inflated(changed(each, lambda row: -row)),
}
ROBUST: Mapping[str, Mapping[str, float]] = {
    "FedMedian": {},
    "FedTrimmedAvg": {"beta": 0.2},
    "Krum": {"num_malicious_nodes": 1},
}


def accuracy(
    found: World, strategy: str, options: Mapping[str, float], attack: Callable[[Update], Update]
) -> float:
    sent = [
        (alias, attack(found.update(alias)) if alias <= HOSTILE else found.update(alias))
        for alias in range(1, DEVICES + 1)
    ]
    result = combine(plan(strategy, options), 1, sent, None, {}, STRATEGIES)
    return found.accuracy(decode(result.head))


def mean_accuracy(
    strategy: str,
    options: Mapping[str, float],
    attack: Callable[[Update], Update],
    share: float,
) -> float:
    found = [accuracy(world(seed, share), strategy, options, attack) for seed in range(2)]
    return float(np.mean(found))


def honest(update: Update) -> Update:
    return update


def silent(update: Update) -> Update:
    return replace(update, rows=())


@pytest.mark.parametrize("strategy", ROBUST)
def test_where_classes_are_well_covered_it_costs_at_most_two_points(strategy: str) -> None:
    options = ROBUST[strategy]
    expected = mean_accuracy(strategy, options, honest, WELL)
    for name, attack in ATTACKS.items():
        found = mean_accuracy(strategy, options, attack, WELL)
        assert found >= expected - 2, name


@pytest.mark.parametrize("strategy", ROBUST)
def test_where_they_are_hardly_covered_it_costs_no_more_than_two_points_beside_silence(
    strategy: str,
) -> None:
    options = ROBUST[strategy]
    expected = mean_accuracy(strategy, options, silent, HARDLY)
    for name, attack in ATTACKS.items():
        found = mean_accuracy(strategy, options, attack, HARDLY)
        assert found >= expected - 2, name


def test_an_average_loses_what_robust_strategies_keep() -> None:
    expected = mean_accuracy("FedAvg", {}, honest, WELL)
    lost = {
        name: expected - mean_accuracy("FedAvg", {}, attack, WELL)
        for name, attack in ATTACKS.items()
    }
    assert lost["mislabelled and inflated"] > 10
    assert lost["turned around and inflated"] > 10
    for screened in ("not a number", "infinite", "huge", "too short"):
        assert lost[screened] < 2
