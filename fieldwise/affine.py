"""An affine map from one backbone's features to another's, fitted on pairs of both.

A new backbone makes what a head has learned worthless as it stands, but not what it knows: where
features x of the old one and y of the new one are of the same samples, y is largely an affine
function of x, and sums of x can be taken along by it (``agent.learning.carrying``). The map here is
y = A x + c + e over *transformed features of unit length*, so that it does not depend on the grids
of the two bundles, with the covariance R of the residual e beside it: what the map cannot tell of
y still scatters, and a covariance without it would be far too sure of itself.

Fit. With the centred sums C = sum x x' and K = sum y x' of n pairs, A = K (C + a I)^-1 and
c = mean(y) - A mean(x): ridge in float64, from sums alone, so pairs need not be kept. One
eigendecomposition C = V W V' serves every a. Given a map beforehand, such as one that a publisher
made from many more images, the same is fitted to what it leaves over, K - A0 C: the more pairs
there are the more they say, and without any the map stays as it was.

Leave-one-out. How strong the ridge has to be, and how large the residual is, must be told by pairs
that the fit has not seen. For ridge that takes no second fit (Allen's PRESS): with the leverage
h = 1/n + z' (W + a)^-1 z of a pair, z = V' (x - mean(x)), the residual of a fit without it is
e / (1 - h). The residual within the fit would be far too small where pairs are few: with 160 pairs
of 1,280 features h is a half. Of some pairs rows are kept for this, of the others sums only; the
sums' own residual is raised by their mean leverage and used where there are hardly any rows.

Memory, for widths D and E: the sums take 8 (D**2 + D E + E**2) bytes, 39 MB for two backbones of
1,280 features, rows 2 (D + E) bytes each and at most ``ROWS_MAX`` of them, 21 MB. A fit takes about
five matrices more for some seconds (``tests/fieldwise/test_affine.py`` holds it to that).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldwise.errors import Fault, FieldwiseError

ROWS_MAX = 4096  # beyond three times the width a residual covariance hardly changes
ROWS_TO_CHOOSE = 512  # so many residuals tell strengths apart, at an eighth of the work
ROWS_MIN = 30  # from so many rows on they tell the residual; below, the sums do
STRENGTHS = tuple(10.0 ** (power / 4) for power in range(-12, 9))
"""Ridge, in multiples of the mean eigenvalue of C: a thousandth to a hundred times."""
PAIRS_MIN = 8  # fewer say nothing of an offset in a thousand dimensions
LEVERAGE_SPARE = 1e-6  # a pair that decides its own fit alone says nothing when left out
BLOCK = 256  # rows widened to float64 at a time


@dataclass(frozen=True, slots=True, eq=False)
class AffineMap:
    """y = A x + c, over features of unit length; arrays are float64.

    Attributes:
        matrix: A, [E,D].
        offset: c, [E].
        residual: R, [E,E], symmetric.
        pairs: How many pairs it was fitted on.
        error: Share of y's variance that it leaves, by leaving one out; 1 where it says nothing.
    """

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]
    residual: NDArray[np.float64]
    pairs: int
    error: float

    @property
    def widths(self) -> tuple[int, int]:
        """D and E, of the features that it takes and gives."""
        return self.matrix.shape[1], self.matrix.shape[0]


class PairSums:
    """What is kept of pairs: sums of all, rows of some.

    Args:
        units: What features of unit length measure on the old and on the new grid.
        widths: Of old and of new features.
    """

    def __init__(self, units: tuple[float, float], widths: tuple[int, int]) -> None:
        self.units = units
        self.count = 0
        self.sum_x, self.sum_y = np.zeros(widths[0]), np.zeros(widths[1])
        self.xx = np.zeros((widths[0], widths[0]))
        self.yx = np.zeros((widths[1], widths[0]))
        self.yy = np.zeros((widths[1], widths[1]))
        self._rows = [np.zeros((0, width), np.int16) for width in widths]
        self._held, self._stride, self._offered = 0, 1, 0

    @property
    def rows(self) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """The rows that are kept, int16[M,D] and int16[M,E]."""
        return self._rows[0][: self._held], self._rows[1][: self._held]

    def add(self, x: NDArray[np.int16], y: NDArray[np.int16], *, keep: bool) -> None:
        """Add pairs int16[N,D] and int16[N,E].

        Args:
            x: Old features on their grid.
            y: New features of the same samples.
            keep: Whether rows of them may be kept; of more than there is room for evenly chosen
                ones are.
        """
        if not len(x):
            return
        old, new = x / self.units[0], y / self.units[1]
        self.count += len(x)
        self.sum_x += old.sum(axis=0)
        self.sum_y += new.sum(axis=0)
        self.xx += old.T @ old
        self.yx += new.T @ old
        self.yy += new.T @ new
        if keep:
            for pair in zip(x, y, strict=True):
                self._keep(pair)

    def _keep(self, pair: tuple[NDArray[np.int16], NDArray[np.int16]]) -> None:
        wanted = self._offered % self._stride == 0
        self._offered += 1
        if not wanted:
            return
        if self._held == ROWS_MAX:  # every other one goes, and of those to come every other comes
            self._rows = [rows[::2].copy() for rows in self._rows]
            self._held, self._stride = ROWS_MAX // 2, 2 * self._stride
            if (self._offered - 1) % self._stride:
                return
        if self._held == len(self._rows[0]):
            room = min(ROWS_MAX, max(BLOCK, 2 * self._held)) - self._held
            self._rows = [np.pad(rows, ((0, room), (0, 0))) for rows in self._rows]
        for rows, row in zip(self._rows, pair, strict=True):
            rows[self._held] = row
        self._held += 1


@dataclass(frozen=True, slots=True, eq=False)
class _Centred:
    """Sums about the means, turned so that the old features' are diagonal."""

    mean_x: NDArray[np.float64]
    mean_y: NDArray[np.float64]
    values: NDArray[np.float64]
    vectors: NDArray[np.float64]
    turned: NDArray[np.float64]  # what is left to fit, sum of y x', times the vectors
    count: int

    def inverse(self, strength: float) -> NDArray[np.float64]:
        """1 / (W + a), float64[D]."""
        return 1.0 / (self.values + strength)

    def leverages(self, turned_rows: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
        """The h of rows z, float64[M], at most so large that leaving one out is defined."""
        found = 1 / self.count + np.einsum(
            "md,md,d->m", turned_rows, turned_rows, self.inverse(strength)
        )
        bounded: NDArray[np.float64] = np.minimum(found, 1 - LEVERAGE_SPARE)
        return bounded

    def mean_leverage(self, strength: float) -> float:
        """The mean of h over all pairs."""
        directions = float((self.values * self.inverse(strength)).sum())
        return min((1 + directions) / self.count, 1 - LEVERAGE_SPARE)


def fit(sums: PairSums, prior: AffineMap | None = None) -> AffineMap | None:
    """The map that pairs speak for; ``prior`` where there are too few, None without either.

    Of a fit from nothing and one that begins with the prior, the one with the smaller error is
    taken, and the prior itself where neither is better.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` where the prior is of other widths.
    """
    widths = (len(sums.xx), len(sums.yy))
    if prior is not None and prior.widths != widths:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"a map of {prior.widths[0]} to {prior.widths[1]} features does not fit"
            f" {widths[0]} and {widths[1]}",
        )
    if sums.count < PAIRS_MIN:
        return prior
    fits = [_fitted(sums, start) for start in ((None,) if prior is None else (None, prior))]
    best = min(fits, key=lambda each: each.error)
    if prior is None:
        return best
    kept = _as_it_is(sums, prior)
    return kept if kept.error <= best.error else best


