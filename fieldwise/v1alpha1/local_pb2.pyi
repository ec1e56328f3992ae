import datetime

from fieldwise.v1alpha1 import device_pb2 as _device_pb2
from fieldwise.v1alpha1 import limits_pb2 as _limits_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Share(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SHARE_UNSPECIFIED: _ClassVar[Share]
    SHARE_LEARN: _ClassVar[Share]
    SHARE_SELECT: _ClassVar[Share]
    SHARE_JUDGE: _ClassVar[Share]
    SHARE_UNUSED: _ClassVar[Share]
SHARE_UNSPECIFIED: Share
SHARE_LEARN: Share
SHARE_SELECT: Share
SHARE_JUDGE: Share
SHARE_UNUSED: Share

class Image(_message.Message):
    __slots__ = ("encoded", "pixels")
    ENCODED_FIELD_NUMBER: _ClassVar[int]
    PIXELS_FIELD_NUMBER: _ClassVar[int]
    encoded: bytes
    pixels: Pixels
    def __init__(self, encoded: _Optional[bytes] = ..., pixels: _Optional[_Union[Pixels, _Mapping]] = ...) -> None: ...

class Pixels(_message.Message):
    __slots__ = ("height", "width", "rgb")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    RGB_FIELD_NUMBER: _ClassVar[int]
    height: int
    width: int
    rgb: bytes
    def __init__(self, height: _Optional[int] = ..., width: _Optional[int] = ..., rgb: _Optional[bytes] = ...) -> None: ...

class PredictRequest(_message.Message):
    __slots__ = ("image",)
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    image: Image
    def __init__(self, image: _Optional[_Union[Image, _Mapping]] = ...) -> None: ...

class ScoredClass(_message.Message):
    __slots__ = ("name", "confidence")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    confidence: float
    def __init__(self, name: _Optional[str] = ..., confidence: _Optional[float] = ...) -> None: ...

class PredictResponse(_message.Message):
    __slots__ = ("id", "classes", "backbone")
    ID_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    BACKBONE_FIELD_NUMBER: _ClassVar[int]
    id: str
    classes: _containers.RepeatedCompositeFieldContainer[ScoredClass]
    backbone: str
    def __init__(self, id: _Optional[str] = ..., classes: _Optional[_Iterable[_Union[ScoredClass, _Mapping]]] = ..., backbone: _Optional[str] = ...) -> None: ...

class TeachRequest(_message.Message):
    __slots__ = ("image", "class_name", "burst")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    BURST_FIELD_NUMBER: _ClassVar[int]
    image: Image
    class_name: str
    burst: str
    def __init__(self, image: _Optional[_Union[Image, _Mapping]] = ..., class_name: _Optional[str] = ..., burst: _Optional[str] = ...) -> None: ...

class TeachResponse(_message.Message):
    __slots__ = ("sample_id", "share", "predicted")
    SAMPLE_ID_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    PREDICTED_FIELD_NUMBER: _ClassVar[int]
    sample_id: str
    share: Share
    predicted: str
    def __init__(self, sample_id: _Optional[str] = ..., share: _Optional[_Union[Share, str]] = ..., predicted: _Optional[str] = ...) -> None: ...

class FeedbackRequest(_message.Message):
    __slots__ = ("prediction_id", "class_name")
    PREDICTION_ID_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    prediction_id: str
    class_name: str
    def __init__(self, prediction_id: _Optional[str] = ..., class_name: _Optional[str] = ...) -> None: ...

class FeedbackResponse(_message.Message):
    __slots__ = ("sample_id", "share", "predicted")
    SAMPLE_ID_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    PREDICTED_FIELD_NUMBER: _ClassVar[int]
    sample_id: str
    share: Share
    predicted: str
    def __init__(self, sample_id: _Optional[str] = ..., share: _Optional[_Union[Share, str]] = ..., predicted: _Optional[str] = ...) -> None: ...

class GetAgentStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ClassCount(_message.Message):
    __slots__ = ("name", "samples")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    name: str
    samples: int
    def __init__(self, name: _Optional[str] = ..., samples: _Optional[int] = ...) -> None: ...

class GetAgentStatusResponse(_message.Message):
    __slots__ = ("agent_version", "device_id", "fleet", "backbone", "variant", "update", "learning", "vital_signs", "classes", "check_in_time", "check_in_error", "select_correct", "select_samples", "settings_revision", "clock_ahead_seconds", "settings", "lost_samples")
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    FLEET_FIELD_NUMBER: _ClassVar[int]
    BACKBONE_FIELD_NUMBER: _ClassVar[int]
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    LEARNING_FIELD_NUMBER: _ClassVar[int]
    VITAL_SIGNS_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    CHECK_IN_TIME_FIELD_NUMBER: _ClassVar[int]
    CHECK_IN_ERROR_FIELD_NUMBER: _ClassVar[int]
    SELECT_CORRECT_FIELD_NUMBER: _ClassVar[int]
    SELECT_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_REVISION_FIELD_NUMBER: _ClassVar[int]
    CLOCK_AHEAD_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    LOST_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    agent_version: str
    device_id: str
    fleet: str
    backbone: str
    variant: str
    update: _device_pb2.UpdateReport
    learning: _device_pb2.LearningCounters
    vital_signs: _device_pb2.VitalSigns
    classes: _containers.RepeatedCompositeFieldContainer[ClassCount]
    check_in_time: _timestamp_pb2.Timestamp
    check_in_error: str
    select_correct: int
    select_samples: int
    settings_revision: int
    clock_ahead_seconds: int
    settings: _device_pb2.DeviceSettings
    lost_samples: int
    def __init__(self, agent_version: _Optional[str] = ..., device_id: _Optional[str] = ..., fleet: _Optional[str] = ..., backbone: _Optional[str] = ..., variant: _Optional[str] = ..., update: _Optional[_Union[_device_pb2.UpdateReport, _Mapping]] = ..., learning: _Optional[_Union[_device_pb2.LearningCounters, _Mapping]] = ..., vital_signs: _Optional[_Union[_device_pb2.VitalSigns, _Mapping]] = ..., classes: _Optional[_Iterable[_Union[ClassCount, _Mapping]]] = ..., check_in_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., check_in_error: _Optional[str] = ..., select_correct: _Optional[int] = ..., select_samples: _Optional[int] = ..., settings_revision: _Optional[int] = ..., clock_ahead_seconds: _Optional[int] = ..., settings: _Optional[_Union[_device_pb2.DeviceSettings, _Mapping]] = ..., lost_samples: _Optional[int] = ...) -> None: ...

class ListLedgerRequest(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: int
    def __init__(self, entries: _Optional[int] = ...) -> None: ...

class LedgerEntry(_message.Message):
    __slots__ = ("number", "time", "kind", "bytes", "summary", "digest")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    number: int
    time: _timestamp_pb2.Timestamp
    kind: str
    bytes: int
    summary: str
    digest: bytes
    def __init__(self, number: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[str] = ..., bytes: _Optional[int] = ..., summary: _Optional[str] = ..., digest: _Optional[bytes] = ...) -> None: ...

class LedgerTotal(_message.Message):
    __slots__ = ("kind", "messages", "bytes")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    kind: str
    messages: int
    bytes: int
    def __init__(self, kind: _Optional[str] = ..., messages: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class ListLedgerResponse(_message.Message):
    __slots__ = ("entries", "totals")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[LedgerEntry]
    totals: _containers.RepeatedCompositeFieldContainer[LedgerTotal]
    def __init__(self, entries: _Optional[_Iterable[_Union[LedgerEntry, _Mapping]]] = ..., totals: _Optional[_Iterable[_Union[LedgerTotal, _Mapping]]] = ...) -> None: ...

class JoinFleetRequest(_message.Message):
    __slots__ = ("ticket",)
    TICKET_FIELD_NUMBER: _ClassVar[int]
    ticket: str
    def __init__(self, ticket: _Optional[str] = ...) -> None: ...

class JoinFleetResponse(_message.Message):
    __slots__ = ("device_id", "fleet")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    FLEET_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    fleet: str
    def __init__(self, device_id: _Optional[str] = ..., fleet: _Optional[str] = ...) -> None: ...

class LeaveFleetRequest(_message.Message):
    __slots__ = ("wipe",)
    WIPE_FIELD_NUMBER: _ClassVar[int]
    wipe: bool
    def __init__(self, wipe: _Optional[bool] = ...) -> None: ...

class LeaveFleetResponse(_message.Message):
    __slots__ = ("told",)
    TOLD_FIELD_NUMBER: _ClassVar[int]
    told: bool
    def __init__(self, told: _Optional[bool] = ...) -> None: ...

class InstallBackboneRequest(_message.Message):
    __slots__ = ("path",)
    PATH_FIELD_NUMBER: _ClassVar[int]
    path: str
    def __init__(self, path: _Optional[str] = ...) -> None: ...

class InstallBackboneResponse(_message.Message):
    __slots__ = ("digest", "backbone")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    BACKBONE_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    backbone: str
    def __init__(self, digest: _Optional[bytes] = ..., backbone: _Optional[str] = ...) -> None: ...
