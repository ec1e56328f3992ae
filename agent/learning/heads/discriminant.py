"""The exact discriminant with a shared covariance, solved from sums.

With the precision P of ``solving`` a class scores w_k' x + b_k, w_k = P mu_k and b_k = -mu_k' w_k /
2 + c / (2 n_k): the logarithm of its Gaussian density at x but for a term that all classes share,
with every class equally likely beforehand. Their softmax is belief under that model. It is *not
calibrated*: real features are not Gaussian and one covariance does not fit all classes, so it is
too sure.

The last term is what lets a class of few samples be found at all. A mean of n samples is off by an
error e of its own, which makes mu_k' P mu_k too large by e' P e, on average c / n_k with the noise
energy c of ``solving``; at 1,280 features that is a handicap of hundreds for one sample beside
twenty. Between classes of equal counts it changes nothing. On the training halves of the two
reference sets, a quarter of each class held out in turn and one sample left of half of the classes,
the average with ridge finds 7 and 15 in a hundred images of the poor classes without the term and
19 and 32 with it, where the nearest mean finds 11 and 20; of the rich ones it finds as many.

The *temperature* is the one number by which a head's scores have to be divided to be log-odds if
scores were what the model says, Gaussian around the means. A margin between two classes with mean
m and variance s**2 on either side has log-odds 2 m / s**2 times itself, so over all pairs T = sum
s**2 / sum 2 m. From the sums alone that is, with B = M P M' of centred means, 1 - a v tr(M P P M')
/ tr(B) for this head: below 1, since shrinking costs more spread than margin. What it is good for
is to bring different heads to one scale before any held-out sample exists.

Cadence. P costs O(D**3), so it is kept and solved anew when the samples have grown by a stated
share and number (``due``). In between, a class gets its row from the kept P at O(D**2): at once
when it is new, and again whenever its samples have grown by ``REFRESH_GROWTH``. ``settle`` makes
everything exact: equal statistics then give equal heads, whatever the order of learning.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.learning.heads.head import LinearHead, no_head
from agent.learning.heads.keeper import SolvedFromSums
from agent.learning.heads.nearest_mean import means_of, outgrown
from agent.learning.heads.solving import Means, Rows, Solution, means_in, solve
from agent.learning.heads.sums import Sums
from fieldwise.symmetric import SymmetricSum

NAME = "discriminant"


class Cadence:
    """When a covariance is due.

    Args:
        growth: Share of growth in samples after which it is due.
        samples_min: New samples after which it is due at the earliest; while fewer than these are
            held, whenever their number has doubled.
    """

    def __init__(self, growth: float, samples_min: int) -> None:
        self.growth = growth
        self.samples_min = samples_min

    def due(self, solved: float, new: float) -> bool:
        """Whether so many new samples ask for a solve, so many having been solved."""
        return new >= max(min(self.samples_min, solved), self.growth * solved, 1)


class Discriminant(SolvedFromSums):
    """Keeps the discriminant of an accumulator, at the cadence that this module states.

    Args:
        accumulator: What is learned.
        shrinkage: Share of the mean variance that is added to every direction.
        cadence: When the covariance is solved anew.

    Attributes:
        head: The head as it is now.
        loading: What was added to every variance at the last solve.
        temperature: As stated above, of the last solve.
        solves: How often the covariance was solved, for heads that follow this one.
    """

    name = NAME

    def __init__(self, accumulator: Sums, shrinkage: float, cadence: Cadence) -> None:
        self._accumulator = accumulator
        self._shrinkage = shrinkage
        self._cadence = cadence
        self._solved_total = 0
        self._precision = SymmetricSum(np.zeros((0, 0)), np.float32)
        self._noise_energy = 0.0
        self._rows = Rows(0, 1.0)
        self.loading = 0.0
        self.temperature = 1.0
        self.solves = 0
        self.head: LinearHead = no_head()
        if accumulator.total:
            self.settle()

    def due(self) -> bool:
        """Whether the covariance should be solved by now."""
        new = self._accumulator.total - self._solved_total
        return not self.solves or self._cadence.due(self._solved_total, new)

    def learn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """As ``Keeper.learn``."""
        del grid
        if self.due():
            self.settle()
            return
        grown = outgrown(self._accumulator, self._rows, class_names)
        if grown:
            self._renew(grown)

    def settle(self) -> None:
        """Solve everything: the head is then exactly that of the statistics."""
        scatter = self._accumulator.scatter()
        means = means_in(self._accumulator)
        solution = solve(scatter, means, self._shrinkage)
        self._noise_energy, self.loading = solution.noise_energy, solution.loading
        self._solved_total = round(means.counts.sum())
        self._rows = Rows(self._accumulator.width, means.unit)
        weights, offsets = rows_of(means, solution)
        self._rows.set(means.classes, means.counts, weights, offsets)
        self._precision = solution.precision.copy(np.float32)
        self.head = self._rows.head()
        self.temperature = _temperature(means.means(), weights, solution.loading)
        self.solves += 1

    def unlearn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """As ``Keeper.unlearn``."""
        del grid, class_names
        self.settle()

    def drop_class(self, name: str) -> None:
        """As ``Keeper.drop_class``."""
        self._rows.drop(name)
        self.head = self._rows.head()

    def _renew(self, names: Sequence[str]) -> None:
        counts, means = means_of(self._accumulator, names)
        weights = self._precision.times(means.astype(np.float32))
        offsets = _offsets(means, weights, counts, self._noise_energy)
        self._rows.set(names, counts, weights, offsets)
        self.head = self._rows.head()


def rows_of(means: Means, solution: Solution) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights float64[K,D] and offsets float64[K] of every class."""
    rows = means.means()
    weights = solution.precision.times(rows).astype(np.float64, copy=False)
    return weights, _offsets(rows, weights, means.counts, solution.noise_energy)


def _offsets(
    means: NDArray[np.float64],
    weights: NDArray[np.floating],
    counts: NDArray[np.float64],
    noise_energy: float,
) -> NDArray[np.float64]:
    offsets: NDArray[np.float64] = -0.5 * np.einsum("kd,kd->k", means, weights)
    offsets += 0.5 * noise_energy / counts
    return offsets


def _temperature(means: NDArray[np.float64], weights: NDArray[np.float64], loading: float) -> float:
    """As this module states; 1 where there is neither spread nor margin."""
    if len(means) < 2:  # noqa: PLR2004  # a margin is between two
        return 1.0
    centred = weights - weights.mean(axis=0)
    margin = float(np.einsum("kd,kd->", means, centred))
    spread = margin - loading * float(np.einsum("kd,kd->", centred, centred))
    return spread / margin if min(spread, margin) > np.finfo(np.float32).eps else 1.0
