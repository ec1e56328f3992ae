"""A global head's file as what is mixed in: read once for its rows, and again for covariances.

A file comes from the orchestrator and may hold anything. What can be told wrong without trying it
is refused here: another space, another campaign, a covariance that no samples have. What it is
worth, held-out samples tell (``agent.federation.weighing``).
"""

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from agent.learning.blending import Others, Within, is_covariance
from agent.learning.names import stored_class_name
from agent.learning.trained_rows import TrainedRows
from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import HeadOffer, RowKind
from fieldwise.global_head import GlobalHead, Limits, decode, triangle_length

HEAD_BYTES_MAX = 64 * 1024**2  # 10,000 classes of 1,280 features, and their scatter
FACTOR_ROWS = 256  # that are multiplied at once
LIMITS = Limits(bytes_max=HEAD_BYTES_MAX)


def read_others(
    content: bytes,
    offer: HeadOffer,
    known: Collection[str] | None,
    again: Callable[[], bytes | None],
) -> Others | TrainedRows:
    """What the file of a global head says.

    Args:
        content: The file.
        offer: What it was offered as.
        known: Classes whose rows are wanted; None for all.
        again: Gives the file once more, when a covariance is needed; None where it is lost.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for what is no such head.
    """
    head = _decoded(content, offer)
    names = [stored_class_name(name) for name in head.classes]
    if len(set(names)) < len(names):
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "a global head with a class twice")
    kept = [place for place, name in enumerate(names) if known is None or name in known]
    classes = tuple(names[place] for place in kept)
    if head.kind is RowKind.WEIGHTS:
        return TrainedRows(classes, head.rows[kept, :-1], head.rows[kept, -1])
    for view in range(len(head.space.widths)):
        within = _within(head, view)
        if within is not None and not is_covariance(head.space.widths[view], within):
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT, "a global head with a covariance that no samples have"
            )

    def within_of(view: int) -> Within | None:
        found = again()
        return _within(_decoded(found, offer), view) if found is not None else None

    return Others(
        classes,
        head.counts[kept].astype(np.float64),
        head.rows[kept],
        within_of,
    )


def read_base(content: bytes, offer: HeadOffer) -> dict[int, NDArray[np.float32]]:
    """Rows float32[D+1] of a global head of weights, by the campaign's ids of their classes.

    Args:
        content: The file.
        offer: What it was named as.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for what is no such head.
    """
    if digest_of(content) != offer.digest:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "the file of a global head is another one")
    head = _decoded(content, offer)
    if head.kind is not RowKind.WEIGHTS:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "a global head of another kind")
    return dict(zip(head.ids, head.rows, strict=True))


def _decoded(content: bytes, offer: HeadOffer) -> GlobalHead:
    head = decode(content, LIMITS, Fault.INVALID_ARGUMENT)
    if (head.campaign, head.space) != (offer.campaign, offer.space):
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, "a global head of another campaign or backbone"
        )
    return head


def _within(head: GlobalHead, view: int) -> Within | None:
    """The covariance within classes of a view, on the grid; None where the head has none."""
    if head.sums is not None:
        return _exact(head, view, head.sums)
    if not head.factors:
        return None
    factor = head.factors[view]

    def strip(rows: slice) -> NDArray[np.float64]:
        found = np.zeros((rows.stop - rows.start, factor.shape[1] - rows.start))
        for place in range(0, len(factor), FACTOR_ROWS):
            part = factor[place : place + FACTOR_ROWS, rows.start :].astype(np.float64)
            found += part[:, : len(found)].T @ part
        return found

    return Within(strip, float(len(factor)))


def _exact(head: GlobalHead, view: int, sums: NDArray[np.float64]) -> Within:
    start, width, triangle = (
        sum(head.space.widths[:view]),
        head.space.widths[view],
        head.scatter[view],
    )
    scaled = sums[:, start : start + width] / np.sqrt(head.counts)[:, None]
    total = float(head.counts.sum())

    def strip(rows: slice) -> NDArray[np.float64]:
        found = np.empty((rows.stop - rows.start, width - rows.start))
        for row, line in enumerate(found):
            place = rows.start + row
            end = triangle_length(width) - triangle_length(width - place - 1)
            line[row:] = triangle[end - (width - place) : end]
            found[row + 1 :, row] = line[row + 1 : len(found)]
        found -= scaled[:, rows].T @ scaled[:, rows.start :]
        found /= total
        return found

    return Within(strip, total)
