from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agent.learning.heads.replay import HEADER, SHELF, ReplayMemory
from agent.learning.settings import Keep
from fieldwise.errors import Fault, FieldwiseError

WIDTH = 3
ROW = 8 + 4 + 2 * WIDTH
# Critical values of chi-squared at one in ten thousand: a fixed seed either passes for good or not.
CHI_SQUARED = {9: 33.7, 19: 51.0}


def room_for(rows: int, names: tuple[str, ...] = ("a", "b", "c")) -> int:
    return HEADER.size + sum(SHELF.size + len(name) for name in names) + rows * ROW


def row(number: int) -> NDArray[np.int16]:
    return np.full(WIDTH, number, np.int16)


def taught(
    memory: ReplayMemory, names: list[str], chance: np.random.Generator, first: int = 0
) -> ReplayMemory:
    ids = list(range(first, first + len(names)))
    memory.learn(np.array([row(number) for number in ids]), names, ids, chance)
    return memory


def ids_of(memory: ReplayMemory, name: str) -> list[int]:
    place = memory.classes.index(name)
    return memory.ids[memory.labels == place].tolist()


def chi_squared(counts: Counter[int], of: range) -> float:
    expected = counts.total() / len(of)
    return sum((counts[number] - expected) ** 2 / expected for number in of)


def test_what_is_held_of_a_class_is_a_uniform_choice_of_what_was_seen() -> None:
    counts: Counter[int] = Counter()
    chance = np.random.default_rng(5)
    for _ in range(1000):
        memory = taught(ReplayMemory(WIDTH, room_for(5, ("a",))), ["a"] * 20, chance)
        counts.update(ids_of(memory, "a"))
    assert counts.total() == 1000 * 5
    assert chi_squared(counts, range(20)) < CHI_SQUARED[19]


def test_the_choice_stays_uniform_while_other_classes_push_in() -> None:
    counts: Counter[int] = Counter()
    chance = np.random.default_rng(6)
    for _ in range(1500):
        memory = ReplayMemory(WIDTH, room_for(6, ("a", "b")))
        taught(memory, ["a"] * 6 + ["b", "b"] + ["a"] * 4, chance)
        counts.update(number - 2 * (number > 7) for number in ids_of(memory, "a"))
    assert chi_squared(counts, range(10)) < CHI_SQUARED[9]


def test_the_choice_stays_uniform_when_samples_are_taken_back() -> None:
    counts: Counter[int] = Counter()
    chance = np.random.default_rng(7)
    for _ in range(2000):
        memory = taught(ReplayMemory(WIDTH, room_for(4, ("a",))), ["a"] * 8, chance)
        memory.forget(["a"] * 3, [1, 4, 6])
        taught(memory, ["a"] * 5, chance, first=8)
        counts.update(ids_of(memory, "a"))
    left = [0, 2, 3, 5, 7, 8, 9, 10, 11, 12]
    assert not counts.keys() - set(left)
    uniform = Counter({place: counts[number] for place, number in enumerate(left)})
    assert chi_squared(uniform, range(10)) < CHI_SQUARED[9]


def test_the_choice_stays_uniform_when_others_take_the_room_of_what_was_taken_back() -> None:
    counts: Counter[int] = Counter()
    chance = np.random.default_rng(15)
    for _ in range(2000):
        memory = taught(ReplayMemory(WIDTH, room_for(6, ("a", "b"))), ["a"] * 9, chance)
        memory.forget(["a"] * 3, [1, 4, 6])
        taught(memory, ["b"] * 2, chance, first=50)
        taught(memory, ["a"] * 4, chance, first=9)
        counts.update(ids_of(memory, "a"))
    left = [0, 2, 3, 5, 7, 8, 9, 10, 11, 12]
    uniform = Counter({place: counts[number] for place, number in enumerate(left)})
    assert chi_squared(uniform, range(10)) < CHI_SQUARED[9]


def test_every_pair_of_samples_is_as_likely_as_any_other() -> None:
    counts: Counter[int] = Counter()
    chance = np.random.default_rng(8)
    pairs = {pair: place for place, pair in enumerate(combinations(range(5), 2))}
    for _ in range(1500):
        memory = taught(ReplayMemory(WIDTH, room_for(2, ("a",))), ["a"] * 5, chance)
        low, high = sorted(ids_of(memory, "a"))
        counts[pairs[low, high]] += 1
    assert chi_squared(counts, range(10)) < CHI_SQUARED[9]


