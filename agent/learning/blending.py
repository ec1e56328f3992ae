"""A global head beside a device's own: mixed where heads are solved, never in what is learned.

What a device learned stays what it is: exact sums of its own samples. Of a global head it takes,
for each class that it knows, the mean m of the others' samples and their number N, and for all
classes together a covariance within classes; and lets its heads be solved from

    mean of a class         w o + (1 - w) m,   o its own mean, of n samples
    samples behind it       1 / (w**2 / n + (1 - w)**2 / N)
    covariance within       (1 - v) own + v theirs

as if those had been learned. The number of samples is the one that has the error of that mean; it
is what the heads take into account of classes that few samples tell. Likewise the covariance counts
as told by (1 - v) times as many samples as told the device's own and v times as many as told
theirs, which decides how hard it is shrunk. With w = 1 and v = 0 this is the device's own head.

A class that only others know has m as its mean, and is there only where the owner wants it. Of a
class that the device knows alone nothing is mixed in.

The mixed heads follow the device's learning at its own cadence: rows at once, covariances when its
own are solved anew. Of the others' part means are held in memory; their covariance is read when it
is needed, since it takes as much as all the rest together, and a strip at a time: at no moment is
more of a square there than the half that the heads are solved in.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.federation.standing import Mix
from agent.learning.heads.average import NAME as AVERAGE
from agent.learning.heads.average import Average, Member
from agent.learning.heads.discriminant import NAME as DISCRIMINANT
from agent.learning.heads.discriminant import Cadence
from agent.learning.heads.head import Head
from agent.learning.heads.inverting import factorise
from agent.learning.heads.lane import LinearKeeper, keepers_of
from agent.learning.heads.nearest_mean import NAME as NEAREST_MEAN
from agent.learning.heads.ridge import NAME as RIDGE
from agent.learning.heads.solving import add_means, means_in
from agent.learning.heads.sums import Sums
from agent.learning.settings import HeadName
from agent.learning.trained_rows import TrainedRows
from fieldwise.head import Accumulator
from fieldwise.symmetric import SymmetricSum

Mixing = Callable[[Mix], Head]
"""Solves a head under any mix."""
CLOSED = (AVERAGE, DISCRIMINANT, RIDGE, NEAREST_MEAN)
"""Heads that sums alone decide: others cannot be mixed so."""
NEVER = Cadence(1e12, 2**62)  # by itself: a mixed head is solved when the device's own is


@dataclass(frozen=True, slots=True, eq=False)
class Within:
    """A covariance within classes, in squares of the grid.

    Attributes:
        strip: Reads some of its rows from the diagonal to the right: of rows from i to j the
            float64[j-i,D-i] whose first columns are the square of these rows.
        samples: How many tell it.
    """

    strip: Callable[[slice], NDArray[np.float64]]
    samples: float


@dataclass(frozen=True, slots=True, eq=False)
class Others:
    """What a global head says.

    Attributes:
        classes: Names.
        counts: float64[K], the samples behind each mean.
        means: float32[K,D] on the grid, of all views.
        within: Reads the covariance of a view, by its place; None where there is none.
    """

    classes: tuple[str, ...]
    counts: NDArray[np.float64]
    means: NDArray[np.float32]
    within: Callable[[int], Within | None] = field(compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Blending:
    """Others' part and how it is mixed with a device's own.

    Attributes:
        others: Means and covariances, or rows that were trained by gradient.
        mix: How.
    """

    others: Others | TrainedRows
    mix: Mix

    def covers(self, name: str) -> bool:
        """Whether it is mixed into a head, by its name."""
        trained = isinstance(self.others, TrainedRows)
        return name == HeadName.GRADIENT if trained else name in CLOSED


class BlendedSums:
    """What a device learned of one view, mixed with what others did (``Sums``).

    Args:
        own: What the device learns; it is only read.
        others: The others' part.
        view: The view's place.
        columns: Its columns in a row.
        mix: How they are mixed.
    """

    def __init__(
        self, own: Accumulator, others: Others, view: int, columns: slice, mix: Mix
    ) -> None:
        self.transform = own.transform
        self._own = own
        self._others = others
        self._view = view
        self._columns = columns
        self._mix = mix
        self._place = {name: place for place, name in enumerate(others.classes)}
        self._theirs = (0.0, 0.0)  # trace of their covariance, and the samples that tell it

    @property
    def width(self) -> int:
        """D."""
        return self._own.width

    @property
    def classes(self) -> tuple[str, ...]:
        """The device's classes, and the others' if they are wanted."""
        known = tuple(name for name in self._own.classes if self._own.count(name))
        if not self._mix.foreign:
            return known
        return (*known, *(name for name in self._others.classes if not self._own.count(name)))

    @property
    def total(self) -> int:
        """Samples behind all means."""
        return sum(map(self.count, self.classes))

    @property
    def orphans(self) -> int:
        """How many more tell the covariance than the means; below 0 where fewer do."""
        return max(1, round(self._told())) - self.total

    def count(self, name: str) -> int:
        """Samples behind a mean."""
        own, place = self._own.count(name), self._place.get(name)
        if place is None or not (own or self._mix.foreign):
            return own
        theirs = float(self._others.counts[place])
        share = self._mix.own if own else 0.0
        error = (share**2 / own if own else 0.0) + (1 - share) ** 2 / theirs
        return max(1, round(1 / error))

    def sum_of(self, name: str) -> NDArray[np.float64]:
        """A class's mixed mean, times the samples behind it."""
        own, place = self._own.count(name), self._place.get(name)
        if place is None:
            return self._own.sum_of(name)
        mean = self._others.means[place, self._columns].astype(np.float64)
        if own:
            share = self._mix.own
            mean = share * self._own.sum_of(name) / own + (1 - share) * mean
        return mean * self.count(name)

    def spread(self) -> float:
        """The trace of the scatter within classes."""
        scattered = self._own.total + self._own.orphans
        own = self._own.spread() / scattered if scattered else 0.0
        share = self._mix.spread
        return ((1 - share) * own + share * self._theirs[0]) * self._told()

    def scatter(self) -> SymmetricSum:
        """That of means and covariance, in memory of its own."""
        own = self._own.total + self._own.orphans
        found = self._own.scatter()
        add_means(found, means_in(self._own), -1.0)
        found.scale(1 / max(own, 1))
        if self._mix.spread:
            theirs = self._others.within(self._view)
            self._theirs = self._mixed_in(found, theirs) if theirs else (found.trace(), float(own))
        found.scale(self.total + self.orphans)
        add_means(found, means_in(self), 1.0)
        return found

    def _mixed_in(self, found: SymmetricSum, theirs: Within) -> tuple[float, float]:
        share, trace = self._mix.spread, 0.0
        for rows, strip in found.strips:
            more = theirs.strip(rows)
            trace += float(np.trace(more))
            np.multiply(strip, 1 - share, out=strip)
            np.add(strip, np.multiply(more, share, out=more), out=strip)
        return trace, theirs.samples

    def _told(self) -> float:
        """Samples that tell the covariance."""
        share, own = self._mix.spread, self._own.total + self._own.orphans
        return (1 - share) * own + share * self._theirs[1]


