"""Merging statistics: the head that learning on all devices at once would have.

Sums and scatter are integers that float64 adds without rounding (``fieldwise.head``), so merging is
addition, in any order, and taking a device out again is leaving it out of the sum: to the bit what
subtracting it would give. The sum is made anew each round, of what stands, which is why nothing
needs to be remembered of a device that withdrew.

Nothing here is robust, since exactness leaves no room: whoever merges statistics trusts the
devices, and an installation has to allow it. What contradicts itself is refused all the same.
Features have unit length on a grid of 2**-b, so N samples have a trace of N 4**b, a little less
where a feature was nothing: from trace and count follows b, for each view the same, and a count, a
sum or a scatter that was blown up shows. The classes' own means account for no more than what is on
each place of the diagonal, and no entry is larger than its row and column allow. Devices whose
statistics are whole but of another b than most are left out, as their numbers are in other units.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aggregator.ports import Unreadable
from aggregator.screening import belongs
from aggregator.work import Campaign
from fieldwise.federation import HeadSpace, Update
from fieldwise.global_head import EXACT_MAX, triangle_length

GRID_BITS = range(8, 15)
TRACE_SHARE_MIN, TRACE_SHARE_MAX = 0.5, 1.1  # a feature of zeros adds nothing; rounding adds 1 %
ROUNDED = 1 + 1e-9  # division and roots are not exact


@dataclass(slots=True)
class Merged:
    """The sum of what stands.

    Attributes:
        space: What it belongs to.
        counts: By class.
        sums: float64[D] by class.
        scatter: Of each view float64[D(D+1)/2].
        devices: How many are in it.
    """

    space: HeadSpace
    counts: dict[int, int] = field(default_factory=dict)
    sums: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    scatter: list[NDArray[np.float64]] = field(default_factory=list)
    devices: int = 0

    def __post_init__(self) -> None:
        self.scatter = [np.zeros(triangle_length(width)) for width in self.space.widths]

    def add(self, update: Update) -> None:
        """Add a device's samples."""
        for row in update.rows:
            self.counts[row.class_id] = self.counts.get(row.class_id, 0) + row.samples
            if row.class_id not in self.sums:
                self.sums[row.class_id] = np.zeros(self.space.width)
            self.sums[row.class_id] += row.values
        for view, triangle in enumerate(update.scatter):
            self.scatter[view] += triangle
        self.devices += 1


def merge(
    updates: Iterable[tuple[int, Update | Unreadable]], campaign: Campaign, round_number: int
) -> tuple[Merged, int]:
    """Add up the newest update of each device.

    Args:
        updates: One device after another; of each the newest comes last.
        campaign: What they are for.
        round_number: Of the round that is to be ended.

    Returns:
        The sum, and how many rows are not in it.
    """
    by_grid: dict[int, Merged] = {}
    rows: dict[int, int] = {}
    left_out = 0
    for update in _newest(updates):
        bits = _grid_bits(update, campaign, round_number)
        if bits is None:
            left_out += _rows_of(update)
            continue
        assert isinstance(update, Update)
        by_grid.setdefault(bits, Merged(campaign.space)).add(update)
        rows[bits] = rows.get(bits, 0) + len(update.rows)
    if not by_grid:
        return Merged(campaign.space), left_out
    most = max(by_grid, key=lambda bits: by_grid[bits].devices)
    return by_grid[most], left_out + sum(rows.values()) - rows[most]


def _newest(updates: Iterable[tuple[int, Update | Unreadable]]) -> Iterator[Update | Unreadable]:
    """The last update of each run of one alias."""
    held: tuple[int, Update | Unreadable] | None = None
    done: set[int] = set()
    for alias, update in updates:
        if alias in done:
            yield Unreadable(_rows_of(update), "sent again after others")
            continue
        if held is not None and held[0] != alias:
            done.add(held[0])
            yield held[1]
        held = (alias, update)
    if held is not None:
        yield held[1]


def _rows_of(update: Update | Unreadable) -> int:
    return update.rows if isinstance(update, Unreadable) else len(update.rows)


def _grid_bits(update: Update | Unreadable, campaign: Campaign, round_number: int) -> int | None:
    """The grid that an update's numbers are on; None for what cannot be statistics."""
    if isinstance(update, Unreadable) or not belongs(update, campaign, round_number):
        return None
    if not _is_shaped(update, campaign):
        return None
    total = sum(row.samples for row in update.rows)
    found = {_bits_of(_diagonal(each, width), total) for each, width in _views(update)}
    bits = found.pop() if len(found) == 1 else None
    return bits if bits is not None and _is_coherent(update) else None


def _is_shaped(update: Update, campaign: Campaign) -> bool:
    ids = [row.class_id for row in update.rows]
    widths = campaign.space.widths
    return (
        bool(ids)
        and len(set(ids)) == len(ids)
        and all(each in campaign.classes for each in ids)
        and all(1 <= row.samples <= EXACT_MAX for row in update.rows)
        and all(_are_integers(row.values, campaign.space.width) for row in update.rows)
        and len(update.scatter) == len(widths)
        and all(
            _are_integers(each, triangle_length(width))
            for each, width in zip(update.scatter, widths, strict=True)
        )
    )


def _are_integers(values: NDArray[np.floating], length: int) -> bool:
    return (
        values.dtype == np.float64
        and values.shape == (length,)
        and bool((np.abs(values) <= EXACT_MAX).all())
        and bool((values == np.rint(values)).all())
    )


def _views(update: Update) -> Sequence[tuple[NDArray[np.float64], int]]:
    return list(zip(update.scatter, update.space.widths, strict=True))


def _diagonal(triangle: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    places = np.arange(width)
    return triangle[places * width - places * (places - 1) // 2]


def _bits_of(diagonal: NDArray[np.float64], total: int) -> int | None:
    for bits in GRID_BITS:
        if TRACE_SHARE_MIN <= float(diagonal.sum()) / total / 4.0**bits <= TRACE_SHARE_MAX:
            return bits
    return None


def _is_coherent(update: Update) -> bool:
    """Whether samples can have these sums and this scatter, as far as is cheap to see."""
    between = sum(row.values.astype(np.float64) ** 2 / row.samples for row in update.rows)
    diagonals = [_diagonal(each, width) for each, width in _views(update)]
    if not (between <= np.concatenate(diagonals) * ROUNDED).all():
        return False
    return all(
        _is_bounded(triangle, diagonal)
        for triangle, diagonal in zip(update.scatter, diagonals, strict=True)
    )


def _is_bounded(triangle: NDArray[np.float64], diagonal: NDArray[np.float64]) -> bool:
    """Whether no entry is above the geometric mean of its two places on the diagonal."""
    if (diagonal < 0).any():
        return False
    roots = np.sqrt(diagonal) * ROUNDED
    start = 0
    for place, root in enumerate(roots.tolist()):
        row = triangle[start : start + len(roots) - place]
        if not (np.abs(row) <= root * roots[place:]).all():
            return False
        start += len(row)
    return True
