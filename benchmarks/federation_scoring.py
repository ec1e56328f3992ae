"""How right a device is with a global head: on all classes of the test half.

With means, a device solves its discriminant from the global means and a covariance of a quarter its
own and three quarters from the spread of the devices' means; with statistics from these alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.federation_devices import Sight
from benchmarks.learning_data import Features
from fieldwise.global_head import GlobalHead

SHRINKAGE = 0.3  # of the mean variance, as the agent begins
SPREAD_SHARE = 0.75


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


class Scored:
    """Devices whose accuracy is asked for with one head after another."""

    def __init__(self, of: Numbered, devices: Sequence[Sight]) -> None:
        self._test = of.test.astype(np.float64)
        self._labels = of.test_labels
        self._devices = devices

    def alone(self) -> float:
        """Per cent right of each device's own head, their mean."""
        return self._mean(
            [(each.classes, means, within) for each, (means, within) in self._known()]
        )

    def together(self, head: GlobalHead) -> float:
        """Per cent right with a global head, the mean over devices."""
        ids = np.array(head.ids)
        if head.sums is not None:  # the same for every device
            return self._mean([(ids, head.sums / head.counts[:, None], _exact_covariance(head))])
        rows = head.rows.astype(np.float64)
        factor = head.factors[0].astype(np.float64)
        spread = factor.T @ factor
        return self._mean(
            [
                (ids, rows, (1 - SPREAD_SHARE) * within + SPREAD_SHARE * spread)
                for _, (_, within) in self._known()
            ]
        )

    def _known(self) -> list[tuple[Sight, tuple[NDArray[np.float64], NDArray[np.float64]]]]:
        return list(zip(self._devices, self._moments, strict=True))

    @cached_property
    def _moments(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        return [_moments(each) for each in self._devices]

    def _mean(
        self, solved: Sequence[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]]
    ) -> float:
        return float(np.mean([self._accuracy(*each) for each in solved]))

    def _accuracy(
        self, ids: NDArray[np.int64], means: NDArray[np.float64], within: NDArray[np.float64]
    ) -> float:
        width = len(within)
        shrunk = within + SHRINKAGE * np.trace(within) / width * np.eye(width)
        weights = np.linalg.solve(shrunk, means.T)
        scores = self._test @ weights - 0.5 * np.einsum("kd,dk->k", means, weights)
        return 100 * float((ids[scores.argmax(axis=1)] == self._labels).mean())


def _moments(sight: Sight) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    wide = sight.grid.astype(np.float64)
    means = np.stack([wide[sight.labels == each].mean(axis=0) for each in sight.classes])
    apart = wide - means[np.searchsorted(sight.classes, sight.labels)]
    return means, apart.T @ apart / len(wide)


def _exact_covariance(head: GlobalHead) -> NDArray[np.float64]:
    assert head.sums is not None
    width = head.space.width
    scatter = np.zeros((width, width))
    scatter[np.triu_indices(width)] = head.scatter[0]
    scatter += np.triu(scatter, 1).T
    between = (head.sums / head.counts[:, None]).T @ head.sums
    found: NDArray[np.float64] = (scatter - between) / head.counts.sum()
    return found
