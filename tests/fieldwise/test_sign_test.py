"""The exact test of pairs against what it is said to be."""

import itertools
import math

import pytest

from fieldwise.sign_test import EXACT_MAX, chance_of, needed


@pytest.mark.parametrize("differing", range(12))
def test_it_is_the_share_of_all_outcomes_of_fair_coins(differing: int) -> None:
    outcomes = [sum(each) for each in itertools.product((0, 1), repeat=differing)]
    for worse in range(differing + 1):
        share = sum(each >= worse for each in outcomes) / len(outcomes)
        assert chance_of(worse, differing - worse) == share


def test_nothing_that_differs_speaks_for_nothing() -> None:
    assert chance_of(0, 0) == 1


def test_it_is_exact_with_thousands_of_scenes() -> None:
    heads = sum(math.comb(3000, each) for each in range(1600, 3001))
    assert chance_of(1600, 1400) == heads / 2**3000


@pytest.mark.parametrize("worse", [0, EXACT_MAX // 2, EXACT_MAX // 2 + 100, EXACT_MAX, 2**32 - 1])
def test_counts_beyond_any_device_cost_nothing_and_stay_careful(worse: int) -> None:
    found = chance_of(worse, max(EXACT_MAX + 1 - worse, 1))
    assert 0 <= found <= 1


def test_the_bound_beyond_is_never_less_than_the_chance() -> None:
    for worse in range(EXACT_MAX // 2, EXACT_MAX // 2 + 300, 20):
        exact = chance_of(worse, EXACT_MAX - worse)
        assert chance_of(worse + 1, EXACT_MAX - worse) >= exact / 2
        assert chance_of(worse + 1, EXACT_MAX - worse) >= chance_of(worse + 2, EXACT_MAX - worse)


@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.025, 0.01, 0.0001, 0.5])
def test_fewer_scenes_than_needed_show_nothing_however_they_come_out(alpha: float) -> None:
    assert chance_of(needed(alpha), 0) <= alpha
    assert chance_of(needed(alpha) - 1, 0) > alpha
