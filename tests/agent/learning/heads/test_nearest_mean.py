import numpy as np

from agent.learning.heads.head import predict
from agent.learning.heads.nearest_mean import NearestMean
from tests.fakes.worlds import NO_ROWS, blobs, gathered


def test_the_nearest_mean_wins() -> None:
    grid, labels = blobs(6, 5, 8)
    queries, _ = blobs(6, 10, 8, seed=2)
    known = np.array(labels)
    names = sorted(set(labels))
    means = np.array([grid[known == name].mean(axis=0) for name in names])
    nearest = ((queries[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    found = NearestMean(gathered(grid, labels)).head
    assert predict(found, queries) == [names[place] for place in nearest]


def test_a_new_class_is_known_at_once_and_a_head_in_use_stays_as_it_is() -> None:
    grid, labels = blobs(3, 5, 8)
    accumulator = gathered(grid, labels)
    keeper = NearestMean(accumulator)
    before, weights = keeper.head, keeper.head.weights.copy()
    accumulator.learn(-grid[:1], ["new"])
    keeper.learn(NO_ROWS, ["new"])
    assert predict(keeper.head, -grid[:1]) == ["new"]
    assert np.array_equal(before.weights, weights)
    assert len(before.classes) == 3


def test_settled_it_depends_on_the_sums_alone() -> None:
    grid, labels = blobs(3, 5, 8)
    streamed = gathered(grid[:1], labels[:1])
    keeper = NearestMean(streamed)
    for place in range(1, len(grid)):
        streamed.learn(grid[place : place + 1], labels[place : place + 1])
        keeper.learn(NO_ROWS, labels[place : place + 1])
    keeper.settle()
    at_once = NearestMean(gathered(grid, labels)).head
    assert keeper.head.classes == at_once.classes
    assert np.array_equal(keeper.head.weights, at_once.weights)
    assert np.array_equal(keeper.head.offsets, at_once.offsets)


def test_nothing_learned_knows_nothing_and_a_dropped_class_is_gone() -> None:
    accumulator = gathered(*blobs(0, 0, 8))
    keeper = NearestMean(accumulator)
    assert keeper.head.classes == ()
    grid, labels = blobs(2, 1, 8)
    accumulator.learn(grid, labels)
    keeper.learn(NO_ROWS, labels)
    accumulator.unlearn(grid[:1], labels[:1])
    keeper.unlearn(NO_ROWS, labels[:1])
    assert keeper.head.classes == ("class 1",)
    keeper.drop_class("class 1")
    assert predict(keeper.head, grid) == ["", ""]
