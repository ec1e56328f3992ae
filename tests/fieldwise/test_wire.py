"""A message is within the bounds of its proto file, all of it, or it is refused."""

from collections.abc import Callable

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from fieldwise import wire
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import device_pb2, enrolment_pb2, local_pb2, operator_pb2


def tags(count: int, key: str = "k", value: str = "v") -> dict[str, str]:
    return {f"{key}{index}": value for index in range(count)}


WITHIN: list[Message] = [
    device_pb2.CheckInRequest(),
    device_pb2.CheckInRequest(bundle_in_use=b"x" * 32, agent_version="9" * 32),
    device_pb2.CheckInRequest(update=device_pb2.UpdateReport(bundle_digest=b"x" * 32)),
    operator_pb2.CreateTicketRequest(tags=tags(32, "k", "v" * 63)),
    operator_pb2.UpdateDeviceTagsRequest(unset=["k" * 63] * 32),
    enrolment_pb2.EnrolRequest(certificate_request=b"x" * 2048),
]
OVER: list[tuple[Message, str]] = [
    (device_pb2.CheckInRequest(agent_version="9" * 33), "CheckInRequest.agent_version is 33"),
    (device_pb2.CheckInRequest(agent_version="ä" * 17), "CheckInRequest.agent_version is 34"),
    (
        device_pb2.CheckInRequest(update=device_pb2.UpdateReport(bundle_digest=b"x" * 33)),
        "UpdateReport.bundle_digest is 33",
    ),
    (operator_pb2.CreateTicketRequest(tags=tags(33)), "CreateTicketRequest.tags is 33 items"),
    (operator_pb2.CreateTicketRequest(tags={"k": "v" * 64}), "CreateTicketRequest.tags is 64"),
    (operator_pb2.CreateTicketRequest(tags={"k" * 64: "v"}), "a key of CreateTicketRequest.tags"),
    (operator_pb2.UpdateDeviceTagsRequest(unset=["k"] * 33), "UpdateDeviceTagsRequest.unset is 33"),
    (operator_pb2.UpdateDeviceTagsRequest(unset=["k" * 64]), "UpdateDeviceTagsRequest.unset is 64"),
    (device_pb2.LeaveRequest.FromString(b"\x0a\x40" + b"x" * 64), "LeaveRequest is 66 bytes"),
]


@pytest.mark.parametrize("message", WITHIN, ids=lambda message: message.DESCRIPTOR.name)
def test_a_message_at_its_bounds_passes_unchanged(message: Message) -> None:
    before = message.SerializeToString(deterministic=True)
    wire.check(message)
    assert message.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(("message", "place"), OVER)
def test_a_message_one_over_a_bound_is_refused_by_the_name_of_the_place(
    message: Message, place: str
) -> None:
    with pytest.raises(FieldwiseError) as refused:
        wire.check(message)
    assert refused.value.fault is Fault.OVER_LIMIT
    assert refused.value.sentence.startswith(place)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda content: content,
        lambda content: b"\x32" + bytes([len(content)]) + content,
    ],
    ids=["outside", "inside"],
)
def test_a_field_that_nobody_reads_does_not_travel(wrap: Callable[[bytes], bytes]) -> None:
    message = device_pb2.CheckInRequest.FromString(wrap(b"\xfa\x07\x03abc"))
    with pytest.raises(FieldwiseError) as refused:
        wire.check(message)
    assert refused.value.fault is Fault.UNKNOWN_FIELD


@pytest.mark.parametrize(
    ("seconds", "nanos"), [(-(2**63), 0), (253_402_300_800, 0), (1, -1), (1, 2**31 - 1)]
)
def test_a_time_that_no_calendar_has_is_refused(seconds: int, nanos: int) -> None:
    message = local_pb2.ForgetRequest()
    message.since.seconds, message.since.nanos = seconds, nanos
    with pytest.raises(FieldwiseError) as raised:
        wire.check(message)
    assert raised.value.fault is Fault.INVALID_ARGUMENT
    message.since.seconds, message.since.nanos = 253_402_300_799, 999_999_999
    wire.check(message)
    assert message.since.ToNanoseconds()


@pytest.mark.parametrize("control", ["\0", "\n", "\x1b", "\x7f", "\x85"])
def test_no_text_carries_a_control_character_unless_its_cap_says_so(control: str) -> None:
    refused: list[tuple[Message, str]] = [
        (device_pb2.CheckInRequest(agent_version=f"0{control}"), "CheckInRequest.agent_version"),
        (enrolment_pb2.EnrolRequest(ticket_id=control), "EnrolRequest.ticket_id"),
        (operator_pb2.GetDeviceRequest(id=f"d{control}"), "GetDeviceRequest.id"),
        (operator_pb2.CreateTicketRequest(tags={"k": control}), "CreateTicketRequest.tags"),
        (operator_pb2.CreateTicketRequest(tags={control: "v"}), "a key of CreateTicketRequest.tag"),
        (operator_pb2.UpdateDeviceTagsRequest(unset=["k", control]), "UpdateDeviceTagsRequest.un"),
    ]
    for message, place in refused:
        with pytest.raises(FieldwiseError) as caught:
            wire.check(message)
        assert caught.value.fault is Fault.INVALID_ARGUMENT
        assert caught.value.sentence.startswith(place)
    wire.check(local_pb2.TeachRequest(class_name=f"ro{control}se"))
    wire.check(enrolment_pb2.EnrolRequest(ticket_secret=control.encode()))


@given(st.binary(max_size=400))
def test_whatever_parses_is_within_bounds_or_refused(content: bytes) -> None:
    message = device_pb2.CheckInRequest()
    try:
        message.ParseFromString(content)
    except Exception:  # noqa: BLE001 - protobuf's own refusal is fine, too
        return
    assert fault_of(message) in {
        None,
        Fault.OVER_LIMIT,
        Fault.UNKNOWN_FIELD,
        Fault.INVALID_ARGUMENT,
    }


def fault_of(message: Message) -> Fault | None:
    try:
        wire.check(message)
    except FieldwiseError as error:
        return error.fault
    return None
