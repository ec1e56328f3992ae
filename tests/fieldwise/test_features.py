import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from fieldwise.bundle import Transform
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.features import relative_error, to_grid

# Computed once with a processor's vector unit on and once with it off: the same.
KNOWN = [-229, -177, 0, 0, 59, 228]
KNOWN_SUM = 53442664

FEATURES = npst.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 9)),
    elements=st.floats(-(2.0**100), 2.0**100, width=32),
)


def test_a_feature_becomes_the_square_root_of_unit_length_on_the_grid() -> None:
    grid = to_grid(np.array([[9.0, -16.0, 0.0]], np.float32), Transform())
    assert grid.dtype == np.int16
    assert grid.tolist() == [[round(3 / 5 * 4096), round(-4 / 5 * 4096), 0]]


def test_power_and_grid_are_those_of_the_transform() -> None:
    plain = Transform(power=1, grid_bits=10)
    assert to_grid(np.array([[3.0, 4.0]], np.float32), plain).tolist() == [[614, 819]]
    cube = Transform(power=1 / 3, grid_bits=14)
    assert to_grid(np.array([[8.0, 0.0]], np.float32), cube).tolist() == [[16384, 0]]


def test_a_zero_vector_stays_zero() -> None:
    assert to_grid(np.zeros((2, 3), np.float32), Transform()).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_no_sample_at_all_is_no_row() -> None:
    assert to_grid(np.zeros((0, 3), np.float32), Transform()).shape == (0, 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(FieldwiseError) as caught:
        to_grid(np.array([[1.0, value]], np.float32), Transform())
    assert caught.value.fault is Fault.GRAPH_FAILED


def test_a_single_vector_without_its_row_is_refused() -> None:
    with pytest.raises(FieldwiseError, match="dimensions"):
        to_grid(np.zeros(3, np.float32), Transform())


@given(FEATURES)
def test_every_value_stays_on_the_grid_and_keeps_its_sign(features: np.ndarray) -> None:
    grid = to_grid(features, Transform(grid_bits=14))
    assert np.abs(grid.astype(int)).max() <= 1 << 14
    assert (grid * np.sign(features) >= 0).all()


@given(FEATURES)
def test_rows_do_not_depend_on_their_company(features: np.ndarray) -> None:
    together = to_grid(features, Transform())
    alone = np.concatenate([to_grid(row[None], Transform()) for row in features])
    assert np.array_equal(together, alone)


def test_the_same_features_give_known_integers_on_every_machine() -> None:
    features = (np.arange(-640, 640, dtype=np.float32) ** 3 / 7).reshape(1, -1)
    grid = to_grid(features, Transform()).astype(int)[0]
    assert [int(grid[place]) for place in (0, 100, 639, 641, 900, 1279)] == KNOWN
    assert int((grid * np.arange(1280)).sum()) == KNOWN_SUM


def test_equal_features_have_no_error_and_a_changed_row_shows() -> None:
    recorded = np.array([[3.0, 4.0], [1.0, 0.0]], np.float32)
    assert relative_error(recorded, recorded) == 0
    assert relative_error(recorded + np.array([[0, 0], [0, 0.5]]), recorded) == pytest.approx(0.5)


def test_a_lost_or_broken_row_is_an_infinite_error() -> None:
    recorded = np.array([[0.0, 0.0]], np.float32)
    assert relative_error(recorded, recorded) == 0
    assert relative_error(recorded + 1, recorded) == np.inf
    assert relative_error(recorded * np.nan, recorded + 1) == np.inf
