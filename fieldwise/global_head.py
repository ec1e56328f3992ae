"""A global head as a file: safetensors, so that reading one can run nothing.

Tensors: ``ids`` int64[K], the campaign's ids of the classes, rising; ``counts`` int64[K], the
samples behind each row; ``rows`` float32[K,D] means, or float32[K,D+1] weights with the bias last.
Of means there may also be, for each view at place P with D features, ``P.factor`` float32[R,D]: F
such that F'F estimates the covariance within classes from the spread of the devices' means (FedCOF,
arXiv 2412.14326). At the level of statistics there are instead ``sums`` float64[K,D] and for each
view ``P.scatter`` float64[D(D+1)/2], the upper triangle row by row: exact.

One metadata entry, ``fieldwise``, is a JSON object with campaign, kind, level, space and the names
of the classes. The same head always gives the same bytes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldwise.federation import Consent, HeadSpace, RowKind


@dataclass(frozen=True, slots=True, eq=False)
class GlobalHead:
    """What a campaign's rounds came to.

    Attributes:
        campaign: Id of the campaign.
        kind: Of its rows.
        level: ``WEIGHTS`` or ``STATISTICS``.
        space: What its rows belong to.
        ids: Of the classes, rising.
        classes: Their names.
        counts: int64[K].
        rows: float32[K,D] means, or float32[K,D+1] weights.
        factors: Of each view float32[R,D], R at most D; empty where the spread says nothing.
        sums: float64[K,D], exact; ``None`` at ``WEIGHTS``.
        scatter: Of each view float64[D(D+1)/2]; empty at ``WEIGHTS``.
    """

    campaign: str
    kind: RowKind
    level: Consent
    space: HeadSpace
    ids: tuple[int, ...]
    classes: tuple[str, ...]
    counts: NDArray[np.int64]
    rows: NDArray[np.float32]
    factors: tuple[NDArray[np.float32], ...] = ()
    sums: NDArray[np.float64] | None = None
    scatter: tuple[NDArray[np.float64], ...] = ()
