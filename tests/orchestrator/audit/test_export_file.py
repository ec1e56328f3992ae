"""A log in a file: read back as it is, and refused where it is not whole."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.audit.entry import Head
from orchestrator.audit.export_file import (
    entry_line,
    first_line,
    last_line,
    parse_head,
    verify_lines,
)
from tests.audits import log

LOG = log(4)
LINES = [first_line(Head()), *map(entry_line, LOG), last_line(LOG[-1].head)]


def test_a_file_is_judged_as_the_log_is() -> None:
    assert verify_lines(LINES, [LOG[1].head]).is_whole
    tampered = [line.replace(b"alice", b"malet") for line in LINES]
    assert not verify_lines(tampered, []).is_whole
    assert not verify_lines(LINES, [Head(9, "0" * 64)]).is_whole


@pytest.mark.parametrize("lines", [[], LINES[:-1], LINES[:1], LINES[1:], [*LINES, b"{}\n"]])
def test_a_file_that_is_not_whole_is_none(lines: list[bytes]) -> None:
    with pytest.raises(FieldwiseError) as raised:
        verify_lines(lines, [])
    assert raised.value.fault is Fault.INVALID_ARGUMENT


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_rubbish_is_told_as_what_it_is(lines: list[bytes]) -> None:
    for given_lines in (lines, [LINES[0], *lines], [LINES[0], *lines, LINES[-1]]):
        with suppress(FieldwiseError):  # and nothing else gets out
            verify_lines(given_lines, [])


def test_a_head_is_read_as_it_is_printed() -> None:
    head = LOG[2].head
    assert parse_head(str(head)) == head


@pytest.mark.parametrize(
    "text", ["", "1", "1:", f"-1:{'0' * 64}", f"1:{'0' * 63}", f"1:{'G' * 64}", f"٣:{'0' * 64}x"]
)
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(FieldwiseError) as raised:
        parse_head(text)
    assert raised.value.fault is Fault.INVALID_ARGUMENT
