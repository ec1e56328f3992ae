import numpy as np
import pytest

from agent.learning.heads.average import Average, Member
from agent.learning.heads.discriminant import Cadence, Discriminant
from agent.learning.heads.head import LinearHead, no_head, predict
from agent.learning.heads.nearest_mean import NearestMean
from agent.learning.heads.ridge import BalancedRidge
from fieldwise.head import Accumulator
from tests.fakes.worlds import NO_ROWS, accuracy, blobs, gathered, uneven


class Kept:
    """A keeper of a head that the test sets."""

    def __init__(self, head: LinearHead, temperature: float = 1.0) -> None:
        self.head = head
        self.temperature = temperature


def drawn(classes: tuple[str, ...], width: int, seed: int) -> LinearHead:
    chance = np.random.default_rng(seed)
    weights = chance.standard_normal((len(classes), width)).astype(np.float32)
    return LinearHead(classes, weights, chance.standard_normal(len(classes)).astype("f4"), 4096.0)


def keepers(accumulator: Accumulator) -> tuple[Discriminant, BalancedRidge, Average]:
    discriminant = Discriminant(accumulator, 0.3, Cadence(0.1, 64))
    ridge = BalancedRidge(accumulator, discriminant)
    whole = slice(0, accumulator.width)
    members = [Member("discriminant", discriminant, whole), Member("ridge", ridge, whole)]
    return discriminant, ridge, Average("average", members, accumulator.width, {})


def test_its_scores_are_the_mean_of_calibrated_scores() -> None:
    one, other = drawn(("a", "b", "c"), 5, 1), drawn(("c", "a", "b"), 5, 2)
    members = [Member("x", Kept(one, 2.0), slice(0, 5)), Member("y", Kept(other), slice(0, 5))]
    found = Average("average", members, 5, {"y": 4.0}).head
    grid = np.random.default_rng(3).integers(-4096, 4097, (7, 5)).astype(np.int16)
    wanted = (one.scores(grid) / 2.0 + other.scores(grid)[:, [1, 2, 0]] / 4.0) / 2
    assert found.classes == ("a", "b", "c")
    assert found.scores(grid) == pytest.approx(wanted, abs=1e-5)


def test_members_see_their_own_columns_of_a_row() -> None:
    one, other = drawn(("a", "b"), 3, 1), drawn(("a", "b"), 4, 2)
    members = [Member("x", Kept(one), slice(0, 3)), Member("y", Kept(other), slice(5, 9))]
    found = Average("average", members, 9, {}).head
    grid = np.random.default_rng(3).integers(-4096, 4097, (6, 9)).astype(np.int16)
    wanted = (one.scores(grid[:, :3]) + other.scores(grid[:, 5:])) / 2
    assert found.scores(grid) == pytest.approx(wanted, abs=1e-5)
    assert not found.weights[:, 3:5].any()


def test_a_single_member_over_whole_rows_is_that_member() -> None:
    one = drawn(("a", "b"), 3, 1)
    assert Average("x", [Member("x", Kept(one, 9.0), slice(0, 3))], 3, {}).head is one


def test_a_single_view_s_scores_stay_as_they_are_beside_views_that_nobody_looks_at() -> None:
    one = drawn(("a", "b"), 3, 1)
    found = Average("x", [Member("x", Kept(one, 9.0), slice(2, 5))], 5, {"x": 4.0}).head
    grid = np.random.default_rng(3).integers(-4096, 4097, (6, 5)).astype(np.int16)
    assert np.array_equal(found.scores(grid), one.scores(grid[:, 2:]))


def test_a_single_view_of_several_is_spread_over_whole_rows() -> None:
    one = drawn(("a", "b"), 3, 1)
    found = Average("x", [Member("x", Kept(one), slice(2, 5))], 6, {}).head
    assert found.weights.shape == (2, 6)
    assert np.array_equal(found.weights[:, 2:5], one.weights)


def test_it_follows_its_members_and_stays_while_they_stay() -> None:
    kept = Kept(no_head())
    average = Average("x", [Member("x", kept, slice(0, 3)), Member("y", kept, slice(0, 3))], 3, {})
    assert average.head.classes == ()
    kept.head = drawn(("a",), 3, 1)
    average.learn(NO_ROWS, ["a"])
    held = average.head
    assert held.classes == ("a",)
    average.learn(NO_ROWS, ["a"])
    assert average.head is held


@pytest.mark.parametrize("each", [1, 2, 3, 5])
def test_with_few_samples_of_many_classes_it_does_not_lose_to_the_nearest_mean(each: int) -> None:
    """In a world of more features than samples, seeded."""
    queries, wanted = blobs(30, 10, 60, seed=50)
    right = {"average": 0.0, "mean": 0.0}
    for seed in range(4):
        accumulator = gathered(*blobs(30, each, 60, seed=seed))
        right["average"] += accuracy(predict(keepers(accumulator)[2].head, queries), wanted)
        right["mean"] += accuracy(predict(NearestMean(accumulator).head, queries), wanted)
    assert right["average"] >= right["mean"] - 0.01


@pytest.mark.parametrize("poor", [1, 2, 3, 5])
def test_poor_classes_among_rich_ones_are_found_as_by_the_nearest_mean(poor: int) -> None:
    width, spread = 120, 0.25
    queries, wanted = uneven([0, 20] * 10, width, seed=50, spread=spread)
    right = {"average": 0.0, "mean": 0.0}
    for seed in range(4):
        accumulator = gathered(*uneven([40, poor] * 10, width, seed=seed, spread=spread))
        right["average"] += accuracy(predict(keepers(accumulator)[2].head, queries), wanted)
        right["mean"] += accuracy(predict(NearestMean(accumulator).head, queries), wanted)
    assert right["average"] >= right["mean"]
