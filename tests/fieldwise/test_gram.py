import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from fieldwise.gram import FLOAT32_EXACT, gram

ROWS = npst.arrays(
    np.int16, st.tuples(st.integers(1, 40), st.integers(1, 12)), elements=st.integers(-16384, 16384)
)


@given(ROWS)
def test_the_product_is_exact_whatever_the_sizes(rows: np.ndarray) -> None:
    exact = rows.astype(np.int64).T @ rows.astype(np.int64)
    assert np.array_equal(gram(rows).astype(np.int64), exact)


def test_small_columns_are_multiplied_in_float32() -> None:
    assert gram(np.full((256, 3), 255, np.int16)).dtype == np.float32


def test_a_few_large_columns_are_mended() -> None:
    rows = np.random.default_rng(1).integers(-200, 201, (256, 40)).astype(np.int16)
    rows[:, 7] = 4095
    products = gram(rows)
    assert products.dtype == np.float64
    assert products[7, 7] > FLOAT32_EXACT
    assert np.array_equal(products.astype(int), rows.astype(int).T @ rows.astype(int))


@pytest.mark.parametrize("bound", [4096, 4097])
def test_the_bound_is_where_float32_begins_to_skip_integers(bound: int) -> None:
    rows = np.full((1, 2), bound, np.int16)
    assert gram(rows).dtype == (np.float32 if bound == 4096 else np.float64)
    assert float(gram(rows)[0, 1]) == bound * bound
