"""What people read: sizes, spans and times."""

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli.output import pairs_from, ratio, seconds_from, size, span


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800)]
)
def test_a_time_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert seconds_from(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "7", "7w", "-1d", "1.5h", "1d ", "٣d", "9" * 10 + "s"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(FieldwiseError) as refused:
        seconds_from(text)
    assert refused.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 << 20, "5.0 MiB"), (3 << 30, "3.0 GiB")],
)
def test_sizes_have_the_unit_that_people_read(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (2e5, "2 d")],
)
def test_spans_have_the_largest_unit_that_says_enough(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_ratio_of_nothing_is_nothing() -> None:
    assert (ratio(0, 0), ratio(1, 3), ratio(2, 2)) == ("", "33.3 %", "100.0 %")


def test_pairs_are_split_at_the_first_equals_sign() -> None:
    assert pairs_from(["a=b=c", "d="], "tag") == {"a": "b=c", "d": ""}
