"""The bounds of the wire, read from the message descriptors and enforced on both sides.

Every string, bytes, repeated and map field of a message carries a ``cap`` in the proto file, and
every request and response an ``encoded_bytes``. ``check`` walks a message and refuses what is over
a cap, and whatever this version does not know: a field that nobody reads must not travel either.
Control characters, NUL among them, are refused in every text whose cap does not allow them, and
times that no calendar has.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.unknown_fields import UnknownFieldSet

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import limits_pb2

PACKAGE = "fieldwise.v1alpha1"

# The first and the last second of protobuf's times, the years 1 to 9999.
TIME_MIN, TIME_MAX = -62_135_596_800, 253_402_300_799
NANOS = 1_000_000_000

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # Unicode's category Cc


def check(message: Message) -> None:
    """Refuse a message that breaks a bound of its own proto file.

    Raises:
        FieldwiseError: ``OVER_LIMIT`` for a value over its cap, ``UNKNOWN_FIELD`` for a field that
            this version does not know, ``INVALID_ARGUMENT`` for a text with a control character or
            a time outside of the years 1 to 9999. The message is not changed.
    """
    whole: int = _extensions(message.DESCRIPTOR)[limits_pb2.encoded_bytes]
    if whole and message.ByteSize() > whole:
        raise _over(message.DESCRIPTOR.name, message.ByteSize(), whole, "bytes")
    _check_fields(message)


def _check_fields(message: Message) -> None:
    if len(UnknownFieldSet(message)):
        raise FieldwiseError(
            Fault.UNKNOWN_FIELD,
            f"{message.DESCRIPTOR.name} has a field that this version does not know",
        )
    if isinstance(message, Timestamp):
        _check_time(message)
    for field, value in message.ListFields():
        _check_field(field, value)


def _check_time(message: Timestamp) -> None:
    seconds, nanos = message.seconds, message.nanos
    if not (TIME_MIN <= seconds <= TIME_MAX and 0 <= nanos < NANOS):
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"a time of {seconds} s and {nanos} ns is none"
        )


def _check_field(field: FieldDescriptor, value: object) -> None:
    cap: limits_pb2.Cap = _extensions(field)[limits_pb2.cap]
    place = ".".join(field.full_name.split(".")[-2:])
    values = list(_values(field, value))
    if field.is_repeated and len(values) > cap.items:
        raise _over(place, len(values), cap.items, "items")
    for each in values:
        if isinstance(each, Message):
            _check_fields(each)
        elif isinstance(each, str | bytes):
            _check_value(place, each, cap.bytes, controls=cap.controls)
    if _is_map(field):
        _check_keys(place, value, cap)


def _check_keys(place: str, entries: object, cap: limits_pb2.Cap) -> None:
    for key in cast("Iterable[object]", entries):
        if isinstance(key, str):
            _check_value(f"a key of {place}", key, cap.key_bytes, controls=cap.controls)


def _check_value(place: str, value: str | bytes, limit: int, *, controls: bool) -> None:
    if _size(value) > limit:
        raise _over(place, _size(value), limit, "bytes")
    if isinstance(value, str) and not controls and (found := _CONTROL.search(value)):
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{place} has the control character {found[0]!a}"
        )


def _values(field: FieldDescriptor, value: object) -> Iterator[object]:
    if _is_map(field):
        assert hasattr(value, "values")
        yield from value.values()
    elif field.is_repeated:
        # Containers of messages iterate by index and have no __iter__ to ask for.
        yield from cast("Iterable[object]", value)
    else:
        yield value


def _extensions(described: Any) -> Any:
    """The options of this package; their types are known only at run time."""
    return described.GetOptions().Extensions


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _size(value: str | bytes) -> int:
    return len(value.encode() if isinstance(value, str) else value)


def _over(place: str, found: int, limit: int, unit: str) -> FieldwiseError:
    return FieldwiseError(Fault.OVER_LIMIT, f"{place} is {found:,} {unit}; the limit is {limit:,}")
