"""The inverse of a symmetric positive definite matrix, in the memory of the matrix.

Held are strips from the diagonal to the right (``fieldwise.symmetric``). They become, one after the
other and in place, the upper triangle U of A = U'U, its inverse V, and V V', the inverse of A. What
is needed beside them is a strip, so that a device with little memory can solve while it serves.
A third of D**3 multiplications each, as products of halves would take.
"""

import numpy as np
from numpy.typing import NDArray

from fieldwise.symmetric import SymmetricSum

Strip = tuple[slice, NDArray[np.floating]]


def factorise(matrix: SymmetricSum) -> None:
    """Let a positive definite A become the upper triangle U of A = U'U.

    Raises:
        numpy.linalg.LinAlgError: For one that is not; what it holds then is neither.
    """
    strips = list(matrix.strips)
    for number, (rows, strip) in enumerate(strips):
        size = len(strip)
        lower = np.linalg.cholesky(strip[:, :size])
        strip[:, size:] = np.linalg.inv(lower) @ strip[:, size:]
        strip[:, :size] = lower.T
        for below, other in strips[number + 1 :]:
            start, stop = below.start - rows.start, below.stop - rows.start
            np.subtract(other, strip[:, start:stop].T @ strip[:, start:], out=other)


def invert(matrix: SymmetricSum) -> None:
    """Let a positive definite matrix become its inverse.

    Raises:
        numpy.linalg.LinAlgError: For one that is not; what it holds then is neither.
    """
    factorise(matrix)
    strips = list(matrix.strips)
    for number in reversed(range(len(strips))):
        _invert_rows(strips[number], strips[number + 1 :])
    for number, (rows, strip) in enumerate(strips):
        found = np.empty_like(strip)
        for below, other in strips[number:]:
            start, stop = below.start - rows.start, below.stop - rows.start
            found[:, start:stop] = strip[:, start:] @ other.T
        strip[:] = found


def _invert_rows(these: Strip, below: list[Strip]) -> None:
    """Rows of U become those of V, of which the rows below are there already."""
    rows, strip = these
    size = len(strip)
    own = np.triu(np.linalg.inv(strip[:, :size]))
    rest = np.zeros_like(strip[:, size:])
    for columns, inverse in below:
        start, stop = columns.start - rows.start, columns.stop - rows.start
        rest[:, start - size :] += strip[:, start:stop] @ inverse
    np.matmul(-own, rest, out=strip[:, size:])
    strip[:, :size] = own
