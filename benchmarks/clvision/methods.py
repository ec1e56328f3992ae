"""Who takes part: the agent's own heads, and methods of the field, behind one protocol.

The challenge's winners fine-tuned the upper half of a DenseNet-161 and kept raw images. Here every
method learns on the same frozen features of the agent's backbone: what is compared is what is done
*with* features, nothing else. ``PerTask`` is the winners' answer to told tasks, a model of its own
for each; the agent has one head, and looks only at the rows of the task's classes.

Torch is imported by the methods that need it and by no other, so that memory can be compared.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from agent.learning.heads.head import Head, predict
from agent.learning.heads.keeper import Keeper
from agent.learning.settings import GradientSettings
from benchmarks import our_heads
from benchmarks.footprint import held_bytes
from fieldwise.bundle import Transform
from fieldwise.head import Accumulator, empty
from fieldwise.head_file import encode

if TYPE_CHECKING:
    from benchmarks.baselines import Baseline


class Method(Protocol):
    """Learns batches in order; tasks are None where they are not told."""

    def learn(self, grid: NDArray[np.int16], labels: Sequence[str], task: int | None) -> None:
        """Learn a batch of features int16[N,D]."""

    def finish(self) -> None:
        """Do what is done once, after the last batch."""

    def answer(self, grid: NDArray[np.int16], tasks: Sequence[int] | None) -> list[str]:
        """The class of each feature int16[N,D]."""

    def bytes_held(self) -> int:
        """Bytes in memory of all that is kept between batches."""

    def bytes_written(self) -> int:
        """Bytes on disk that a restart would need, the backbone's apart."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a method is made for: the features, and the experiment."""

    width: int
    transform: Transform
    protocol: str
    seed: int

    @property
    def unit(self) -> float:
        """Length of a feature on the grid."""
        return float(1 << self.transform.grid_bits)


class Ours:
    """A keeper of the agent over the agent's statistics, sample by sample, at its own cadence."""

    def __init__(self, accumulator: Accumulator, keepers: Sequence[Keeper]) -> None:
        self._accumulator = accumulator
        self._keepers = keepers  # the last serves
        self._classes_of: dict[int, set[str]] = {}

    def learn(self, grid: NDArray[np.int16], labels: Sequence[str], task: int | None) -> None:
        if task is not None:
            self._classes_of.setdefault(task, set()).update(labels)
        for row, label in zip(grid, labels, strict=True):
            self._accumulator.learn(row[None], [label])
            for keeper in self._keepers:
                keeper.learn(row[None], [label])

    def finish(self) -> None:
        for keeper in self._keepers:
            keeper.settle()

    def answer(self, grid: NDArray[np.int16], tasks: Sequence[int] | None) -> list[str]:
        head = self._keepers[-1].head
        if tasks is None:
            return predict(head, grid)
        answers = np.full(len(grid), "", object)
        for task in set(tasks):
            places = np.flatnonzero(np.array(tasks) == task)
            answers[places] = _among(head, grid[places], self._classes_of.get(task, set()))
        return list(answers)

    def bytes_held(self) -> int:
        return held_bytes(self._accumulator, self._keepers)

    def bytes_written(self) -> int:
        extra = sum(len(keeper.content()) for keeper in self._keepers)
        return len(encode(self._accumulator.statistics())) + extra


class PerTask:
    """A baseline of its own for each task; one for all where tasks are not told."""

    def __init__(self, make: "Callable[[], Baseline]") -> None:
        self._make = make
        self._models: dict[int | None, Baseline] = {}

    def learn(self, grid: NDArray[np.int16], labels: Sequence[str], task: int | None) -> None:
        if task not in self._models:
            self._models[task] = self._make()
        self._models[task].fit_batch(grid, labels)

    def finish(self) -> None:
        for model in self._models.values():
            model.finish()

    def answer(self, grid: NDArray[np.int16], tasks: Sequence[int] | None) -> list[str]:
        if tasks is None:
            return self._models[None].predict(grid) if self._models else [""] * len(grid)
        answers = np.full(len(grid), "", object)
        for task in set(tasks) & self._models.keys():
            places = np.flatnonzero(np.array(tasks) == task)
            answers[places] = self._models[task].predict(grid[places])
        return list(answers)

    def bytes_held(self) -> int:
        return sum(model.bytes_held() for model in self._models.values())

    def bytes_written(self) -> int:
        return self.bytes_held()


def _among(head: Head, grid: NDArray[np.int16], allowed: set[str]) -> list[str]:
    """The best of some classes for each feature; empty where the head knows none of them."""
    places = [place for place, name in enumerate(head.classes) if name in allowed]
    if not places:
        return [""] * len(grid)
    best = head.scores(grid)[:, places].argmax(axis=1)
    return [head.classes[places[each]] for each in best]


def _ours(name: str) -> "Callable[[Setting], Method]":
    def make(setting: Setting) -> Method:
        accumulator = Accumulator(empty("0" * 64, setting.transform, setting.width))
        return Ours(accumulator, our_heads.HEADS[name](accumulator))

    return make


def _published(setting: Setting) -> Method:
    from benchmarks.baselines import PublishedDiscriminant  # noqa: PLC0415 - torch comes with it

    return PerTask(lambda: PublishedDiscriminant(setting.width, setting.unit))


def _naive(setting: Setting) -> Method:
    from benchmarks import baselines  # noqa: PLC0415 - torch comes with it

    settings = _winners_settings(setting)
    return PerTask(lambda: baselines.Naive(setting.width, setting.unit, settings))


def _replay(setting: Setting) -> Method:
    from benchmarks import baselines  # noqa: PLC0415 - torch comes with it

    settings = _winners_settings(setting)
    return PerTask(lambda: baselines.Replay(setting.width, setting.unit, settings))


def _joint(setting: Setting) -> Method:
    from benchmarks import baselines  # noqa: PLC0415 - torch comes with it

    return PerTask(lambda: baselines.Joint(setting.width, setting.unit, setting.seed))


def _winners_settings(setting: Setting) -> GradientSettings:
    """As the winners set their replay: for all classes at once, or for a few of them a batch."""
    from benchmarks import baselines  # noqa: PLC0415 - torch comes with it

    chosen = baselines.WINNERS_NI if setting.protocol == "ni" else baselines.WINNERS_NIC
    return msgspec.structs.replace(chosen, seed=setting.seed)


@dataclass(frozen=True, slots=True)
class Entry:
    """A method as it is offered.

    Attributes:
        make: Makes it for a setting.
        ours: Whether it is a head of the agent.
        streams: Whether it can be asked after every batch; else only at the end.
        says: What it is, for people.
    """

    make: Callable[[Setting], Method]
    ours: bool
    streams: bool
    says: str


METHODS: Mapping[str, Entry] = {
    **{
        name: Entry(_ours(name), ours=True, streams=True, says=says)
        for name, says in {
            "nearest-mean": "nearest class mean",
            "discriminant": "exact discriminant with a shared covariance",
            "ridge": "ridge with every class counted alike",
            "average": "calibrated average of discriminant and ridge",
        }.items()
    },
    "published-slda": Entry(
        _published, ours=False, streams=True, says="SLDA as published, in eager torch"
    ),
    "naive": Entry(_naive, ours=False, streams=True, says="fine-tuning without memory"),
    "replay-review": Entry(
        _replay, ours=False, streams=True, says="the winners' replay and review on features"
    ),
    "joint": Entry(_joint, ours=False, streams=False, says="offline: everything at once, at last"),
}
