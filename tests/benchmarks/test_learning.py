"""The figures of learning, over clusters that are drawn."""

from itertools import pairwise

import numpy as np
import pytest

from benchmarks import learning, learning_accuracy, learning_lowshot, our_heads
from benchmarks.learning_data import Features
from fieldwise.bundle import Transform

TRANSFORM = Transform()
CLASSES = tuple(f"class {number:02}" for number in range(10))


def features(each: int = 12, noise: float = 0.35, seed: int = 0) -> Features:
    """Ten clusters in 24 dimensions that overlap a little, and a test half from the same."""
    chance = np.random.default_rng(seed)
    centres = chance.normal(size=(len(CLASSES), 24))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    labels = [name for name in CLASSES for _ in range(each)]
    halves = []
    for _ in range(2):
        rows = np.repeat(centres, each, axis=0) + noise * chance.normal(size=(len(labels), 24))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        halves.append(np.rint(4096 * rows).astype(np.int16))
    return Features(halves[0], labels, halves[1], labels)


def test_every_order_gives_the_same_statistics_and_the_same_figure() -> None:
    found = learning_accuracy.figures(features(), TRANSFORM)
    orders = ("class_by_class", "random_order", "single_class_batches")
    assert {found[f"accuracy.{order}"] for order in orders} == {found["accuracy"]}
    assert found["orders_bit_identical"] == 7
    assert found["accuracy"] == found[f"accuracy.{learning_accuracy.DEFAULT}"]
    assert 50 < found["accuracy_tuned"] <= 100
    assert found["accuracy_tuned.standard_error"] >= 0


def test_an_order_that_changes_statistics_would_be_noticed() -> None:
    some = features()
    other = our_heads.accumulated(some.train[1:], some.train_labels[1:], TRANSFORM)
    with pytest.raises(AssertionError, match="changed the statistics"):
        learning_accuracy.in_orders(some, TRANSFORM, other)


def test_single_class_batches_are_an_order_of_all_samples() -> None:
    some = features()
    orders = learning_accuracy._orders(some)
    everything = list(range(len(some.train)))
    assert all(sorted(order) == everything for kind in orders.values() for order in kind)
    labels = [some.train_labels[place] for place in orders["single_class_batches"][0]]
    changes = sum(one != other for one, other in pairwise(labels))
    assert changes > len(CLASSES)  # classes come back
    assert len({tuple(order) for order in orders["single_class_batches"]}) == 3


def test_the_sampling_error_of_an_accuracy_is_that_of_a_share() -> None:
    assert learning_accuracy.sampling_error(50.0, 100) == pytest.approx(5.0)
    assert learning_accuracy.sampling_error(100.0, 100) == 0.0


def test_lowshot_counts_every_head_beside_the_nearest_mean_and_errors_with_it() -> None:
    found = learning_lowshot.figures(features(), TRANSFORM, "drawn")
    for shots in learning_lowshot.SHOTS:
        simplest = found[f"lowshot.drawn.{shots}.nearest-mean"]
        for head in set(our_heads.HEADS) - {"nearest-mean"}:
            value = found[f"lowshot.drawn.{shots}.{head}"]
            over = found[f"lowshot.drawn.{shots}.{head}.over_nearest_mean"]
            assert over == pytest.approx(value - simplest)
            assert f"newcomer.drawn.{shots}.{head}" in found
    assert found["lowshot.drawn.5.nearest-mean"] > found["lowshot.drawn.1.nearest-mean"]


def test_poor_classes_are_thinned_and_rich_ones_are_not() -> None:
    from random import Random

    labels = ["rich"] * 9 + ["poor"] * 9
    kept = learning_lowshot._drawn(labels, {"poor"}, 2, Random(0))
    assert [labels[place] for place in kept].count("rich") == 9
    assert [labels[place] for place in kept].count("poor") == 2


def test_every_part_can_be_asked_for_by_name() -> None:
    assert learning.PARTS[-1] == "speed"  # times come last
    assert set(learning.PARTS) >= {"accuracy", "probe", "lowshot", "replay", "memory", "speed"}
