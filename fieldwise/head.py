"""Statistics: the whole state of a head that is solved from sums.

For samples x with classes y over one backbone and one transform the state is, per class k, the
count n_k and the sum s_k = sum of x, and over all classes the scatter G = sum of x x' and the total
N. Nearest mean, shared-covariance discriminant and ridge are all solved from it, so learning sample
by sample, in any order, with restarts and merges, loses nothing against learning at once.

Exactness. Samples are integers of at most ``2**b`` in absolute value (``fieldwise.features``; b is
``grid_bits``), so an entry of G grows by at most ``2**2b`` a sample and every number of the state
is an integer of at most ``2**53`` up to ``samples_max`` = ``2**(53-2b)`` samples: 5.4e8 at 12 bits.
Up to there float64 adds without rounding, addition is associative, and order, partition, merging
and taking back give the same bits. Learning and merging refuse to go further.

Forgetting a class whose samples are held no more (``forget_class``). Of its n samples only the sum
s is known; their part of G is W + s s'/n with W their scatter about their own mean. The class goes
with n and s, and s s'/n goes from G: were it left there, the distance of that mean from all others
would pass for scatter within the classes that stay. W cannot be told apart from the rest and stays;
n is added to ``orphans``, by which a covariance within classes, G less the classes' own parts, is
divided beside N. To keep G integer, s s'/n is rounded and each entry of G's diagonal raised by what
rounding moved in its row: by Gershgorin's theorem W then stays positive semidefinite.

Canonical form. Classes are sorted by name and every class has at least one sample: two devices that
saw the same samples hold the same bytes (``fieldwise.head_file``).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fieldwise.bundle import Transform
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.gram import gram
from fieldwise.symmetric import SymmetricSum

Number = TypeVar("Number", np.int64, np.float64)

FOLD_ROWS = 256  # leaves nearly every column within float32's exact range (fieldwise.gram)
FIRST_CLASSES = 16  # room for sums at the start; it doubles as classes come


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Counts, sums and scatter of one backbone and transform; the arrays are read-only.

    Attributes:
        bundle: Digest of the bundle whose features these are.
        transform: The bundle's transform.
        classes: Names, sorted.
        counts: int64[K], at least 1 each.
        sums: float64[K,D], integers.
        scatter: float64[D,D], integers, symmetric.
        orphans: Samples of forgotten classes whose scatter about their own mean is still in it.
    """

    bundle: str
    transform: Transform
    classes: tuple[str, ...]
    counts: NDArray[np.int64]
    sums: NDArray[np.float64]
    scatter: NDArray[np.float64]
    orphans: int = 0

    def __post_init__(self) -> None:
        for array in (self.counts, self.sums, self.scatter):
            array.flags.writeable = False

    @property
    def width(self) -> int:
        """D."""
        return len(self.scatter)

    @property
    def total(self) -> int:
        """N, the samples of all classes."""
        return int(self.counts.sum())

    @property
    def scattered(self) -> int:
        """N and the orphans: by how many the scatter within classes is to be divided."""
        return self.total + self.orphans

    def same_as(self, other: "Statistics") -> bool:
        """Whether both are equal to the bit."""
        return (
            (self.bundle, self.transform, self.classes, self.orphans)
            == (other.bundle, other.transform, other.classes, other.orphans)
            and np.array_equal(self.counts, other.counts)
            and np.array_equal(self.sums, other.sums)
            and np.array_equal(self.scatter, other.scatter)
        )


