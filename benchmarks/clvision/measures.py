"""What a run is judged by: five measures, the accuracy matrix and what follows from it.

The challenge of 2020 has five measures: accuracy on the test set, once, at the end; accuracy on the
validation set, averaged over the batches; running time; memory; disk. They are a vector, and are
reported as one. It also combined them, with the weights .3, .1, .15, .125 and .125, *which sum to
0.8*: the best possible score is then 0.8. How times and megabytes were brought to 0..1 there could
not be verified, so a combined score here has a normalisation of its own, and is not to be compared
with the challenge's: accuracies are shares; a cost c against a budget B counts as 1 - c/B, at least
0. It is given both as published (of 0.8) and divided by the sum of the weights (of 1).

The matrix has a_{t,j}, the accuracy on group j after batch t, at those batches after which was
asked (``moments``). With T the last moment, l(j) the first at which group j has been learned, p(j)
the last one before, and sums over the groups learned before T (their number: G):

- forgetting = 1/G sum_j (max_{l(j) <= t < T} a_{t,j} - a_{T,j}), as Chaudhry and others; the
  maximum of many noisy figures is too high, so a little "forgetting" is noise,
- backward transfer = 1/G sum_j (a_{T,j} - a_{l(j),j}), as Lopez-Paz and Ranzato,
- forward transfer = mean over groups with p(j) of (a_{p(j),j} - 1/K), chance being 1/K of the K
  classes; only where the classes of a group are known before it is learned (new instances).
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

PUBLISHED_WEIGHTS = {
    "test_accuracy": 0.3,
    "validation_accuracy": 0.1,
    "minutes": 0.15,
    "memory_mb": 0.125,
    "disk_mb": 0.125,
}
BUDGETS = {"minutes": 10.0, "memory_mb": 1000.0, "disk_mb": 100.0}
"""What counts as all of a small device: ten minutes, a gigabyte, a tenth of that on flash."""


@dataclass(frozen=True, slots=True)
class Five:
    """The measures of one run; accuracies are 0..1, megabytes are of 1,000,000 bytes.

    ``validation_accuracy`` is None for what learns only when everything is there.
    """

    test_accuracy: float
    validation_accuracy: float | None
    minutes: float
    memory_mb: float
    disk_mb: float


@dataclass(frozen=True, slots=True)
class Matrix:
    """Accuracies a[t][j] of groups at moments.

    Attributes:
        moments: Batches after which was asked, rising.
        learned_in: For each group, the batch after which it has been learned.
        rows: For each moment, the accuracy of each group.
    """

    moments: tuple[int, ...]
    learned_in: tuple[int, ...]
    rows: tuple[tuple[float, ...], ...]


def score(five: Five) -> tuple[float, float] | None:
    """The combined score of 0.8 and of 1; None where a measure is missing."""
    if five.validation_accuracy is None:
        return None
    parts = {
        "test_accuracy": five.test_accuracy,
        "validation_accuracy": five.validation_accuracy,
        **{name: max(0.0, 1 - getattr(five, name) / limit) for name, limit in BUDGETS.items()},
    }
    combined = sum(weight * parts[name] for name, weight in PUBLISHED_WEIGHTS.items())
    return combined, combined / sum(PUBLISHED_WEIGHTS.values())


def share_right(said: Sequence[str], truth: Sequence[str]) -> float:
    """Share of answers that are right; 0 where nothing was asked."""
    right = sum(one == other for one, other in zip(said, truth, strict=True))
    return right / len(truth) if truth else 0.0


def forgetting(matrix: Matrix) -> float | None:
    """By how much groups have fallen from their best; None without one that could fall."""
    falls = [
        max(matrix.rows[t][group] for t in range(start, len(matrix.moments) - 1))
        - matrix.rows[-1][group]
        for group, start in _learned_before_last(matrix)
    ]
    return statistics.fmean(falls) if falls else None


def backward_transfer(matrix: Matrix) -> float | None:
    """What later batches have changed on groups learned before them; None without such a group."""
    changes = [
        matrix.rows[-1][group] - matrix.rows[start][group]
        for group, start in _learned_before_last(matrix)
    ]
    return statistics.fmean(changes) if changes else None


def forward_transfer(matrix: Matrix, classes: int) -> float | None:
    """What earlier batches give groups not learned yet, over chance; None without such a moment."""
    gains = []
    for group, learned_in in enumerate(matrix.learned_in):
        before = [t for t, moment in enumerate(matrix.moments) if moment < learned_in]
        if before:
            gains.append(matrix.rows[before[-1]][group] - 1 / classes)
    return statistics.fmean(gains) if gains else None


def mean_and_error(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean, and its standard error; None for a single value, of which nothing can be said."""
    if len(values) < 2:
        return statistics.fmean(values), None
    return statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values))


def moments(batches: int, most: int) -> tuple[int, ...]:
    """Batches after which to ask: every one, or ``most`` of them evenly with the first and last."""
    if batches <= most:
        return tuple(range(batches))
    if most == 1:
        return (batches - 1,)
    return tuple(round(place * (batches - 1) / (most - 1)) for place in range(most))


def _learned_before_last(matrix: Matrix) -> list[tuple[int, int]]:
    """Groups with the first moment at which they have been learned, if the last comes after it."""
    found = []
    for group, learned_in in enumerate(matrix.learned_in):
        since = [t for t, moment in enumerate(matrix.moments) if moment >= learned_in]
        if len(since) > 1:
            found.append((group, since[0]))
    return found
