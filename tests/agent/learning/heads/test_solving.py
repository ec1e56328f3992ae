"""Solving: what the blocks of a precision come to together."""

import numpy as np
import pytest

from agent.learning.heads.solving import SQUARE_BLOCK, Moments, pooled_covariance, solve


def moments(width: int, samples: int) -> Moments:
    """Of one class, drawn: wide enough, or not, for the precision to be built from halves."""
    chance = np.random.default_rng(3)
    grid = np.rint(chance.standard_normal((samples, width)) * 100)
    counts = np.array([float(samples)])
    return Moments(("a",), counts, grid.sum(axis=0)[None], grid.T @ grid, 4096.0, float(samples))


@pytest.mark.parametrize("width", [2, SQUARE_BLOCK, SQUARE_BLOCK + 1, 2 * SQUARE_BLOCK + 5])
def test_a_precision_inverts_the_shrunk_covariance_and_is_symmetric_to_the_bit(width: int) -> None:
    given = moments(width, 3 * width)
    solution = solve(given, 0.3)
    shrunk = pooled_covariance(given) + solution.loading * np.eye(width)
    np.testing.assert_allclose(solution.precision @ shrunk, np.eye(width), atol=1e-10)
    assert np.array_equal(solution.precision, solution.precision.T)
