"""Write the list of every field that a device can send, with its cap, for people to read as a diff.

The list is the promise of privacy by wire format: what is not on it cannot leave a device.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, ServiceDescriptor

from fieldwise.v1alpha1 import device_pb2, enrolment_pb2, limits_pb2

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tests" / "architecture" / "wire_allow_list.txt"
PREAMBLE = """\
# Everything that a device can send, method by method: the field, its type and its cap.
# Federation is off: nothing here holds an image, a feature, a class name or a file name.
# Written by `make wire`; tests/architecture/test_wire.py compares. Read every change of it twice.
"""
NUMBERS = {
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_DOUBLE: "double",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
}


def services() -> tuple[ServiceDescriptor, ...]:
    """The services that devices call; nothing else of a device listens to the network."""
    return (
        enrolment_pb2.DESCRIPTOR.services_by_name["Enrolment"],
        device_pb2.DESCRIPTOR.services_by_name["Device"],
    )


def whole_bytes(message: Descriptor) -> int:
    whole: int = extensions(message)[limits_pb2.encoded_bytes]
    return whole


def lines() -> Iterator[str]:
    for service in services():
        for method in service.methods:
            sent = method.input_type
            yield f"\n{service.name}.{method.name}: at most {whole_bytes(sent):,} bytes\n"
            yield from (f"  {line}\n" for line in fields(sent, ""))


def fields(message: Descriptor, prefix: str) -> Iterator[str]:
    for field in message.fields:
        path = f"{prefix}{field.name}"
        yield f"{path}: {describe(field)}"
        if field.message_type is not None:
            yield from fields(field.message_type, f"{path}.")


def describe(field: FieldDescriptor) -> str:
    cap: limits_pb2.Cap = extensions(field)[limits_pb2.cap]
    many = f"at most {cap.items} of " if field.is_repeated else ""
    return many + describe_one(field, cap)


def describe_one(field: FieldDescriptor, cap: limits_pb2.Cap) -> str:
    if field.message_type is not None:
        return field.message_type.name
    if field.enum_type is not None:
        return f"one of {len(field.enum_type.values)} {field.enum_type.name}"
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return f"text, at most {cap.bytes} bytes"
        case FieldDescriptor.TYPE_BYTES:
            return f"bytes, at most {cap.bytes}"
        case _:
            return NUMBERS[field.type]


def extensions(described: Descriptor | FieldDescriptor) -> Any:
    """The options of this package; their types are known only at run time."""
    return described.GetOptions().Extensions


def text() -> str:
    return PREAMBLE + "".join(lines())


if __name__ == "__main__":
    LIST.write_text(text())
    sys.exit(0)
