"""Whether what is in an update can be what it says: checks that need no other device's.

Shapes, order, digest and that every number is finite were seen when it was put together
(``fieldwise.federation_messages``). Here its numbers are held against one another and against the
campaign: known classes, enough samples, and no more than so many samples can come to. Features are
integers of 16 bits, so a sum is within as many times that, and the scatter of samples is no less
than what their means alone come to.

Nobody here finds a device that lies within these bounds; what it can do then is up to the strategy.
"""

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, Update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.federation.campaign import Campaign

SAMPLES_MAX = 500_000_000  # up to which sums are exact (fieldwise.head)
FEATURE_MAX = 2**15  # of a feature on the grid
VALUE_MAX = 2.0**24  # of a mean with noise, of a weight: far beyond any that serves
SLACK = 1e-9  # of a quotient of float64


def check_update(campaign: "Campaign", update: Update) -> None:
    """Refuse an update that no samples have.

    Args:
        campaign: That it is for; its space, kind and level are the update's.
        update: Put together from what a device sent.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT``.
    """
    exact = update.level is Consent.STATISTICS
    for row in update.rows:
        if not 1 <= row.class_id <= len(campaign.plan.classes):
            raise _no(f"there is no class {row.class_id} in {campaign.id}")
        if not campaign.plan.samples_min <= row.samples <= SAMPLES_MAX:
            raise _no(f"class {row.class_id} of {row.samples:,} samples")
        bound = row.samples * FEATURE_MAX if exact else VALUE_MAX
        values: Any = row.values
        if abs(values).max() > bound:
            raise _no(f"class {row.class_id} has a number that no samples come to")
    if exact:
        _check_scatter(update)


def _check_scatter(update: Update) -> None:
    samples = sum(row.samples for row in update.rows)
    starts = accumulate(update.space.widths, initial=0)
    for start, width, triangle in zip(starts, update.space.widths, update.scatter, strict=False):
        if abs(triangle).max() > samples * FEATURE_MAX**2:
            raise _no("a scatter that so many samples do not have")
        view = slice(start, start + width)
        means: Any = sum(row.values[view] ** 2 / row.samples for row in update.rows)
        if (triangle[_diagonal(width)] < means * (1 - SLACK)).any():
            raise _no("a scatter that is less than that of the means")


def _diagonal(width: int) -> "Sequence[int]":
    """Places of the diagonal in an upper triangle, row by row."""
    return [row * width - row * (row - 1) // 2 for row in range(width)]


def _no(what: str) -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, what)
