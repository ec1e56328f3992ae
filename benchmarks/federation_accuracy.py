"""What a federation of ten devices reaches on all classes, by what they share.

Everything goes through the aggregator's own code: updates are screened, merged by Flower's FedAvg
class by class, and come back as the bytes of a global head. With means, each device solves its
discriminant from the global means and a covariance of a quarter its own and three quarters from the
spread; the figure is the mean over devices.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.combining import combine
from aggregator.flower.aggregating import FlowerStrategies
from benchmarks import federation_softmax as softmax
from benchmarks.federation_devices import Sight, campaign, sent_bytes, sights, update
from benchmarks.learning_data import Features
from fieldwise.federation import Consent
from fieldwise.global_head import GlobalHead, decode

SHRINKAGE = 0.3  # of the mean variance, as the agent begins
SPREAD_SHARE = 0.75
MINIMA = (10, 1)
TURNS = 20

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Numbered:
    """A set with ids of classes from 1 on."""

    classes: tuple[str, ...]
    train: NDArray[np.int16]
    train_labels: NDArray[np.int64]
    test: NDArray[np.int16]
    test_labels: NDArray[np.int64]


def numbered(features: Features) -> Numbered:
    classes = tuple(sorted(set(features.train_labels)))
    ids = {name: place for place, name in enumerate(classes, 1)}
    train, test = (
        np.array([ids[name] for name in labels])
        for labels in (features.train_labels, features.test_labels)
    )
    return Numbered(classes, features.train, train, features.test, test)


def figures(of: Numbered, seeds: int) -> Iterator[Figures]:
    """Accuracies in percent on all classes, and bytes a device; each seed's as it is known."""
    for seed in range(seeds):
        devices = sights(of.train, of.train_labels, seed)
        found = {"local": _mean_accuracy(of, devices, None)}
        found["centralised"] = _accuracy(of, *_solved(_whole(of), None))
        for minimum in MINIMA:
            for name, value in _ours(of, devices, minimum).items():
                found[f"{name}, from {minimum}"] = value
        for rate in softmax.RATES:
            turns = list(softmax.rounds(devices, len(of.classes), TURNS, rate, seed))
            for turn in (1, TURNS):
                right = softmax.predicted(turns[turn - 1], of.test) == of.test_labels
                found[f"fedavg {turn}, rate {rate:g}"] = 100 * float(right.mean())
        yield found


def _ours(of: Numbered, devices: list[Sight], minimum: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for level in (Consent.WEIGHTS, Consent.STATISTICS):
        # Of few devices many classes have only one; what holding those back costs is told beside.
        for least in (1, 2) if level is Consent.WEIGHTS else (1,):
            about = campaign(of.train.shape[1], of.classes, level, {"devices_min": float(least)})
            sent = [(alias, update(each, about, minimum)) for alias, each in enumerate(devices, 1)]
            made = combine(about, 1, sent, None, {}, FlowerStrategies())
            head = decode(made.head)
            name = f"{level}" if least == 1 else f"{level}, two devices a row"
            found[name] = _mean_accuracy(of, devices, head)
            found[f"{name}, classes"] = float(len(head.ids))
            if least == 1:
                sizes = [sent_bytes(each) for _, each in sent]
                found[f"{name}, kB a device"] = float(np.mean(sizes)) / 1000
                found[f"{name}, kB of head"] = len(made.head) / 1000
    return found


def _mean_accuracy(of: Numbered, devices: list[Sight], head: GlobalHead | None) -> float:
    if head is not None and head.sums is not None:
        return _accuracy(of, *_solved(devices[0], head))
    return float(np.mean([_accuracy(of, *_solved(each, head)) for each in devices]))


def _solved(
    own: Sight, head: GlobalHead | None
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Ids, means and covariance that a device solves from."""
    if head is None:
        means, within = _moments(own)
        return own.classes, means, within
    ids = np.array(head.ids)
    if head.sums is not None:
        return ids, head.sums / head.counts[:, None], _exact_covariance(head)
    spread = head.factors[0].T.astype(np.float64) @ head.factors[0]
    within = (1 - SPREAD_SHARE) * _moments(own)[1] + SPREAD_SHARE * spread
    return ids, head.rows.astype(np.float64), within


def _exact_covariance(head: GlobalHead) -> NDArray[np.float64]:
    assert head.sums is not None
    width = head.space.width
    scatter = np.zeros((width, width))
    scatter[np.triu_indices(width)] = head.scatter[0]
    scatter += np.triu(scatter, 1).T
    between = (head.sums / head.counts[:, None]).T @ head.sums
    found: NDArray[np.float64] = (scatter - between) / head.counts.sum()
    return found


def _moments(sight: Sight) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    wide = sight.grid.astype(np.float64)
    means = np.stack([wide[sight.labels == each].mean(axis=0) for each in sight.classes])
    apart = wide - means[np.searchsorted(sight.classes, sight.labels)]
    return means, apart.T @ apart / len(wide)


def _whole(of: Numbered) -> Sight:
    return Sight(of.train, of.train_labels)


def _accuracy(
    of: Numbered,
    ids: NDArray[np.int64],
    means: NDArray[np.float64],
    within: NDArray[np.float64],
) -> float:
    width = len(within)
    shrunk = within + SHRINKAGE * np.trace(within) / width * np.eye(width)
    weights = np.linalg.solve(shrunk, means.T)
    scores = of.test @ weights - 0.5 * np.einsum("kd,dk->k", means, weights)
    return 100 * float((ids[scores.argmax(axis=1)] == of.test_labels).mean())