def test_the_winners_share_is_a_uniform_choice_of_every_batch() -> None:
    counts: Counter[int] = Counter()
    chance = np.random.default_rng(9)
    for _ in range(1000):
        memory = ReplayMemory(WIDTH, room_for(100), Keep.SHARE, share=4)
        taught(memory, ["a", "b"] * 5, chance)
        assert memory.count == 4
        assert len(set(memory.ids.tolist())) == 4
        counts.update(memory.ids.tolist())
    assert chi_squared(counts, range(10)) < CHI_SQUARED[9]


def test_under_share_a_batch_smaller_than_the_share_is_kept_whole() -> None:
    memory = ReplayMemory(WIDTH, room_for(100), Keep.SHARE, share=4)
    taught(memory, ["a", "b", "c"], np.random.default_rng(1))
    assert sorted(memory.ids.tolist()) == [0, 1, 2]


@pytest.mark.parametrize("keep", list(Keep))
def test_a_flood_of_one_class_leaves_rare_classes_what_they_have(keep: Keep) -> None:
    chance = np.random.default_rng(10)
    memory = ReplayMemory(WIDTH, room_for(30), keep, share=1000)
    taught(memory, ["a"] * 5 + ["b"] * 5, chance)
    taught(memory, ["c"] * 1000, chance, first=100)
    assert [memory.held(name) for name in "abc"] == [5, 5, 20]


def test_classes_that_come_one_after_the_other_share_the_room_evenly() -> None:
    chance = np.random.default_rng(11)
    memory = ReplayMemory(WIDTH, room_for(30))
    for start, name in enumerate("abc"):
        taught(memory, [name] * 300, chance, first=1000 * start)
    assert [memory.held(name) for name in "abc"] == [10, 10, 10]


def test_an_even_draw_takes_equally_many_of_every_class_and_none_twice() -> None:
    chance = np.random.default_rng(12)
    memory = taught(ReplayMemory(WIDTH, room_for(100)), ["a"] * 50 + ["b"] * 9 + ["c"], chance)
    drawn = memory.draw_balanced(15, chance)
    assert len(set(drawn.tolist())) == 15
    assert np.bincount(memory.labels[drawn]).tolist() == [7, 7, 1]
    assert sorted(memory.draw_balanced(1000, chance).tolist()) == list(range(60))


def test_whose_turn_an_even_draw_ends_with_is_left_to_chance() -> None:
    chance = np.random.default_rng(13)
    memory = taught(ReplayMemory(WIDTH, room_for(100)), ["a", "b"] * 5, chance)
    single = [int(memory.labels[memory.draw_balanced(1, chance)[0]]) for _ in range(400)]
    assert 140 < sum(single) < 260


def test_a_plain_draw_is_uniform_and_without_replacement() -> None:
    chance = np.random.default_rng(14)
    memory = taught(ReplayMemory(WIDTH, room_for(10)), ["a"] * 7 + ["b"] * 3, chance)
    counts: Counter[int] = Counter()
    for _ in range(1000):
        drawn = memory.draw(4, chance).tolist()
        assert len(set(drawn)) == 4
        counts.update(drawn)
    assert chi_squared(counts, range(10)) < CHI_SQUARED[9]


NAMES = st.sampled_from(["a", "b", "ü", "a longer name"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("learn"), st.lists(NAMES, min_size=1, max_size=12)),
        st.tuples(st.just("forget"), st.lists(st.integers(0, 99), max_size=5)),
        st.tuples(st.just("drop"), NAMES),
        st.tuples(st.just("resize"), st.integers(0, 500)),
    ),
    max_size=25,
)


