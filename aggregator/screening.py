"""Which rows are usable: the same tests for every strategy, before any of them sees a number.

Stock strategies trust what they get. One number that is not finite spoils a class; a row of another
length is broadcast; a count decides a mean. Devices and the orchestrator check too, but neither is
this process, and what a device may send is whatever its owner can make it send. So here

- an update of another campaign, space, kind or level, of a round to come, or of weights that do
  not start from this head, is left out whole;
- of a device's rows of a class only the newest counts, so that nothing counts twice by being sent
  twice;
- a row of an unknown class, of another length, or with a number out of range is left out;
- a row far longer than the usual one is left out, and weights are shortened as devices should have
  done it;
- a count weighs at most ``COUNT_RATIO_MAX`` times the usual count of its class: to claim a million
  samples buys a device no more than that.

"Usual" is the median, of which fewer than half of the devices cannot make what they like.

A robust strategy is only as good as the number of devices that sent a class. So for those, and for
means, devices that contradict the others over their classes together are left out of all classes
(``aggregator.contradicting``). An average is asked for where everybody is to count.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggregator.contradicting import contrary
from aggregator.ports import Unreadable
from aggregator.work import Campaign, Contribution
from fieldwise.federation import Row, RowKind, Update
from fieldwise.global_head import EXACT_MAX, VALUE_MAX, row_width

COUNT_RATIO_MAX = 10
LENGTH_RATIO_MAX = 10.0  # a class that is all alike has means thrice as long as a mixed one
HOLDERS_MIN = 3

Rows = dict[int, dict[int, Row]]
"""By alias, then by class."""


@dataclass(frozen=True, slots=True)
class Screened:
    """What of a round is usable.

    Attributes:
        contributions: Of devices with at least one usable row, by alias.
        left_out: Rows that are not.
    """

    contributions: tuple[Contribution, ...]
    left_out: int


def screen(
    updates: Iterable[tuple[int, Update | Unreadable]],
    campaign: Campaign,
    round_number: int,
    *,
    robust: bool,
) -> Screened:
    """Keep what a strategy may see of the updates that stand.

    Args:
        updates: By alias, in any order.
        campaign: What they are for.
        round_number: Of the round that is to be ended.
        robust: Whether devices that contradict most others are left out, too.
    """
    rows, left_out = _newest(updates, campaign, round_number)
    left_out += _drop_long(rows, campaign.kind)
    if robust and campaign.kind is RowKind.MEANS:
        left_out += _drop_contradicting(rows)
    if campaign.kind is RowKind.WEIGHTS and campaign.norm_max:
        _shorten(rows, campaign)
    _cap_counts(rows)
    found = tuple(Contribution(alias, rows[alias]) for alias in sorted(rows) if rows[alias])
    return Screened(found, left_out)


def belongs(update: Update, campaign: Campaign, round_number: int) -> bool:
    """Whether an update is of this campaign and of rounds that were."""
    said = (update.campaign, update.space, update.kind, update.level)
    if said != (campaign.id, campaign.space, campaign.kind, campaign.level):
        return False
    if campaign.kind is RowKind.WEIGHTS:
        return update.round == round_number and update.base_version == campaign.version
    return 1 <= update.round <= round_number


def _newest(
    updates: Iterable[tuple[int, Update | Unreadable]], campaign: Campaign, round_number: int
) -> tuple[Rows, int]:
    rows: Rows = defaultdict(dict)
    rounds: dict[tuple[int, int], int] = {}
    left_out = 0
    for alias, update in updates:
        if isinstance(update, Unreadable):
            left_out += update.rows
        elif not belongs(update, campaign, round_number):
            left_out += len(update.rows)
        else:
            for row in update.rows:
                place = (alias, row.class_id)
                if not _is_usable(row, campaign):
                    left_out += 1
                elif update.round >= rounds.get(place, 0):
                    rows[alias][row.class_id] = row
                    rounds[place] = update.round
    return rows, left_out


def _is_usable(row: Row, campaign: Campaign) -> bool:
    values = row.values
    return (
        row.class_id in campaign.classes
        and 1 <= row.samples <= EXACT_MAX
        and values.dtype == np.float32
        and values.shape == (row_width(campaign.kind, campaign.space),)
        and bool((np.abs(values) <= VALUE_MAX).all())
    )


def _drop_long(rows: Rows, kind: RowKind) -> int:
    """Leave out rows that are far longer than the usual one, where there is a usual one."""
    if len(rows) < HOLDERS_MIN:
        return 0
    found = by_class(rows)
    lengths = {
        class_id: [length_of(row.values) for _, row in holders]
        for class_id, holders in found.items()
    }
    of_all = float(np.median([each for some in lengths.values() for each in some] or [0.0]))
    long = [
        (alias, class_id)
        for class_id, holders in found.items()
        for (alias, _), length in zip(holders, lengths[class_id], strict=True)
        if length > LENGTH_RATIO_MAX * _usual(lengths[class_id], of_all, kind)
    ]
    for alias, class_id in long:
        del rows[alias][class_id]
    return len(long)


def _usual(lengths: Sequence[float], of_all: float, kind: RowKind) -> float:
    """Means are all about as long; of weights some classes have learned more than others."""
    of_class = kind is RowKind.WEIGHTS and len(lengths) >= HOLDERS_MIN
    return float(np.median(lengths)) if of_class else of_all


def _drop_contradicting(rows: Rows) -> int:
    dropped = 0
    while found := contrary(_believed(rows)):
        dropped += sum(len(rows.pop(alias)) for alias in found)
    return dropped


def _believed(rows: Rows) -> dict[int, list[tuple[int, Row]]]:
    """Rows of each class with counts that are not above what is usual."""
    return {
        class_id: [
            (alias, replace(row, samples=min(row.samples, _count_max(holders))))
            for alias, row in holders
        ]
        for class_id, holders in by_class(rows).items()
    }


def _shorten(rows: Rows, campaign: Campaign) -> None:
    """Bound the length of weights, with room for as much noise as the campaign asks for."""
    bound = campaign.norm_max * (1 + campaign.noise * campaign.space.width**0.5)
    for found in rows.values():
        for class_id, row in found.items():
            length = length_of(row.values)
            if length > bound:
                shorter = (row.values * (bound / length)).astype(np.float32)
                found[class_id] = replace(row, values=shorter)


def _cap_counts(rows: Rows) -> None:
    for class_id, holders in by_class(rows).items():
        most = _count_max(holders)
        for alias, row in holders:
            if row.samples > most:
                rows[alias][class_id] = replace(row, samples=most)


def by_class(rows: Mapping[int, Mapping[int, Row]]) -> dict[int, list[tuple[int, Row]]]:
    """The rows of each class with the aliases of their devices, both rising."""
    found: dict[int, list[tuple[int, Row]]] = defaultdict(list)
    for alias in sorted(rows):
        for class_id, row in rows[alias].items():
            found[class_id].append((alias, row))
    return dict(sorted(found.items()))


def _count_max(holders: Sequence[tuple[int, Row]]) -> int:
    """Of two counts the smaller is the usual one: the larger may be anything."""
    counts = sorted(row.samples for _, row in holders)
    return COUNT_RATIO_MAX * counts[(len(counts) - 1) // 2]


def length_of(values: NDArray[np.floating]) -> float:
    """The Euclidean length, of numbers whose squares float32 would not hold."""
    return float(np.linalg.norm(values.astype(np.float64)))
