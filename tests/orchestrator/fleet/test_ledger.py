"""What heads of a ledger show, told one after the other as a device would."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.ledger import NOTHING_WRITTEN, NUMBER_MAX, LedgerHead, parse_head
from orchestrator.fleet.ledger import (
    NOTHING_TOLD,
    SPANS,
    LedgerRecord,
    Rewriting,
    after_head,
    check_head,
)

MINUTE = 60.0


def head(number: int, history: str = "a", alterations: int = 0) -> LedgerHead:
    return LedgerHead(number, history * 64, alterations)


def told(*heads: LedgerHead | None) -> LedgerRecord:
    record = NOTHING_TOLD
    for number, each in enumerate(heads):
        record = after_head(record, each, number * MINUTE)
    return record


def test_a_ledger_that_grows_shows_nothing() -> None:
    record = told(head(0), head(1), head(5, "b"), head(6))
    assert (record.rewritings, record.finding) == (0, None)
    assert record.newest is not None
    assert (record.newest.head, record.newest.told_at) == (head(6), 3 * MINUTE)


@pytest.mark.parametrize(
    ("before", "after", "how"),
    [
        (head(7), head(3), Rewriting.LOST),
        (head(7), head(7), Rewriting.LOST),  # the check-in that told of it has an entry
        (head(7), head(7, "b"), Rewriting.DIFFERENT),
        (head(7), head(9, alterations=1), Rewriting.ALTERED),
        (head(7, alterations=2), head(9, alterations=1), Rewriting.LOST),
        (head(7), LedgerHead(0, NOTHING_WRITTEN), Rewriting.LOST),
    ],
)
def test_rewriting_shows_and_is_told_once_with_both_heads(
    before: LedgerHead, after: LedgerHead, how: Rewriting
) -> None:
    record = told(before, after)
    assert record.finding is not None
    assert (record.rewritings, record.finding.how) == (1, how)
    assert (record.finding.before, record.finding.after) == (before, after)
    further = head(after.number + 1, after.digest[0], after.alterations)
    assert after_head(record, further, 99.0).rewritings == 1


def test_an_agent_that_falls_silent_is_held_against_what_it_told_before() -> None:
    silent = told(head(7), None, None)
    assert silent.newest is not None
    assert (silent.newest.head, silent.is_told, silent.rewritings) == (head(7), False, 0)
    assert after_head(silent, head(2), 500.0).rewritings == 1
    assert told(None).newest is None


def test_what_a_device_found_before_it_joined_is_not_held_against_it() -> None:
    assert told(head(7, alterations=3), head(8, alterations=3)).rewritings == 0


@given(st.lists(st.floats(30, 40_000), min_size=1, max_size=300))
def test_earlier_heads_are_few_in_order_and_never_all_young(pauses: list[float]) -> None:
    record, now = NOTHING_TOLD, 0.0
    for number, pause in enumerate(pauses):
        now += pause
        record = after_head(record, head(number), now)
    ages = [now - mark.told_at for mark in record.marks]
    assert 0 < len(record.marks) <= SPANS + 1
    assert ages == sorted(ages, reverse=True)
    assert ages[0] >= min(now - pauses[0], 3600.0 * 2 ** (SPANS - 1)) / 2


def test_a_minute_by_minute_year_leaves_heads_of_every_age() -> None:
    record = NOTHING_TOLD
    for number in range(0, 366 * 24 * 60, 20):
        record = after_head(record, head(number), number * MINUTE)
    assert record.newest is not None
    now = record.newest.told_at
    ages = [(now - mark.told_at) / 3600 for mark in record.marks]
    assert ages[0] > 24 * 60
    for older, younger in pairwise(ages):
        assert older <= 4 * max(1.0, younger)


def test_a_clock_that_goes_back_keeps_the_heads_that_there_are() -> None:
    record = after_head(told(head(1), head(2)), head(3), -1e6)
    assert record.rewritings == 0
    assert record.marks


@pytest.mark.parametrize("bad", [head(NUMBER_MAX + 1), head(1, alterations=NUMBER_MAX + 1)])
def test_a_number_that_no_database_holds_is_refused(bad: LedgerHead) -> None:
    with pytest.raises(FieldwiseError) as caught:
        check_head(bad)
    assert caught.value.fault is Fault.OVER_LIMIT


def test_a_head_is_read_as_it_is_written() -> None:
    assert parse_head(f" {head(12, 'f')} ") == head(12, "f")
    assert parse_head(f"12:{'F' * 64}") == head(12, "f")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12",
        f"x:{'a' * 64}",
        "1:abc",
        f"-1:{'a' * 64}",
        f"1:{'a' * 65}",
        "9" * 19 + ":" + "a" * 64,
    ],
)
def test_a_head_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        parse_head(text)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
