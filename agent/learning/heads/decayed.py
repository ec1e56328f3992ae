"""A discriminant that lets the past fade: for worlds that drift.

With every sample learned all earlier ones count a little less; after a *half-life* of h further
samples they count by half. Counts, sums and scatter are sums with such weights, in float64 of their
own, and from them the discriminant is solved as from whole numbers (``solving``). At most h / ln 2
samples count, however many there were, so the covariance is shrunk as for so few.

What it is not. Weights are powers of a fraction: these sums are rounded and cannot be merged, they
depend on the order of samples, as they must, and a starter head is no part of them. Nor can a
sample be subtracted whose age is not known: taking anything back *empties* this head, which leaves
no trace of the sample, and it begins anew with the next one. The head is off unless a half-life is
set, and serves only where it beats, in the contest, those that let nothing fade.

Learning a sample is one row: counts and sums are kept relative to a scale that shrinks, and rows
wait to enter the scatter by one matrix product. Solves come by new samples against those that
count, since the latter stop growing.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from agent.learning.heads.discriminant import Cadence, rows_of
from agent.learning.heads.head import LinearHead, no_head
from agent.learning.heads.solving import Means, Rows, solve
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.symmetric import SymmetricSum

NAME = "decayed"
FOLD_ROWS = 64  # rows that wait for one matrix product
WEIGHT_MIN = 0.01  # of a class, in samples: below, seven half-lives ago, it is dropped


class _Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Annotated[int, Meta(ge=1, le=1)]
    classes: Annotated[tuple[str, ...], Meta(max_length=10_000)]
    counts: bytes
    sums: bytes
    triangle: bytes
    new: Annotated[int, Meta(ge=0)]
    solved: Annotated[float, Meta(ge=0)]


class DecayedDiscriminant:
    """Keeps a discriminant of fading sums.

    Args:
        width: D.
        unit: Length of a feature on the grid.
        half_life_samples: Samples after which one counts by half.
        shrinkage: As the discriminant's.
        cadence: When it is solved, by new samples against those that count.
    """

    name = NAME
    temperature = 1.0

    def __init__(
        self, width: int, unit: float, half_life_samples: float, shrinkage: float, cadence: Cadence
    ) -> None:
        self._width, self._unit = width, unit
        self._keep = 0.5 ** (1 / half_life_samples)
        self._shrinkage, self._cadence = shrinkage, cadence
        self._pending = np.zeros((FOLD_ROWS, width))
        self._classes: list[str] = []
        self._counts = np.zeros(0)
        self._sums = np.zeros((0, width))
        self._scatter = np.zeros((width, width))
        self.head: LinearHead = no_head(unit)
        self._begin()

    @property
    def total(self) -> float:
        """Samples that count."""
        return float(self._counts.sum()) * self._scale

    def learn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """As ``Keeper.learn``; a new class is known at once."""
        for row, name in zip(grid, class_names, strict=True):
            self._take(row.astype(np.float64), name)
        unknown = not set(class_names) <= set(self.head.classes)
        if unknown or self._cadence.due(self._solved, self._new):
            self.settle()

    def settle(self) -> None:
        """As ``Keeper.settle``; classes that have all but faded are dropped."""
        self._fold()
        self._drop_faded()
        self._new, self._solved = 0, self.total
        self.head = self._solve(
            Means(tuple(self._classes), self._counts, self._sums, self._unit, self.total),
            self._scatter,
        )

    def unlearn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Forget everything: so nothing stays of what is taken back."""
        del grid, class_names
        self._begin()

    def drop_class(self, name: str) -> None:
        """Forget everything: so nothing stays of the class."""
        del name
        self._begin()

    def content(self) -> bytes:
        """The sums; the head is solved from them again."""
        self._fold()
        triangle = self._scatter[np.triu_indices(self._width)]
        counts, sums, upper = (
            each.astype("<f8").tobytes() for each in (self._counts, self._sums, triangle)
        )
        held = _Held(1, tuple(self._classes), counts, sums, upper, self._new, self._solved)
        return msgspec.msgpack.encode(held)

    def restore(self, content: bytes) -> None:
        """As ``Keeper.restore``; what is learned from here on gives the same sums."""
        try:
            held = msgspec.msgpack.decode(content, type=_Held)
            means, scatter = self._sums_of(held)
            head = self._solve(means, scatter)
        except (ValueError, np.linalg.LinAlgError) as error:
            raise FieldwiseError(
                Fault.STATE_DAMAGED, f"the sums of the {NAME} head are damaged: {error}"
            ) from error
        self._begin()
        self._classes, self._counts = list(means.classes), means.counts
        self._sums, self._scatter = means.sums, scatter
        self._new, self._solved = held.new, held.solved
        self.head = head

    def _sums_of(self, held: _Held) -> tuple[Means, NDArray[np.float64]]:
        upper = np.zeros((self._width, self._width))
        size = self._width * (self._width + 1) // 2
        upper[np.triu_indices(self._width)] = _numbers(held.triangle, (size,))
        counts = _numbers(held.counts, (len(held.classes),))
        sums = _numbers(held.sums, (len(held.classes), self._width))
        scatter = upper + np.triu(upper, 1).T
        return Means(held.classes, counts, sums, self._unit, float(counts.sum())), scatter

    def _begin(self) -> None:
        self._classes = []
        self._counts = np.zeros(0)
        self._sums = np.zeros((0, self._width))
        self._scatter = np.zeros((self._width, self._width))
        self._waiting, self._new = 0, 0
        self._scale = 1.0  # of counts and sums since the last fold
        self._solved = 0.0
        self.head = no_head(self._unit)

    def _take(self, row: NDArray[np.float64], name: str) -> None:
        if name not in self._classes:
            self._classes.append(name)
            self._counts = np.append(self._counts, 0.0)
            self._sums = np.vstack([self._sums, np.zeros(self._width)])
        place = self._classes.index(name)
        self._scale *= self._keep
        self._counts[place] += 1 / self._scale
        self._sums[place] += row / self._scale
        self._pending[self._waiting] = row
        self._waiting += 1
        self._new += 1
        if self._waiting == FOLD_ROWS:
            self._fold()

    def _fold(self) -> None:
        if not self._waiting:
            return
        rows = self._pending[: self._waiting]
        weights = self._keep ** np.arange(self._waiting - 1, -1, -1.0)
        self._scatter *= self._keep**self._waiting
        self._scatter += rows.T @ (rows * weights[:, None])
        self._counts *= self._scale
        self._sums *= self._scale
        self._scale, self._waiting = 1.0, 0

    def _drop_faded(self) -> None:
        kept = np.flatnonzero(self._counts >= WEIGHT_MIN)
        if len(kept) < len(self._classes):
            self._classes = [self._classes[place] for place in kept]
            self._counts, self._sums = self._counts[kept], self._sums[kept]

    def _solve(self, means: Means, scatter: NDArray[np.float64]) -> LinearHead:
        if not means.classes:
            return no_head(self._unit)
        rows = Rows(self._width, self._unit)
        weights, offsets = rows_of(means, solve(SymmetricSum(scatter), means, self._shrinkage))
        rows.set(means.classes, means.counts, weights, offsets)
        return rows.head()


def _numbers(content: bytes, shape: tuple[int, ...]) -> NDArray[np.float64]:
    found: NDArray[Any] = np.frombuffer(content, "<f8").reshape(shape).copy()
    if not np.isfinite(found).all():
        sentence = "a number that is not finite"
        raise ValueError(sentence)
    return found