class Learned(Protocol):
    """One view of what a device learns; ``Lane`` is one."""

    @property
    def name(self) -> str:
        """The view's."""
        ...

    @property
    def columns(self) -> slice:
        """Its columns in a row."""
        ...

    @property
    def accumulator(self) -> Accumulator:
        """The sums."""
        ...

    @property
    def solves(self) -> int:
        """How often its own covariance was solved."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """One view of what a device had learned at a moment (``Learned``)."""

    name: str
    columns: slice
    accumulator: Accumulator
    solves: int = 0


def still(lane: Learned) -> Still:
    """What a view learned up to now, in memory of its own."""
    return Still(lane.name, lane.columns, deepcopy(lane.accumulator))


class _View:
    """One view's mixed keepers."""

    def __init__(self, lane: Learned, sums: Sums, wanted: frozenset[str], shrinkage: float) -> None:
        self.name, self.columns = lane.name, lane.columns
        self._own = lane
        self._solves = lane.solves
        self.keepers: dict[str, LinearKeeper] = {
            keeper.name: keeper for keeper in keepers_of(sums, wanted, shrinkage, NEVER)
        }

    def learn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        if self._own.solves != self._solves:
            self.settle()
            return
        for keeper in self.keepers.values():
            keeper.learn(grid[:, self.columns], class_names)

    def settle(self) -> None:
        self._solves = self._own.solves
        for keeper in self.keepers.values():
            keeper.settle()


class Blend:
    """Keeps mixed heads in step with a device's own.

    Args:
        others: What is mixed.
        mix: How.
        lanes: Of every view, in the order of their columns; they are only read.
        heads: Members of each head that is wanted, by its name.
        views: Those that predictions are made from.
        shrinkage: Of the covariance.
        temperatures: Of members by ``view/head``.

    Raises:
        numpy.linalg.LinAlgError: For a global covariance that no samples have.
    """

    def __init__(
        self,
        others: Others,
        mix: Mix,
        lanes: Sequence[Learned],
        heads: Mapping[str, Sequence[str]],
        views: Sequence[str],
        shrinkage: float,
        temperatures: Mapping[str, float],
    ) -> None:
        wanted = frozenset(member for members in heads.values() for member in members)
        self._views = [
            _View(lane, _sums(lane, others, place, mix), wanted, shrinkage)
            for place, lane in enumerate(lanes)
            if lane.name in views
        ]
        width = lanes[-1].columns.stop
        self.heads: dict[str, Average] = {
            name: Average(name, self._members(members), width, temperatures)
            for name, members in heads.items()
        }

    def learn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Follow samples int16[N,D] that the device's own heads have learned."""
        for view in self._views:
            view.learn(grid, class_names)
        self._put_together()

    def settle(self) -> None:
        """Make every mixed head exactly that of what was learned."""
        for view in self._views:
            view.settle()
        self._put_together()

    def _put_together(self) -> None:
        for head in self.heads.values():
            head.settle()

    def _members(self, names: Sequence[str]) -> list[Member]:
        return [
            Member(f"{view.name}/{each}", view.keepers[each], view.columns)
            for view in self._views
            for each in names
        ]


def is_covariance(width: int, within: Within) -> bool:
    """Whether a covariance D x D is one of samples: finite, without a negative variance."""
    square = SymmetricSum(np.broadcast_to(0.0, (width, width)))
    for rows, strip in square.strips:
        strip[:] = within.strip(rows)
        if not np.isfinite(strip).all():
            return False
    variance = square.trace() / width
    if variance < 0:
        return False
    # What an exact sum of samples may be off by once it is divided is far below this.
    square.add_to_diagonal(1e-9 * variance + np.finfo(np.float64).tiny)
    try:
        factorise(square)
    except np.linalg.LinAlgError:
        return False
    return True


def _sums(lane: Learned, others: Others, place: int, mix: Mix) -> Sums:
    """What a view's heads are solved from; where nothing is mixed in, its own to the bit."""
    plain = mix.own == 1 and not mix.spread and not mix.foreign
    own = lane.accumulator
    return own if plain else BlendedSums(own, others, place, lane.columns, mix)
