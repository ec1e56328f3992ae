"""Privacy by wire format: what a device can send is listed, capped, and checked field by field."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from fieldwise import wire
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import (
    device_pb2,
    enrolment_pb2,
    limits_pb2,
    local_pb2,
    operator_pb2,
    rollout_pb2,
    trust_pb2,
)
from tools import list_wire

FILES = [device_pb2, enrolment_pb2, local_pb2, operator_pb2, rollout_pb2, trust_pb2]
CHECK_IN_BYTES_MAX = 4096
UNKNOWN_FIELD = b"\xf8\xff\xff\xff\x0f\x01"  # field 536,870,911, a varint of 1
LARGEST = {
    FieldDescriptor.TYPE_BOOL: True,
    FieldDescriptor.TYPE_DOUBLE: 1.7e308,
    FieldDescriptor.TYPE_INT64: -1,  # a negative number takes the most bytes
    FieldDescriptor.TYPE_INT32: -1,
    FieldDescriptor.TYPE_UINT32: 2**32 - 1,
    FieldDescriptor.TYPE_UINT64: 2**64 - 1,
}


def all_messages() -> list[Descriptor]:
    return [each for file in FILES for each in file.DESCRIPTOR.message_types_by_name.values()]


def all_services() -> list[ServiceDescriptor]:
    return [each for file in FILES for each in file.DESCRIPTOR.services_by_name.values()]


def travelling() -> list[Descriptor]:
    """Every request and every response of every service, once."""
    methods = [method for service in all_services() for method in service.methods]
    found = {each.full_name: each for m in methods for each in (m.input_type, m.output_type)}
    return list(found.values())


def name_of(item: object) -> str:
    return str(getattr(item, "full_name", item)).removeprefix(f"{wire.PACKAGE}.")


def cap_of(field: FieldDescriptor) -> limits_pb2.Cap:
    return field.GetOptions().Extensions[limits_pb2.cap]


def is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def is_text(field: FieldDescriptor) -> bool:
    return field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


def missing_caps(field: FieldDescriptor) -> Iterator[str]:
    cap = cap_of(field)
    if field.is_repeated and not cap.items:
        yield f"{field.full_name} has no most items"
    if is_text(field) and not cap.bytes:
        yield f"{field.full_name} has no most bytes"
    if is_map(field):
        key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        if is_text(key) and not cap.key_bytes:
            yield f"{field.full_name} has no longest key"
        if is_text(value) and not cap.bytes:
            yield f"{field.full_name} has no longest value"


def filled(kind: type[Message], depth: int = 0) -> Message:
    """A message with every field, at every depth, at its maximum."""
    assert depth < 8, f"{kind.DESCRIPTOR.full_name} holds itself: it has no largest form"
    message = kind()
    for field in message.DESCRIPTOR.fields:
        fill(message, field, depth)
    return message


def fill(message: Message, field: FieldDescriptor, depth: int) -> None:
    held: Any = getattr(message, field.name)
    if is_map(field):
        for number in range(cap_of(field).items):
            held[f"{number:0{cap_of(field).key_bytes}}"] = largest_value_of(field)
    elif field.message_type is not None:
        whole = filled(GetMessageClass(field.message_type), depth + 1)
        (held.extend([whole] * cap_of(field).items) if field.is_repeated else held.CopyFrom(whole))
    elif field.is_repeated:
        held.extend([largest(field, cap_of(field))] * cap_of(field).items)
    else:
        setattr(message, field.name, largest(field, cap_of(field)))


def largest_value_of(field: FieldDescriptor) -> object:
    return largest(field.message_type.fields_by_name["value"], cap_of(field))


def largest(field: FieldDescriptor, cap: limits_pb2.Cap) -> object:
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return "x" * cap.bytes
        case FieldDescriptor.TYPE_BYTES:
            return b"x" * cap.bytes
        case FieldDescriptor.TYPE_ENUM:
            return max(value.number for value in field.enum_type.values)
        case _:
            return LARGEST[field.type]


def test_a_device_can_send_what_the_list_allows_and_nothing_else() -> None:
    """The list is read by people: after a change run `make wire` and read the difference."""
    assert list_wire.text() == list_wire.LIST.read_text()


@pytest.mark.parametrize("message", all_messages(), ids=name_of)
def test_every_field_that_could_grow_has_a_cap(message: Descriptor) -> None:
    assert [line for field in message.fields for line in missing_caps(field)] == []


@pytest.mark.parametrize("message", travelling(), ids=name_of)
def test_every_request_and_response_has_a_largest_size(message: Descriptor) -> None:
    assert list_wire.whole_bytes(message) > 0


@pytest.mark.parametrize("kind", [device_pb2.CheckInRequest, device_pb2.CheckInResponse])
def test_a_check_in_with_every_field_at_its_maximum_fits_into_4_kib(kind: type[Message]) -> None:
    message = filled(kind)
    assert list_wire.whole_bytes(kind.DESCRIPTOR) <= CHECK_IN_BYTES_MAX
    assert 0 < message.ByteSize() <= CHECK_IN_BYTES_MAX
    wire.check(message)


@pytest.mark.parametrize("service", list_wire.services(), ids=name_of)
def test_what_a_device_sends_is_within_its_size_even_at_every_maximum(
    service: ServiceDescriptor,
) -> None:
    for method in service.methods:
        wire.check(filled(GetMessageClass(method.input_type)))


@pytest.mark.parametrize("message", travelling(), ids=name_of)
def test_an_unknown_field_is_refused(message: Descriptor) -> None:
    received = GetMessageClass(message)()
    received.MergeFromString(UNKNOWN_FIELD)
    with pytest.raises(FieldwiseError) as caught:
        wire.check(received)
    assert caught.value.fault is Fault.UNKNOWN_FIELD


def test_an_unknown_field_is_refused_at_any_depth() -> None:
    request = device_pb2.CheckInRequest(sequence=1)
    request.update.MergeFromString(UNKNOWN_FIELD)
    with pytest.raises(FieldwiseError, match="does not know"):
        wire.check(request)


@pytest.mark.parametrize(
    "field",
    [field for field in device_pb2.CheckInRequest.DESCRIPTOR.fields if is_text(field)],
    ids=name_of,
)
def test_a_value_one_byte_over_its_cap_is_refused(field: FieldDescriptor) -> None:
    request = device_pb2.CheckInRequest()
    one_more = b"x" if field.type == FieldDescriptor.TYPE_BYTES else "x"
    setattr(request, field.name, one_more * (cap_of(field).bytes + 1))
    with pytest.raises(FieldwiseError) as caught:
        wire.check(request)
    assert caught.value.fault is Fault.OVER_LIMIT


def test_a_device_has_no_room_for_a_text_that_could_describe_a_sample() -> None:
    """Identifiers of at most 64 bytes, the certificate request that only a key fills, and numbers.

    The numbers are those of an update for federation, which a device sends only where its owner
    agreed; they are bytes, so that no text has a place among them.
    """
    sent = [method.input_type for each in list_wire.services() for method in each.methods]
    found = [field for message in sent for field in every_field(message)]
    wide = [field for field in found if is_text(field) and cap_of(field).bytes > 64]
    assert {".".join(field.full_name.split(".")[-2:]) for field in wide} == {
        "RenewRequest.certificate_request",
        "EnrolRequest.certificate_request",
        "ReviveRequest.certificate",
        "ReviveRequest.certificate_request",
        "ReviveRequest.signature",
        "ClassRow.values",
        "ClassRow.sums",
        "ScatterPiece.values",
    }
    assert all(field.type == FieldDescriptor.TYPE_BYTES for field in wide)
    assert [field.full_name for field in found if is_map(field)] == []


def every_field(message: Descriptor) -> Iterator[FieldDescriptor]:
    for field in message.fields:
        yield field
        if field.message_type is not None:
            yield from every_field(field.message_type)
