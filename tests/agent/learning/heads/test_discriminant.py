from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.learning.heads.discriminant import Cadence, Discriminant, rows_of
from agent.learning.heads.head import no_head, predict, rank
from agent.learning.heads.nearest_mean import REFRESH_GROWTH
from agent.learning.heads.solving import means_in, pool, solve
from fieldwise import head
from fieldwise.bundle import Transform
from fieldwise.head import Accumulator, Statistics
from tests.fakes.worlds import BUNDLE, NO_ROWS, accuracy, blobs, gathered, uneven

UNIT = 4096


def solved(accumulator: Accumulator, shrinkage: float = 0.3) -> Discriminant:
    return Discriminant(accumulator, shrinkage, Cadence(0.1, 64))


def obvious_scores(
    grid: NDArray[np.int16], labels: list[str], queries: NDArray[np.int16], shrinkage: float
) -> NDArray[np.float64]:
    """The Gaussian log-densities as a textbook has them: a pass over samples, no sums."""
    rows, asked = grid / UNIT, queries / UNIT
    names = sorted(set(labels))
    means = {
        n: np.mean([r for r, label in zip(rows, labels, strict=True) if label == n], axis=0)
        for n in names
    }
    rest = np.array([row - means[label] for row, label in zip(rows, labels, strict=True)])
    covariance = sum(np.outer(row, row) for row in rest) / len(rest)
    variance = np.trace(covariance) / len(covariance)
    shrinkage *= 1 + len(covariance) / (len(rest) - len(names))
    inverse = np.linalg.inv(covariance + shrinkage * variance * np.eye(len(covariance)))
    return np.array(
        [[-0.5 * (x - means[n]) @ inverse @ (x - means[n]) for n in names] for x in asked]
    )


def nearest_mean(
    grid: NDArray[np.int16], labels: list[str], queries: NDArray[np.int16]
) -> list[str]:
    names = sorted(set(labels))
    known = np.array(labels)
    means = np.array([grid[known == name].mean(0) for name in names])
    distances = ((queries[:, None].astype(float) - means) ** 2).sum(2)
    return [names[place] for place in distances.argmin(1)]


@pytest.mark.parametrize("shrinkage", [0.01, 0.3, 3.0])
def test_scores_are_the_log_densities_of_the_textbook(shrinkage: float) -> None:
    grid, labels = blobs(4, 30, 12)
    queries, _ = blobs(4, 5, 12, seed=2)
    found = solved(gathered(grid, labels), shrinkage).head.scores(queries).astype(float)
    wanted = obvious_scores(grid, labels, queries, shrinkage)
    differences = (found - found[:, :1]) - (wanted - wanted[:, :1])
    assert np.abs(differences).max() < 1e-3 * np.abs(wanted).max()


def test_belief_is_the_softmax_of_the_scores_best_first() -> None:
    grid, labels = blobs(4, 30, 12)
    found = solved(gathered(grid, labels)).head
    scores = found.scores(grid[:1])[0].astype(float)
    belief = np.exp(scores) / np.exp(scores).sum()
    ranking = rank(found, grid[0], 10)
    assert ranking.confidences == pytest.approx(sorted(belief, reverse=True))
    assert ranking.best == predict(found, grid[:1])[0]
    assert len(rank(found, grid[0], 2).classes) == 2


def test_equal_statistics_give_equal_heads_whatever_the_order() -> None:
    grid, labels = blobs(5, 20, 10)
    order = np.random.default_rng(3).permutation(len(grid))
    one = solved(gathered(grid, labels)).head
    other = solved(gathered(grid[order], [labels[place] for place in order])).head
    assert one.classes == other.classes
    assert np.array_equal(one.weights, other.weights)
    assert np.array_equal(one.offsets, other.offsets)


def pooled(sums: Accumulator) -> NDArray[np.float64]:
    scatter = sums.scatter()
    pool(scatter, means_in(sums))
    return scatter.square()


def test_the_precision_is_the_inverse_and_symmetric_to_the_bit() -> None:
    grid, labels = blobs(3, 100, 150)
    sums = gathered(grid, labels)
    solution = solve(sums.scatter(), means_in(sums), 0.3)
    found, shrunk = solution.precision.square(), pooled(sums)
    shrunk += solution.loading * np.eye(150)
    assert np.array_equal(found, found.T)
    assert np.abs(found @ shrunk - np.eye(150)).max() < 1e-10


