"""Bounds hold at all looks together: held against many simulated courses with seeded dice."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.rollout.chances import normal_quantile
from orchestrator.rollout.sequential import anytime_deviations, look_level

COURSES = 4_000


def statistics(courses: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The t statistic after each value of every course."""
    count = np.arange(1, courses.shape[1] + 1)
    total, squares = courses.cumsum(axis=1), (courses**2).cumsum(axis=1)
    variance = (squares - total**2 / count) / np.maximum(count - 1, 1)
    error = np.sqrt(np.maximum(variance, 1e-300) / count)
    return count, total / count / error


@pytest.mark.parametrize("chance", [0.025, 0.1])
def test_a_bound_for_every_look_is_passed_no_oftener_than_it_says(chance: float) -> None:
    courses = np.random.default_rng(0).normal(0, 1, (COURSES, 300))
    count, deviations = statistics(courses)
    bounds = np.array([anytime_deviations(int(each), chance) for each in count])
    passed = (deviations[:, 1:] > bounds[1:]).any(axis=1).mean()
    assert passed <= chance + 3 * math.sqrt(chance / COURSES)
    single = (deviations[:, 20:] > normal_quantile(chance)).any(axis=1).mean()
    assert single > 2 * chance, "a bound for one look is fooled, or these courses show nothing"


def test_a_bound_for_every_look_finds_what_is_there() -> None:
    courses = np.random.default_rng(1).normal(0.5, 1, (500, 300))
    count, deviations = statistics(courses)
    bounds = np.array([anytime_deviations(int(each), 0.025) for each in count])
    assert (deviations > bounds).any(axis=1).mean() > 0.99


def test_a_bound_does_not_depend_on_the_unit_and_needs_a_few_devices() -> None:
    assert math.isinf(anytime_deviations(0, 0.025))
    assert math.isinf(anytime_deviations(4, 0.025))
    few = [anytime_deviations(devices, 0.025) for devices in range(5, 50)]
    assert few == sorted(few, reverse=True)


@pytest.mark.parametrize("first", [0.2, 0.5, 0.95, 1.0])
def test_all_looks_of_a_gate_together_are_fooled_no_oftener_than_alpha(first: float) -> None:
    steps = 400
    sums = np.random.default_rng(2).normal(0, 1, (COURSES, steps)).cumsum(axis=1)
    fractions = np.arange(1, steps + 1) / steps
    looks = fractions >= first - 1e-9
    levels = [look_level(0.05, first, each) for each in fractions[looks].tolist()]
    bounds = np.array([normal_quantile(level) for level in levels])
    deviations = sums[:, looks] / np.sqrt(np.arange(1, steps + 1)[looks])
    passed = (deviations > bounds).any(axis=1).mean()
    assert 0.02 <= passed <= 0.05 + 3 * math.sqrt(0.05 / COURSES)


def test_a_single_look_costs_nothing_and_more_looks_cost_more() -> None:
    costs = [look_level(0.05, first, 1.0) for first in (1.0, 0.95, 0.5, 0.01)]
    assert costs[0] == pytest.approx(0.05)
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] > 0.02  # never more than half of it: the reflection principle
