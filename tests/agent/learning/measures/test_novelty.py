import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.learning.measures.novelty import (
    HELD_MAX,
    Yardstick,
    samples_needed,
    unlikeness_of,
    yardstick,
)


def drawn(seed: int, samples: int, classes: int = 6) -> "np.ndarray[tuple[int, int]]":
    return np.random.default_rng(seed).normal(0, 3, (samples, classes)).astype(np.float32)


@pytest.mark.parametrize(("rate", "samples"), [(0.05, 19), (0.05, 30), (0.1, 40), (0.02, 200)])
def test_known_things_are_taken_for_new_no_more_often_than_stated(
    rate: float, samples: int
) -> None:
    alarms = trials = 0
    for seed in range(300):
        scores = drawn(seed, samples + 20)
        held = yardstick(scores[:samples], np.ones(samples, bool), rate)
        for unlikeness in unlikeness_of(scores[samples:]):
            found = held.judge(float(unlikeness))
            assert found is not None
            alarms += found.novel
            trials += 1
    exact = np.floor(rate * (samples + 1)) / (samples + 1)
    assert alarms / trials == pytest.approx(exact, abs=0.012)
    assert alarms / trials <= rate + 0.012


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=60), st.floats(-60, 60))
def test_the_p_value_is_the_share_at_least_as_unlike(held: list[float], value: float) -> None:
    stick = Yardstick(0.5, np.sort(np.array(held, np.float32)))
    found = stick.judge(value)
    assert found is not None
    more = sum(1 for each in held if np.float32(each) >= np.float32(value))
    assert found.p_value == pytest.approx((1 + more) / (len(held) + 1))
    assert found.novel == (found.p_value <= 0.5)


def test_too_few_held_out_samples_cannot_tell() -> None:
    scores = drawn(1, 19)
    assert samples_needed(0.05) == 19
    assert yardstick(scores[:18], np.ones(18, bool), 0.05).judge(1e9) is None
    enough = yardstick(scores, np.ones(19, bool), 0.05)
    assert enough.can_tell
    found = enough.judge(1e9)
    assert found is not None
    assert (found.p_value, found.novel) == (1 / 20, True)


def test_samples_of_unknown_classes_are_no_measure_of_what_is_known() -> None:
    scores = drawn(2, 40)
    known = np.arange(40) < 25
    assert len(yardstick(scores, known, 0.05).held) == 25


def test_one_class_or_none_cannot_tell() -> None:
    for classes in (0, 1):
        stick = yardstick(np.zeros((50, classes), np.float32), np.ones(50, bool), 0.05)
        assert not stick.can_tell


def test_only_the_newest_samples_are_held() -> None:
    scores = drawn(3, HELD_MAX + 100)
    stick = yardstick(scores, np.ones(len(scores), bool), 0.05)
    assert np.array_equal(stick.held, np.sort(unlikeness_of(scores[100:])))


def test_a_term_that_all_classes_share_says_nothing() -> None:
    scores = drawn(4, 30)
    assert unlikeness_of(scores + np.float32(8)) == pytest.approx(unlikeness_of(scores), abs=1e-4)


def test_a_score_that_is_no_number_is_not_judged() -> None:
    stick = yardstick(drawn(5, 60), np.ones(60, bool), 0.05)
    assert stick.judge(float("nan")) is None
