from fieldwise.v1alpha1 import enrolment_pb2 as _enrolment_pb2
from fieldwise.v1alpha1 import limits_pb2 as _limits_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UpdatePhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UPDATE_PHASE_UNSPECIFIED: _ClassVar[UpdatePhase]
    UPDATE_PHASE_IDLE: _ClassVar[UpdatePhase]
    UPDATE_PHASE_FETCHING: _ClassVar[UpdatePhase]
    UPDATE_PHASE_VERIFYING: _ClassVar[UpdatePhase]
    UPDATE_PHASE_MIGRATING: _ClassVar[UpdatePhase]
    UPDATE_PHASE_ACTIVE: _ClassVar[UpdatePhase]
    UPDATE_PHASE_REVERTED: _ClassVar[UpdatePhase]

class UpdateFailure(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UPDATE_FAILURE_UNSPECIFIED: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_DIGEST_MISMATCH: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_BUNDLE_INVALID: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_UNSUITABLE: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_DISK_FULL: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_LOAD_FAILED: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_GOLDEN_MISMATCH: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_MIGRATION_FAILED: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_NOT_AVAILABLE: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_INTERNAL: _ClassVar[UpdateFailure]
UPDATE_PHASE_UNSPECIFIED: UpdatePhase
UPDATE_PHASE_IDLE: UpdatePhase
UPDATE_PHASE_FETCHING: UpdatePhase
UPDATE_PHASE_VERIFYING: UpdatePhase
UPDATE_PHASE_MIGRATING: UpdatePhase
UPDATE_PHASE_ACTIVE: UpdatePhase
UPDATE_PHASE_REVERTED: UpdatePhase
UPDATE_FAILURE_UNSPECIFIED: UpdateFailure
UPDATE_FAILURE_DIGEST_MISMATCH: UpdateFailure
UPDATE_FAILURE_BUNDLE_INVALID: UpdateFailure
UPDATE_FAILURE_UNSUITABLE: UpdateFailure
UPDATE_FAILURE_DISK_FULL: UpdateFailure
UPDATE_FAILURE_LOAD_FAILED: UpdateFailure
UPDATE_FAILURE_GOLDEN_MISMATCH: UpdateFailure
UPDATE_FAILURE_MIGRATION_FAILED: UpdateFailure
UPDATE_FAILURE_NOT_AVAILABLE: UpdateFailure
UPDATE_FAILURE_INTERNAL: UpdateFailure

class UpdateReport(_message.Message):
    __slots__ = ("generation", "bundle_digest", "phase", "failure")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    generation: int
    bundle_digest: bytes
    phase: UpdatePhase
    failure: UpdateFailure
    def __init__(self, generation: _Optional[int] = ..., bundle_digest: _Optional[bytes] = ..., phase: _Optional[_Union[UpdatePhase, str]] = ..., failure: _Optional[_Union[UpdateFailure, str]] = ...) -> None: ...

class VitalSigns(_message.Message):
    __slots__ = ("uptime_seconds", "resident_bytes", "state_bytes", "disk_free_bytes", "predictions", "prediction_errors", "prediction_p50_micros", "prediction_p99_micros")
    UPTIME_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RESIDENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    STATE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DISK_FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_ERRORS_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_P50_MICROS_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_P99_MICROS_FIELD_NUMBER: _ClassVar[int]
    uptime_seconds: int
    resident_bytes: int
    state_bytes: int
    disk_free_bytes: int
    predictions: int
    prediction_errors: int
    prediction_p50_micros: int
    prediction_p99_micros: int
    def __init__(self, uptime_seconds: _Optional[int] = ..., resident_bytes: _Optional[int] = ..., state_bytes: _Optional[int] = ..., disk_free_bytes: _Optional[int] = ..., predictions: _Optional[int] = ..., prediction_errors: _Optional[int] = ..., prediction_p50_micros: _Optional[int] = ..., prediction_p99_micros: _Optional[int] = ...) -> None: ...

class LearningCounters(_message.Message):
    __slots__ = ("samples", "classes", "select_samples", "judge_samples", "exemplars", "exemplar_bytes", "window_samples", "window_correct", "window_last_label_correct")
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    SELECT_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    JUDGE_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    EXEMPLARS_FIELD_NUMBER: _ClassVar[int]
    EXEMPLAR_BYTES_FIELD_NUMBER: _ClassVar[int]
    WINDOW_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    WINDOW_CORRECT_FIELD_NUMBER: _ClassVar[int]
    WINDOW_LAST_LABEL_CORRECT_FIELD_NUMBER: _ClassVar[int]
    samples: int
    classes: int
    select_samples: int
    judge_samples: int
    exemplars: int
    exemplar_bytes: int
    window_samples: int
    window_correct: int
    window_last_label_correct: int
    def __init__(self, samples: _Optional[int] = ..., classes: _Optional[int] = ..., select_samples: _Optional[int] = ..., judge_samples: _Optional[int] = ..., exemplars: _Optional[int] = ..., exemplar_bytes: _Optional[int] = ..., window_samples: _Optional[int] = ..., window_correct: _Optional[int] = ..., window_last_label_correct: _Optional[int] = ...) -> None: ...

class CheckInRequest(_message.Message):
    __slots__ = ("incarnation", "sequence", "generation", "bundle_in_use", "variant_in_use", "update", "vital_signs", "learning", "agent_version", "settings_revision")
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_IN_USE_FIELD_NUMBER: _ClassVar[int]
    VARIANT_IN_USE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    VITAL_SIGNS_FIELD_NUMBER: _ClassVar[int]
    LEARNING_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_REVISION_FIELD_NUMBER: _ClassVar[int]
    incarnation: int
    sequence: int
    generation: int
    bundle_in_use: bytes
    variant_in_use: str
    update: UpdateReport
    vital_signs: VitalSigns
    learning: LearningCounters
    agent_version: str
    settings_revision: int
    def __init__(self, incarnation: _Optional[int] = ..., sequence: _Optional[int] = ..., generation: _Optional[int] = ..., bundle_in_use: _Optional[bytes] = ..., variant_in_use: _Optional[str] = ..., update: _Optional[_Union[UpdateReport, _Mapping]] = ..., vital_signs: _Optional[_Union[VitalSigns, _Mapping]] = ..., learning: _Optional[_Union[LearningCounters, _Mapping]] = ..., agent_version: _Optional[str] = ..., settings_revision: _Optional[int] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("generation", "bundle_digest")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    generation: int
    bundle_digest: bytes
    def __init__(self, generation: _Optional[int] = ..., bundle_digest: _Optional[bytes] = ...) -> None: ...

class StartPermit(_message.Message):
    __slots__ = ("generation", "seconds")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    generation: int
    seconds: int
    def __init__(self, generation: _Optional[int] = ..., seconds: _Optional[int] = ...) -> None: ...

class DeviceSettings(_message.Message):
    __slots__ = ("exemplar_bytes_max", "shrinkage", "learning_paused", "retention_days")
    EXEMPLAR_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    SHRINKAGE_FIELD_NUMBER: _ClassVar[int]
    LEARNING_PAUSED_FIELD_NUMBER: _ClassVar[int]
    RETENTION_DAYS_FIELD_NUMBER: _ClassVar[int]
    exemplar_bytes_max: int
    shrinkage: float
    learning_paused: bool
    retention_days: int
    def __init__(self, exemplar_bytes_max: _Optional[int] = ..., shrinkage: _Optional[float] = ..., learning_paused: _Optional[bool] = ..., retention_days: _Optional[int] = ...) -> None: ...

class SettingsRevision(_message.Message):
    __slots__ = ("revision", "settings")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    revision: int
    settings: DeviceSettings
    def __init__(self, revision: _Optional[int] = ..., settings: _Optional[_Union[DeviceSettings, _Mapping]] = ...) -> None: ...

class CheckInResponse(_message.Message):
    __slots__ = ("target", "permit", "settings", "next_seconds", "unix_seconds")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    PERMIT_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    UNIX_SECONDS_FIELD_NUMBER: _ClassVar[int]
    target: Target
    permit: StartPermit
    settings: SettingsRevision
    next_seconds: int
    unix_seconds: int
    def __init__(self, target: _Optional[_Union[Target, _Mapping]] = ..., permit: _Optional[_Union[StartPermit, _Mapping]] = ..., settings: _Optional[_Union[SettingsRevision, _Mapping]] = ..., next_seconds: _Optional[int] = ..., unix_seconds: _Optional[int] = ...) -> None: ...

class DownloadRequest(_message.Message):
    __slots__ = ("digest", "offset")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    offset: int
    def __init__(self, digest: _Optional[bytes] = ..., offset: _Optional[int] = ...) -> None: ...

class DownloadResponse(_message.Message):
    __slots__ = ("offset", "content", "total_bytes")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    offset: int
    content: bytes
    total_bytes: int
    def __init__(self, offset: _Optional[int] = ..., content: _Optional[bytes] = ..., total_bytes: _Optional[int] = ...) -> None: ...

class RenewRequest(_message.Message):
    __slots__ = ("certificate_request",)
    CERTIFICATE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    certificate_request: bytes
    def __init__(self, certificate_request: _Optional[bytes] = ...) -> None: ...

class RenewResponse(_message.Message):
    __slots__ = ("credentials",)
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    credentials: _enrolment_pb2.Credentials
    def __init__(self, credentials: _Optional[_Union[_enrolment_pb2.Credentials, _Mapping]] = ...) -> None: ...

class LeaveRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LeaveResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