@settings(max_examples=80, deadline=None)
@given(STEPS, st.integers(0, 400), st.sampled_from(list(Keep)), st.integers(0, 2**32))
def test_whatever_happens_the_budget_holds_to_the_byte_and_rows_stay_with_their_class(
    steps: list[tuple[str, Any]], budget: int, keep: Keep, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    memory = ReplayMemory(WIDTH, budget, keep, share=3)
    class_of: dict[int, str] = {}
    for step, what in steps:
        if step == "learn":
            first = len(class_of)
            class_of |= dict(enumerate(what, first))
            taught(memory, what, chance, first)
        elif step == "forget":
            gone = [number for number in what if number in class_of]
            memory.forget([class_of[number] for number in gone], gone)
            assert not set(gone) & set(memory.ids.tolist())
        elif step == "drop":
            memory.drop_class(what)
            assert what not in memory.classes
        else:
            memory.resize(what, chance)
        assert memory.size <= memory.bytes_max
        assert memory.size == len(memory.encode())
        assert memory.grid.base is not None
        assert memory.grid.base.nbytes <= memory.bytes_max
        for held, label, number in zip(
            memory.grid, memory.labels, memory.ids.tolist(), strict=True
        ):
            assert memory.classes[label] == class_of[number]
            assert (held == number).all()
        for name in memory.classes:
            assert 1 <= memory.held(name) <= memory.seen(name)


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, max_size=40), st.integers(0, 600), st.integers(0, 2**32))
def test_what_was_encoded_goes_on_to_the_bit(names: list[str], budget: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    one, other = ReplayMemory(WIDTH, budget), ReplayMemory(WIDTH, budget)
    taught(one, names, chance)
    other.restore(one.encode(), chance)
    assert other.encode() == one.encode()
    for memory in (one, other):
        taught(memory, names, np.random.default_rng(seed), first=100)
    assert other.encode() == one.encode()


def test_a_memory_of_no_room_keeps_nothing() -> None:
    memory = taught(ReplayMemory(WIDTH, 0), ["a"] * 5, np.random.default_rng(1))
    assert (memory.count, memory.size, memory.encode()) == (0, 0, b"")


def test_a_budget_one_byte_short_of_a_row_does_not_hold_it() -> None:
    exact = room_for(2, ("a",))
    for budget, rows in ((exact, 2), (exact - 1, 1)):
        memory = taught(ReplayMemory(WIDTH, budget), ["a"] * 9, np.random.default_rng(1))
        assert memory.count == rows


def test_a_smaller_budget_at_restart_lets_the_largest_class_give() -> None:
    chance = np.random.default_rng(2)
    memory = taught(ReplayMemory(WIDTH, room_for(20)), ["a"] * 15 + ["b"] * 2 + ["c"], chance)
    smaller = ReplayMemory(WIDTH, room_for(8))
    smaller.restore(memory.encode(), chance)
    assert [smaller.held(name) for name in "abc"] == [5, 2, 1]


def test_what_was_taken_back_is_nowhere_in_the_arrays() -> None:
    memory = taught(ReplayMemory(WIDTH, room_for(9)), ["a"] * 9, np.random.default_rng(3))
    memory.forget(["a"], [8])
    memory.forget(["a"], [2])
    assert memory.grid.base is not None
    assert not np.isin(memory.grid.base, [8, 2]).any()


def test_the_budget_holds_when_what_was_taken_back_has_been_made_up_for() -> None:
    chance = np.random.default_rng(16)
    memory = taught(ReplayMemory(WIDTH, room_for(8)), ["a"] * 30, chance)
    held = memory.ids.tolist()[:4]
    memory.forget(["a"] * 4, held)
    claimed = memory.count + 4
    taught(memory, ["a"] * 4, chance, first=30)
    assert memory.count == claimed
    taught(memory, ["b"] * 9 + ["c"] * 9, chance, first=40)
    assert memory.size <= memory.bytes_max
    assert memory.count == 8


def test_taking_back_a_sample_that_only_passed_by_is_counted() -> None:
    memory = taught(ReplayMemory(WIDTH, room_for(4, ("a",))), ["a"] * 10, np.random.default_rng(4))
    passed = next(number for number in range(10) if number not in memory.ids)
    memory.forget(["a", "unknown"], [passed, 77])
    assert (memory.held("a"), memory.seen("a")) == (4, 9)


def test_rubbish_is_refused_in_words_and_changes_nothing() -> None:
    chance = np.random.default_rng(5)
    memory = taught(ReplayMemory(WIDTH, room_for(9)), ["a"] * 5 + ["b"] * 3, chance)
    good = memory.encode()
    wrong_label = bytearray(good)
    wrong_label[-memory.count * (4 + 2 * WIDTH)] = 9
    damaged = [
        good[:-1],
        good + b"\0",
        good[:10],
        b"rubbish",
        bytes(wrong_label),
        good.replace(b"b" + good[-1:], b"a" + good[-1:]),
        HEADER.pack(b"fwr1", WIDTH, 2**32 - 1, 2**63),
        HEADER.pack(b"fwr1", WIDTH, 1, 2**60) + SHELF.pack(1, 2**60, 0, 0) + b"a",
        HEADER.pack(b"fwr1", WIDTH, 1, 1) + SHELF.pack(1, 0, 0, 0) + b"a" + bytes(ROW),
        HEADER.pack(b"fwr1", WIDTH, 1, 1) + SHELF.pack(1, 1, 0, 0) + b"\xff" + bytes(ROW),
        HEADER.pack(b"fwr1", WIDTH + 1, 1, 1) + SHELF.pack(1, 1, 0, 0) + b"a" + bytes(ROW + 2),
    ]
    for content in damaged:
        if content == good:
            continue
        with pytest.raises(FieldwiseError) as caught:
            memory.restore(content, chance)
        assert caught.value.fault is Fault.STATE_DAMAGED
        assert memory.encode() == good
