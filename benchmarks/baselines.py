"""Methods of the field to compare with, behind one protocol, over features of one backbone.

All learn batch by batch: a batch is what a protocol calls an experience. Features are grids as the
heads learn from (``fieldwise.features``), the same for every method, so that only methods differ.

`naive` and `winners` train a linear head by plain gradient descent; their rates were chosen for a
fine-tuned network, and serve here for features with a mean square of 1.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from agent.learning.heads.descent import Course, descend
from agent.learning.heads.head import predict
from agent.learning.heads.network import Weights, fresh, served
from agent.learning.heads.rehearsal import Rehearsal
from agent.learning.settings import MIB, GradientSettings, Keep
from benchmarks.learning_published import StreamingDiscriminant

# The authors' configuration files. NI: all classes in every batch, under new conditions.
WINNERS_NI = GradientSettings(
    learning_rate=0.007,
    momentum=0.0,
    weight_decay=0.01,
    minibatch_samples=32,
    replay_samples=10_000,
    replay_epochs=2,
    review_samples=20_000,
    review_epochs=1,
    review_rate_factor=0.5,
    memory_bytes_max=1024 * MIB,  # they kept all that they drew
    keep=Keep.SHARE,
    keep_samples=10_000,
)

# NIC: one class in a batch.
WINNERS_NIC = msgspec.structs.replace(
    WINNERS_NI,
    learning_rate=0.01,
    weight_decay=0.001,
    replay_samples=600,
    replay_epochs=1,
    review_rate_factor=1.0,
    keep_samples=200,
)

JOINT_EPOCHS = 40
JOINT_RATE = 0.01  # at first; it falls to nothing along a cosine
JOINT_DECAY = 1e-3


class Baseline(Protocol):
    """A method that learns batches in order, and then predicts."""

    def fit_batch(self, features: NDArray[np.int16], labels: Sequence[str]) -> None:
        """Learn a batch of features int16[N,D], which does not come again."""

    def finish(self) -> None:
        """Do what the method does once, after the last batch."""

    def predict(self, features: NDArray[np.int16]) -> list[str]:
        """The class of each feature int16[N,D]; may be asked after any batch."""

    def bytes_held(self) -> int:
        """Bytes of everything that the method keeps between batches."""


class Replay:
    """Batch-level replay with review (Mai, Kim, Jeong and Sanner, 2020).

    Args:
        width: D.
        unit: Length of a feature on the grid.
        settings: ``WINNERS_NI`` or ``WINNERS_NIC`` for the method as published.
    """

    def __init__(self, width: int, unit: float, settings: GradientSettings) -> None:
        self._rehearsal = Rehearsal(width, unit, settings)

    def fit_batch(self, features: NDArray[np.int16], labels: Sequence[str]) -> None:
        self._rehearsal.train(features, labels, [0] * len(labels))

    def finish(self) -> None:
        self._rehearsal.review()

    def predict(self, features: NDArray[np.int16]) -> list[str]:
        held = self._rehearsal
        return _best(held.weights, held.classes, features, held.unit)

    def bytes_held(self) -> int:
        return self._rehearsal.weights.size + self._rehearsal.memory.size


class Naive(Replay):
    """The same training without a memory: every batch is learned and forgotten."""

    def __init__(self, width: int, unit: float, settings: GradientSettings = WINNERS_NIC) -> None:
        alone = msgspec.structs.replace(
            settings, memory_bytes_max=0, replay_samples=0, review_epochs=0
        )
        super().__init__(width, unit, alone)


class PublishedDiscriminant:
    """Streaming discriminant analysis as published, sample by sample, in eager torch."""

    def __init__(self, width: int, unit: float, classes_max: int = 1000) -> None:
        self._published = StreamingDiscriminant(width, classes_max)
        self._unit = unit
        self._classes: dict[str, int] = {}
        self._stale = False

    def fit_batch(self, features: NDArray[np.int16], labels: Sequence[str]) -> None:
        rows = torch.from_numpy(features.astype(np.float32) / np.float32(self._unit))
        for row, label in zip(rows, labels, strict=True):
            self._published.fit(row, self._classes.setdefault(label, len(self._classes)))
        self._stale = True

    def finish(self) -> None:
        """Nothing: it is solved when it is asked, as published."""

    def predict(self, features: NDArray[np.int16]) -> list[str]:
        if self._stale:
            self._published.solve()
            self._stale = False
        names = list(self._classes)
        rows = torch.from_numpy(features.astype(np.float32) / np.float32(self._unit))
        weights = self._published.inverse.matmul(self._published.means[: len(names)].T)
        offsets = 0.5 * (self._published.means[: len(names)].T * weights).sum(0)
        return [names[best] for best in (rows @ weights - offsets).argmax(1).tolist()]

    def bytes_held(self) -> int:
        held = self._published
        classes = len(self._classes)
        return held.covariance.nbytes + held.means[:classes].nbytes + held.counts[:classes].nbytes


class Joint:
    """Offline training: keeps everything and trains anew on all of it, whenever it is asked."""

    def __init__(self, width: int, unit: float, seed: int = 0) -> None:
        self._width = width
        self._unit = unit
        self._seed = seed
        self._rows: list[NDArray[np.int16]] = []
        self._labels: list[str] = []
        self._trained: Weights | None = None

    def fit_batch(self, features: NDArray[np.int16], labels: Sequence[str]) -> None:
        self._rows.append(features.copy())
        self._labels += labels
        self._trained = None

    def finish(self) -> None:
        self._weights()

    def predict(self, features: NDArray[np.int16]) -> list[str]:
        return _best(self._weights(), self._classes(), features, self._unit)

    def bytes_held(self) -> int:
        return sum(rows.nbytes for rows in self._rows)

    def _classes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._labels))

    def _weights(self) -> Weights:
        if self._trained is None:
            self._trained = self._train()
        return self._trained

    def _train(self) -> Weights:
        classes = self._classes()
        index = {name: place for place, name in enumerate(classes)}
        targets = np.array([index[label] for label in self._labels])
        rows = np.concatenate(self._rows)
        chance = np.random.default_rng(self._seed)
        weights = fresh(self._width, 0, chance).with_classes(len(classes))
        for epoch in range(JOINT_EPOCHS):
            order = chance.permutation(len(rows))
            rate = JOINT_RATE * (1 + np.cos(np.pi * epoch / JOINT_EPOCHS)) / 2
            course = Course(rate, 0.9, JOINT_DECAY, 32)
            weights = descend(weights, rows[order], targets[order], self._unit, course)
        return weights


def _best(
    weights: Weights, classes: tuple[str, ...], features: NDArray[np.int16], unit: float
) -> list[str]:
    return predict(served(weights, classes, unit), features)
