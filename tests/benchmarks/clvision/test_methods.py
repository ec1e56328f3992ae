"""Methods: tasks that are told limit the answer, ours do not depend on order, bytes are counted."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.clvision.methods import METHODS, Method, Setting
from fieldwise.bundle import Transform

CLASSES = ("ant", "bee", "cat", "dog")
OURS = [name for name, entry in METHODS.items() if entry.ours]
SETTING = Setting(width=8, transform=Transform(), protocol="nc", seed=0)


def samples(each: int, seed: int = 0) -> tuple[NDArray[np.int16], list[str]]:
    """Clusters about four directions, on the grid."""
    chance = np.random.default_rng(seed)
    labels = [name for name in CLASSES for _ in range(each)]
    rows = np.eye(8)[[CLASSES.index(name) for name in labels]]
    rows = rows + chance.normal(0, 0.1, rows.shape)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return np.rint(rows * SETTING.unit).astype(np.int16), labels


def taught(name: str, *, task: int | None = None) -> Method:
    method = METHODS[name].make(SETTING)
    grid, labels = samples(10)
    method.learn(grid, labels, task)
    method.finish()
    return method


@pytest.mark.parametrize("name", OURS)
def test_our_heads_learn_clusters(name: str) -> None:
    grid, labels = samples(10, seed=1)
    assert taught(name).answer(grid, None) == labels


@pytest.mark.parametrize("name", OURS)
def test_our_heads_are_the_same_in_any_order(name: str) -> None:
    grid, labels = samples(10)
    order = np.random.default_rng(1).permutation(len(grid))
    method = METHODS[name].make(SETTING)
    for place in order:
        method.learn(grid[place][None], [labels[place]], None)
    method.finish()
    asked = np.random.default_rng(2).integers(-2000, 2000, (50, 8)).astype(np.int16)
    assert method.answer(asked, None) == taught(name).answer(asked, None)


@pytest.mark.parametrize("name", OURS)
def test_a_told_task_limits_the_answer_to_its_classes(name: str) -> None:
    grid, labels = samples(10)
    method = METHODS[name].make(SETTING)
    method.learn(grid[:20], labels[:20], 0)
    method.learn(grid[20:], labels[20:], 1)
    method.finish()
    assert set(method.answer(grid, [0] * 40)) == {"ant", "bee"}
    assert set(method.answer(grid, [1] * 40)) == {"cat", "dog"}
    assert method.answer(grid[:1], [7]) == [""]


def test_a_model_for_each_task_answers_for_its_own_only() -> None:
    from benchmarks.clvision.methods import PerTask

    class Last:
        """Names the class that it saw last."""

        def fit_batch(self, features: NDArray[np.int16], labels: list[str]) -> None:
            del features
            self.last = labels[-1]

        def finish(self) -> None:
            self.last = self.last.upper()

        def predict(self, features: NDArray[np.int16]) -> list[str]:
            return [self.last] * len(features)

        def bytes_held(self) -> int:
            return 5

    grid, _ = samples(1)
    method = PerTask(Last)
    assert method.answer(grid[:2], None) == ["", ""]
    method.learn(grid[:1], ["ant"], 0)
    method.learn(grid[:1], ["bee"], 1)
    assert method.answer(grid[:3], [1, 0, 9]) == ["bee", "ant", ""]
    method.finish()
    assert method.answer(grid[:1], [0]) == ["ANT"]
    assert method.bytes_held() == 10


@pytest.mark.parametrize("name", OURS)
def test_what_is_held_and_written_is_at_least_the_statistics(name: str) -> None:
    method = taught(name)
    assert method.bytes_held() >= 8 * 8 * 8 + 4 * 8 * 8
    assert method.bytes_written() > 4 * 8


def test_no_method_brings_torch_along_before_it_is_made() -> None:
    program = "import sys, benchmarks.clvision.run; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("name", ["published-slda", "replay-review", "naive", "joint"])
@pytest.mark.parametrize("protocol", ["ni", "multi-task-nc"])
def test_methods_of_the_field_learn_clusters_too(name: str, protocol: str) -> None:
    setting = replace(SETTING, protocol=protocol)
    method = METHODS[name].make(setting)
    grid, labels = samples(100)
    for _ in range(5):
        method.learn(grid, labels, 0 if protocol == "multi-task-nc" else None)
    method.finish()
    asked, truth = samples(10, seed=1)
    said = method.answer(asked, [0] * len(asked) if protocol == "multi-task-nc" else None)
    assert sum(one == other for one, other in zip(said, truth, strict=True)) >= 36
    assert method.bytes_held() > 0