class Accumulator:
    """Statistics that grow in place: what a device learns into, sample by sample.

    Rows wait until there are ``FOLD_ROWS`` of them and enter the scatter by one matrix product;
    counts and sums are always up to date. Memory: little more than ``4 D**2`` bytes for the scatter
    and ``8 D`` for each class. Not safe for two threads at once.

    Args:
        start: What to begin with; it is copied.
    """

    def __init__(self, start: Statistics) -> None:
        self.bundle = start.bundle
        self.transform = start.transform
        self._total = start.total
        self._orphans = start.orphans
        self._index = {name: position for position, name in enumerate(start.classes)}
        self._names = list(start.classes)
        self._counts = _with_room(start.counts, FIRST_CLASSES)
        self._sums = _with_room(start.sums, FIRST_CLASSES)
        self._scatter = SymmetricSum(start.scatter)
        self._pending = np.zeros((FOLD_ROWS, start.width), np.int16)
        self._waiting = 0

    @property
    def total(self) -> int:
        """N, samples held now."""
        return self._total

    @property
    def orphans(self) -> int:
        """Samples of forgotten classes whose share of the scatter stays."""
        return self._orphans

    @property
    def width(self) -> int:
        """D."""
        return len(self._scatter)

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class met, in order of arrival; after ``unlearn`` one may have no sample."""
        return tuple(self._names)

    def count(self, name: str) -> int:
        """Samples of a class; 0 for one never met."""
        position = self._index.get(name)
        return 0 if position is None else int(self._counts[position])

    def sum_of(self, name: str) -> NDArray[np.float64]:
        """The sum float64[D] of a class that was met; a view, to be read at once."""
        row: NDArray[np.float64] = self._sums[self._index[name]]
        return row

    def spread(self) -> float:
        """The trace of the scatter within classes: summed squares of distances from the means."""
        self._fold()
        held = self._counts > 0
        between = np.einsum("kd,kd->k", self._sums[held], self._sums[held]) / self._counts[held]
        return self._scatter.trace() - float(between.sum())

    def learn(self, grid: NDArray[np.int16], labels: Sequence[str]) -> None:
        """Add samples int16[N,D], one label each.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` for another width, values off the grid or a number
                of labels other than N; ``OVER_LIMIT`` past the bound of exactness. Nothing is
                added then.
        """
        self._check(grid, labels)
        self._check_total(self._total + len(labels))
        for row, label in zip(grid, labels, strict=True):
            position = self._place(label)
            self._counts[position] += 1
            self._sums[position] += row
            self._pending[self._waiting] = row
            self._waiting += 1
            if self._waiting == FOLD_ROWS:
                self._fold()
        self._total += len(labels)

    def unlearn(self, grid: NDArray[np.int16], labels: Sequence[str]) -> None:
        """Take back samples that were learned: afterwards they were never there.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` as ``learn``, and for more samples of a class than
                it has. Nothing is taken then.
        """
        self._check(grid, labels)
        for name, wanted in Counter(labels).items():
            if wanted > self.count(name):
                raise FieldwiseError(
                    Fault.INVALID_ARGUMENT,
                    f"class {name} has {self.count(name)} samples; more cannot be taken back",
                )
        for row, label in zip(grid, labels, strict=True):
            position = self._index[label]
            self._counts[position] -= 1
            self._sums[position] -= row
        for start in range(0, len(grid), FOLD_ROWS):
            self._scatter.subtract(gram(grid[start : start + FOLD_ROWS]))
        self._total -= len(labels)

    def forget_class(self, name: str) -> int:
        """Drop a class with its count and sum; its scatter about its mean stays, as orphans.

        Take back the samples that are held first (``unlearn``): for them nothing stays.

        Returns:
            How many samples it still had: the orphans that it leaves.
        """
        count = self.count(name)
        if count:
            self._fold()
            place = self._index[name]
            rest = np.outer(self._sums[place], self._sums[place]) / count
            self._scatter.subtract(_on_grid(rest))
            self._counts[place], self._sums[place] = 0, 0.0
            self._total -= count
            self._orphans += count
        self._drop_empty()
        return count

    def fade(self, name: str, samples: int) -> None:
        """Scale a class down by so many samples: its mean stays, and their scatter as orphans."""
        count = self.count(name)
        if samples >= count:
            self.forget_class(name)
            return
        self._fold()
        place, left = self._index[name], count - samples
        before, after = self._sums[place], np.rint(self._sums[place] * (left / count))
        gone = np.outer(before, before) / count - np.outer(after, after) / left
        self._scatter.subtract(_on_grid(gone))
        self._counts[place], self._sums[place] = left, after
        self._total -= samples
        self._orphans += samples

    def add(self, statistics: Statistics) -> None:
        """Add all samples of other statistics.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` when they belong to another backbone or transform,
                ``OVER_LIMIT`` past the bound of exactness.
        """
        kin = (statistics.bundle, statistics.transform, statistics.width)
        if kin != (self.bundle, self.transform, self.width):
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT,
                f"statistics of bundle {statistics.bundle[:12]} and of bundle {self.bundle[:12]}"
                " do not belong together",
            )
        self._check_total(self._total + statistics.scattered)
        for name, count, total in zip(
            statistics.classes, statistics.counts, statistics.sums, strict=True
        ):
            position = self._place(name)
            self._counts[position] += count
            self._sums[position] += total
        self._scatter.add(statistics.scatter)
        self._total += statistics.total
        self._orphans += statistics.orphans

    def scatter(self) -> SymmetricSum:
        """The scatter, in memory of its own."""
        self._fold()
        return self._scatter.copy()

    def statistics(self) -> Statistics:
        """What is held now, in canonical form, in arrays of its own."""
        self._fold()
        held = [position for position in range(len(self._names)) if self._counts[position]]
        order = sorted(held, key=self._names.__getitem__)
        return Statistics(
            self.bundle,
            self.transform,
            tuple(self._names[position] for position in order),
            self._counts[order],
            self._sums[order],
            self._scatter.square(),
            self._orphans,
        )

    def _drop_empty(self) -> None:
        """Forget the names of classes without a sample; the others keep their order."""
        held = [place for place, name in enumerate(self._names) if self.count(name)]
        if len(held) == len(self._names):
            return
        self._names = [self._names[place] for place in held]
        self._index = {name: place for place, name in enumerate(self._names)}
        self._counts = _with_room(self._counts[held], FIRST_CLASSES)
        self._sums = _with_room(self._sums[held], FIRST_CLASSES)

    def _fold(self) -> None:
        if self._waiting:
            self._scatter.add(gram(self._pending[: self._waiting]))
            self._waiting = 0

    def _place(self, name: str) -> int:
        position = self._index.get(name)
        if position is None:
            position = len(self._names)
            if position == len(self._counts):
                self._counts = _with_room(self._counts, 2 * position)
                self._sums = _with_room(self._sums, 2 * position)
            self._index[name] = position
            self._names.append(name)
        return position

    def _check(self, grid: NDArray[np.int16], labels: Sequence[str]) -> None:
        if grid.dtype != np.int16 or grid.shape != (len(labels), self.width):
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT,
                f"samples are {grid.dtype}{list(grid.shape)} instead of"
                f" int16[{len(labels)}, {self.width}]",
            )
        largest = 1 << self.transform.grid_bits
        if grid.size and (int(grid.max()) > largest or int(grid.min()) < -largest):
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT, f"a sample has a value beyond the grid's {largest}"
            )

    def _check_total(self, total: int) -> None:
        total += self._orphans
        if total > samples_max(self.transform):
            raise FieldwiseError(
                Fault.OVER_LIMIT,
                f"sums of {total:,} samples are no longer exact;"
                f" the limit is {samples_max(self.transform):,}",
            )


def samples_max(transform: Transform) -> int:
    """Samples up to which every sum is an exact integer in float64."""
    return int(2 ** (53 - 2 * transform.grid_bits))


def empty(bundle: str, transform: Transform, width: int) -> Statistics:
    """Statistics of no sample over features of a width."""
    no_sums, no_scatter = np.zeros((0, width)), np.zeros((width, width))
    return Statistics(bundle, transform, (), np.zeros(0, np.int64), no_sums, no_scatter)


def learn(statistics: Statistics, grid: NDArray[np.int16], labels: Sequence[str]) -> Statistics:
    """The statistics with samples int16[N,D] added, one label each.

    Raises:
        FieldwiseError: as ``Accumulator.learn``.
    """
    accumulator = Accumulator(statistics)
    accumulator.learn(grid, labels)
    return accumulator.statistics()


def unlearn(statistics: Statistics, grid: NDArray[np.int16], labels: Sequence[str]) -> Statistics:
    """The statistics as if these of its samples had never been learned.

    Raises:
        FieldwiseError: as ``Accumulator.unlearn``.
    """
    accumulator = Accumulator(statistics)
    accumulator.unlearn(grid, labels)
    return accumulator.statistics()


def forget_class(statistics: Statistics, name: str) -> Statistics:
    """The statistics without a class, as far as ``Accumulator.forget_class`` says."""
    accumulator = Accumulator(statistics)
    accumulator.forget_class(name)
    return accumulator.statistics()


def merge(one: Statistics, other: Statistics) -> Statistics:
    """The statistics of both sets of samples together.

    Raises:
        FieldwiseError: as ``Accumulator.add``.
    """
    accumulator = Accumulator(one)
    accumulator.add(other)
    return accumulator.statistics()


def rebind(statistics: Statistics, bundle: str) -> Statistics:
    """The same statistics under another bundle's digest.

    A starter head is made before the manifest that names it has a digest; whoever trusts the
    manifest binds the starter to it.
    """
    return replace(statistics, bundle=bundle)


def _on_grid(exact: NDArray[np.float64]) -> NDArray[np.float64]:
    """What leaves the scatter as integers, less what rounding moved."""
    rounded = np.rint(exact)
    moved = np.ceil(np.abs(rounded - exact).sum(axis=1))
    rounded.flat[:: len(rounded) + 1] -= moved
    return rounded


def _with_room(array: NDArray[Number], rows: int) -> NDArray[Number]:
    grown = np.zeros((max(rows, len(array)), *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown
