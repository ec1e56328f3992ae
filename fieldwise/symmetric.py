"""A symmetric matrix that sums enter, in little more than half of its memory.

Held are strips of ``STRIP_ROWS`` rows, each from the diagonal to the right: at 1,280 features 6.9
MB instead of 13.1. What is added is added strip by strip, in half the time of all at once; row by
row it would take twice that time.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import DTypeLike, NDArray

STRIP_ROWS = 64


class SymmetricSum:
    """A sum of symmetric matrices.

    Args:
        start: float[D,D], symmetric; it is copied.
        kind: Of the numbers that are held.
    """

    __slots__ = ("_held", "_strips", "_width")

    def __init__(self, start: NDArray[np.floating], kind: DTypeLike = np.float64) -> None:
        self._width = len(start)
        places = range(0, self._width, STRIP_ROWS)
        sizes = [min(STRIP_ROWS, self._width - place) * (self._width - place) for place in places]
        ends = np.cumsum(sizes).tolist()
        self._held: NDArray[np.floating] = np.empty(sum(sizes), kind)
        self._strips = [
            (place, self._held[end - size : end].reshape(-1, self._width - place))
            for place, size, end in zip(places, sizes, ends, strict=True)
        ]
        for place, strip in self._strips:
            strip[:] = _strip_of(start, place)

    def __len__(self) -> int:
        """D."""
        return self._width

    @property
    def strips(self) -> Iterator[tuple[slice, NDArray[np.floating]]]:
        """Rows, and those rows from the diagonal to the right; what is written there is held."""
        for place, strip in self._strips:
            yield slice(place, place + len(strip)), strip

    def copy(self, kind: DTypeLike = np.float64) -> "SymmetricSum":
        """The same in memory of its own, in numbers of a kind."""
        found = SymmetricSum(np.broadcast_to(0.0, (self._width, self._width)), kind)
        for (_, to), (_, strip) in zip(found.strips, self.strips, strict=True):
            to[:] = strip
        return found

    def __deepcopy__(self, memo: dict[int, object]) -> "SymmetricSum":
        """Strips are parts of one array, and stay so."""
        del memo
        return self.copy(self._held.dtype)

    def add(self, square: NDArray[np.floating]) -> None:
        """Add a symmetric float[D,D]."""
        for place, strip in self._strips:
            np.add(strip, _strip_of(square, place), out=strip)

    def subtract(self, square: NDArray[np.floating]) -> None:
        """Take away a symmetric float[D,D]."""
        for place, strip in self._strips:
            np.subtract(strip, _strip_of(square, place), out=strip)

    def scale(self, factor: float) -> None:
        """Multiply every entry."""
        self._held *= factor

    def add_to_diagonal(self, number: float) -> None:
        """Add a number to every entry of the diagonal."""
        for _, strip in self._strips:
            strip.flat[: len(strip) * strip.shape[1] : strip.shape[1] + 1] += number

    def square(self) -> NDArray[np.float64]:
        """The whole matrix float[D,D], in memory of its own."""
        found = np.empty((self._width, self._width), self._held.dtype)
        for place, strip in self._strips:
            end = place + len(strip)
            found[place:end, place:] = strip
            found[end:, place:end] = strip[:, len(strip) :].T
        return found

    def times(self, rows: NDArray[np.floating]) -> NDArray[np.floating]:
        """The product float[N,D] of rows float[N,D] with the matrix."""
        found = np.zeros(rows.shape, np.result_type(rows, self._held))
        for columns, strip in self.strips:
            found[:, columns.start :] += rows[:, columns] @ strip
            found[:, columns] += rows[:, columns.stop :] @ strip[:, len(strip) :].T
        return found

    def trace(self) -> float:
        """The sum of the diagonal."""
        return float(sum(np.trace(strip) for _, strip in self._strips))


def _strip_of(square: NDArray[np.floating], place: int) -> NDArray[np.floating]:
    return square[place : place + STRIP_ROWS, place:]
