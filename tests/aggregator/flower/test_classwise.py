from collections.abc import Mapping

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord
from flwr.serverapp.strategy import Strategy

from aggregator.flower.classwise import ClasswiseStrategy
from aggregator.flower.grid import FleetGrid, array_key
from aggregator.flower.strategies import STOCK, keeps, maker
from aggregator.work import Contribution, Kept
from fieldwise.federation import Row

WIDTH = 6
Sent = Mapping[int, Mapping[int, tuple[int, np.ndarray | float]]]
"""By device, then by class: samples and row."""


def contributions(sent: Sent) -> list[Contribution]:
    return [
        Contribution(
            alias,
            {
                each: Row(each, count, np.broadcast_to(value, (WIDTH,)).astype(np.float32))
                for each, (count, value) in rows.items()
            },
        )
        for alias, rows in sent.items()
    ]


def aggregated(
    ours: ClasswiseStrategy, sent: Sent, current: Mapping[int, np.ndarray] | None = None
) -> dict[int, np.ndarray]:
    """Rows of the classes that were made."""
    grid = FleetGrid(lambda: contributions(sent), {})
    arrays = ArrayRecord({array_key(each): Array(row) for each, row in (current or {}).items()})
    messages = ours.configure_train(1, arrays, ConfigRecord(), grid)
    made, _ = ours.aggregate_train(1, grid.send_and_receive(messages))
    assert made is not None
    return {each: made[array_key(each)].numpy() for each in ours.made}


def once(name: str, sent: Sent, **options: float) -> dict[int, np.ndarray]:
    return aggregated(ClasswiseStrategy(maker(name, options), keeps(name)), sent)


def random_rows(devices: int, seed: int = 1) -> dict[int, dict[int, tuple[int, np.ndarray]]]:
    dice = np.random.default_rng(seed)
    return {
        alias: {1: (int(dice.integers(10, 90)), dice.normal(size=WIDTH).astype(np.float32))}
        for alias in range(1, devices + 1)
    }


def stacked(sent: Sent) -> tuple[np.ndarray, np.ndarray]:
    counts, rows = zip(*(each[1] for each in sent.values()), strict=True)
    return np.array(counts, float), np.stack(rows).astype(float)


