"""Solving: what strips come to together, in the memory of what they are solved from."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.learning.heads.solving import Means, pool, solve
from fieldwise.symmetric import STRIP_ROWS, SymmetricSum

WIDTHS = [1, 2, STRIP_ROWS, STRIP_ROWS + 1, 5 * STRIP_ROWS + 5]


def drawn(width: int, samples: int) -> tuple[Means, NDArray[np.float64]]:
    """Of one class: means and scatter."""
    chance = np.random.default_rng(3)
    grid = np.rint(chance.standard_normal((samples, width)) * 100)
    counts = np.array([float(samples)])
    means = Means(("a",), counts, grid.sum(axis=0)[None], 4096.0, float(samples))
    return means, grid.T @ grid


@pytest.mark.parametrize("width", WIDTHS)
def test_a_precision_inverts_the_shrunk_covariance_and_is_symmetric_to_the_bit(width: int) -> None:
    means, square = drawn(width, 3 * width)
    shrunk = SymmetricSum(square)
    pool(shrunk, means)
    solution = solve(SymmetricSum(square), means, 0.3)
    shrunk.add_to_diagonal(solution.loading)
    precision = solution.precision.square()
    np.testing.assert_allclose(precision @ shrunk.square(), np.eye(width), atol=1e-10)
    assert np.array_equal(precision, precision.T)


def test_what_no_samples_have_is_refused() -> None:
    means, square = drawn(100, 300)
    square[0, 0] = -1e9
    with pytest.raises(np.linalg.LinAlgError):
        solve(SymmetricSum(square + 2e9 / 100 * np.eye(100)), means, 0.01)


def test_solving_takes_less_than_half_of_a_square_beside_what_it_is_solved_from() -> None:
    width = 10 * STRIP_ROWS
    means, square = drawn(width, width)
    scatter = SymmetricSum(square)
    tracemalloc.start()
    try:
        solve(scatter, means, 0.3)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < square.nbytes / 2  # a strip is a tenth of it
