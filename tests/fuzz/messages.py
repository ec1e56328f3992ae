"""Messages of the wire made by choices, field by field, as the descriptors have them.

protobuf's parser is compiled and shows a fuzzer nothing of itself. Messages that parse are what
reaches our own code, so they are made here by protobuf's own descriptors: every field may be there
or not, with values at and past their bounds, enumerations with numbers that nobody knows, oneofs
that were set twice, fields of tomorrow.
"""

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from fieldwise.v1alpha1 import limits_pb2
from tests.fuzz.choices import Choices

DEPTH_MAX = 5
FIELDS_MAX = 24
TOMORROW = b"\xf8\x7f\x01"  # a field of the number 2047, which no message has

_WHOLE = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def made(kind: type[Message], choices: Choices) -> Any:
    """A message of a kind."""
    message = kind()
    if not choices.below(40):
        message.MergeFromString(TOMORROW)
    fill(message, choices)
    return message


def fill(message: Any, choices: Choices, depth: int = 0) -> None:
    """Set fields of a message."""
    fields = message.DESCRIPTOR.fields
    if not fields:
        return
    if choices.below(3):  # all of them in turn, which most readers ask for
        for field in fields[:FIELDS_MAX]:
            if choices.below(8):
                _set(message, field, choices, depth)
        return
    for _ in range(choices.below(FIELDS_MAX)):
        _set(message, choices.one_of(fields), choices, depth)


def _set(message: Any, field: FieldDescriptor, choices: Choices, depth: int) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        _put(getattr(message, field.name), field.message_type, choices)
    elif field.is_repeated:
        _add(getattr(message, field.name), field, choices, depth)
    elif field.message_type is not None:
        child = getattr(message, field.name)
        child.SetInParent()
        if depth < DEPTH_MAX:
            fill(child, choices, depth + 1)
    else:
        setattr(message, field.name, _value(field, choices))


def _add(items: Any, field: FieldDescriptor, choices: Choices, depth: int) -> None:
    cap = _cap(field).items or 4
    count = choices.one_of((0, 1, 1, 2, 3, min(cap, 20), min(cap + 1, 21)))
    for _ in range(count):
        if field.message_type is None:
            items.append(_value(field, choices))
        elif depth < DEPTH_MAX:
            fill(items.add(), choices, depth + 1)


def _put(entries: Any, entry: Descriptor, choices: Choices) -> None:
    value = entry.fields_by_name["value"]
    for _ in range(choices.below(4)):
        key = _value(entry.fields_by_name["key"], choices)
        if value.message_type is None:
            entries[key] = _value(value, choices)
        else:
            entries[key].SetInParent()


def _value(field: FieldDescriptor, choices: Choices) -> Any:
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING:
        octets = field.type == FieldDescriptor.TYPE_BYTES
        return choices.octets(_cap(field).bytes or 32) if octets else choices.text()
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return bool(choices.below(2))
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        numbers = [each.number for each in field.enum_type.values]
        return choices.one_of([*numbers, 99, -1, 2**31 - 1])
    if kind in _WHOLE:
        least, most = _WHOLE[kind]
        return min(max(choices.integer(), least), most)
    number = choices.real()
    return number if kind == FieldDescriptor.CPPTYPE_DOUBLE else _single(number)


def _single(number: float) -> float:
    return number if abs(number) < 3e38 or number != number else float("inf")  # noqa: PLR0124 -- NaN is not itself


def _cap(field: FieldDescriptor) -> Any:
    return field.GetOptions().Extensions[limits_pb2.cap]