def residual_scatter(
    sums: PairSums, matrix: NDArray[np.float64], offset: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The sum of e e' over all pairs, [E,E], from sums."""
    lifted = matrix @ sums.sum_x
    cross = sums.yx @ matrix.T + np.outer(sums.sum_y - lifted, offset)
    scatter: NDArray[np.float64] = sums.yy - cross - cross.T
    scatter += matrix @ sums.xx @ matrix.T
    scatter += sums.count * np.outer(offset, offset)
    return scatter


def _fitted(sums: PairSums, prior: AffineMap | None) -> AffineMap:
    centred = _centred(sums, prior)
    strength, error = _strongest(sums, centred, prior)
    matrix = (centred.turned * centred.inverse(strength)) @ centred.vectors.T
    if prior is not None:
        matrix += prior.matrix
    offset = centred.mean_y - matrix @ centred.mean_x
    residual = _residual(sums, centred, matrix, offset, strength)
    return AffineMap(matrix, offset, residual, sums.count, error)


def _centred(sums: PairSums, prior: AffineMap | None) -> _Centred:
    mean_x, mean_y = sums.sum_x / sums.count, sums.sum_y / sums.count
    scatter = sums.xx - sums.count * np.outer(mean_x, mean_x)
    left = sums.yx - sums.count * np.outer(mean_y, mean_x)
    if prior is not None:
        left -= prior.matrix @ scatter
    values, vectors = np.linalg.eigh(scatter)
    del scatter
    return _Centred(mean_x, mean_y, np.maximum(values, 0.0), vectors, left @ vectors, sums.count)


def _strongest(sums: PairSums, centred: _Centred, prior: AffineMap | None) -> tuple[float, float]:
    """The strength with the least error by leaving one out, and that error."""
    unit = max(float(centred.values.mean()), np.finfo(np.float64).tiny)
    x, y = sums.rows
    if len(x) < ROWS_MIN:
        return _strongest_by_sums(sums, centred, prior, unit)
    chosen = slice(None, None, -(-len(x) // ROWS_TO_CHOOSE))
    turned = (x[chosen] / sums.units[0] - centred.mean_x) @ centred.vectors
    target = y[chosen] / sums.units[1] - centred.mean_y
    variance = float((target**2).sum()) or 1.0
    if prior is not None:
        target = target - (turned @ centred.vectors.T) @ prior.matrix.T
    errors = {}
    for share in STRENGTHS:
        strength = share * unit
        rest = target - (turned * centred.inverse(strength)) @ centred.turned.T
        rest /= 1 - centred.leverages(turned, strength)[:, None]
        errors[strength] = float((rest**2).sum()) / variance
    best = min(errors, key=lambda each: (errors[each], -each))
    return best, errors[best]


def _strongest_by_sums(
    sums: PairSums, centred: _Centred, prior: AffineMap | None, unit: float
) -> tuple[float, float]:
    """The same by generalised cross-validation, which takes no rows (Golub, Heath and Wahba)."""
    total = float(np.trace(sums.yy)) - sums.count * float(centred.mean_y @ centred.mean_y)
    before = total
    if prior is not None:
        offset = centred.mean_y - prior.matrix @ centred.mean_x
        before = float(np.trace(residual_scatter(sums, prior.matrix, offset)))
    explained = (centred.turned**2).sum(axis=0)
    errors = {}
    for share in STRENGTHS:
        strength = share * unit
        inverse = centred.inverse(strength)
        left = before - float((explained * inverse * (2 - centred.values * inverse)).sum())
        leverage = min(
            (1 + float((centred.values * inverse).sum())) / sums.count, 1 - LEVERAGE_SPARE
        )
        errors[strength] = max(left, 0.0) / (1 - leverage) ** 2 / (total or 1.0)
    best = min(errors, key=lambda each: (errors[each], -each))
    return best, errors[best]


def _residual(
    sums: PairSums,
    centred: _Centred,
    matrix: NDArray[np.float64],
    offset: NDArray[np.float64],
    strength: float,
) -> NDArray[np.float64]:
    """R: of the rows by leaving each out, or of the sums raised by their mean leverage."""
    x, y = sums.rows
    if len(x) < ROWS_MIN:
        inverse = centred.inverse(strength)
        leverage = min(
            (1 + float((centred.values * inverse).sum())) / sums.count, 1 - LEVERAGE_SPARE
        )
        scatter = residual_scatter(sums, matrix, offset)
        scatter /= sums.count * (1 - leverage) ** 2
        return scatter
    scatter = np.zeros((len(offset), len(offset)))
    for start in range(0, len(x), BLOCK):
        rows = slice(start, start + BLOCK)
        old = x[rows] / sums.units[0]
        rest = y[rows] / sums.units[1] - (old @ matrix.T + offset)
        turned = (old - centred.mean_x) @ centred.vectors
        rest /= 1 - centred.leverages(turned, strength)[:, None]
        scatter += rest.T @ rest
    scatter /= len(x)
    return scatter


def _as_it_is(sums: PairSums, prior: AffineMap) -> AffineMap:
    """The prior with the error that it makes on these pairs, of which it has seen none."""
    scatter = residual_scatter(sums, prior.matrix, prior.offset)
    spread = np.trace(sums.yy) - float(sums.sum_y @ sums.sum_y) / sums.count
    error = float(np.trace(scatter)) / max(float(spread), np.finfo(np.float64).tiny)
    return AffineMap(prior.matrix, prior.offset, prior.residual, prior.pairs, error)
