"""A log in a file, for an auditor who has no server: lines of JSON.

The first line says what it is and behind which entry the log begins; each entry is a line as it is
stored; the last line says where the log ends. A file without it was cut off.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.audit.chain import Verdict, Verifying
from orchestrator.audit.entry import ENTRY_BYTES_MAX, NO_DIGEST, Head, Kept

LINE_BYTES_MAX = 8 * ENTRY_BYTES_MAX  # a text of ours in quotes, each of its characters escaped
NUMBER_DIGITS_MAX = 16  # of a number up to 2**53; of a few thousand nothing would be read
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Number = Annotated[int, Meta(ge=0, le=2**53)]

ShapeT = TypeVar("ShapeT")


class First(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line."""

    format: Literal[1]
    cut_number: Number = 0
    cut_digest: Digest = NO_DIGEST


class Last(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last line."""

    head_number: Number
    head_digest: Digest


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry."""

    number: Number
    content: str
    digest: str


def first_line(cut: Head) -> bytes:
    return msgspec.json.encode(First(1, cut.number, cut.digest)) + b"\n"


def entry_line(kept: Kept) -> bytes:
    return msgspec.json.encode(Line(kept.number, kept.content, kept.digest)) + b"\n"


def last_line(head: Head) -> bytes:
    return msgspec.json.encode(Last(head.number, head.digest)) + b"\n"


def verify_lines(lines: Iterable[bytes], seen: Iterable[Head]) -> Verdict:
    """Look at a whole file.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for what is no export, or was cut off.
    """
    each = iter(lines)
    first = _read(next(each, b""), First)
    if first is None:
        raise invalid("its first line is not that of an export")
    verifying = Verifying(Head(first.cut_number, first.cut_digest), seen)
    for line, is_last in _with_last(each):
        if is_last:
            last = _read(line, Last)
            if last is None:
                break
            return verifying.end(Head(last.head_number, last.head_digest))
        found = _read(line, Line)
        if found is None:
            raise invalid(f"a line of it is no entry: {line[:80]!r}")
        verifying.take(Kept(found.number, found.content, found.digest))
    raise invalid("its last line is not that of an export: the file was cut off")


def invalid(reason: str) -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, f"the file is no whole audit log: {reason}")


def parse_head(text: str) -> Head:
    """Read ``NUMBER:DIGEST`` as it is printed.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT``.
    """
    number, _, digest = text.partition(":")
    counts = number.isdecimal() and len(number) <= NUMBER_DIGITS_MAX
    fields = {"head_number": int(number) if counts else -1, "head_digest": digest}
    try:
        read = msgspec.convert(fields, Last)
    except (msgspec.ValidationError, ValueError) as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"{text[:100]!r} is no head of an audit log: NUMBER:DIGEST as `audit verify` prints it",
        ) from error
    return Head(read.head_number, read.head_digest)


def _with_last(lines: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    held = next(lines, None)
    if held is None:
        return
    for each in lines:
        yield held, False
        held = each
    yield held, True


def _read(line: bytes, shape: type[ShapeT]) -> ShapeT | None:
    if len(line) > LINE_BYTES_MAX:
        return None
    try:
        return msgspec.json.decode(line, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
