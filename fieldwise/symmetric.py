"""A symmetric matrix that sums enter, in little more than half of its memory.

Held are strips of ``STRIP_ROWS`` rows, each from the diagonal to the right: at 1,280 features 6.9
MB instead of 13.1. What is added is added strip by strip, in half the time of all at once; row by
row it would take twice that time.
"""

import numpy as np
from numpy.typing import NDArray

STRIP_ROWS = 64


class SymmetricSum:
    """A sum of symmetric matrices.

    Args:
        start: float64[D,D], symmetric; it is copied.
    """

    __slots__ = ("_held", "_strips", "_width")

    def __init__(self, start: NDArray[np.float64]) -> None:
        self._width = len(start)
        places = range(0, self._width, STRIP_ROWS)
        sizes = [min(STRIP_ROWS, self._width - place) * (self._width - place) for place in places]
        ends = np.cumsum(sizes).tolist()
        self._held = np.empty(sum(sizes))
        self._strips = [
            (place, self._held[end - size : end].reshape(-1, self._width - place))
            for place, size, end in zip(places, sizes, ends, strict=True)
        ]
        for place, strip in self._strips:
            strip[:] = _strip_of(start, place)

    def __len__(self) -> int:
        """D."""
        return self._width

    def add(self, square: NDArray[np.floating]) -> None:
        """Add a symmetric float[D,D]."""
        for place, strip in self._strips:
            np.add(strip, _strip_of(square, place), out=strip)

    def subtract(self, square: NDArray[np.floating]) -> None:
        """Take away a symmetric float[D,D]."""
        for place, strip in self._strips:
            np.subtract(strip, _strip_of(square, place), out=strip)

    def square(self) -> NDArray[np.float64]:
        """The whole matrix float64[D,D], in memory of its own."""
        found = np.empty((self._width, self._width))
        for place, strip in self._strips:
            end = place + len(strip)
            found[place:end, place:] = strip
            found[end:, place:end] = strip[:, len(strip) :].T
        return found

    def trace(self) -> float:
        """The sum of the diagonal."""
        return float(sum(np.trace(strip) for _, strip in self._strips))


def _strip_of(square: NDArray[np.floating], place: int) -> NDArray[np.floating]:
    return square[place : place + STRIP_ROWS, place:]
