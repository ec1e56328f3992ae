"""Ridge regression with every class counted alike, without a second inverse.

Plain ridge fits one-hot labels to all samples and so neglects rare classes. Balanced, every class
weighs as much: with the covariance within classes shared (as the discriminant assumes) the target
is to regress class k's indicator on a mixture of K classes, each a mean and the same covariance.
Around the mean of means m its second moment is S = Sigma + a v I + M'M / K, M float64[K,D] being
the centred means, and the cross moment of features and indicators is M / K. So the rows are
W = M S^-1 / K, with offsets 1/K - W m.

Woodbury's identity moves the inverse from D x D to K x K: with P = (Sigma + a v I)^-1,

    W = (K I + M P M')^-1 M P,

and M P are the discriminant's own rows, centred. Ridge is thus a K x K mixing of the discriminant's
rows, for O(K**2 D) on top of its solve. Where means are far apart against the noise, M P M' is
large and the mixing strips from each row what other classes' rows already explain; that is why it
does well where classes are many and alike in spread, and why an average with the discriminant,
which looks at each class alone, does better than either.

Scores are regression values, a few hundredths apart. They are brought to log-odds by the
temperature that the discriminant's essay derives; for rows W = X R with mixing X, R = M P centred
and B = M P M' it is tr(X (B - a v R R') X') / tr(B X). It is part of the rows, so that one scale
fits all heads.

Cadence. Rows are mixed anew after each of the discriminant's solves, when a class is new, and when
the samples of one have doubled since. Above ``CLASSES_MAX`` classes so many mixings would hold up
learning for too long, so this head is then the discriminant itself.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.learning.heads.discriminant import Discriminant
from agent.learning.heads.head import LinearHead, no_head
from agent.learning.heads.keeper import SolvedFromSums
from agent.learning.heads.nearest_mean import means_of
from agent.learning.heads.sums import Sums

NAME = "ridge"
CLASSES_MAX = 256  # mixing so many rows of 1,280 features takes 50 ms, for every new class
RENEW_GROWTH = 2.0  # times the samples of a class: a mean's error has then shrunk by a third


class BalancedRidge(SolvedFromSums):
    """Keeps the balanced ridge of an accumulator in step with its discriminant.

    Args:
        accumulator: What is learned.
        discriminant: The keeper whose rows are mixed; it is told of samples before this one is.
    """

    name = NAME
    temperature = 1.0  # its rows are log-odds already

    def __init__(self, accumulator: Sums, discriminant: Discriminant) -> None:
        self._accumulator = accumulator
        self._discriminant = discriminant
        self._solves = 0
        self._counts: dict[str, int] = {}
        self._scale = 1.0
        self.head: LinearHead = no_head()
        self._renew()

    def learn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """As ``Keeper.learn``."""
        del grid
        counts = self._counts
        grown = any(
            self._accumulator.count(name) >= RENEW_GROWTH * counts.get(name, 0)
            for name in dict.fromkeys(class_names)
        )
        if grown or self._discriminant.solves != self._solves:
            self._renew()

    def settle(self) -> None:
        """As ``Keeper.settle``; the discriminant is settled already."""
        self._renew()

    def unlearn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """As ``Keeper.unlearn``."""
        del grid, class_names
        self._renew()

    def drop_class(self, name: str) -> None:
        """As ``Keeper.drop_class``; the discriminant has dropped it already."""
        del name
        self._renew()

    def _renew(self) -> None:
        based = self._discriminant.head
        if not 1 < len(based.classes) <= CLASSES_MAX:
            self.head, self._counts = based, {}
            return
        counts, means = means_of(self._accumulator, based.classes)
        rows = based.weights.astype(np.float64)
        weights, offsets, temperature = mix(means, rows, self._discriminant.loading)
        if self._discriminant.solves != self._solves:  # in between the scale stays as it is
            self._scale, self._solves = temperature, self._discriminant.solves
        self._counts = dict(zip(based.classes, counts.astype(int).tolist(), strict=True))
        self.head = LinearHead(
            based.classes,
            (weights / self._scale).astype(np.float32),
            (offsets / self._scale).astype(np.float32),
            based.unit,
        )


def mix(
    means: NDArray[np.float64], rows: NDArray[np.float64], loading: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Balanced ridge from means and the discriminant's rows.

    Args:
        means: float64[K,D], K at least 2.
        rows: float64[K,D], means times the precision.
        loading: What was added to every variance before inverting.

    Returns:
        Weights float64[K,D], offsets float64[K], and the temperature that makes them log-odds.
    """
    classes = len(means)
    centre = means.mean(axis=0)
    centred, around = rows - rows.mean(axis=0), means - centre
    between = around @ centred.T
    between = (between + between.T) / 2  # rows may be older than means, by the cadence
    mixing = np.linalg.inv(between + classes * np.eye(classes))
    weights = mixing @ centred
    offsets = 1 / classes - weights @ centre
    margin = float(np.einsum("kj,jk->", between, mixing))
    within = between - loading * (centred @ centred.T)
    spread = float(np.einsum("ij,jk,ik->", mixing, within, mixing, optimize=True))
    usable = min(spread, margin) > np.finfo(np.float32).eps
    return weights, offsets, spread / margin if usable else margin or 1.0
