"""Devices of a federation: who sees which samples, and what each would send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.work import Campaign
from fieldwise.federation import Consent, HeadSpace, Row, RowKind, Update

DEVICES = 10
SHARE = 1 / 3  # of the classes that a device sees
CONCENTRATION = 0.5  # of the Dirichlet distribution of a class's samples over its devices
CAMPAIGN = "c1"


@dataclass(frozen=True, slots=True)
class Sight:
    """What a device sees: grids int16[N,D] with ids of classes from 1 on."""

    grid: NDArray[np.int16]
    labels: NDArray[np.int64]

    @property
    def classes(self) -> NDArray[np.int64]:
        return np.unique(self.labels)

    def from_minimum(self, samples: int) -> "Sight":
        """What is left without classes of fewer samples."""
        kept = np.bincount(self.labels)[self.labels] >= samples
        return Sight(self.grid[kept], self.labels[kept])


def sights(
    grid: NDArray[np.int16], labels: NDArray[np.int64], seed: int, share: float = SHARE
) -> list[Sight]:
    """Deal samples to devices: each knows a share of the classes, every class somebody."""
    dice = np.random.default_rng(seed)
    classes = int(labels.max())
    known = np.zeros((DEVICES, classes + 1), bool)
    for device in known:
        device[1 + dice.permutation(classes)[: round(classes * share)]] = True
    for missing in np.flatnonzero(~known.any(axis=0))[1:]:
        known[dice.integers(DEVICES), missing] = True
    owner = np.zeros(len(labels), np.int64)
    for each in range(1, classes + 1):
        places = dice.permutation(np.flatnonzero(labels == each))
        holders = np.flatnonzero(known[:, each])
        shares = dice.dirichlet(np.full(len(holders), CONCENTRATION))
        owner[places] = dice.choice(holders, len(places), p=shares)
    return [Sight(grid[owner == each], labels[owner == each]) for each in range(DEVICES)]


def campaign(
    width: int, classes: Sequence[str], level: Consent, options: Mapping[str, float]
) -> Campaign:
    return Campaign(
        id=CAMPAIGN,
        runs=True,
        kind=RowKind.MEANS,
        level=level,
        strategy="FedAvg",
        options=options,
        norm_max=0.0,
        noise=0.0,
        classes=dict(enumerate(classes, 1)),
        space=HeadSpace("0" * 64, "0" * 64, (width,)),
    )


def update(sight: Sight, about: Campaign, samples_min: int) -> Update:
    """What a device sends: means of its classes, or exact sums with their scatter."""
    exact = about.level is Consent.STATISTICS
    counts = {int(each): int((sight.labels == each).sum()) for each in sight.classes}
    kept = [each for each, count in counts.items() if count >= samples_min]
    wide = sight.grid.astype(np.float64)
    sums = {each: wide[sight.labels == each].sum(axis=0) for each in kept}
    rows = tuple(
        Row(each, counts[each], sums[each] if exact else _mean(sums[each], counts[each]))
        for each in kept
    )
    scatter = (_scatter(wide[np.isin(sight.labels, kept)]),) if exact else ()
    return Update(CAMPAIGN, 1, RowKind.MEANS, about.level, about.space, rows, scatter)


def sent_bytes(sent: Update) -> int:
    """Bytes of rows and scatter on the wire; the rest of an update is some hundred."""
    return sum(row.values.nbytes + 12 for row in sent.rows) + sum(
        each.nbytes for each in sent.scatter
    )


def _mean(total: NDArray[np.float64], count: int) -> NDArray[np.float32]:
    return (total / count).astype(np.float32)


def _scatter(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    square = rows.T @ rows
    found: NDArray[np.float64] = square[np.triu_indices(len(square))]
    return found
