from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.learning.heads import ridge
from agent.learning.heads.discriminant import Cadence, Discriminant
from agent.learning.heads.head import predict
from agent.learning.heads.ridge import BalancedRidge, mix
from agent.learning.heads.solving import means_in, pool, solve
from fieldwise.head import Accumulator
from tests.fakes.worlds import NO_ROWS, accuracy, blobs, gathered, uneven

CADENCE = Cadence(0.1, 64)


def kept(accumulator: Accumulator) -> tuple[Discriminant, BalancedRidge]:
    discriminant = Discriminant(accumulator, 0.3, CADENCE)
    return discriminant, BalancedRidge(accumulator, discriminant)


def regression(accumulator: Accumulator, shrinkage: float) -> tuple[NDArray[np.float64], ...]:
    """Weights and offsets from the D x D normal equations, with an intercept that is not shrunk."""
    known = means_in(accumulator)
    means = known.means()
    classes = len(means)
    covariance = accumulator.scatter()
    pool(covariance, known)
    covariance.add_to_diagonal(solve(accumulator.scatter(), known, shrinkage).loading)
    within = covariance.square()
    second = within + means.T @ means / classes
    centre = means.mean(axis=0)
    system = np.block([[second, centre[:, None]], [centre[None], np.ones((1, 1))]])
    targets = np.hstack([means / classes, np.full((classes, 1), 1 / classes)])
    solution = np.linalg.solve(system, targets.T).T
    return solution[:, :-1], solution[:, -1]


def test_mixing_the_discriminants_rows_solves_the_balanced_normal_equations() -> None:
    accumulator = gathered(*uneven([30, 5, 60, 2], 12))
    known = means_in(accumulator)
    solution = solve(accumulator.scatter(), known, 0.3)
    means = known.means()
    weights, offsets, _ = mix(means, solution.precision.times(means), solution.loading)
    wanted, constant = regression(accumulator, 0.3)
    assert np.abs(weights - wanted).max() < 1e-9
    assert np.abs(offsets - constant).max() < 1e-9


def test_the_head_is_that_regression_but_for_its_scale() -> None:
    accumulator = gathered(*blobs(4, 30, 12))
    _, keeper = kept(accumulator)
    queries, _ = blobs(4, 20, 12, seed=2)
    weights, offsets = regression(accumulator, 0.3)
    wanted = (queries / 4096) @ weights.T + offsets
    found = keeper.head.scores(queries)
    scale = np.ptp(found) / np.ptp(wanted)
    assert scale > 1
    assert np.abs((found - found.mean()) - scale * (wanted - wanted.mean())).max() < 1e-3 * scale


def test_rare_classes_are_not_neglected() -> None:
    counts = [400, 400, 400, 8, 8, 8]
    accumulator = gathered(*uneven(counts, 20))
    _, keeper = kept(accumulator)
    queries, wanted = uneven([0, 0, 0, 60, 60, 60], 20, seed=2)
    assert accuracy(predict(keeper.head, queries), wanted) > 0.9


def test_a_new_class_and_a_doubled_one_enter_at_once() -> None:
    grid, labels = blobs(4, 40, 10)
    accumulator = gathered(grid, labels)
    discriminant, keeper = kept(accumulator)
    newcomer = np.full((1, 10), -900, np.int16)
    heads = [keeper.head]
    for _ in range(4):
        accumulator.learn(newcomer, ["new"])
        discriminant.learn(NO_ROWS, ["new"])
        keeper.learn(NO_ROWS, ["new"])
        heads.append(keeper.head)
    assert discriminant.solves == 1
    assert predict(heads[1], newcomer) == ["new"]
    changed = [one is not other for one, other in pairwise(heads)]
    assert changed == [True, True, False, True]  # at 1, 2 and 4 samples


def test_settled_it_depends_on_the_sums_alone() -> None:
    grid, labels = blobs(4, 20, 10)
    order = np.random.default_rng(3).permutation(len(grid))
    heads = []
    for places in (np.arange(len(grid)), order):
        accumulator = gathered(grid[places[:1]], [labels[places[0]]])
        keepers = kept(accumulator)
        for place in places[1:]:
            accumulator.learn(grid[place][None], [labels[place]])
            for keeper in keepers:
                keeper.learn(NO_ROWS, [labels[place]])
        for keeper in keepers:
            keeper.settle()
        heads.append(keepers[1].head)
    assert heads[0].classes == heads[1].classes
    assert np.array_equal(heads[0].weights, heads[1].weights)
    assert np.array_equal(heads[0].offsets, heads[1].offsets)


def test_fewer_than_two_classes_and_too_many_are_left_to_the_discriminant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accumulator = gathered(*blobs(1, 3, 6))
    discriminant, keeper = kept(accumulator)
    assert keeper.head is discriminant.head
    accumulator.learn(*blobs(4, 2, 6))
    monkeypatch.setattr(ridge, "CLASSES_MAX", 3)
    discriminant.settle()
    keeper.settle()
    assert keeper.head is discriminant.head


def test_without_any_variance_it_still_answers() -> None:
    grid = np.array([[4096, 0, 0], [0, 4096, 0]], np.int16)
    _, keeper = kept(gathered(grid, ["x", "y"]))
    assert predict(keeper.head, np.array([[3000, 2000, 0], [10, 50, 0]], np.int16)) == ["x", "y"]


def test_class_by_class_it_is_at_any_time_about_as_right_as_when_settled() -> None:
    grid, labels = blobs(60, 12, 40)
    queries, truth = blobs(60, 5, 40, seed=2)
    accumulator = gathered(grid[:1], [labels[0]])
    keepers = kept(accumulator)
    for place in sorted(range(1, len(grid)), key=labels.__getitem__):
        accumulator.learn(grid[place][None], [labels[place]])
        for keeper in keepers:
            keeper.learn(NO_ROWS, [labels[place]])
    before = accuracy(predict(keepers[1].head, queries), truth)
    for keeper in keepers:
        keeper.settle()
    assert before > accuracy(predict(keepers[1].head, queries), truth) - 0.05