class TestProven:
    """The stock strategies against what their papers say, on one class."""

    def test_fedavg_is_the_mean_by_count(self) -> None:
        sent = random_rows(5)
        counts, rows = stacked(sent)
        assert once("FedAvg", sent)[1] == pytest.approx(counts @ rows / counts.sum(), rel=1e-5)

    def test_fedmedian_is_the_median_of_each_number(self) -> None:
        for devices in (3, 4, 7):
            sent = random_rows(devices)
            expected = np.median(stacked(sent)[1], axis=0)
            assert once("FedMedian", sent)[1] == pytest.approx(expected, rel=1e-5)

    def test_fedtrimmedavg_is_the_mean_of_each_number_without_the_outermost(self) -> None:
        sent = random_rows(10)
        expected = np.sort(stacked(sent)[1], axis=0)[2:-2].mean(axis=0)
        assert once("FedTrimmedAvg", sent, beta=0.2)[1] == pytest.approx(expected, rel=1e-4)

    def test_krum_is_the_row_that_is_nearest_to_most(self) -> None:
        sent = random_rows(7)
        rows = stacked(sent)[1]
        squared = ((rows[:, None] - rows[None]) ** 2).sum(axis=2)
        scores = [np.sort(each)[1 : 7 - 1 - 2 + 1].sum() for each in squared]
        expected = rows[int(np.argmin(scores))]
        assert once("Krum", sent, num_malicious_nodes=1)[1] == pytest.approx(expected, rel=1e-5)

    def test_fedavgm_moves_by_its_momentum_from_round_to_round(self) -> None:
        current, momentum = np.zeros(WIDTH), np.zeros(WIDTH)
        row = np.zeros(WIDTH, np.float32)
        kept: Mapping[int, Kept] = {}
        for seed in range(4):
            sent = random_rows(3, seed)
            counts, rows = stacked(sent)
            momentum = 0.9 * momentum + current - counts @ rows / counts.sum()
            current = current - 0.5 * momentum
            make = maker("FedAvgM", {"server_momentum": 0.9, "server_learning_rate": 0.5})
            ours = ClasswiseStrategy(make, keeps("FedAvgM"), kept, from_average=False)
            row, kept = aggregated(ours, sent, {1: row})[1], ours.kept
            assert row == pytest.approx(current, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", [each for each in STOCK if STOCK[each].keeps])
def test_going_on_with_what_was_kept_is_going_on_without_a_break(name: str) -> None:
    def both(kept: Mapping[int, Kept]) -> ClasswiseStrategy:
        options = {"server_momentum": 0.9} if name == "FedAvgM" else {}
        return ClasswiseStrategy(maker(name, options), keeps(name), kept)

    whole, row, other = both({}), np.zeros(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
    kept: Mapping[int, Kept] = {}
    for seed in range(3):
        sent = random_rows(3, seed)
        row = aggregated(whole, sent, {1: row})[1]
        broken = both(kept)
        other, kept = aggregated(broken, sent, {1: other})[1], broken.kept
        assert np.array_equal(row, other)
    assert kept[1].steps == 3


@pytest.mark.parametrize("name", STOCK)
def test_every_strategy_makes_something_of_partial_class_sets(name: str) -> None:
    every = range(1, 9)
    sent = {
        alias: {1 + (alias + turn) % 4: (20, 1.0 * alias) for turn in (0, 1)} for alias in every
    }
    made = once(name, sent)
    assert set(made) == {1, 2, 3, 4}
    assert all(np.isfinite(row).all() for row in made.values())


def test_each_class_is_weighed_by_its_own_counts() -> None:
    sent = {1: {1: (10, 1.0), 2: (10, 2.0)}, 2: {1: (30, 3.0), 3: (20, 5.0)}, 3: {2: (10, 4.0)}}
    made = once("FedAvg", sent)
    assert set(made) == {1, 2}
    assert made[1] == pytest.approx(2.5)
    assert made[2] == pytest.approx(3.0)


@pytest.mark.parametrize("name", STOCK)
def test_a_device_of_one_class_never_reaches_into_another(name: str) -> None:
    honest = {alias: {1: (20, 1.0), 2: (20, 2.0)} for alias in (1, 2, 3, 4)}
    alone = {9: {2: (10**6, 50.0)}}
    assert np.array_equal(once(name, honest | alone)[1], once(name, honest)[1])


def test_a_row_that_one_device_alone_made_is_held_back() -> None:
    assert set(once("FedAvg", {1: {1: (10, 1.0)}, 2: {2: (10, 1.0)}})) == set()
    assert once("FedAvg", {}) == {}


def test_a_class_that_was_held_back_keeps_its_row_for_whoever_reads_them_all() -> None:
    ours = ClasswiseStrategy(maker("FedAvg", {}))
    grid = FleetGrid(lambda: contributions({1: {1: (10, 1.0)}}), {})
    before = ArrayRecord({array_key(1): Array(np.full(WIDTH, 7, np.float32))})
    messages = ours.configure_train(1, before, ConfigRecord(), grid)
    made, metrics = ours.aggregate_train(1, grid.send_and_receive(messages))
    assert made is not None
    assert metrics is not None
    assert made[array_key(1)].numpy() == pytest.approx(7)
    assert dict(metrics) == {"classes": 0, "held-back": 1}


def test_weights_are_added_to_the_row_that_they_were_trained_from() -> None:
    current = {1: np.full(WIDTH, 10, np.float32)}
    sent = {1: {1: (10, 1.0), 2: (10, 1.0)}, 2: {1: (10, 3.0), 2: (10, 3.0)}}
    grid = FleetGrid(lambda: contributions(sent), current)
    ours = ClasswiseStrategy(maker("FedAvg", {}), from_average=False)
    arrays = ArrayRecord({array_key(1): Array(current[1])})
    messages = ours.configure_train(1, arrays, ConfigRecord(), grid)
    made, _ = ours.aggregate_train(1, grid.send_and_receive(messages))
    assert made is not None
    assert made[array_key(1)].numpy() == pytest.approx(12)
    assert made[array_key(2)].numpy() == pytest.approx(2)


class _Failing(Strategy):
    """Fails on rows of ones, and makes nothing finite of rows of twos."""

    def configure_train(self, *_: object) -> list:
        return []

    def configure_evaluate(self, *_: object) -> list:
        return []

    def aggregate_evaluate(self, *_: object) -> None:
        return None

    def summary(self) -> None:
        return None

    def aggregate_train(self, server_round: int, replies: list) -> tuple:
        value = float(replies[0].content["arrays"]["row"].numpy()[0])
        if value == 1:
            raise ZeroDivisionError
        if value == 2:
            return ArrayRecord({"row": Array(np.full(WIDTH, np.nan, np.float32))}), None
        if value == 3:
            return None, None
        return replies[0].content["arrays"], None


def test_a_strategy_that_fails_on_a_class_leaves_the_others_alone() -> None:
    sent = {alias: {each: (10, 1.0 * each) for each in (1, 2, 3, 4)} for alias in (1, 2)}
    assert set(aggregated(ClasswiseStrategy(_Failing), sent)) == {4}


def test_a_class_that_nobody_sends_keeps_what_its_strategy_kept() -> None:
    ours = ClasswiseStrategy(maker("FedAvgM", {"server_momentum": 0.5}), ("momentum_vector",))
    aggregated(ours, {1: {1: (10, 1.0)}, 2: {1: (10, 1.0)}})
    assert aggregated(ours, {1: {2: (10, 1.0)}, 2: {2: (10, 1.0)}}).keys() == {2}
    assert set(ours.kept) == {1, 2}
