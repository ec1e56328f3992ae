"""The bounds of the wire, read from the message descriptors and enforced on both sides.

Every string, bytes, repeated and map field of a message carries a ``cap`` in the proto file, and
every request and response an ``encoded_bytes``. ``check`` walks a message and refuses what is over
a cap, and whatever this version does not know: a field that nobody reads must not travel either.
Control characters, NUL among them, are refused in every text whose cap does not allow them, and
times that no calendar has.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.unknown_fields import UnknownFieldSet

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import limits_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PACKAGE = "fieldwise.v1alpha1"

# The first and the last second of protobuf's times, the years 1 to 9999.
TIME_MIN, TIME_MAX = -62_135_596_800, 253_402_300_799
NANOS = 1_000_000_000

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # Unicode's category Cc


@dataclass(frozen=True, slots=True)
class _Rule:
    """What is looked at in a field; fields without one hold single numbers."""

    name: str
    place: str
    limit: int
    items: int
    key_limit: int
    controls: bool
    is_map: bool
    is_repeated: bool
    is_message: bool


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The bounds of a kind of message: of the whole, 0 for none, and of fields."""

    whole: int
    is_time: bool
    rules: tuple[_Rule, ...]


def check(message: Message) -> None:
    """Refuse a message that breaks a bound of its own proto file.

    Raises:
        FieldwiseError: ``OVER_LIMIT`` for a value over its cap, ``UNKNOWN_FIELD`` for a field that
            this version does not know, ``INVALID_ARGUMENT`` for a text with a control character or
            a time outside of the years 1 to 9999. The message is not changed.
    """
    bounds = _bounds_of(message.DESCRIPTOR)
    whole = bounds.whole
    if whole and message.ByteSize() > whole:
        raise _over(message.DESCRIPTOR.name, message.ByteSize(), whole, "bytes")
    _check_fields(message, bounds)


def _check_fields(message: Message, bounds: _Bounds) -> None:
    if len(UnknownFieldSet(message)):
        raise FieldwiseError(
            Fault.UNKNOWN_FIELD,
            f"{message.DESCRIPTOR.name} has a field that this version does not know",
        )
    if bounds.is_time:
        _check_time(cast("Timestamp", message))
    for rule in bounds.rules:
        if rule.is_repeated:
            if several := getattr(message, rule.name):
                _check_several(rule, several)
        elif rule.is_message:
            if message.HasField(rule.name):
                inner = getattr(message, rule.name)
                _check_fields(inner, _bounds_of(inner.DESCRIPTOR))
        elif value := getattr(message, rule.name):
            _check_value(rule.place, value, rule.limit, controls=rule.controls)


# A message is checked at every call, and its descriptor says the same each time.
@cache
def _bounds_of(descriptor: Descriptor) -> _Bounds:
    rules = (_rule_of(field) for field in descriptor.fields)
    kept = tuple(rule for rule in rules if rule is not None)
    is_time = descriptor.full_name == Timestamp.DESCRIPTOR.full_name
    return _Bounds(_extensions(descriptor)[limits_pb2.encoded_bytes], is_time, kept)


def _rule_of(field: FieldDescriptor) -> _Rule | None:
    kinds = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_MESSAGE)
    if field.type not in kinds and not field.is_repeated:
        return None
    cap: limits_pb2.Cap = _extensions(field)[limits_pb2.cap]
    place = ".".join(field.full_name.split(".")[-2:])
    is_map, several = _is_map(field), field.is_repeated
    bounds = (cap.bytes, cap.items, cap.key_bytes, cap.controls)
    is_message = field.type == FieldDescriptor.TYPE_MESSAGE
    return _Rule(field.name, place, *bounds, is_map, several, is_message)


def _check_time(message: Timestamp) -> None:
    seconds, nanos = message.seconds, message.nanos
    if not (TIME_MIN <= seconds <= TIME_MAX and 0 <= nanos < NANOS):
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"a time of {seconds} s and {nanos} ns is none"
        )


def _check_several(rule: _Rule, value: object) -> None:
    # Containers of messages iterate by index and have no __iter__ to ask for.
    values = list(
        cast("Mapping[object, object]", value).values()
        if rule.is_map
        else cast("Iterable[object]", value)
    )
    if len(values) > rule.items:
        raise _over(rule.place, len(values), rule.items, "items")
    for each in values:
        _check_one(rule, each)
    if rule.is_map:
        _check_keys(rule, value)


def _check_one(rule: _Rule, value: object) -> None:
    if isinstance(value, Message):
        _check_fields(value, _bounds_of(value.DESCRIPTOR))
    elif isinstance(value, str | bytes):
        _check_value(rule.place, value, rule.limit, controls=rule.controls)


def _check_keys(rule: _Rule, entries: object) -> None:
    for key in cast("Iterable[object]", entries):
        if isinstance(key, str):
            _check_value(f"a key of {rule.place}", key, rule.key_limit, controls=rule.controls)


def _check_value(place: str, value: str | bytes, limit: int, *, controls: bool) -> None:
    if _size(value) > limit:
        raise _over(place, _size(value), limit, "bytes")
    if isinstance(value, str) and not controls and (found := _CONTROL.search(value)):
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{place} has the control character {found[0]!a}"
        )


def _extensions(described: Any) -> Any:
    """The options of this package; their types are known only at run time."""
    return described.GetOptions().Extensions


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _size(value: str | bytes) -> int:
    return len(value.encode() if isinstance(value, str) else value)


def _over(place: str, found: int, limit: int, unit: str) -> FieldwiseError:
    return FieldwiseError(Fault.OVER_LIMIT, f"{place} is {found:,} {unit}; the limit is {limit:,}")
