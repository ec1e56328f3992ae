"""Carrying what a head has learned over to another backbone.

A device holds some of its samples as images, the exemplars; of all others only their sums are left,
and those are over features of the old backbone. With an affine map x -> A x + c to features of the
new one and the covariance R of what it leaves over (``fieldwise.affine``), the sums of n_k samples
of class k, and the scatter G of N samples with S = sum_k s_k, become

    s'_k = A s_k + n_k c
    G'   = A G A' + A S c' + c S' A' + N c c' + N R

which is exactly what the samples themselves would come to if the map were right but for an
independent error of covariance R. Samples of forgotten classes that still stand in G as scatter
about their own mean (``fieldwise.head``) count for R but not for c, since their mean left with
them.

What counts twice, and what must not. The exemplars can be embedded again, so for them nothing has
to be estimated: they leave the old sums first, exactly, and their own statistics on the new
backbone are added to what is carried. Where every sample is an exemplar nothing is left to carry
and the result is, to the bit, that of a device that had the new backbone all along.

Which covariance. Means gain from every carried sample; the covariance within classes may do better
with less of them, since it is told by A and R only as well as these are known. A share of 1 leaves
it as carried, 0 takes that of the exemplars alone (by their N - K degrees of freedom) around the
means of all, and others are between. None is always best: ``agent.learning.contending`` chooses.

On the grid. Results are rounded to the integers that exact samples have: G follows the rounded
sums, so that what is within classes stays, and its diagonal is raised by what its own rounding
moved (Gershgorin). So every later sum stays exact: what is learned from now on can be taken back to
the bit, although what was carried is an estimate for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fieldwise.affine import AffineMap
from fieldwise.bundle import Transform
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Accumulator, Statistics, merge


@dataclass(frozen=True, slots=True)
class Target:
    """What statistics are carried to: a bundle's digest and its transform."""

    bundle: str
    transform: Transform


def without(statistics: Statistics, held: Statistics) -> Statistics:
    """What is left of statistics once samples that are held have left them.

    Where features had to be computed again of images that had been made smaller, taking them away
    is not exact; a class of which nothing is left has no sum then either.

    Args:
        statistics: What was learned on the old backbone.
        held: Of those samples, the ones that the new backbone learns itself.
    """
    taken = {name: place for place, name in enumerate(held.classes)}
    counts, sums = statistics.counts.copy(), statistics.sums.copy()
    for place, name in enumerate(statistics.classes):
        if name in taken:
            counts[place] -= held.counts[taken[name]]
            sums[place] -= held.sums[taken[name]]
    kept = np.flatnonzero(counts > 0)
    scatter = statistics.scatter - held.scatter
    return replace(
        statistics,
        classes=tuple(statistics.classes[place] for place in kept),
        counts=counts[kept],
        sums=sums[kept],
        scatter=scatter,
    )


def scaled_down(left: Statistics, faded: Mapping[str, int]) -> Statistics:
    """What is left with so many samples of each class less, of which nobody knows what they were.

    Args:
        left: What was learned on the old backbone.
        faded: How many of each class are learned anew and cannot be seen by the old backbone.
    """
    known = {name: count for name, count in faded.items() if name in left.classes}
    if not known:
        return left
    sums = Accumulator(left)
    for name, count in known.items():
        sums.fade(name, count)
    return sums.statistics()


def carry(left: Statistics, through: AffineMap, target: Target) -> Statistics:
    """Statistics as the map takes them to another backbone; an estimate.

    Args:
        left: What is not held as exemplars, on the old backbone.
        through: From its features to the new ones.
        target: The new backbone.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a map of another width, or one under which the
            sums become such as no samples have.
    """
    if through.widths[0] != left.width:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"a map of {through.widths[0]} features does not fit statistics of {left.width}",
        )
    old, new = (float(1 << each.grid_bits) for each in (left.transform, target.transform))
    matrix, offset = through.matrix * (new / old), through.offset * new
    counts = left.counts.astype(np.float64)
    sums = left.sums @ matrix.T + counts[:, None] * offset
    lifted = np.outer(matrix @ left.sums.sum(axis=0), offset)
    scatter = matrix @ left.scatter @ matrix.T
    scatter += lifted
    scatter += lifted.T
    scatter += left.total * np.outer(offset, offset)
    scatter += (left.scattered * new**2) * through.residual
    rounded = np.rint(sums)
    scatter += _between(rounded, counts) - _between(sums, counts)
    _check(rounded, counts, scatter, left.scattered, new)
    return Statistics(
        target.bundle,
        target.transform,
        left.classes,
        left.counts.copy(),
        rounded,
        _on_grid(scatter),
        left.orphans,
    )


def with_exact(carried: Statistics, exact: Statistics, share: float) -> Statistics:
    """What was carried and what the exemplars are, together.

    Args:
        carried: As ``carry`` gives it.
        exact: Statistics of the exemplars on the new backbone.
        share: Of the carried covariance within classes; the rest is the exemplars' own.

    Raises:
        FieldwiseError: As ``fieldwise.head.merge``.
    """
    merged = merge(carried, exact)
    spare = exact.total - len(exact.classes)
    if share == 1 or spare < 1 or not carried.total:
        return merged
    between = _between(merged.sums, merged.counts)
    own = (exact.scatter - _between(exact.sums, exact.counts)) * (merged.scattered / spare)
    within = share * (merged.scatter - between) + (1 - share) * own
    return replace(merged, scatter=_on_grid(within + between))


def estimated(carried: Statistics) -> Mapping[str, int]:
    """Samples of each class that are in statistics by estimate."""
    return dict(zip(carried.classes, carried.counts.tolist(), strict=True))


def _between(
    sums: NDArray[np.float64], counts: NDArray[np.int64] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """sum_k s_k s_k' / n_k."""
    scaled = sums / np.sqrt(counts)[:, None]
    between: NDArray[np.float64] = scaled.T @ scaled
    return between


def _on_grid(scatter: NDArray[np.float64]) -> NDArray[np.float64]:
    """Symmetric integers, no less positive than before."""
    symmetric = (scatter + scatter.T) / 2
    rounded = np.rint(symmetric)
    moved = np.ceil(np.abs(rounded - symmetric).sum(axis=1))
    rounded.flat[:: len(rounded) + 1] += moved
    return rounded


def _check(
    sums: NDArray[np.float64],
    counts: NDArray[np.float64],
    scatter: NDArray[np.float64],
    scattered: int,
    unit: float,
) -> None:
    """Refuse what no samples of at most unit length in each direction come to."""
    fits = (
        np.isfinite(scatter).all()
        and (np.abs(sums) <= counts[:, None] * unit).all()
        and (np.abs(scatter) <= scattered * unit**2).all()
        and (np.diag(scatter) >= 0).all()
    )
    if not fits:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, "the map takes the statistics where no samples are"
        )
