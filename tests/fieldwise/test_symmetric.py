from copy import deepcopy

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldwise.symmetric import STRIP_ROWS, SymmetricSum

WIDTHS = [1, 6, STRIP_ROWS - 1, STRIP_ROWS, STRIP_ROWS + 1, 3 * STRIP_ROWS + 7]


def drawn(width: int, seed: int) -> NDArray[np.float64]:
    rows = np.random.default_rng(seed).integers(-4096, 4097, (9, width)).astype(np.float64)
    found: NDArray[np.float64] = rows.T @ rows
    return found


@pytest.mark.parametrize("width", WIDTHS)
def test_sums_are_those_of_whole_matrices_to_the_bit(width: int) -> None:
    one, other, third = (drawn(width, seed) for seed in range(3))
    held = SymmetricSum(one)
    held.add(other)
    held.subtract(third.astype(np.float32))
    whole = one + other - third.astype(np.float32)
    assert len(held) == width
    assert np.array_equal(held.square(), whole)
    assert held.trace() == np.trace(whole)


def test_what_is_given_and_what_is_taken_out_are_not_shared() -> None:
    start = drawn(70, 1)
    held = SymmetricSum(start)
    start[:] = 0
    held.square()[:] = 0
    assert np.array_equal(held.square(), drawn(70, 1))


@pytest.mark.parametrize("width", WIDTHS)
def test_products_and_the_diagonal_are_those_of_the_whole_matrix(width: int) -> None:
    whole = drawn(width, 1)
    rows = np.random.default_rng(2).integers(-9, 10, (5, width)).astype(np.float64)
    held = SymmetricSum(whole)
    assert np.array_equal(held.times(rows), rows @ whole)
    held.scale(0.5)
    held.add_to_diagonal(3.0)
    assert np.array_equal(held.square(), whole / 2 + 3 * np.eye(width))


def test_a_copy_is_one_array_of_its_own_in_the_numbers_that_are_asked_for() -> None:
    held = SymmetricSum(drawn(70, 1))
    for other in (held.copy(), held.copy(np.float32), deepcopy(held)):
        other.scale(0.0)
        assert not other.square().any()
    assert held.copy(np.float32).square().dtype == np.float32
    assert np.array_equal(held.square(), drawn(70, 1))


def test_it_takes_little_more_than_half() -> None:
    width = 20 * STRIP_ROWS
    held = SymmetricSum(np.zeros((width, width)))
    (array,) = {id(strip.base): strip.base for _, strip in held._strips}.values()
    assert array.nbytes < 0.55 * 8 * width**2
