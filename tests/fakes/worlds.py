"""Classes drawn from Gaussians, as features on the grid, for tests of heads."""

import numpy as np
from numpy.typing import NDArray

from fieldwise import head
from fieldwise.bundle import Transform
from fieldwise.features import to_grid
from fieldwise.head import Accumulator

BUNDLE = "a" * 64
TRANSFORM = Transform(power=1)
NO_ROWS = np.zeros((0, 0), np.int16)  # a keeper of sums does not look at them


def blobs(
    classes: int, each: int, width: int, seed: int = 1
) -> tuple[NDArray[np.int16], list[str]]:
    """Gaussian classes with a shared, strongly uneven covariance."""
    return uneven([each] * classes, width, seed)


def uneven(
    counts: list[int], width: int, seed: int = 1, spread: float = 0.35
) -> tuple[NDArray[np.int16], list[str]]:
    """The same with a number of samples for each class; ``spread`` is how far centres lie apart."""
    chance = np.random.default_rng(seed)
    classes = len(counts)
    centres = 1 + spread * np.random.default_rng(99).standard_normal((classes, width))
    shape = np.random.default_rng(98).standard_normal((width, width)) / np.sqrt(width)
    places = np.repeat(np.arange(classes), counts)
    noise = chance.standard_normal((len(places), width)) @ shape
    rows = (centres[places] + 0.6 * noise).astype(np.float32)
    return to_grid(rows, TRANSFORM), [f"class {place}" for place in places]


def gathered(grid: NDArray[np.int16], labels: list[str]) -> Accumulator:
    """An accumulator that has learned samples."""
    accumulator = Accumulator(head.empty(BUNDLE, TRANSFORM, grid.shape[1]))
    accumulator.learn(grid, labels)
    return accumulator


def accuracy(said: list[str], wanted: list[str]) -> float:
    """Share of right answers."""
    return sum(one == other for one, other in zip(said, wanted, strict=True)) / len(wanted)
