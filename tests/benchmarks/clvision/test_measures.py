"""Measures against matrices worked out by hand."""

import pytest

from benchmarks.clvision.measures import (
    BUDGETS,
    PUBLISHED_WEIGHTS,
    Five,
    Matrix,
    backward_transfer,
    forgetting,
    forward_transfer,
    mean_and_error,
    moments,
    score,
    share_right,
)

# Three groups, learned in batches 0, 1 and 2, asked after each of the three batches.
FORGETFUL = Matrix(
    moments=(0, 1, 2),
    learned_in=(0, 1, 2),
    rows=((0.9, 0.2, 0.1), (0.6, 0.8, 0.3), (0.5, 0.6, 0.7)),
)


def test_forgetting_is_the_fall_from_the_best_of_groups_learned_before_the_end() -> None:
    assert forgetting(FORGETFUL) == pytest.approx(((0.9 - 0.5) + (0.8 - 0.6)) / 2)


def test_a_best_before_the_group_was_learned_does_not_count() -> None:
    lucky = Matrix((0, 1, 2), (1,), ((1.0,), (0.5,), (0.5,)))
    assert forgetting(lucky) == pytest.approx(0.0)


def test_backward_transfer_compares_the_end_with_when_a_group_was_learned() -> None:
    assert backward_transfer(FORGETFUL) == pytest.approx(((0.5 - 0.9) + (0.6 - 0.8)) / 2)


def test_improving_later_is_positive_transfer_and_negative_forgetting() -> None:
    helped = Matrix((0, 1), (0, 1), ((0.4, 0.0), (0.6, 0.9)))
    assert backward_transfer(helped) == pytest.approx(0.2)
    assert forgetting(helped) == pytest.approx(-0.2)


def test_forward_transfer_is_over_chance_just_before_a_group_is_learned() -> None:
    expected = ((0.2 - 0.25) + (0.3 - 0.25)) / 2
    assert forward_transfer(FORGETFUL, classes=4) == pytest.approx(expected)


def test_what_cannot_be_said_of_a_single_batch_is_not_said() -> None:
    single = Matrix((0,), (0,), ((0.7,),))
    assert forgetting(single) is None
    assert backward_transfer(single) is None
    assert forward_transfer(single, classes=2) is None


def test_a_group_learned_between_two_moments_counts_from_the_next() -> None:
    sparse = Matrix((0, 10, 20), (4,), ((0.1,), (0.8,), (0.5,)))
    assert backward_transfer(sparse) == pytest.approx(-0.3)
    assert forward_transfer(sparse, classes=10) == pytest.approx(0.0)


def test_a_perfect_free_learner_scores_all_of_the_published_weights() -> None:
    both = score(Five(1.0, 1.0, 0.0, 0.0, 0.0))
    assert both == pytest.approx((0.8, 1.0))
    assert sum(PUBLISHED_WEIGHTS.values()) == pytest.approx(0.8)


def test_costs_beyond_the_budget_count_nothing_and_never_less() -> None:
    beyond = {name: 5 * limit for name, limit in BUDGETS.items()}
    assert score(Five(0.5, 0.5, **beyond)) == pytest.approx((0.2, 0.25))


def test_half_of_a_budget_counts_half() -> None:
    half = {name: limit / 2 for name, limit in BUDGETS.items()}
    assert score(Five(0.0, 0.0, **half)) == pytest.approx((0.2, 0.25))


def test_what_has_no_accuracy_over_batches_has_no_score() -> None:
    assert score(Five(0.9, None, 1.0, 1.0, 1.0)) is None


def test_shares_of_right_answers() -> None:
    assert share_right(["a", "b", ""], ["a", "c", "c"]) == pytest.approx(1 / 3)
    assert share_right([], []) == 0.0


def test_a_mean_of_one_has_no_error_and_of_several_the_usual_one() -> None:
    assert mean_and_error([3.0]) == (3.0, None)
    assert mean_and_error([1.0, 2.0, 3.0]) == pytest.approx((2.0, 1 / 3**0.5))


def test_moments_are_all_batches_or_evenly_some_with_both_ends() -> None:
    assert moments(3, 5) == (0, 1, 2)
    assert moments(391, 1) == (390,)
    some = moments(391, 25)
    assert (len(some), some[0], some[-1]) == (25, 0, 390)
    assert len(set(some)) == 25
