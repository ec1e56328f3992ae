"""One view of a sample: its exact sums, and the keepers that are solved from them.

The row of a sample is its views' features side by side. Each view has sums and a solve of its own:
one solve over all columns together would cost the cube of their number, and the sum of their
squares in memory, for a covariance between views that a device's few samples cannot tell.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.learning.heads.average import Linear
from agent.learning.heads.decayed import DecayedDiscriminant
from agent.learning.heads.discriminant import Cadence, Discriminant
from agent.learning.heads.head import LinearHead
from agent.learning.heads.keeper import Keeper
from agent.learning.heads.nearest_mean import NearestMean
from agent.learning.heads.ridge import BalancedRidge
from agent.learning.heads.solving import unit_of
from agent.learning.heads.sums import Sums
from fieldwise.head import Accumulator, Statistics


class LinearKeeper(Keeper, Linear, Protocol):
    """Keeps a linear head."""

    @property
    def head(self) -> LinearHead:
        """As ``Linear.head``."""
        ...


def keepers_of(
    sums: Sums, wanted: frozenset[str], shrinkage: float, cadence: Cadence
) -> list[LinearKeeper]:
    """Keepers of the heads that sums alone decide, each after those that it follows."""
    discriminant = Discriminant(sums, shrinkage, cadence)
    keepers: list[LinearKeeper] = [discriminant]
    if BalancedRidge.name in wanted:
        keepers.append(BalancedRidge(sums, discriminant))
    if NearestMean.name in wanted:
        keepers.append(NearestMean(sums))
    return keepers


class Lane:
    """Learns one view's columns.

    Args:
        name: The view's.
        columns: Its columns in a row.
        statistics: What was learned so far.
        wanted: Names of the heads to keep.
        shrinkage: Of the covariance.
        cadence: When it is solved; at every sample by default.
        half_life_samples: Of the head that lets the past fade; for that one only.

    Attributes:
        accumulator: The exact sums.
        keepers: By name, each after those that it follows.
    """

    def __init__(
        self,
        name: str,
        columns: slice,
        statistics: Statistics,
        wanted: frozenset[str],
        shrinkage: float,
        cadence: Cadence | None = None,
        half_life_samples: float = 1.0,
    ) -> None:
        self.name = name
        self.columns = columns
        self.accumulator = Accumulator(statistics)
        self._wanted = wanted
        self.keepers: dict[str, LinearKeeper] = {}
        self.configure(shrinkage, cadence or Cadence(0.0, 1), half_life_samples)

    @property
    def linear(self) -> dict[str, Linear]:
        """The keepers by name, as an average takes them."""
        return dict(self.keepers)

    @property
    def solves(self) -> int:
        """How often the covariance was solved under these settings."""
        discriminant = self.keepers[Discriminant.name]
        assert isinstance(discriminant, Discriminant)
        return discriminant.solves

    def configure(self, shrinkage: float, cadence: Cadence, half_life_samples: float) -> None:
        """Solve everything anew under other settings; what fades goes on from its sums."""
        keepers = keepers_of(self.accumulator, self._wanted, shrinkage, cadence)
        if DecayedDiscriminant.name in self._wanted:
            keepers.append(self._decayed(shrinkage, cadence, half_life_samples))
        self.keepers = {keeper.name: keeper for keeper in keepers}

    def learn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Learn whole rows int16[N,D], and bring every head along."""
        rows = grid[:, self.columns]
        self.accumulator.learn(rows, class_names)
        for keeper in self.keepers.values():
            keeper.learn(rows, class_names)

    def absorb(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Learn whole rows without solving anything but what depends on their order."""
        rows = grid[:, self.columns]
        self.accumulator.learn(rows, class_names)
        decayed = self.keepers.get(DecayedDiscriminant.name)
        if decayed is not None:
            decayed.learn(rows, class_names)

    def unlearn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Take whole rows back."""
        rows = grid[:, self.columns]
        self.accumulator.unlearn(rows, class_names)
        for keeper in self.keepers.values():
            keeper.unlearn(rows, class_names)

    def forget_class(self, name: str) -> int:
        """Forget a class; returns the samples of it whose share of the scatter stays."""
        orphans = self.accumulator.forget_class(name)
        for keeper in self.keepers.values():
            keeper.drop_class(name)
        return orphans

    def fade(self, name: str, samples: int) -> None:
        """Let a class know so many samples less, of which nobody knows which."""
        self.accumulator.fade(name, samples)
        self.settle()

    def settle(self) -> None:
        """Make every head exactly that of the sums."""
        for keeper in self.keepers.values():
            keeper.settle()

    def _decayed(
        self, shrinkage: float, cadence: Cadence, half_life_samples: float
    ) -> DecayedDiscriminant:
        changed = DecayedDiscriminant(
            self.accumulator.width,
            unit_of(self.accumulator),
            half_life_samples,
            shrinkage,
            cadence,
        )
        old = self.keepers.get(DecayedDiscriminant.name)
        if old is not None:
            changed.restore(old.content())
        return changed
