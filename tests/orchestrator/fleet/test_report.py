from dataclasses import replace

import pytest

from fieldwise.answers import LearningCounters
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.report import COUNT_MAX, UpdateReport, is_newer
from tests.fleet_records import report


@pytest.mark.parametrize(
    ("incarnation", "sequence", "newer"),
    [(2, 6, True), (3, 1, True), (2, 5, False), (2, 4, False), (1, 99, False)],
)
def test_a_report_is_newer_by_incarnation_then_sequence(
    incarnation: int, sequence: int, newer: bool
) -> None:
    assert is_newer(report(sequence, incarnation=incarnation), (2, 5)) is newer


def test_numbers_that_no_store_could_count_on_from_are_refused() -> None:
    good = report(1, generation=COUNT_MAX)
    for bad in (
        {"sequence": COUNT_MAX + 1},
        {"generation": 2**63},
        {"settings_revision": -1},
        {"update": UpdateReport(generation=2**64 - 1)},
        {"learning": LearningCounters(samples=2**63)},
    ):
        with pytest.raises(FieldwiseError) as caught:
            replace(good, **bad)  # type: ignore[arg-type]  # names come from the table
        assert caught.value.fault is Fault.OVER_LIMIT


@pytest.mark.parametrize(("incarnation", "sequence"), [(0, 1), (1, 0), (0, 0)])
def test_a_report_that_would_never_be_newer_than_none_is_refused(
    incarnation: int, sequence: int
) -> None:
    with pytest.raises(FieldwiseError) as caught:
        report(sequence, incarnation=incarnation)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
