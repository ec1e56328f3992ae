"""A linear head or one of a single hidden layer, as plain arrays: what descent trains and serves.

Inside, features have a mean square of 1 (a unit feature times the root of D), which is what rates
and decays of the literature presume; a head that serves takes features of unit length, and the root
is folded into its weights. A new class starts with zeros, so that it changes no other's score.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agent.learning.heads.head import Head, LinearHead

if TYPE_CHECKING:
    from numpy.random import Generator  # 4 MB that only this head needs, when it runs

WEIGHT_MAX = 1e6  # trained heads stay below 100; a descent beyond this does not come back


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """What is trained; never written to.

    Attributes:
        hidden: float32[H,D]; H is 0 for a linear head.
        hidden_offsets: float32[H].
        rows: float32[K,H], or float32[K,D] for a linear head.
        offsets: float32[K].
    """

    hidden: NDArray[np.float32]
    hidden_offsets: NDArray[np.float32]
    rows: NDArray[np.float32]
    offsets: NDArray[np.float32]

    @property
    def arrays(self) -> tuple[NDArray[np.float32], ...]:
        """All four, in the order above."""
        return self.hidden, self.hidden_offsets, self.rows, self.offsets

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(array.nbytes for array in self.arrays)

    @property
    def sound(self) -> bool:
        """Whether every value is a number, and one whose products stay numbers."""
        return all(bool((np.abs(array) <= WEIGHT_MAX).all()) for array in self.arrays)

    def with_classes(self, classes: int) -> "Weights":
        """Room for so many classes; those that come start with zeros."""
        more = classes - len(self.offsets)
        rows, offsets = np.pad(self.rows, ((0, more), (0, 0))), np.pad(self.offsets, (0, more))
        return Weights(self.hidden, self.hidden_offsets, rows, offsets)


@dataclass(frozen=True, slots=True, eq=False)
class HiddenHead:
    """A head with one hidden layer of rectified units; safe for any thread.

    Attributes:
        classes: Names, in the order of the rows.
        hidden: float32[H,D].
        hidden_offsets: float32[H].
        weights: float32[K,H].
        offsets: float32[K].
        unit: Length of a feature on the grid, ``2**grid_bits``.
    """

    classes: tuple[str, ...]
    hidden: NDArray[np.float32]
    hidden_offsets: NDArray[np.float32]
    weights: NDArray[np.float32]
    offsets: NDArray[np.float32]
    unit: float

    def scores(self, grid: NDArray[np.int16]) -> NDArray[np.float32]:
        """Logits float32[N,K] of features int16[N,D]."""
        features: NDArray[np.float32] = grid.astype(np.float32) / np.float32(self.unit)
        active = np.maximum(features @ self.hidden.T + self.hidden_offsets, np.float32(0))
        scores: NDArray[np.float32] = active @ self.weights.T + self.offsets
        return scores


def fresh(width: int, hidden_width: int, chance: "Generator") -> Weights:
    """Weights of no class: a hidden layer drawn for rectified units (He et al., 2015), if any."""
    drawn = chance.standard_normal((hidden_width, width)) * np.sqrt(2 / width)
    nothing = np.zeros(0, np.float32)
    rows = np.zeros((0, hidden_width or width), np.float32)
    return Weights(drawn.astype(np.float32), np.zeros(hidden_width, np.float32), rows, nothing)


def served(weights: Weights, classes: tuple[str, ...], unit: float) -> Head:
    """The head of these weights, for features on the grid."""
    if not len(weights.hidden):
        rows = weights.rows * np.float32(scale(weights.rows.shape[1]))
        return LinearHead(classes, rows, weights.offsets, unit)
    hidden = weights.hidden * np.float32(scale(weights.hidden.shape[1]))
    offsets, rows = weights.hidden_offsets, weights.rows
    return HiddenHead(classes, hidden, offsets, rows, weights.offsets, unit)


def scaled(grid: NDArray[np.int16], unit: float) -> NDArray[np.float32]:
    """Features float32[N,D] as descent takes them: with a mean square of 1."""
    factor = np.float32(scale(grid.shape[1]) / unit)
    features: NDArray[np.float32] = grid.astype(np.float32) * factor
    return features


def scale(width: int) -> float:
    """What a feature of unit length is multiplied by."""
    return float(np.sqrt(width))
