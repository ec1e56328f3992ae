"""A global head's file as what is mixed in: read once for its rows, and again for covariances.

A file comes from the orchestrator and may hold anything. What can be told wrong without trying it
is refused here: another space, another campaign, a covariance that no samples have. What it is
worth, held-out samples tell (``agent.federation.weighing``).
"""

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from agent.federation.standing import HeadOffer
from agent.learning.blending import Others, Within, is_covariance
from agent.learning.names import stored_class_name
from agent.learning.trained_rows import TrainedRows
from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import RowKind
from fieldwise.global_head import GlobalHead, Limits, decode

HEAD_BYTES_MAX = 64 * 1024**2  # 10,000 classes of 1,280 features, and their scatter
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
        if within is not None and not is_covariance(within.covariance):
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
        start = sum(head.space.widths[:view])
        sums = head.sums[:, start : start + head.space.widths[view]]
        scaled = sums / np.sqrt(head.counts)[:, None]
        total = float(head.counts.sum())
        square = _square(head.scatter[view], head.space.widths[view])
        return Within(_symmetric((square - scaled.T @ scaled) / total), total)
    if not head.factors:
        return None
    factor = head.factors[view].astype(np.float64)
    return Within(_symmetric(factor.T @ factor), float(len(factor)))


def _square(triangle: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    square = np.zeros((width, width))
    upper = np.triu_indices(width)
    square[upper] = triangle
    square.T[upper] = triangle
    return square


def _symmetric(square: NDArray[np.float64]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = (square + square.T) / 2
    return mean
