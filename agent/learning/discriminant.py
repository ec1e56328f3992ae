"""The exact discriminant with a shared covariance, solved from sums.

From counts n_k, sums s_k, scatter G and total N (``fieldwise.head``) the means are mu_k = s_k / n_k
and the covariance within classes is Sigma = (G - sum_k n_k mu_k mu_k') / N, in one expression and
without a pass over samples. It is regularised by a share of its mean variance v = tr(Sigma) / D:
Sigma + shrinkage * v * I, which is positive definite however few the samples. With no variance at
all (one sample, or one of each class) it is taken as I, and the head is the nearest mean.

With P = (Sigma + ...)^-1 a class scores w_k' x + b_k, w_k = P mu_k and b_k = -mu_k' w_k / 2: the
logarithm of its Gaussian density at x but for a term that all classes share, with every class
equally likely beforehand. Their softmax is belief under that model. It is *not calibrated*: real
features are not Gaussian and one covariance does not fit all classes, so it is too sure.

Cadence. P costs O(D**3), so it is kept and solved anew when the samples have grown by a stated
share and number (``due``). In between, a class gets its row from the kept P at O(D**2): at once
when it is new, and again whenever its samples have grown by ``REFRESH_GROWTH``. ``solve`` makes
everything exact: equal statistics then give equal heads, whatever the order of learning.

P is the inverse by way of a Cholesky factor L = [[A, 0], [B, C]], whose inverse is built from
halves, [[A^-1, 0], [-C^-1 B A^-1, C^-1]], so that nearly all work is matrix products; P = L^-T L^-1
is then symmetric to the bit. Solving is float64; what is kept, rows and P for the rows between two
solves, is float32, in which scores of unit features lose nothing that could be seen.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwise.head import Accumulator, Statistics

REFRESH_GROWTH = 0.1  # a mean of n samples moves by about its own error / sqrt(10) meanwhile
INVERT_BLOCK = 64  # below, LAPACK's general inverse is as quick as products of halves
FIRST_ROWS = 16  # room for classes at the start; it doubles


@dataclass(frozen=True, slots=True)
class Ranking:
    """Classes with their share of belief, best first; the shares of all classes add up to 1."""

    classes: tuple[str, ...]
    confidences: tuple[float, ...]

    @property
    def best(self) -> str:
        """The first class; empty when there is none."""
        return self.classes[0] if self.classes else ""


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What predicts: rows of a linear classifier, never written to, safe for any thread.

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
        """Log-densities float32[N,K] of features int16[N,D], but for a term that classes share."""
        features: NDArray[np.float32] = grid.astype(np.float32) / np.float32(self.unit)
        scores: NDArray[np.float32] = features @ self.weights.T + self.offsets
        return scores

    def predict(self, grid: NDArray[np.int16]) -> list[str]:
        """The best class of each feature; empty strings while no class is known."""
        if not self.classes:
            return [""] * len(grid)
        return [self.classes[best] for best in self.scores(grid).argmax(axis=1)]

    def rank(self, grid: NDArray[np.int16], top: int) -> Ranking:
        """The best classes for one feature int16[D], with confidences that are not calibrated."""
        if not self.classes:
            return Ranking((), ())
        scores = self.scores(grid[None])[0].astype(np.float64)
        belief = np.exp(scores - scores.max())
        belief /= belief.sum()
        order = np.argsort(-belief, kind="stable")[:top]
        return Ranking(
            tuple(self.classes[place] for place in order), tuple(float(belief[p]) for p in order)
        )


class Discriminant:
    """Keeps a head in step with an accumulator, at the cadence that this module states.

    Args:
        shrinkage: Share of the mean variance that is added to every direction.
        growth: Share of growth in samples after which the covariance is due.
        samples_min: New samples after which it is due at the earliest; while fewer than these are
            held, whenever their number has doubled.
    """

    def __init__(self, shrinkage: float, growth: float, samples_min: int) -> None:
        self.shrinkage = shrinkage
        self._growth = growth
        self._samples_min = samples_min
        self._solved_total = 0
        self._precision: NDArray[np.float32] | None = None
        self._rows = _Rows(0)
        self.head = Head((), np.zeros((0, 0), np.float32), np.zeros(0, np.float32), 1.0)

    def due(self, total: int) -> bool:
        """Whether a covariance of so many samples should be solved by now."""
        solved = self._solved_total
        return total - solved >= max(min(self._samples_min, solved), self._growth * solved, 1)

    def solve(self, accumulator: Accumulator) -> None:
        """Solve everything: the head is then exactly that of the statistics."""
        statistics = accumulator.view()
        exact = precision(pooled_covariance(statistics), self.shrinkage)
        self._precision = exact.astype(np.float32)
        self._solved_total = statistics.total
        self._rows = _Rows(statistics.width)
        unit = unit_of(statistics)
        means = statistics.sums / (statistics.counts[:, None] * unit)
        self._rows.set(statistics.classes, statistics.counts, means, means @ exact)
        self.head = self._rows.head(unit)

    def follow(self, accumulator: Accumulator, name: str) -> None:
        """Take note of a class that learned: its row is renewed where the cadence asks for it."""
        count = accumulator.count(name)
        if self._precision is None:
            self.solve(accumulator)
        elif count > (1 + REFRESH_GROWTH) * self._rows.count(name):
            unit = float(1 << accumulator.transform.grid_bits)
            mean = accumulator.sum_of(name) / (count * unit)
            row = self._precision @ mean.astype(np.float32)
            self._rows.set((name,), [count], mean[None], row[None])
            self.head = self._rows.head(unit)


def unit_of(statistics: Statistics) -> float:
    """The length of a feature on the grid."""
    return float(1 << statistics.transform.grid_bits)


def pooled_covariance(statistics: Statistics) -> NDArray[np.float64]:
    """Sigma float64[D,D] of features of unit length; zeros for no sample."""
    if not statistics.total:
        return np.zeros((statistics.width, statistics.width))
    scaled = statistics.sums / np.sqrt(statistics.counts)[:, None]
    covariance: NDArray[np.float64] = statistics.scatter - scaled.T @ scaled
    covariance /= statistics.total * unit_of(statistics) ** 2
    return covariance


def precision(covariance: NDArray[np.float64], shrinkage: float) -> NDArray[np.float64]:
    """Invert a covariance that is shrunk in place; the identity where there is no variance."""
    width = len(covariance)
    variance = float(np.trace(covariance)) / width
    if variance <= np.finfo(np.float64).eps:
        return np.eye(width)
    covariance.flat[:: width + 1] += shrinkage * variance
    root = _invert_lower(np.linalg.cholesky(covariance))
    return root.T @ root


def _invert_lower(lower: NDArray[np.floating]) -> NDArray[np.float64]:
    size = len(lower)
    if size <= INVERT_BLOCK:
        return np.tril(np.linalg.inv(lower))
    half = size // 2
    inverse = np.zeros_like(lower)
    first, last = _invert_lower(lower[:half, :half]), _invert_lower(lower[half:, half:])
    inverse[:half, :half] = first
    inverse[half:, half:] = last
    inverse[half:, :half] = -(last @ (lower[half:, :half] @ first))
    return inverse


class _Rows:
    """Rows by class, in room that doubles and that heads share.

    A row in use is never written to: a new class takes room that no head sees, and before a row is
    renewed everything is copied.
    """

    def __init__(self, width: int) -> None:
        self._index: dict[str, int] = {}
        self._counts = np.zeros(FIRST_ROWS, np.int64)
        self._weights = np.zeros((FIRST_ROWS, width), np.float32)
        self._offsets = np.zeros(FIRST_ROWS, np.float32)

    def count(self, name: str) -> int:
        """Samples that a class had when its row was made; 0 without a row."""
        place = self._index.get(name)
        return 0 if place is None else int(self._counts[place])

    def set(self, names: tuple[str, ...], counts: Any, means: Any, weights: Any) -> None:
        """Set rows: int[M], float64[M,D] and float64[M,D]."""
        if any(name in self._index for name in names):
            self._weights, self._offsets = self._weights.copy(), self._offsets.copy()
        for name in names:
            self._index.setdefault(name, len(self._index))
        self._make_room()
        places = [self._index[name] for name in names]
        self._counts[places] = counts
        self._weights[places] = weights
        self._offsets[places] = -0.5 * np.einsum("kd,kd->k", means, weights)

    def head(self, unit: float) -> Head:
        size = len(self._index)
        return Head(tuple(self._index), self._weights[:size], self._offsets[:size], unit)

    def _make_room(self) -> None:
        room = len(self._counts)
        while room < len(self._index):
            room *= 2
        extra = room - len(self._counts)
        if extra:
            self._counts = np.pad(self._counts, (0, extra))
            self._weights = np.pad(self._weights, ((0, extra), (0, 0)))
            self._offsets = np.pad(self._offsets, (0, extra))
