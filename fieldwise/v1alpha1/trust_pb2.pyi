from fieldwise.v1alpha1 import limits_pb2 as _limits_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MetadataState(_message.Message):
    __slots__ = ("role", "version", "expires_seconds", "key_ids", "threshold", "is_online")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_SECONDS_FIELD_NUMBER: _ClassVar[int]
    KEY_IDS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    IS_ONLINE_FIELD_NUMBER: _ClassVar[int]
    role: str
    version: int
    expires_seconds: int
    key_ids: _containers.RepeatedScalarFieldContainer[str]
    threshold: int
    is_online: bool
    def __init__(self, role: _Optional[str] = ..., version: _Optional[int] = ..., expires_seconds: _Optional[int] = ..., key_ids: _Optional[_Iterable[str]] = ..., threshold: _Optional[int] = ..., is_online: _Optional[bool] = ...) -> None: ...

class ListedBackbone(_message.Message):
    __slots__ = ("digest", "name", "version", "epoch", "is_listed", "is_pushed", "is_recalled")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    IS_LISTED_FIELD_NUMBER: _ClassVar[int]
    IS_PUSHED_FIELD_NUMBER: _ClassVar[int]
    IS_RECALLED_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    name: str
    version: str
    epoch: int
    is_listed: bool
    is_pushed: bool
    is_recalled: bool
    def __init__(self, digest: _Optional[bytes] = ..., name: _Optional[str] = ..., version: _Optional[str] = ..., epoch: _Optional[int] = ..., is_listed: _Optional[bool] = ..., is_pushed: _Optional[bool] = ..., is_recalled: _Optional[bool] = ...) -> None: ...

class DeviceTrust(_message.Message):
    __slots__ = ("root_version", "targets_version", "floor_epoch", "trouble", "devices")
    ROOT_VERSION_FIELD_NUMBER: _ClassVar[int]
    TARGETS_VERSION_FIELD_NUMBER: _ClassVar[int]
    FLOOR_EPOCH_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    root_version: int
    targets_version: int
    floor_epoch: int
    trouble: str
    devices: int
    def __init__(self, root_version: _Optional[int] = ..., targets_version: _Optional[int] = ..., floor_epoch: _Optional[int] = ..., trouble: _Optional[str] = ..., devices: _Optional[int] = ...) -> None: ...

class GetTrustRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetTrustResponse(_message.Message):
    __slots__ = ("metadata", "floor_epoch", "backbones", "devices", "online_key_ids")
    METADATA_FIELD_NUMBER: _ClassVar[int]
    FLOOR_EPOCH_FIELD_NUMBER: _ClassVar[int]
    BACKBONES_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    ONLINE_KEY_IDS_FIELD_NUMBER: _ClassVar[int]
    metadata: _containers.RepeatedCompositeFieldContainer[MetadataState]
    floor_epoch: int
    backbones: _containers.RepeatedCompositeFieldContainer[ListedBackbone]
    devices: _containers.RepeatedCompositeFieldContainer[DeviceTrust]
    online_key_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, metadata: _Optional[_Iterable[_Union[MetadataState, _Mapping]]] = ..., floor_epoch: _Optional[int] = ..., backbones: _Optional[_Iterable[_Union[ListedBackbone, _Mapping]]] = ..., devices: _Optional[_Iterable[_Union[DeviceTrust, _Mapping]]] = ..., online_key_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class PublishMetadataRequest(_message.Message):
    __slots__ = ("roots", "targets", "hand_over")
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    HAND_OVER_FIELD_NUMBER: _ClassVar[int]
    roots: _containers.RepeatedScalarFieldContainer[bytes]
    targets: bytes
    hand_over: bool
    def __init__(self, roots: _Optional[_Iterable[bytes]] = ..., targets: _Optional[bytes] = ..., hand_over: _Optional[bool] = ...) -> None: ...

class PublishMetadataResponse(_message.Message):
    __slots__ = ("root_version", "targets_version", "floor_epoch", "changed")
    ROOT_VERSION_FIELD_NUMBER: _ClassVar[int]
    TARGETS_VERSION_FIELD_NUMBER: _ClassVar[int]
    FLOOR_EPOCH_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    root_version: int
    targets_version: int
    floor_epoch: int
    changed: bool
    def __init__(self, root_version: _Optional[int] = ..., targets_version: _Optional[int] = ..., floor_epoch: _Optional[int] = ..., changed: _Optional[bool] = ...) -> None: ...

class ExportMetadataRequest(_message.Message):
    __slots__ = ("from_root",)
    FROM_ROOT_FIELD_NUMBER: _ClassVar[int]
    from_root: int
    def __init__(self, from_root: _Optional[int] = ...) -> None: ...

class ExportMetadataResponse(_message.Message):
    __slots__ = ("roots", "targets", "has_more")
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    HAS_MORE_FIELD_NUMBER: _ClassVar[int]
    roots: _containers.RepeatedScalarFieldContainer[bytes]
    targets: bytes
    has_more: bool
    def __init__(self, roots: _Optional[_Iterable[bytes]] = ..., targets: _Optional[bytes] = ..., has_more: _Optional[bool] = ...) -> None: ...
