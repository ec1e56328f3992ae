import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from orchestrator.rollout.chances import (
    binomial_tail,
    normal_quantile,
    normal_tail,
    student_quantile,
    student_tail,
)

SHARES = st.floats(1e-6, 1 - 1e-6)


@given(st.integers(1, 5_000), st.integers(0, 5_001), SHARES)
def test_binomial_tails_are_the_sum_of_their_chances(trials: int, hits: int, share: float) -> None:
    expected = stats.binom.sf(hits - 1, trials, share)
    assert binomial_tail(trials, hits, share) == pytest.approx(expected, rel=1e-8, abs=1e-250)


@given(st.floats(-40, 40), st.integers(1, 20_000))
def test_student_tails_are_those_of_another_library(deviations: float, freedom: int) -> None:
    expected = stats.t.sf(deviations, freedom)
    assert student_tail(deviations, freedom) == pytest.approx(expected, rel=1e-8, abs=1e-250)


@given(st.floats(1e-9, 0.5), st.integers(1, 20_000))
def test_student_quantiles_have_their_tail(tail: float, freedom: int) -> None:
    assert student_tail(student_quantile(tail, freedom), freedom) == pytest.approx(tail, rel=1e-8)


@given(st.floats(1e-12, 1 - 1e-12))
def test_normal_quantiles_have_their_tail(tail: float) -> None:
    assert normal_tail(normal_quantile(tail)) == pytest.approx(tail, rel=1e-8)


@pytest.mark.parametrize(
    ("trials", "hits", "share", "chance"),
    [(0, 0, 0.5, 1), (5, 0, 0.1, 1), (5, 6, 0.1, 0), (5, 1, 0.0, 0), (5, 5, 1.0, 1)],
)
def test_what_is_certain_has_a_chance_of_one_or_none(
    trials: int, hits: int, share: float, chance: float
) -> None:
    assert binomial_tail(trials, hits, share) == chance


def test_beyond_every_deviation_there_is_nothing() -> None:
    assert student_tail(math.inf, 3) == 0
    assert student_tail(-math.inf, 3) == 1
