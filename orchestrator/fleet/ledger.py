"""What the heads that a device tells say of its ledger.

A device writes down every message before it is sent, each entry chained to the one before, and
tells with every check-in where the chain ended before that check-in's own entry. Two truths follow
for a device that keeps its ledger. The number rises from one report to the next, since the earlier
check-in has an entry. And the entry of a number never gets another digest.

So three things show by themselves: entries that were sent and are gone, an entry with another
digest, and that the device itself found its files altered. What does not show here is a history
that was written anew behind the head told last and goes on above it: its owner finds that by
holding the ledger against a head that is kept here (``fieldwise-agent ledger verify --head``). For
that some earlier heads stay, an hour apart at first and ever further apart the older they are.

What shows is counted and kept with both heads; then the device is taken at its word again, so that
one rewriting is told once.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.ledger import NUMBER_MAX, LedgerHead

MARK_SECONDS = 3600.0  # what is rewritten within the hour shows at most by the newest head
SPANS = 12  # an hour, two, four: half a year in a dozen heads


class Rewriting(StrEnum):
    """How it showed."""

    LOST = "lost"  # the number did not rise: entries that were sent are gone
    DIFFERENT = "different"  # the same number has another digest
    ALTERED = "altered"  # the device found its files altered and began anew


@dataclass(frozen=True, slots=True)
class Mark:
    """A head that was told, and when."""

    head: LedgerHead
    told_at: float


@dataclass(frozen=True, slots=True)
class Finding:
    """A rewriting that showed: how, when, and the heads before and after."""

    how: Rewriting
    at: float
    before: LedgerHead
    after: LedgerHead


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """What is known of a device's ledger.

    Attributes:
        newest: The head told last; None of a device that has told none.
        is_told: Whether the newest report told one: older agents do not.
        marks: Earlier heads, the oldest first.
        rewritings: How often rewriting showed.
        finding: The newest of those.
    """

    newest: Mark | None = None
    is_told: bool = False
    marks: tuple[Mark, ...] = ()
    rewritings: int = 0
    finding: Finding | None = None


NOTHING_TOLD = LedgerRecord()


def check_head(head: LedgerHead) -> LedgerHead:
    """Refuse what no database can hold.

    Raises:
        FieldwiseError: ``OVER_LIMIT``.
    """
    for name, value in (("number", head.number), ("alterations", head.alterations)):
        if not 0 <= value <= NUMBER_MAX:
            raise FieldwiseError(
                Fault.OVER_LIMIT, f"the ledger's {name} is {value:,}; the limit is {NUMBER_MAX:,}"
            )
    return head


def after_head(record: LedgerRecord, head: LedgerHead | None, now: float) -> LedgerRecord:
    """Return what is known once a newer report was heard."""
    if head is None:
        return replace(record, is_told=False)
    told = Mark(head, now)
    if record.newest is None:
        return replace(record, newest=told, is_told=True, marks=(told,))
    how = _showing(record.newest.head, head)
    finding = Finding(how, now, record.newest.head, head) if how else record.finding
    return LedgerRecord(
        newest=told,
        is_told=True,
        marks=_with_mark(record.marks, told),
        rewritings=record.rewritings + (how is not None),
        finding=finding,
    )


def _showing(before: LedgerHead, after: LedgerHead) -> Rewriting | None:
    if after.alterations > before.alterations:
        return Rewriting.ALTERED
    if after.number == before.number and after.digest != before.digest:
        return Rewriting.DIFFERENT
    lost = after.number <= before.number or after.alterations < before.alterations
    return Rewriting.LOST if lost else None


def _with_mark(marks: tuple[Mark, ...], told: Mark) -> tuple[Mark, ...]:
    if marks and told.told_at - marks[-1].told_at < MARK_SECONDS:
        return marks
    return tuple(_thinned((*marks, told), told.told_at))


def _thinned(marks: Iterable[Mark], now: float) -> Iterator[Mark]:
    """Of the heads of each span keep the oldest, so that it grows into the next span."""
    kept: set[int] = set()
    for mark in marks:
        hours = max(0.0, now - mark.told_at) / MARK_SECONDS
        span = math.frexp(hours)[1] if hours >= 1 else 0
        if span <= SPANS and span not in kept:
            kept.add(span)
            yield mark
