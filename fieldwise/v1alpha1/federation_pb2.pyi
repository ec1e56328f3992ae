from fieldwise.v1alpha1 import limits_pb2 as _limits_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Consent(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSENT_UNSPECIFIED: _ClassVar[Consent]
    CONSENT_OFF: _ClassVar[Consent]
    CONSENT_WEIGHTS: _ClassVar[Consent]
    CONSENT_STATISTICS: _ClassVar[Consent]

class RowKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROW_KIND_UNSPECIFIED: _ClassVar[RowKind]
    ROW_KIND_MEANS: _ClassVar[RowKind]
    ROW_KIND_WEIGHTS: _ClassVar[RowKind]
CONSENT_UNSPECIFIED: Consent
CONSENT_OFF: Consent
CONSENT_WEIGHTS: Consent
CONSENT_STATISTICS: Consent
ROW_KIND_UNSPECIFIED: RowKind
ROW_KIND_MEANS: RowKind
ROW_KIND_WEIGHTS: RowKind

class HeadSpace(_message.Message):
    __slots__ = ("bundle_digest", "transform_digest", "widths")
    BUNDLE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    TRANSFORM_DIGEST_FIELD_NUMBER: _ClassVar[int]
    WIDTHS_FIELD_NUMBER: _ClassVar[int]
    bundle_digest: bytes
    transform_digest: bytes
    widths: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, bundle_digest: _Optional[bytes] = ..., transform_digest: _Optional[bytes] = ..., widths: _Optional[_Iterable[int]] = ...) -> None: ...

class SharedClass(_message.Message):
    __slots__ = ("id", "name")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...

class ClassRow(_message.Message):
    __slots__ = ("class_id", "samples", "values", "sums")
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    SUMS_FIELD_NUMBER: _ClassVar[int]
    class_id: int
    samples: int
    values: bytes
    sums: bytes
    def __init__(self, class_id: _Optional[int] = ..., samples: _Optional[int] = ..., values: _Optional[bytes] = ..., sums: _Optional[bytes] = ...) -> None: ...

class GlobalHead(_message.Message):
    __slots__ = ("campaign_id", "version", "digest", "bytes", "space")
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    version: int
    digest: bytes
    bytes: int
    space: HeadSpace
    def __init__(self, campaign_id: _Optional[str] = ..., version: _Optional[int] = ..., digest: _Optional[bytes] = ..., bytes: _Optional[int] = ..., space: _Optional[_Union[HeadSpace, _Mapping]] = ...) -> None: ...

class UpdateHeader(_message.Message):
    __slots__ = ("campaign_id", "round", "kind", "level", "space", "rows", "content_digest", "base_version")
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    CONTENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    BASE_VERSION_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    round: int
    kind: RowKind
    level: Consent
    space: HeadSpace
    rows: int
    content_digest: bytes
    base_version: int
    def __init__(self, campaign_id: _Optional[str] = ..., round: _Optional[int] = ..., kind: _Optional[_Union[RowKind, str]] = ..., level: _Optional[_Union[Consent, str]] = ..., space: _Optional[_Union[HeadSpace, _Mapping]] = ..., rows: _Optional[int] = ..., content_digest: _Optional[bytes] = ..., base_version: _Optional[int] = ...) -> None: ...

class ClassRows(_message.Message):
    __slots__ = ("rows",)
    ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[ClassRow]
    def __init__(self, rows: _Optional[_Iterable[_Union[ClassRow, _Mapping]]] = ...) -> None: ...

class ScatterPiece(_message.Message):
    __slots__ = ("view", "offset", "values")
    VIEW_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    view: int
    offset: int
    values: bytes
    def __init__(self, view: _Optional[int] = ..., offset: _Optional[int] = ..., values: _Optional[bytes] = ...) -> None: ...