def test_a_head_that_knows_nothing_says_so() -> None:
    nothing = no_head()
    assert predict(nothing, np.zeros((2, 5), np.int16)) == ["", ""]
    assert rank(nothing, np.zeros(5, np.int16), 5).best == ""


def test_one_sample_is_enough_to_predict() -> None:
    found = solved(gathered(np.array([[5, 0, 0]], np.int16), ["only"])).head
    assert predict(found, np.array([[0, 9, 0]], np.int16)) == ["only"]
    assert rank(found, np.array([0, 9, 0], np.int16), 5).confidences == (1.0,)


def test_one_sample_of_each_class_is_the_nearest_mean() -> None:
    grid = np.array([[4096, 0, 0], [0, 4096, 0]], np.int16)
    found = solved(gathered(grid, ["x", "y"])).head
    assert predict(found, np.array([[3000, 2000, 0], [10, 50, 0]], np.int16)) == ["x", "y"]


def test_fewer_samples_than_features_still_solve() -> None:
    grid, labels = blobs(2, 3, 60)
    assert predict(solved(gathered(grid, labels)).head, grid) == labels


def test_identical_samples_have_no_variance_and_still_solve() -> None:
    grid = np.tile(np.array([[100, 200]], np.int16), (5, 1))
    assert predict(solved(gathered(grid, ["same"] * 5)).head, grid[:1]) == ["same"]


@pytest.mark.parametrize("each", [2, 5, 20])
def test_with_few_samples_it_is_not_worse_than_the_nearest_mean(each: int) -> None:
    queries, wanted = blobs(8, 40, 40, seed=50)
    right = {"head": 0, "mean": 0}
    for seed in range(5):
        grid, labels = blobs(8, each, 40, seed=seed)
        said = predict(solved(gathered(grid, labels)).head, queries)
        means = nearest_mean(grid, labels, queries)
        right["head"] += sum(a == b for a, b in zip(said, wanted, strict=True))
        right["mean"] += sum(a == b for a, b in zip(means, wanted, strict=True))
    assert right["head"] >= right["mean"]


def test_a_new_class_is_predicted_at_once() -> None:
    grid, labels = blobs(3, 40, 10)
    accumulator = gathered(grid, labels)
    discriminant = solved(accumulator)
    newcomer = np.full((1, 10), -900, np.int16)
    accumulator.learn(newcomer, ["new"])
    assert not discriminant.due()
    discriminant.learn(NO_ROWS, ["new"])
    assert predict(discriminant.head, newcomer) == ["new"]


def test_a_row_is_renewed_when_its_class_has_grown_enough() -> None:
    grid, labels = blobs(2, 20, 6)
    accumulator = gathered(grid, labels)
    discriminant = solved(accumulator)
    before = discriminant.head
    for _ in range(int(20 * REFRESH_GROWTH)):
        accumulator.learn(grid[-1:], ["class 0"])
        discriminant.learn(NO_ROWS, ["class 0"])
        assert discriminant.head is before
    accumulator.learn(grid[-1:], ["class 0"])
    discriminant.learn(NO_ROWS, ["class 0"])
    assert not np.array_equal(discriminant.head.weights[0], before.weights[0])
    assert np.array_equal(discriminant.head.weights[1], before.weights[1])


def test_a_head_in_use_is_never_written_to() -> None:
    grid, labels = blobs(2, 20, 6)
    accumulator = gathered(grid, labels)
    discriminant = solved(accumulator)
    held, copy = discriminant.head, discriminant.head.weights.copy()
    for place in range(40):
        accumulator.learn(grid[:1], [f"new {place}"])
        discriminant.learn(NO_ROWS, [f"new {place}"])
    discriminant.settle()
    assert np.array_equal(held.weights, copy)
    assert len(held.classes) == 2


