"""The order of steps that makes the method what it is, seen at the door to torch."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.learning.heads import descent
from agent.learning.heads.descent import Course
from agent.learning.heads.network import Weights
from agent.learning.heads.rehearsal import Rehearsal
from agent.learning.settings import GradientSettings, Keep

SETTINGS = GradientSettings(
    learning_rate=0.05,
    minibatch_samples=4,
    replay_samples=12,
    replay_epochs=3,
    review_samples=9,
    review_epochs=2,
    review_rate_factor=0.25,
    relearn_epochs=4,
    memory_bytes_max=10_000,
)


@dataclass(frozen=True)
class Pass:
    """What one call of the descent was given; a sample is known by its first value."""

    samples: tuple[int, ...]
    targets: tuple[int, ...]
    course: Course


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[Pass]:
    seen: list[Pass] = []

    def descend(
        weights: Weights,
        grid: NDArray[np.int16],
        targets: NDArray[np.int64],
        unit: float,
        course: Course,
    ) -> Weights:
        assert unit == 4096
        seen.append(Pass(tuple(grid[:, 0].tolist()), tuple(targets.tolist()), course))
        return weights

    monkeypatch.setattr(descent, "descend", descend)
    return seen


def batch(first: int, names: str) -> tuple[NDArray[np.int16], list[str], list[int]]:
    ids = list(range(first, first + len(names)))
    return np.array([[number, 7] for number in ids], np.int16), list(names), ids


def test_a_first_batch_is_learned_alone(passes: list[Pass]) -> None:
    Rehearsal(2, 4096, SETTINGS).train(*batch(0, "aaabbb"))
    assert [sorted(each.samples) for each in passes] == [list(range(6))] * 3


def test_every_pass_joins_the_whole_batch_with_a_fresh_draw_and_shuffles_both(
    passes: list[Pass],
) -> None:
    rehearsal = Rehearsal(2, 4096, SETTINGS)
    rehearsal.train(*batch(0, "ab" * 20))
    del passes[:]
    rehearsal.train(*batch(100, "cccccccc"))
    assert len(passes) == 3
    for each in passes:
        counts = Counter(each.samples)
        assert len(counts) == 8 + 12
        assert set(counts.values()) == {1}
        assert set(range(100, 108)) <= counts.keys()
        assert sorted(each.samples[:8]) != list(range(100, 108))
        assert each.course == Course(0.05, 0.0, 0.001, 4)
    assert len({frozenset(each.samples) for each in passes}) == 3


def test_targets_are_those_of_the_samples_whatever_their_order(passes: list[Pass]) -> None:
    rehearsal = Rehearsal(2, 4096, SETTINGS)
    rehearsal.train(*batch(0, "ab" * 10))
    rehearsal.memory.drop_class("a")
    rehearsal.train(*batch(100, "ca" * 4))
    rehearsal.review()
    class_of = {number: "ab"[number % 2] for number in range(20)}
    class_of |= {number: "ca"[number % 2] for number in range(100, 108)}
    assert rehearsal.classes == ("a", "b", "c")
    for each in passes:
        for number, target in zip(each.samples, each.targets, strict=True):
            assert rehearsal.classes[target] == class_of[number]


def test_a_batch_is_remembered_only_after_it_was_learned(passes: list[Pass]) -> None:
    rehearsal = Rehearsal(2, 4096, SETTINGS)
    rehearsal.train(*batch(0, "ab"))
    assert all(len(each.samples) == 2 for each in passes)
    assert rehearsal.memory.count == 2


def test_a_review_is_even_over_the_classes_and_slower(passes: list[Pass]) -> None:
    rehearsal = Rehearsal(2, 4096, SETTINGS)
    rehearsal.train(*batch(0, "a" * 30 + "bbbccc"))
    del passes[:]
    rehearsal.review()
    assert len(passes) == 2
    for each in passes:
        assert sorted(Counter(each.targets).values()) == [3, 3, 3]
        assert each.course == Course(0.0125, 0.0, 0.001, 4)


def test_learning_anew_sees_the_memory_and_nothing_else(passes: list[Pass]) -> None:
    rehearsal = Rehearsal(2, 4096, SETTINGS)
    rehearsal.train(*batch(0, "ab" * 4))
    rehearsal.memory.forget(["a"], [2])
    del passes[:]
    rehearsal.relearn()
    left = [0, 1, 3, 4, 5, 6, 7]
    assert [sorted(each.samples) for each in passes[:4]] == [left] * 4
    assert len(passes) == 4 + SETTINGS.review_epochs


def test_the_winners_keep_a_share_of_every_batch(passes: list[Pass]) -> None:
    settings = GradientSettings(keep=Keep.SHARE, keep_samples=3, memory_bytes_max=10_000)
    rehearsal = Rehearsal(2, 4096, settings)
    for first in range(0, 50, 10):
        rehearsal.train(*batch(first, "a" * 10))
    held = Counter(number // 10 for number in rehearsal.memory.ids.tolist())
    assert held == dict.fromkeys(range(5), 3)
    assert len(passes) == 5 * settings.replay_epochs
