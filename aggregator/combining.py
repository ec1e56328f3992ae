"""What a closed round comes to: the next head, and what the strategy keeps.

From the same updates and the same head before it always comes to the same bytes, so a round that is
worked on again after a kill ends as it would have.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aggregator import exact, keeping, screening, spread
from aggregator.ports import Strategies, Unreadable
from aggregator.work import Campaign, Contribution, Kept, RoundResult, Tally
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, RowKind, Update
from fieldwise.global_head import EXACT_MAX, GlobalHead, encode, means_of, row_width

Updates = Iterable[tuple[int, Update | Unreadable]]


def combine(
    campaign: Campaign,
    round_number: int,
    updates: Updates,
    before: GlobalHead | None,
    kept: Mapping[int, Kept],
    strategies: Strategies,
) -> RoundResult:
    """Make the next head; none where fewer devices than the quorum gave what is usable.

    Args:
        campaign: What says how.
        round_number: Of the round.
        updates: Those that stand, by alias.
        before: The newest head.
        kept: What the strategy kept with it.
        strategies: What makes one row of many.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a strategy or options that there are not,
            ``OVER_LIMIT`` where sums would not be exact any more.
    """
    if campaign.level is Consent.STATISTICS:
        return _merged(campaign, round_number, updates)
    work = _Aggregation(campaign, round_number, updates, before, kept)
    return work.result(strategies)


def _merged(campaign: Campaign, round_number: int, updates: Updates) -> RoundResult:
    merged, left_out = exact.merge(updates, campaign, round_number)
    if merged.devices < campaign.quorum or not merged.counts:
        return _missed(round_number, Tally(0, 0, left_out))
    if any((np.abs(each) >= EXACT_MAX).any() for each in merged.scatter):
        raise FieldwiseError(Fault.OVER_LIMIT, "the sums of all devices are no longer exact")
    ids = sorted(merged.counts)
    counts = np.array([merged.counts[each] for each in ids], np.int64)
    sums = np.zeros((len(ids), campaign.space.width))
    for place, each in enumerate(ids):
        sums[place] = merged.sums[each]
    head = replace(
        _head(campaign, ids, counts, means_of(counts, sums)),
        sums=sums,
        scatter=tuple(merged.scatter),
    )
    return RoundResult(round_number, Tally(len(ids), 0, left_out), encode(head), b"")


def _missed(round_number: int, tally: Tally) -> RoundResult:
    return RoundResult(round_number, tally, b"", b"")


class _Aggregation:
    """A round whose rows a strategy makes."""

    def __init__(
        self,
        campaign: Campaign,
        round_number: int,
        updates: Updates,
        before: GlobalHead | None,
        kept: Mapping[int, Kept],
    ) -> None:
        self._campaign = campaign
        self._round = round_number
        self._updates = updates
        self._before = _rows_of(before)
        self._counts = _counts_of(before)
        self._kept = kept
        self._screened = screening.Screened((), 0)

    def result(self, strategies: Strategies) -> RoundResult:
        campaign = self._campaign
        robust = strategies.is_robust(campaign.strategy)

        def collect() -> tuple[Contribution, ...]:
            self._screened = screening.screen(self._updates, campaign, self._round, robust=robust)
            return self._screened.contributions

        made = strategies.aggregate(campaign, self._before, self._kept, collect)
        sent = {each for found in self._screened.contributions for each in found.rows}
        held_back = len(sent - made.rows.keys())
        if len(self._screened.contributions) < campaign.quorum or not made.rows:
            return _missed(self._round, Tally(0, held_back, self._screened.left_out))
        rows, counts = self._whole(made.rows)
        tally = Tally(len(rows), held_back, self._screened.left_out)
        head = self._encoded(rows, counts, made.rows)
        kept = {each: found for each, found in made.kept.items() if each in rows}
        return RoundResult(self._round, tally, head, keeping.encode(campaign.strategy, kept))

    def _whole(
        self, made: Mapping[int, NDArray[np.float32]]
    ) -> tuple[dict[int, NDArray[np.float32]], dict[int, int]]:
        """Rows and counts of the next head.

        Weights of a class that was not made now stay as they were trained. Means do not: all that
        stands was looked at, and what is not in it is of devices that withdrew.
        """
        stays = self._campaign.kind is RowKind.WEIGHTS
        rows = {**(self._before if stays else {}), **made}
        counts = dict(self._counts) if stays else {}
        for class_id in made:
            counts[class_id] = sum(
                each.rows[class_id].samples
                for each in self._screened.contributions
                if class_id in each.rows
            )
        return dict(sorted(rows.items())), counts

    def _encoded(
        self,
        rows: Mapping[int, NDArray[np.float32]],
        counts: Mapping[int, int],
        made: Mapping[int, NDArray[np.float32]],
    ) -> bytes:
        campaign = self._campaign
        factors: tuple[NDArray[np.float32], ...] = ()
        if campaign.kind is RowKind.MEANS:
            factors = spread.factors(self._screened.contributions, made, campaign.space)
        stacked = np.zeros((len(rows), row_width(campaign.kind, campaign.space)), np.float32)
        for place, each in enumerate(rows.values()):
            stacked[place] = each
        counted = np.array([counts[each] for each in rows], np.int64)
        return encode(_head(campaign, list(rows), counted, stacked, factors))


def _head(
    campaign: Campaign,
    ids: list[int],
    counts: NDArray[np.int64],
    rows: NDArray[np.float32],
    factors: tuple[NDArray[np.float32], ...] = (),
) -> GlobalHead:
    return GlobalHead(
        campaign.id,
        campaign.kind,
        campaign.level,
        campaign.space,
        tuple(ids),
        tuple(campaign.classes[each] for each in ids),
        counts,
        rows,
        factors,
    )


def _rows_of(head: GlobalHead | None) -> dict[int, NDArray[np.float32]]:
    return {} if head is None else dict(zip(head.ids, head.rows, strict=True))


def _counts_of(head: GlobalHead | None) -> dict[int, int]:
    return {} if head is None else dict(zip(head.ids, head.counts.tolist(), strict=True))
