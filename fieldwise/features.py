"""From a backbone's output to the integers that a head learns from.

A feature x becomes ``sign(x)|x|**power``, is divided by its Euclidean length and rounded to
multiples of ``2**-grid_bits``; what is kept is the multiple, an int16. The power evens out a few
loud channels, the length makes images comparable, and the grid makes every later sum a sum of
integers: exact in float64, whatever the order, so statistics may be merged, replayed and taken
back without a trace (``fieldwise.head``).

What is guaranteed: for ``power`` 0.5 and 1 the same float32 features give the same integers on
every machine with IEEE 754 arithmetic. Square root, division and rounding to nearest are exactly
specified, and the squares are added strictly from left to right (``cumsum``), not in the order that
suits a processor's vector unit. For another power the C library's ``pow`` may differ in its last
bit, which moves an integer only where the quotient lies within that bit of a half. The backbone's
own output is not covered: two processors may round its float32 sums differently.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwise.bundle import Transform
from fieldwise.errors import Fault, FieldwiseError

SQUARE_ROOT = 0.5  # the one power with an exactly rounded function of its own


def to_grid(features: NDArray[np.float32], transform: Transform) -> NDArray[np.int16]:
    """Transform raw features to the integer grid.

    Args:
        features: float32[N,D], the graph's output.
        transform: Power, length and grid of the bundle that the graph belongs to.

    Returns:
        int16[N,D], multiples of ``2**-grid_bits``, none above ``2**grid_bits`` in absolute value. A
        row of zeros stays zeros.

    Raises:
        FieldwiseError: ``GRAPH_FAILED`` for a value that is not finite, ``INVALID_ARGUMENT`` for
            anything but two dimensions.
    """
    if features.shape != (len(features), features.shape[-1]):
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"features have {features.ndim} dimensions instead of 2"
        )
    if not np.isfinite(features).all():
        raise FieldwiseError(Fault.GRAPH_FAILED, "the backbone computed a value that is not finite")
    powered = _power(features.astype(np.float64), transform.power)
    if not powered.size:
        return powered.astype(np.int16)
    length = np.sqrt(np.cumsum(powered * powered, axis=1)[:, -1:])
    length[length == 0] = 1
    powered /= length
    powered *= float(1 << transform.grid_bits)
    return np.rint(powered, out=powered).astype(np.int16)


def to_rows(
    features: NDArray[np.float32], columns: Sequence[slice], transform: Transform
) -> NDArray[np.int16]:
    """Transform each view's raw features on its own, and lay them side by side again.

    Args:
        features: float32[N,D], all views'; zeros where one was not computed.
        columns: Where each view's features are; together all of D.
        transform: As ``to_grid``.

    Returns:
        int16[N,D].

    Raises:
        FieldwiseError: As ``to_grid``.
    """
    grids = [to_grid(features[:, each], transform) for each in columns]
    return grids[0] if len(grids) == 1 else np.concatenate(grids, axis=1)


def relative_error(computed: NDArray[Any], recorded: NDArray[Any]) -> float:
    """The largest length of a row's difference relative to the recorded row's length.

    Args:
        computed: float[N,D], what this machine makes of the golden images.
        recorded: float[N,D], what the publisher recorded.

    Returns:
        0 for equal arrays, infinity where a value is not finite or a recorded row is zero and the
        computed one is not.
    """
    wanted = recorded.astype(np.float64)
    difference = np.linalg.norm(computed.astype(np.float64) - wanted, axis=1)
    if not np.isfinite(difference).all():
        return float("inf")
    length = np.linalg.norm(wanted, axis=1)
    errors = np.where(difference > 0, np.inf, 0.0)
    np.divide(difference, length, out=errors, where=length > 0)
    return float(errors.max(initial=0.0))


def _power(values: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    if power == 1:
        return values
    sizes = np.abs(values)
    powered = np.sqrt(sizes) if power == SQUARE_ROOT else np.power(sizes, power)
    return np.copysign(powered, values)
