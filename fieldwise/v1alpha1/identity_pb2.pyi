import datetime

from fieldwise.v1alpha1 import limits_pb2 as _limits_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RotationStep(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROTATION_STEP_UNSPECIFIED: _ClassVar[RotationStep]
    ROTATION_STEP_SETTLED: _ClassVar[RotationStep]
    ROTATION_STEP_BEGUN: _ClassVar[RotationStep]
    ROTATION_STEP_SWITCHED: _ClassVar[RotationStep]
ROTATION_STEP_UNSPECIFIED: RotationStep
ROTATION_STEP_SETTLED: RotationStep
ROTATION_STEP_BEGUN: RotationStep
ROTATION_STEP_SWITCHED: RotationStep

class Denial(_message.Message):
    __slots__ = ("device_id", "deny_time")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    DENY_TIME_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    deny_time: _timestamp_pb2.Timestamp
    def __init__(self, device_id: _Optional[str] = ..., deny_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DenyDeviceRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class DenyDeviceResponse(_message.Message):
    __slots__ = ("denial",)
    DENIAL_FIELD_NUMBER: _ClassVar[int]
    denial: Denial
    def __init__(self, denial: _Optional[_Union[Denial, _Mapping]] = ...) -> None: ...

class AllowDeviceRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class AllowDeviceResponse(_message.Message):
    __slots__ = ("changed",)
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    changed: bool
    def __init__(self, changed: _Optional[bool] = ...) -> None: ...

class ListDenialsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDenialsResponse(_message.Message):
    __slots__ = ("denials",)
    DENIALS_FIELD_NUMBER: _ClassVar[int]
    denials: _containers.RepeatedCompositeFieldContainer[Denial]
    def __init__(self, denials: _Optional[_Iterable[_Union[Denial, _Mapping]]] = ...) -> None: ...

class Rotation(_message.Message):
    __slots__ = ("step", "trust_revision", "root", "successor", "devices", "behind", "behind_ids", "oldest_revision")
    STEP_FIELD_NUMBER: _ClassVar[int]
    TRUST_REVISION_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    BEHIND_FIELD_NUMBER: _ClassVar[int]
    BEHIND_IDS_FIELD_NUMBER: _ClassVar[int]
    OLDEST_REVISION_FIELD_NUMBER: _ClassVar[int]
    step: RotationStep
    trust_revision: int
    root: bytes
    successor: bytes
    devices: int
    behind: int
    behind_ids: _containers.RepeatedScalarFieldContainer[str]
    oldest_revision: int
    def __init__(self, step: _Optional[_Union[RotationStep, str]] = ..., trust_revision: _Optional[int] = ..., root: _Optional[bytes] = ..., successor: _Optional[bytes] = ..., devices: _Optional[int] = ..., behind: _Optional[int] = ..., behind_ids: _Optional[_Iterable[str]] = ..., oldest_revision: _Optional[int] = ...) -> None: ...

class GetRotationRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetRotationResponse(_message.Message):
    __slots__ = ("rotation",)
    ROTATION_FIELD_NUMBER: _ClassVar[int]
    rotation: Rotation
    def __init__(self, rotation: _Optional[_Union[Rotation, _Mapping]] = ...) -> None: ...

class BeginRotationRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BeginRotationResponse(_message.Message):
    __slots__ = ("rotation",)
    ROTATION_FIELD_NUMBER: _ClassVar[int]
    rotation: Rotation
    def __init__(self, rotation: _Optional[_Union[Rotation, _Mapping]] = ...) -> None: ...

class SwitchRotationRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SwitchRotationResponse(_message.Message):
    __slots__ = ("rotation",)
    ROTATION_FIELD_NUMBER: _ClassVar[int]
    rotation: Rotation
    def __init__(self, rotation: _Optional[_Union[Rotation, _Mapping]] = ...) -> None: ...

class FinishRotationRequest(_message.Message):
    __slots__ = ("force",)
    FORCE_FIELD_NUMBER: _ClassVar[int]
    force: bool
    def __init__(self, force: _Optional[bool] = ...) -> None: ...

class FinishRotationResponse(_message.Message):
    __slots__ = ("rotation",)
    ROTATION_FIELD_NUMBER: _ClassVar[int]
    rotation: Rotation
    def __init__(self, rotation: _Optional[_Union[Rotation, _Mapping]] = ...) -> None: ...
