"""What the spread of the devices' means says of the covariance within classes.

A mean of n independent samples of a class with covariance S has covariance S/n. So with the means
m_i of C devices and counts n_i, and m their count-weighted mean,

    S^ = 1/(C-1) sum_i n_i (m_i - m)(m_i - m)'

estimates S without a sample or a scatter having left a device (FedCOF, arXiv 2412.14326). Classes
are pooled by their degrees of freedom, as a discriminant with one covariance does: class k weighs
n_k - 1. Written as A'A the estimate has a row for every mean: its distance from m, by which each
device could be told apart. So A goes nowhere. What is handed out is another factor F of the same
product, its principal directions, of which there are at most as many as means less classes; where
they would be more than D, it is a triangular one.

What honest devices see differs more than samples of one device do, which makes the estimate too
wide and not wrong in direction; how much of it to use is each device's choice on what it holds out.
A hostile mean would widen it without bound: terms n_i |m_i - m|^2, which for honest devices are all
estimates of the same trace, are left out above ``TERM_RATIO_MAX`` times the usual one.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aggregator.screening import by_class
from aggregator.work import Contribution
from fieldwise.federation import HeadSpace, Row

TERM_RATIO_MAX = 9.0  # three times the usual distance
DEVICES_MIN = 2
FOLD_ROWS = 1024  # of deviations at a time: 10 MB of 1,280-d means
NOTHING = (
    1e-9  # of the largest square; the deviations of a class add up to nothing, but for rounding
)
RIDGE = 1e-6  # of the mean variance, so that a product with a direction of no spread has a root


def factors(
    contributions: Sequence[Contribution],
    centres: Mapping[int, NDArray[np.float32]],
    space: HeadSpace,
) -> tuple[NDArray[np.float32], ...]:
    """Estimate the covariance within classes, view by view.

    Args:
        contributions: Means with their counts.
        centres: What the strategy made of them, by class; other classes are left aside.
        space: What they belong to.

    Returns:
        Of each view F, float32[R,D] with R at most D; nothing where no class has two devices.
    """
    rows = {each.alias: each.rows for each in contributions}
    holders = {
        class_id: [row for _, row in found]
        for class_id, found in by_class(rows).items()
        if class_id in centres
    }
    deviations = _deviations(_kept(holders, centres))
    if not len(deviations):
        return ()
    ends = np.cumsum(space.widths).tolist()
    return tuple(
        _factor(deviations[:, end - width : end])
        for end, width in zip(ends, space.widths, strict=True)
    )


def _kept(
    holders: Mapping[int, Sequence[Row]], centres: Mapping[int, NDArray[np.float32]]
) -> dict[int, list[Row]]:
    """Classes of at least two devices, without the terms that no honest device has."""
    terms = {
        class_id: [row.samples * _squared(row.values - centres[class_id]) for row in rows]
        for class_id, rows in holders.items()
        if len(rows) >= DEVICES_MIN
    }
    if not terms:
        return {}
    bound = TERM_RATIO_MAX * float(np.median(np.concatenate(list(terms.values()))))
    kept = {
        class_id: [row for row, term in zip(holders[class_id], found, strict=True) if term <= bound]
        for class_id, found in terms.items()
    }
    return {class_id: rows for class_id, rows in kept.items() if len(rows) >= DEVICES_MIN}


def _deviations(holders: Mapping[int, Sequence[Row]]) -> NDArray[np.float32]:
    """The rows of F, float32[R,D]: deviations with the roots of their weights."""
    freedom = sum(sum(row.samples for row in rows) - 1 for rows in holders.values())
    found: list[NDArray[np.float32]] = []
    for rows in holders.values():
        counts = np.array([row.samples for row in rows], np.float64)
        means = np.stack([row.values for row in rows]).astype(np.float64)
        apart = means - counts @ means / counts.sum()
        weight = (counts.sum() - 1) / freedom / (len(rows) - 1)
        found.append((apart * np.sqrt(weight * counts)[:, None]).astype(np.float32))
    return np.concatenate(found) if found else np.zeros((0, 0), np.float32)


def _factor(deviations: NDArray[np.float32]) -> NDArray[np.float32]:
    if len(deviations) > deviations.shape[1]:
        return _triangular(deviations)
    wide = deviations.astype(np.float64)
    squares, turns = np.linalg.eigh(wide @ wide.T)
    kept = max(1, int((squares > NOTHING * squares[-1]).sum()))
    return (turns[:, -kept:].T @ wide).astype(np.float32)


def _triangular(deviations: NDArray[np.float32]) -> NDArray[np.float32]:
    width = deviations.shape[1]
    product = np.zeros((width, width))
    for start in range(0, len(deviations), FOLD_ROWS):
        part = deviations[start : start + FOLD_ROWS]
        product += part.T @ part  # in float32, twice as fast, and near enough for an estimate
    product.flat[:: width + 1] += RIDGE * np.trace(product) / width + np.finfo(np.float64).tiny
    return np.linalg.cholesky(product).T.astype(np.float32)


def _squared(values: NDArray[np.floating]) -> float:
    wide = values.astype(np.float64)
    return float(wide @ wide)
