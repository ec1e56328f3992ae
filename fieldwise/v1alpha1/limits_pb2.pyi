from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor
CAP_FIELD_NUMBER: _ClassVar[int]
cap: _descriptor.FieldDescriptor
ENCODED_BYTES_FIELD_NUMBER: _ClassVar[int]
encoded_bytes: _descriptor.FieldDescriptor

class Cap(_message.Message):
    __slots__ = ("bytes", "items", "key_bytes", "controls")
    BYTES_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    KEY_BYTES_FIELD_NUMBER: _ClassVar[int]
    CONTROLS_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    items: int
    key_bytes: int
    controls: bool
    def __init__(self, bytes: _Optional[int] = ..., items: _Optional[int] = ..., key_bytes: _Optional[int] = ..., controls: _Optional[bool] = ...) -> None: ...
