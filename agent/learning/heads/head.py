"""What predicts: a linear classifier over features on the grid, and what is asked of one."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.learning.measures.calibration import beliefs
from agent.learning.measures.novelty import CLASSES_MIN, unlikeness_of


class Head(Protocol):
    """What predicts; never written to once it is handed out, safe for any thread."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the scores."""
        ...

    def scores(self, grid: NDArray[np.int16]) -> NDArray[np.float32]:
        """Scores float32[N,K] of features int16[N,D], up to a term that classes share.

        Divided by a temperature they are logits: their softmax is belief.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ranking:
    """Classes with their share of belief, best first; the shares of all classes add up to 1.

    ``unlikeness`` is how unlike every class the sample is (``agent.learning.measures.novelty``), in
    units of the head's scores; no number while fewer than two classes are known.
    """

    classes: tuple[str, ...]
    confidences: tuple[float, ...]
    unlikeness: float = math.nan

    @property
    def best(self) -> str:
        """The first class; empty when there is none."""
        return self.classes[0] if self.classes else ""


@dataclass(frozen=True, slots=True, eq=False)
class LinearHead:
    """Rows of a linear classifier.

    Attributes:
        classes: Names, in the order of the rows.
        weights: float32[K,D].
        offsets: float32[K].
        unit: Length of a feature on the grid, ``2**grid_bits``.
    """

    classes: tuple[str, ...]
    weights: NDArray[np.float32]
    offsets: NDArray[np.float32]
    unit: float

    def scores(self, grid: NDArray[np.int16]) -> NDArray[np.float32]:
        """As ``Head.scores``."""
        features: NDArray[np.float32] = grid.astype(np.float32) / np.float32(self.unit)
        scores: NDArray[np.float32] = features @ self.weights.T + self.offsets
        return scores


def no_head(unit: float = 1.0) -> LinearHead:
    """The head of nothing learned: it knows no class."""
    return LinearHead((), np.zeros((0, 0), np.float32), np.zeros(0, np.float32), unit)


def predict(head: Head, grid: NDArray[np.int16]) -> list[str]:
    """The best class of each feature int16[N,D]; empty strings while no class is known."""
    if not head.classes:
        return [""] * len(grid)
    return [head.classes[best] for best in head.scores(grid).argmax(axis=1)]


def rank(head: Head, row: NDArray[np.int16], top: int, temperature: float = 1.0) -> Ranking:
    """The best classes for one feature int16[D].

    Args:
        head: Who is asked.
        row: The feature.
        top: How many classes at most.
        temperature: What the scores are divided by; the confidences are calibrated if it is.
    """
    if not head.classes:
        return Ranking((), ())
    scores = head.scores(row[None])
    belief = beliefs(scores, temperature)[0]
    order = np.argsort(-belief, kind="stable")[:top]
    return Ranking(
        tuple(head.classes[place] for place in order),
        tuple(float(belief[place]) for place in order),
        float(unlikeness_of(scores)[0]) if len(belief) >= CLASSES_MIN else math.nan,
    )
