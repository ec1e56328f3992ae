"""Confidences that mean what they say: one temperature, and the error that it leaves.

The softmax of a head's scores z is too sure or too shy. Dividing the scores by one temperature T
changes no answer and brings confidence in line with accuracy (Guo and others, 2017, "On calibration
of modern neural networks"). T minimises the negative log-likelihood of held-out labels, which with
b = 1/T is a sum of log-sum-exp(b z) - b z_y: convex in b. Its derivative, the mean of E_p[z] - z_y
under p = softmax(b z), only rises, so halving an interval finds its zero and nothing can go astray.
Where every one of n answers is right there is no zero: the likelihood rises until confidence is 1.
But n right answers say that errors are rare, not that there are none (Laplace's rule), so each of
the labels is then given to the second best class for one part in n + 1.

The error that is stated is the expected calibration error: samples in order of confidence are cut
into bins of equal number, and it is the mean, over samples, of the distance between a bin's mean
confidence and its accuracy. Traps: with few samples a bin's accuracy is noisy and the error looks
larger than it is (about 0.4 / sqrt(samples in a bin) where confidence is perfect), so bins have at
least ``BIN_SAMPLES_MIN`` samples; and on the very samples that chose T it looks smaller than it
is, so the error after is crossed: each half in order of arrival is judged by the T of the other.
Halves are cut once, so at most one scene lies on both sides.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLES_MIN = 30  # as for every other choice (agent.learning.tuning); log T is then 20 % off
TEMPERATURE_MIN = 1 / 64  # beyond these confidences are all or nothing, or all alike
TEMPERATURE_MAX = 64.0
HALVINGS = 30  # of an interval of 12 octaves: T is exact to 1e-8
BINS_MAX = 15  # as the field's tables have
BIN_SAMPLES_MIN = 20  # an accuracy of 0.9 in a bin has then a standard error of 0.07
UNKNOWN = -1  # the label of a sample whose class the head does not know


@dataclass(frozen=True, slots=True)
class Bin:
    """Samples of like confidence: how many, their mean confidence and their accuracy."""

    samples: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Confidences against held-out samples.

    Attributes:
        samples: Held-out samples that it is of.
        temperature: What scores are divided by; 1 while there are fewer than ``SAMPLES_MIN``.
        error_before: Expected calibration error without the temperature, 0 to 1.
        error_after: The same with it, each half judged by the temperature of the other.
        bins: How confidence and accuracy lie, with the temperature, least confident first.
    """

    samples: int = 0
    temperature: float = 1.0
    error_before: float = 0.0
    error_after: float = 0.0
    bins: tuple[Bin, ...] = ()


def calibrate(scores: NDArray[np.float32], labels: NDArray[np.int64]) -> Calibration:
    """Choose a temperature and state the error before and after; too few samples leave it at 1.

    Args:
        scores: Held-out samples' scores float32[N,K], in order of arrival.
        labels: Their classes int64[N]; ``UNKNOWN`` for one that the head does not know, of which
            every answer is wrong.
    """
    samples = len(labels)
    if not samples or not scores.shape[1]:
        return Calibration(samples)
    before = confidence_error(*_confidences(scores, labels, 1.0))
    if samples < SAMPLES_MIN:
        held = bins(*_confidences(scores, labels, 1.0))
        return Calibration(samples, 1.0, before, before, held)
    temperature = fit_temperature(scores, labels)
    held = bins(*_confidences(scores, labels, temperature))
    return Calibration(samples, temperature, before, _crossed_error(scores, labels), held)


def beliefs(scores: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """The softmax float64[N,K] of scores float32[N,K] divided by a temperature; K at least 1."""
    scaled = scores.astype(np.float64) / temperature
    shares: NDArray[np.float64] = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def fit_temperature(scores: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The temperature under which held-out labels are most likely.

    Args:
        scores: float32[N,K].
        labels: int64[N]; ``UNKNOWN`` ones say nothing of the likelihood and are left out.

    Returns:
        From ``TEMPERATURE_MIN`` to ``TEMPERATURE_MAX``; 1 where no known label is given.
    """
    known = labels >= 0
    if not known.any():
        return 1.0
    centred = scores[known].astype(np.float64)
    centred -= centred.max(axis=1, keepdims=True)
    truth = centred[np.arange(len(centred)), labels[known]].mean()
    if truth == 0 and centred.shape[1] > 1:  # every answer is right
        truth = np.partition(centred, -2, axis=1)[:, -2].mean() / (len(centred) + 1)
    low, high = np.log(1 / TEMPERATURE_MAX), np.log(1 / TEMPERATURE_MIN)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _expected_score(centred, float(np.exp(middle))) > truth:
            high = middle
        else:
            low = middle
    return float(np.exp(-(low + high) / 2))


def bins(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Cut samples, in order of confidence, into bins of equal number.

    Args:
        confidences: float64[N] of the best class.
        right: bool[N], whether it was so.
    """
    order = np.argsort(confidences, kind="stable")
    number = min(BINS_MAX, max(1, len(order) // BIN_SAMPLES_MIN))
    return tuple(
        Bin(len(part), float(confidences[part].mean()), float(right[part].mean()))
        for part in np.array_split(order, number)
        if len(part)
    )


def confidence_error(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The expected calibration error, 0 to 1, over the bins of ``bins``."""
    if not len(right):
        return 0.0
    held = bins(confidences, right)
    return sum(each.samples * abs(each.confidence - each.accuracy) for each in held) / len(right)


def _crossed_error(scores: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    half = len(labels) // 2
    parts = (slice(0, half), slice(half, None))
    judged = [
        _confidences(scores[mine], labels[mine], fit_temperature(scores[other], labels[other]))
        for mine, other in (parts, parts[::-1])
    ]
    confidences, right = (np.concatenate(column) for column in zip(*judged, strict=True))
    return confidence_error(confidences, right)


def _confidences(
    scores: NDArray[np.float32], labels: NDArray[np.int64], temperature: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    held = beliefs(scores, temperature)
    return held.max(axis=1), scores.argmax(axis=1) == labels


def _expected_score(centred: NDArray[np.float64], inverse: float) -> float:
    weights = np.exp(centred * inverse)
    means = (weights * centred).sum(axis=1) / weights.sum(axis=1)
    return float(means.mean())
