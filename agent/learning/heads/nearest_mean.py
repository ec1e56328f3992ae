"""The nearest class mean: the simplest head there is, and what every other has to beat.

A class scores (mu_k' x - |mu_k|**2 / 2) / v, which is largest for the mean that is nearest, and is
its log-density if all directions have the mean variance v within classes. Learning
renews the row of a class when its samples have grown by ``REFRESH_GROWTH``; a mean of n samples
moves by about its own error / sqrt(10) meanwhile. With one sample of each class nothing more can be
said than this, and with few of them little: a head that loses to it there is too sure of itself.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.learning.heads.head import LinearHead, no_head
from agent.learning.heads.keeper import SolvedFromSums
from agent.learning.heads.solving import Rows, mean_variance, unit_of
from agent.learning.heads.sums import Sums

REFRESH_GROWTH = 0.1  # a mean of n samples moves by about its own error / sqrt(10) meanwhile
NAME = "nearest-mean"


class NearestMean(SolvedFromSums):
    """Keeps the nearest mean of an accumulator.

    Args:
        accumulator: What is learned.
    """

    name = NAME
    temperature = 1.0  # its scores are log-densities already

    def __init__(self, accumulator: Sums) -> None:
        self._accumulator = accumulator
        self.head: LinearHead = no_head()
        self.settle()

    def learn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """As ``Keeper.learn``."""
        del grid
        grown = outgrown(self._accumulator, self._rows, class_names)
        if grown:
            self._set(grown)

    def settle(self) -> None:
        """As ``Keeper.settle``."""
        self._variance = mean_variance(self._accumulator)
        self._rows = Rows(self._accumulator.width, unit_of(self._accumulator))
        self._set(held_classes(self._accumulator))

    def unlearn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """As ``Keeper.unlearn``."""
        del grid, class_names
        self.settle()

    def drop_class(self, name: str) -> None:
        """As ``Keeper.drop_class``."""
        self._rows.drop(name)
        self.head = self._rows.head()

    def _set(self, names: Sequence[str]) -> None:
        if names:
            counts, means = means_of(self._accumulator, names)
            weights = means / self._variance
            self._rows.set(names, counts, weights, -0.5 * np.einsum("kd,kd->k", means, weights))
        self.head = self._rows.head()


def held_classes(accumulator: Sums) -> list[str]:
    """Classes that have a sample, sorted."""
    return sorted(name for name in accumulator.classes if accumulator.count(name))


def outgrown(accumulator: Sums, rows: Rows, names: Sequence[str]) -> list[str]:
    """Classes among these whose row is due: new ones, and those that have grown enough since."""
    return [
        name
        for name in dict.fromkeys(names)
        if accumulator.count(name) > (1 + REFRESH_GROWTH) * rows.count(name)
    ]


def means_of(
    accumulator: Sums, names: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Counts float64[K] and means float64[K,D] of classes that were met."""
    counts = np.array([accumulator.count(name) for name in names], np.float64)
    sums = np.array([accumulator.sum_of(name) for name in names])
    return counts, sums / (counts[:, None] * unit_of(accumulator))
