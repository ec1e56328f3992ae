"""The exact sum of outer products of integer rows, at the speed of float32.

Matrix products are twice as fast in float32, which holds integers exactly up to ``2**24``. Every
partial sum of entry (i, j), in whatever order and blocking a BLAS chooses, is at most
``sum |a_i a_j| <= sqrt(sum a_i**2 * sum a_j**2)`` (Cauchy-Schwarz). So where the sums of squares of
both columns are at most ``2**24`` the float32 product is exact to the last bit; the few columns
above are computed again in float64, exact below ``2**53``. Rows of unit length on a 12-bit grid
have ``2**24`` in all, spread over D columns: 256 of them leave nearly every column below the bound.
"""

import numpy as np
from numpy.typing import NDArray

FLOAT32_EXACT = 2.0**24  # the last integer up to which float32 skips none
HEAVY_SHARE_MAX = 0.25  # above, one float64 product is cheaper than mending a float32 one


def gram(rows: NDArray[np.int16]) -> NDArray[np.float32] | NDArray[np.float64]:
    """Return ``rows' rows``, exactly.

    Args:
        rows: int16[N,D] with N at most ``2**22``, so that no sum of squares passes ``2**53``.

    Returns:
        float[D,D] of integers, in float32 where that is exact throughout.
    """
    narrow = rows.astype(np.float32)
    squares = np.einsum("nd,nd->d", rows, rows, dtype=np.float64)
    heavy = np.flatnonzero(squares > FLOAT32_EXACT)
    if not heavy.size:
        return narrow.T @ narrow
    wide = rows.astype(np.float64)
    if heavy.size > HEAVY_SHARE_MAX * rows.shape[1]:
        return wide.T @ wide
    products = (narrow.T @ narrow).astype(np.float64)
    mended = wide.T @ wide[:, heavy]
    products[:, heavy] = mended
    products[heavy, :] = mended.T
    return products
