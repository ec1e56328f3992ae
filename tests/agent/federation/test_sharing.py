"""Never a class under the minimum, nor a change under it, in whatever order things happen."""

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agent.federation.sharing import (
    Content,
    Departure,
    changed,
    is_what_left,
    least,
    leaving,
    may_leave,
)
from fieldwise.federation import SAMPLES_MIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEATURES = np.random.default_rng(1).integers(-4096, 4097, (40, 3)).astype(np.float64)

# Sample n is taught, sample n is forgotten, or whatever may leave does, asked for with a minimum.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("learn"), st.integers(0, 39)),
        st.tuples(st.just("forget"), st.integers(0, 39)),
        st.tuples(st.just("all"), st.integers(0, 39)),
        st.tuples(st.just("leave"), st.sampled_from([0, 3, 10, 15])),
    ),
    max_size=120,
)


def content_of(samples: Counter[int]) -> Content:
    sums: NDArray[np.float64] = np.zeros(3)
    for number, times in samples.items():
        sums = sums + times * FEATURES[number]
    return Content(samples.total(), sums)


def difference(one: Counter[int], other: Counter[int]) -> int:
    """Samples that are in one and not in the other, either way."""
    return (one - other).total() + (other - one).total()


@given(steps=STEPS)
def test_what_ever_left_of_a_class_is_the_same_or_the_minimum_apart(
    steps: list[tuple[str, int]],
) -> None:
    learned: Counter[int] = Counter()
    before: Departure | None = None
    told: list[Counter[int]] = []
    for sequence, (step, number) in enumerate(steps):
        if step == "learn":
            learned[number] += 1
        elif step == "forget":
            learned -= Counter({number: 1})
        elif step == "all":
            learned = Counter(range(number))
        elif may_leave(content := content_of(learned), before, number):
            before = leaving(content, before, sequence)
            told.append(Counter(learned))
    assert all(each.total() >= SAMPLES_MIN for each in told)
    apart = [difference(one, other) for one, other in combinations(told, 2)]
    assert all(each == 0 or each >= SAMPLES_MIN for each in apart)


@given(steps=STEPS)
def test_a_class_that_goes_on_growing_leaves_again(steps: list[tuple[str, int]]) -> None:
    before: Departure | None = None
    learned: Counter[int] = Counter()
    for sequence, (_, number) in enumerate(steps):
        learned[number % 40] += 1
        if may_leave(content := content_of(learned), before, 0):
            before = leaving(content, before, sequence)
    left = before.samples if before else 0
    assert learned.total() - left < SAMPLES_MIN


def test_nobody_can_ask_for_fewer_than_ten() -> None:
    assert (least(0), least(3)) == (SAMPLES_MIN, SAMPLES_MIN)
    assert least(25) == 25


def test_what_was_carried_over_counts_for_no_minimum() -> None:
    ones = np.ones(3)
    assert may_leave(Content(12, ones, 2), None, 0)
    assert not may_leave(Content(12, ones, 3), None, 0)


def test_the_same_again_leaves_and_says_nothing_new() -> None:
    content = Content(30, np.array([1.0, -0.0, 2.0]))
    before = leaving(content, None, 7)
    again = Content(30, np.array([1.0, 0.0, 2.0]))
    assert is_what_left(again, before)
    assert may_leave(again, before, 0)
    assert leaving(again, before, 9) == before


def test_a_class_that_shrank_waits_until_it_is_larger_than_it_ever_was() -> None:
    before = Departure(30, 50, 7, "0" * 64)
    assert not may_leave(Content(59, np.ones(3)), before, 0)
    assert may_leave(Content(60, np.ones(3)), before, 0)
    assert not may_leave(Content(60, np.ones(3)), before, 11)
    assert changed(34, before) == changed(26, before) == 4
    assert changed(34, None) == 34
