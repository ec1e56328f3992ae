import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fieldwise import affine
from fieldwise.affine import AffineMap, PairSums, fit, residual_scatter
from fieldwise.errors import Fault, FieldwiseError

UNIT = 4096.0
OLD, NEW = 12, 9
Rows = NDArray[np.int16]


def pairs(seed: int, count: int, noise: float = 0.02, offset: float = 0.1) -> tuple[Rows, Rows]:
    """Pairs of which the new is an affine function of the old, but for noise."""
    chance = np.random.default_rng(seed)
    x = chance.normal(0.1, 0.15, (count, OLD))
    matrix = np.random.default_rng(99).normal(0, 0.4, (NEW, OLD))
    y = x @ matrix.T + offset + noise * chance.normal(size=(count, NEW))
    return tuple(np.rint(np.clip(each, -1, 1) * UNIT).astype(np.int16) for each in (x, y))  # type: ignore[return-value]  # two of them


def summed(*parts: tuple[Rows, Rows, bool]) -> PairSums:
    sums = PairSums((UNIT, UNIT), (OLD, NEW))
    for x, y, keep in parts:
        sums.add(x, y, keep=keep)
    return sums


def fitted(sums: PairSums, prior: AffineMap | None = None) -> AffineMap:
    found = fit(sums, prior)
    assert found is not None
    return found


def left_by(found: AffineMap, x: Rows, y: Rows) -> float:
    rest = y / UNIT - (x / UNIT @ found.matrix.T + found.offset)
    return float((rest**2).sum() / ((y / UNIT - (y / UNIT).mean(axis=0)) ** 2).sum())


def test_an_affine_relation_is_found_on_pairs_never_seen() -> None:
    found = fitted(summed((*pairs(0, 200), True)))
    assert left_by(found, *pairs(1, 500)) < 0.02


def test_the_error_that_it_states_is_that_on_pairs_never_seen() -> None:
    found = fitted(summed((*pairs(2, 60, noise=0.1), True)))
    fresh = left_by(found, *pairs(3, 4000, noise=0.1))
    assert found.error == pytest.approx(fresh, rel=0.25)


@pytest.mark.parametrize("keep", [True, False])
def test_the_residual_is_that_of_pairs_never_seen_whether_rows_are_kept_or_not(
    keep: bool,
) -> None:
    found = fitted(summed((*pairs(4, 60, noise=0.1), keep)))
    x, y = pairs(5, 6000, noise=0.1)
    rest = y / UNIT - (x / UNIT @ found.matrix.T + found.offset)
    fresh = float((rest**2).sum() / len(x))
    assert float(np.trace(found.residual)) == pytest.approx(fresh, rel=0.2)


def test_within_the_fit_the_residual_would_be_too_small() -> None:
    sums = summed((*pairs(4, 40, noise=0.1), True))
    found = fitted(sums)
    within = residual_scatter(sums, found.matrix, found.offset) / sums.count
    assert np.trace(within) < 0.8 * np.trace(found.residual)


def test_leaving_one_out_is_what_a_second_fit_without_it_says() -> None:
    x, y = pairs(6, 40, noise=0.1)
    sums = summed((x, y, True))
    centred = affine._centred(sums, None)
    strength = 0.1
    turned = (x / UNIT - centred.mean_x) @ centred.vectors
    rest = (y / UNIT - centred.mean_y) - (turned * centred.inverse(strength)) @ centred.turned.T
    rest /= 1 - centred.leverages(turned, strength)[:, None]
    for place in (0, 17, 39):
        others = np.arange(40) != place
        without = affine._centred(summed((x[others], y[others], True)), None)
        matrix = (without.turned * without.inverse(strength)) @ without.vectors.T
        said = matrix @ (x[place] / UNIT - without.mean_x) + without.mean_y
        np.testing.assert_allclose(y[place] / UNIT - said, rest[place], atol=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_pairs_does_not_matter(seed: int) -> None:
    x, y = pairs(7, 50)
    order = np.random.default_rng(seed).permutation(50)
    one, other = fitted(summed((x, y, True))), fitted(summed((x[order], y[order], True)))
    np.testing.assert_allclose(one.matrix, other.matrix, atol=1e-8)
    np.testing.assert_allclose(one.residual, other.residual, atol=1e-8)


def test_pairs_without_rows_make_the_map_better() -> None:
    few = (*pairs(8, 40, noise=0.1), True)
    many = (*pairs(9, 800, noise=0.1), False)
    x, y = pairs(10, 2000, noise=0.1)
    assert left_by(fitted(summed(few, many)), x, y) < left_by(fitted(summed(few)), x, y)


def test_a_prior_helps_where_pairs_are_few_and_yields_where_it_is_wrong() -> None:
    prior = fitted(summed((*pairs(11, 3000, noise=0.1), True)))
    x, y = pairs(12, 2000, noise=0.1)
    few = summed((*pairs(13, 14, noise=0.1), True))
    assert left_by(fitted(few, prior), x, y) < left_by(fitted(few), x, y)
    wrong = AffineMap(-prior.matrix, prior.offset, prior.residual, 3000, prior.error)
    many = summed((*pairs(14, 300, noise=0.1), True))
    assert left_by(fitted(many, wrong), x, y) == pytest.approx(
        left_by(fitted(many), x, y), rel=0.05
    )


def test_without_pairs_the_prior_stays_and_without_either_there_is_nothing() -> None:
    prior = fitted(summed((*pairs(11, 300), True)))
    nothing = summed((*pairs(1, 3), True))
    assert fit(nothing, prior) is prior
    assert fit(nothing) is None


def test_a_prior_of_other_widths_is_refused() -> None:
    prior = AffineMap(np.zeros((NEW, 5)), np.zeros(NEW), np.eye(NEW), 10, 1.0)
    with pytest.raises(FieldwiseError) as caught:
        fit(summed((*pairs(1, 40), True)), prior)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


def test_constant_features_do_no_harm() -> None:
    x, y = pairs(15, 50)
    x[:, 3], y[:, 2] = 7, 0
    found = fitted(summed((x, y, True)))
    assert np.isfinite(found.matrix).all()
    assert found.error < 0.1


def test_rows_are_held_in_a_bound_and_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affine, "ROWS_MAX", 64)
    sums = PairSums((UNIT, UNIT), (2, 2))
    for number in range(1000):
        row = np.full((1, 2), number, np.int16)
        sums.add(row, row, keep=True)
    held = sums.rows[0][:, 0]
    assert 32 <= len(held) <= 64
    assert len(set(np.diff(held))) == 1
    assert held[0] == 0
    assert held[-1] > 930


def test_sums_and_fit_hold_what_is_stated() -> None:
    width = 256
    chance = np.random.default_rng(0)
    rows = chance.integers(-400, 400, (600, width)).astype(np.int16)
    other = np.roll(rows, 1, axis=1)
    matrix = 8 * width**2
    tracemalloc.start()
    sums = PairSums((UNIT, UNIT), (width, width))
    for start in range(0, 600, 50):
        sums.add(rows[start : start + 50], other[start : start + 50], keep=True)
    held, _ = tracemalloc.get_traced_memory()
    assert held < 3.1 * matrix + 2 * 1024 * 2 * width
    tracemalloc.reset_peak()
    fit(sums)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    rows_to_choose = 4 * 8 * affine.ROWS_TO_CHOOSE * width
    assert peak - held < 6 * matrix + rows_to_choose