def test_solves_come_by_doubling_then_by_number_then_by_growth() -> None:
    accumulator = Accumulator(head.empty(BUNDLE, Transform(), 4))
    discriminant = Discriminant(accumulator, 0.3, Cadence(growth=0.1, samples_min=64))
    solves = []
    for _ in range(1000):
        accumulator.learn(np.ones((1, 4), np.int16), ["x"])
        before = discriminant.solves
        discriminant.learn(NO_ROWS, ["x"])
        if discriminant.solves > before:
            solves.append(accumulator.total)
    assert solves[:9] == [1, 2, 4, 8, 16, 32, 64, 128, 192]
    assert solves[-3:] == [775, 853, 939]


def test_no_sample_has_no_covariance() -> None:
    nothing: Statistics = head.empty(BUNDLE, Transform(), 3)
    assert not pooled(Accumulator(nothing)).any()


def test_a_class_of_few_samples_among_rich_ones_is_found() -> None:
    """The offset owes a poor class what the noise of its own mean has cost it."""
    width, rich, poor = 120, 60, 2
    grid, labels = uneven([rich, poor] * 10, width, spread=0.25)
    queries, wanted = uneven([0, 20] * 10, width, seed=2, spread=0.25)
    accumulator = gathered(grid, labels)
    found = Discriminant(accumulator, 0.3, Cadence(0.1, 64)).head
    means = nearest_mean(grid, labels, queries)
    known = means_in(accumulator)
    solution = solve(accumulator.scatter(), known, 0.3)
    bare = replace(solution, noise_energy=0.0)
    weights, offsets = rows_of(known, bare)
    scores = (queries / UNIT) @ weights.T + offsets
    without = [known.classes[place] for place in scores.argmax(axis=1)]
    assert accuracy(predict(found, queries), wanted) >= accuracy(means, wanted)
    assert accuracy(predict(found, queries), wanted) > accuracy(without, wanted) + 0.1


def test_between_classes_of_equal_counts_the_noise_of_means_changes_nothing() -> None:
    grid, labels = blobs(4, 5, 30)
    sums = gathered(grid, labels)
    means = means_in(sums)
    solution = solve(sums.scatter(), means, 0.3)
    assert solution.noise_energy > 1
    _, offsets = rows_of(means, solution)
    _, bare = rows_of(means, replace(solution, noise_energy=0.0))
    assert np.ptp(offsets - bare) < 1e-9


def test_shrinkage_is_harder_while_samples_are_few() -> None:
    loadings = []
    for each in (3, 30, 3000):
        grid, labels = blobs(4, each, 40)
        sums = gathered(grid, labels)
        variance = np.trace(pooled(sums)) / 40
        loadings.append(solve(sums.scatter(), means_in(sums), 0.3).loading / variance)
    assert loadings == pytest.approx([0.3 * (1 + 40 / (4 * n - 4)) for n in (3, 30, 3000)])


def test_the_models_temperature_makes_margins_log_odds_where_the_model_is_right() -> None:
    """Over fresh samples, twice the mean margin over its variance is the temperature."""
    grid, labels = blobs(5, 4000, 10)
    accumulator = gathered(grid, labels)
    keeper = Discriminant(accumulator, 2.0, Cadence(0.1, 64))
    queries, wanted = blobs(5, 4000, 10, seed=2)
    scores = keeper.head.scores(queries).astype(float)
    names = keeper.head.classes
    spread = margin = 0.0
    for one, other in permutations(range(5), 2):
        mine = [label == names[one] for label in wanted]
        margins = scores[mine, one] - scores[mine, other]
        spread, margin = spread + margins.var(), margin + 2 * margins.mean()
    assert keeper.temperature < 0.7
    assert spread / margin == pytest.approx(keeper.temperature, rel=0.1)


def test_forgotten_classes_are_no_longer_predicted() -> None:
    grid, labels = blobs(3, 20, 6)
    accumulator = gathered(grid, labels)
    keeper = solved(accumulator)
    accumulator.forget_class("class 1")
    keeper.drop_class("class 1")
    assert keeper.head.classes == ("class 0", "class 2")
    assert "class 1" not in predict(keeper.head, grid)
    accumulator.learn(grid[:1], ["newcomer"])
    keeper.learn(NO_ROWS, ["newcomer"])
    assert keeper.head.classes == ("class 0", "class 2", "newcomer")
