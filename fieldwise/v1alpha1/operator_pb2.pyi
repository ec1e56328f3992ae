import datetime

from fieldwise.v1alpha1 import device_pb2 as _device_pb2
from fieldwise.v1alpha1 import enrolment_pb2 as _enrolment_pb2
from fieldwise.v1alpha1 import limits_pb2 as _limits_pb2
from fieldwise.v1alpha1 import rollout_pb2 as _rollout_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeviceState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEVICE_STATE_UNSPECIFIED: _ClassVar[DeviceState]
    DEVICE_STATE_NEW: _ClassVar[DeviceState]
    DEVICE_STATE_HEALTHY: _ClassVar[DeviceState]
    DEVICE_STATE_UPDATING: _ClassVar[DeviceState]
    DEVICE_STATE_FAILED: _ClassVar[DeviceState]
    DEVICE_STATE_WAITING: _ClassVar[DeviceState]
    DEVICE_STATE_OFFLINE: _ClassVar[DeviceState]

class LedgerRewriting(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEDGER_REWRITING_UNSPECIFIED: _ClassVar[LedgerRewriting]
    LEDGER_REWRITING_LOST: _ClassVar[LedgerRewriting]
    LEDGER_REWRITING_DIFFERENT: _ClassVar[LedgerRewriting]
    LEDGER_REWRITING_ALTERED: _ClassVar[LedgerRewriting]

class DiagnosisState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIAGNOSIS_STATE_UNSPECIFIED: _ClassVar[DiagnosisState]
    DIAGNOSIS_STATE_ASKED: _ClassVar[DiagnosisState]
    DIAGNOSIS_STATE_UNSUPPORTED: _ClassVar[DiagnosisState]
    DIAGNOSIS_STATE_WAITING: _ClassVar[DiagnosisState]
    DIAGNOSIS_STATE_REFUSED: _ClassVar[DiagnosisState]
    DIAGNOSIS_STATE_GIVEN: _ClassVar[DiagnosisState]
    DIAGNOSIS_STATE_EXPIRED: _ClassVar[DiagnosisState]
DEVICE_STATE_UNSPECIFIED: DeviceState
DEVICE_STATE_NEW: DeviceState
DEVICE_STATE_HEALTHY: DeviceState
DEVICE_STATE_UPDATING: DeviceState
DEVICE_STATE_FAILED: DeviceState
DEVICE_STATE_WAITING: DeviceState
DEVICE_STATE_OFFLINE: DeviceState
LEDGER_REWRITING_UNSPECIFIED: LedgerRewriting
LEDGER_REWRITING_LOST: LedgerRewriting
LEDGER_REWRITING_DIFFERENT: LedgerRewriting
LEDGER_REWRITING_ALTERED: LedgerRewriting
DIAGNOSIS_STATE_UNSPECIFIED: DiagnosisState
DIAGNOSIS_STATE_ASKED: DiagnosisState
DIAGNOSIS_STATE_UNSUPPORTED: DiagnosisState
DIAGNOSIS_STATE_WAITING: DiagnosisState
DIAGNOSIS_STATE_REFUSED: DiagnosisState
DIAGNOSIS_STATE_GIVEN: DiagnosisState
DIAGNOSIS_STATE_EXPIRED: DiagnosisState

class Ticket(_message.Message):
    __slots__ = ("id", "create_time", "expire_time", "uses_allowed", "uses", "revoked", "tags", "needs_word")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    USES_ALLOWED_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    NEEDS_WORD_FIELD_NUMBER: _ClassVar[int]
    id: str
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    uses_allowed: int
    uses: int
    revoked: bool
    tags: _containers.ScalarMap[str, str]
    needs_word: bool
    def __init__(self, id: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., uses_allowed: _Optional[int] = ..., uses: _Optional[int] = ..., revoked: _Optional[bool] = ..., tags: _Optional[_Mapping[str, str]] = ..., needs_word: _Optional[bool] = ...) -> None: ...

class CreateTicketRequest(_message.Message):
    __slots__ = ("uses", "lifetime_seconds", "tags", "request", "needs_word")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    USES_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_SECONDS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    NEEDS_WORD_FIELD_NUMBER: _ClassVar[int]
    uses: int
    lifetime_seconds: int
    tags: _containers.ScalarMap[str, str]
    request: str
    needs_word: bool
    def __init__(self, uses: _Optional[int] = ..., lifetime_seconds: _Optional[int] = ..., tags: _Optional[_Mapping[str, str]] = ..., request: _Optional[str] = ..., needs_word: _Optional[bool] = ...) -> None: ...

class CreateTicketResponse(_message.Message):
    __slots__ = ("ticket", "token")
    TICKET_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    ticket: Ticket
    token: str
    def __init__(self, ticket: _Optional[_Union[Ticket, _Mapping]] = ..., token: _Optional[str] = ...) -> None: ...

class ListTicketsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTicketsResponse(_message.Message):
    __slots__ = ("tickets", "next_page_token")
    TICKETS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tickets: _containers.RepeatedCompositeFieldContainer[Ticket]
    next_page_token: str
    def __init__(self, tickets: _Optional[_Iterable[_Union[Ticket, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RevokeTicketRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class RevokeTicketResponse(_message.Message):
    __slots__ = ("ticket",)
    TICKET_FIELD_NUMBER: _ClassVar[int]
    ticket: Ticket
    def __init__(self, ticket: _Optional[_Union[Ticket, _Mapping]] = ...) -> None: ...

class LedgerMark(_message.Message):
    __slots__ = ("head", "tell_time")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    TELL_TIME_FIELD_NUMBER: _ClassVar[int]
    head: _device_pb2.LedgerHead
    tell_time: _timestamp_pb2.Timestamp
    def __init__(self, head: _Optional[_Union[_device_pb2.LedgerHead, _Mapping]] = ..., tell_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class LedgerFinding(_message.Message):
    __slots__ = ("how", "time", "before", "after")
    HOW_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    how: LedgerRewriting
    time: _timestamp_pb2.Timestamp
    before: _device_pb2.LedgerHead
    after: _device_pb2.LedgerHead
    def __init__(self, how: _Optional[_Union[LedgerRewriting, str]] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., before: _Optional[_Union[_device_pb2.LedgerHead, _Mapping]] = ..., after: _Optional[_Union[_device_pb2.LedgerHead, _Mapping]] = ...) -> None: ...

class FleetLedger(_message.Message):
    __slots__ = ("newest", "told", "marks", "rewritings", "finding")
    NEWEST_FIELD_NUMBER: _ClassVar[int]
    TOLD_FIELD_NUMBER: _ClassVar[int]
    MARKS_FIELD_NUMBER: _ClassVar[int]
    REWRITINGS_FIELD_NUMBER: _ClassVar[int]
    FINDING_FIELD_NUMBER: _ClassVar[int]
    newest: LedgerMark
    told: bool
    marks: _containers.RepeatedCompositeFieldContainer[LedgerMark]
    rewritings: int
    finding: LedgerFinding
    def __init__(self, newest: _Optional[_Union[LedgerMark, _Mapping]] = ..., told: _Optional[bool] = ..., marks: _Optional[_Iterable[_Union[LedgerMark, _Mapping]]] = ..., rewritings: _Optional[int] = ..., finding: _Optional[_Union[LedgerFinding, _Mapping]] = ...) -> None: ...

class FleetDevice(_message.Message):
    __slots__ = ("id", "tags", "state", "enrol_time", "check_in_time", "certificate_expire_time", "facts", "report", "target", "settings", "ledger", "deny_time")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ENROL_TIME_FIELD_NUMBER: _ClassVar[int]
    CHECK_IN_TIME_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    DENY_TIME_FIELD_NUMBER: _ClassVar[int]
    id: str
    tags: _containers.ScalarMap[str, str]
    state: DeviceState
    enrol_time: _timestamp_pb2.Timestamp
    check_in_time: _timestamp_pb2.Timestamp
    certificate_expire_time: _timestamp_pb2.Timestamp
    facts: _enrolment_pb2.DeviceFacts
    report: _device_pb2.CheckInRequest
    target: _device_pb2.Target
    settings: _device_pb2.SettingsRevision
    ledger: FleetLedger
    deny_time: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ..., state: _Optional[_Union[DeviceState, str]] = ..., enrol_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., check_in_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., certificate_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., facts: _Optional[_Union[_enrolment_pb2.DeviceFacts, _Mapping]] = ..., report: _Optional[_Union[_device_pb2.CheckInRequest, _Mapping]] = ..., target: _Optional[_Union[_device_pb2.Target, _Mapping]] = ..., settings: _Optional[_Union[_device_pb2.SettingsRevision, _Mapping]] = ..., ledger: _Optional[_Union[FleetLedger, _Mapping]] = ..., deny_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListDevicesRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "cohort")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    COHORT_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    cohort: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., cohort: _Optional[str] = ...) -> None: ...

class ListDevicesResponse(_message.Message):
    __slots__ = ("devices", "next_page_token")
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[FleetDevice]
    next_page_token: str
    def __init__(self, devices: _Optional[_Iterable[_Union[FleetDevice, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetDeviceRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetDeviceResponse(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: FleetDevice
    def __init__(self, device: _Optional[_Union[FleetDevice, _Mapping]] = ...) -> None: ...

class UpdateDeviceTagsRequest(_message.Message):
    __slots__ = ("id", "set", "unset")
    class SetEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
    UNSET_FIELD_NUMBER: _ClassVar[int]
    id: str
    set: _containers.ScalarMap[str, str]
    unset: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., set: _Optional[_Mapping[str, str]] = ..., unset: _Optional[_Iterable[str]] = ...) -> None: ...

class UpdateDeviceTagsResponse(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: FleetDevice
    def __init__(self, device: _Optional[_Union[FleetDevice, _Mapping]] = ...) -> None: ...

class DeleteDeviceRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class DeleteDeviceResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PushBackboneRequest(_message.Message):
    __slots__ = ("content",)
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    def __init__(self, content: _Optional[bytes] = ...) -> None: ...

class PushBackboneResponse(_message.Message):
    __slots__ = ("backbone", "created")
    BACKBONE_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    backbone: Backbone
    created: bool
    def __init__(self, backbone: _Optional[_Union[Backbone, _Mapping]] = ..., created: _Optional[bool] = ...) -> None: ...

class BackboneLook(_message.Message):
    __slots__ = ("name", "image_size", "readings", "feature_width")
    NAME_FIELD_NUMBER: _ClassVar[int]
    IMAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    READINGS_FIELD_NUMBER: _ClassVar[int]
    FEATURE_WIDTH_FIELD_NUMBER: _ClassVar[int]
    name: str
    image_size: int
    readings: int
    feature_width: int
    def __init__(self, name: _Optional[str] = ..., image_size: _Optional[int] = ..., readings: _Optional[int] = ..., feature_width: _Optional[int] = ...) -> None: ...

class BackboneVariant(_message.Message):
    __slots__ = ("name", "graph_bytes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GRAPH_BYTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    graph_bytes: int
    def __init__(self, name: _Optional[str] = ..., graph_bytes: _Optional[int] = ...) -> None: ...

class Backbone(_message.Message):
    __slots__ = ("digest", "name", "version", "epoch", "publisher", "licence", "source", "feature_width", "image_size", "variants", "starter_classes", "create_time", "devices", "looks", "recall_time")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PUBLISHER_FIELD_NUMBER: _ClassVar[int]
    LICENCE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    FEATURE_WIDTH_FIELD_NUMBER: _ClassVar[int]
    IMAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    VARIANTS_FIELD_NUMBER: _ClassVar[int]
    STARTER_CLASSES_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    LOOKS_FIELD_NUMBER: _ClassVar[int]
    RECALL_TIME_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    name: str
    version: str
    epoch: int
    publisher: str
    licence: str
    source: str
    feature_width: int
    image_size: int
    variants: _containers.RepeatedCompositeFieldContainer[BackboneVariant]
    starter_classes: int
    create_time: _timestamp_pb2.Timestamp
    devices: int
    looks: _containers.RepeatedCompositeFieldContainer[BackboneLook]
    recall_time: _timestamp_pb2.Timestamp
    def __init__(self, digest: _Optional[bytes] = ..., name: _Optional[str] = ..., version: _Optional[str] = ..., epoch: _Optional[int] = ..., publisher: _Optional[str] = ..., licence: _Optional[str] = ..., source: _Optional[str] = ..., feature_width: _Optional[int] = ..., image_size: _Optional[int] = ..., variants: _Optional[_Iterable[_Union[BackboneVariant, _Mapping]]] = ..., starter_classes: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., devices: _Optional[int] = ..., looks: _Optional[_Iterable[_Union[BackboneLook, _Mapping]]] = ..., recall_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListBackbonesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListBackbonesResponse(_message.Message):
    __slots__ = ("backbones", "next_page_token")
    BACKBONES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    backbones: _containers.RepeatedCompositeFieldContainer[Backbone]
    next_page_token: str
    def __init__(self, backbones: _Optional[_Iterable[_Union[Backbone, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetBackboneRequest(_message.Message):
    __slots__ = ("reference",)
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    reference: str
    def __init__(self, reference: _Optional[str] = ...) -> None: ...

class GetBackboneResponse(_message.Message):
    __slots__ = ("backbone",)
    BACKBONE_FIELD_NUMBER: _ClassVar[int]
    backbone: Backbone
    def __init__(self, backbone: _Optional[_Union[Backbone, _Mapping]] = ...) -> None: ...

class RecallBackboneRequest(_message.Message):
    __slots__ = ("reference",)
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    reference: str
    def __init__(self, reference: _Optional[str] = ...) -> None: ...

class RecallBackboneResponse(_message.Message):
    __slots__ = ("backbone", "rollout_ids")
    BACKBONE_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_IDS_FIELD_NUMBER: _ClassVar[int]
    backbone: Backbone
    rollout_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, backbone: _Optional[_Union[Backbone, _Mapping]] = ..., rollout_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class StartRolloutRequest(_message.Message):
    __slots__ = ("plan", "validate_only", "request")
    PLAN_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    plan: _rollout_pb2.RolloutPlan
    validate_only: bool
    request: str
    def __init__(self, plan: _Optional[_Union[_rollout_pb2.RolloutPlan, _Mapping]] = ..., validate_only: _Optional[bool] = ..., request: _Optional[str] = ...) -> None: ...

class StartRolloutResponse(_message.Message):
    __slots__ = ("rollout", "preview")
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    rollout: _rollout_pb2.Rollout
    preview: _rollout_pb2.RolloutPreview
    def __init__(self, rollout: _Optional[_Union[_rollout_pb2.Rollout, _Mapping]] = ..., preview: _Optional[_Union[_rollout_pb2.RolloutPreview, _Mapping]] = ...) -> None: ...

class ListPreviewedDevicesRequest(_message.Message):
    __slots__ = ("plan", "rollout_id", "page_size", "page_token")
    PLAN_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    plan: _rollout_pb2.RolloutPlan
    rollout_id: str
    page_size: int
    page_token: str
    def __init__(self, plan: _Optional[_Union[_rollout_pb2.RolloutPlan, _Mapping]] = ..., rollout_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPreviewedDevicesResponse(_message.Message):
    __slots__ = ("devices", "next_page_token")
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[_rollout_pb2.PreviewedDevice]
    next_page_token: str
    def __init__(self, devices: _Optional[_Iterable[_Union[_rollout_pb2.PreviewedDevice, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListRolloutsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRolloutsResponse(_message.Message):
    __slots__ = ("rollouts", "next_page_token")
    ROLLOUTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    rollouts: _containers.RepeatedCompositeFieldContainer[_rollout_pb2.Rollout]
    next_page_token: str
    def __init__(self, rollouts: _Optional[_Iterable[_Union[_rollout_pb2.Rollout, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetRolloutRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetRolloutResponse(_message.Message):
    __slots__ = ("rollout",)
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    rollout: _rollout_pb2.Rollout
    def __init__(self, rollout: _Optional[_Union[_rollout_pb2.Rollout, _Mapping]] = ...) -> None: ...

class ListRolloutEventsRequest(_message.Message):
    __slots__ = ("id", "page_size", "page_token")
    ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    id: str
    page_size: int
    page_token: str
    def __init__(self, id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRolloutEventsResponse(_message.Message):
    __slots__ = ("events", "next_page_token")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_rollout_pb2.RolloutEvent]
    next_page_token: str
    def __init__(self, events: _Optional[_Iterable[_Union[_rollout_pb2.RolloutEvent, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListRolloutDevicesRequest(_message.Message):
    __slots__ = ("id", "place", "page_size", "page_token")
    ID_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    id: str
    place: str
    page_size: int
    page_token: str
    def __init__(self, id: _Optional[str] = ..., place: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRolloutDevicesResponse(_message.Message):
    __slots__ = ("devices", "next_page_token")
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[_rollout_pb2.RolloutDevice]
    next_page_token: str
    def __init__(self, devices: _Optional[_Iterable[_Union[_rollout_pb2.RolloutDevice, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PauseRolloutRequest(_message.Message):
    __slots__ = ("id", "now")
    ID_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    id: str
    now: bool
    def __init__(self, id: _Optional[str] = ..., now: _Optional[bool] = ...) -> None: ...

class PauseRolloutResponse(_message.Message):
    __slots__ = ("change",)
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: _rollout_pb2.RolloutChange
    def __init__(self, change: _Optional[_Union[_rollout_pb2.RolloutChange, _Mapping]] = ...) -> None: ...

class ResumeRolloutRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ResumeRolloutResponse(_message.Message):
    __slots__ = ("change",)
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: _rollout_pb2.RolloutChange
    def __init__(self, change: _Optional[_Union[_rollout_pb2.RolloutChange, _Mapping]] = ...) -> None: ...

class PromoteRolloutRequest(_message.Message):
    __slots__ = ("id", "to_end", "wave")
    ID_FIELD_NUMBER: _ClassVar[int]
    TO_END_FIELD_NUMBER: _ClassVar[int]
    WAVE_FIELD_NUMBER: _ClassVar[int]
    id: str
    to_end: bool
    wave: int
    def __init__(self, id: _Optional[str] = ..., to_end: _Optional[bool] = ..., wave: _Optional[int] = ...) -> None: ...

class PromoteRolloutResponse(_message.Message):
    __slots__ = ("change",)
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: _rollout_pb2.RolloutChange
    def __init__(self, change: _Optional[_Union[_rollout_pb2.RolloutChange, _Mapping]] = ...) -> None: ...

class AbortRolloutRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class AbortRolloutResponse(_message.Message):
    __slots__ = ("change",)
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: _rollout_pb2.RolloutChange
    def __init__(self, change: _Optional[_Union[_rollout_pb2.RolloutChange, _Mapping]] = ...) -> None: ...

class HoldRolloutRequest(_message.Message):
    __slots__ = ("id", "now")
    ID_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    id: str
    now: bool
    def __init__(self, id: _Optional[str] = ..., now: _Optional[bool] = ...) -> None: ...

class HoldRolloutResponse(_message.Message):
    __slots__ = ("change",)
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: _rollout_pb2.RolloutChange
    def __init__(self, change: _Optional[_Union[_rollout_pb2.RolloutChange, _Mapping]] = ...) -> None: ...

class RetryRolloutRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class RetryRolloutResponse(_message.Message):
    __slots__ = ("change",)
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: _rollout_pb2.RolloutChange
    def __init__(self, change: _Optional[_Union[_rollout_pb2.RolloutChange, _Mapping]] = ...) -> None: ...

class UndoRolloutRequest(_message.Message):
    __slots__ = ("id", "to", "request")
    ID_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    id: str
    to: str
    request: str
    def __init__(self, id: _Optional[str] = ..., to: _Optional[str] = ..., request: _Optional[str] = ...) -> None: ...

class UndoRolloutResponse(_message.Message):
    __slots__ = ("change",)
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: _rollout_pb2.RolloutChange
    def __init__(self, change: _Optional[_Union[_rollout_pb2.RolloutChange, _Mapping]] = ...) -> None: ...

class ExplainDeviceRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ExplainDeviceResponse(_message.Message):
    __slots__ = ("explanation",)
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    explanation: _rollout_pb2.DeviceExplanation
    def __init__(self, explanation: _Optional[_Union[_rollout_pb2.DeviceExplanation, _Mapping]] = ...) -> None: ...

class ApplySettingsRequest(_message.Message):
    __slots__ = ("cohort", "settings")
    COHORT_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    cohort: str
    settings: _device_pb2.DeviceSettings
    def __init__(self, cohort: _Optional[str] = ..., settings: _Optional[_Union[_device_pb2.DeviceSettings, _Mapping]] = ...) -> None: ...

class ApplySettingsResponse(_message.Message):
    __slots__ = ("devices",)
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    devices: int
    def __init__(self, devices: _Optional[int] = ...) -> None: ...

class GetFleetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetFleetStatusResponse(_message.Message):
    __slots__ = ("version", "fleet", "devices_by_state", "devices_by_backbone", "rollouts_running", "tickets_open", "rollouts_by_phase")
    class DevicesByStateEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class DevicesByBackboneEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class RolloutsByPhaseEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    VERSION_FIELD_NUMBER: _ClassVar[int]
    FLEET_FIELD_NUMBER: _ClassVar[int]
    DEVICES_BY_STATE_FIELD_NUMBER: _ClassVar[int]
    DEVICES_BY_BACKBONE_FIELD_NUMBER: _ClassVar[int]
    ROLLOUTS_RUNNING_FIELD_NUMBER: _ClassVar[int]
    TICKETS_OPEN_FIELD_NUMBER: _ClassVar[int]
    ROLLOUTS_BY_PHASE_FIELD_NUMBER: _ClassVar[int]
    version: str
    fleet: str
    devices_by_state: _containers.ScalarMap[str, int]
    devices_by_backbone: _containers.ScalarMap[str, int]
    rollouts_running: int
    tickets_open: int
    rollouts_by_phase: _containers.ScalarMap[str, int]
    def __init__(self, version: _Optional[str] = ..., fleet: _Optional[str] = ..., devices_by_state: _Optional[_Mapping[str, int]] = ..., devices_by_backbone: _Optional[_Mapping[str, int]] = ..., rollouts_running: _Optional[int] = ..., tickets_open: _Optional[int] = ..., rollouts_by_phase: _Optional[_Mapping[str, int]] = ...) -> None: ...

class AskedDiagnosis(_message.Message):
    __slots__ = ("id", "device_id", "state", "create_time", "expire_time", "answer_time", "diagnosis")
    ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    ANSWER_TIME_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSIS_FIELD_NUMBER: _ClassVar[int]
    id: str
    device_id: str
    state: DiagnosisState
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    answer_time: _timestamp_pb2.Timestamp
    diagnosis: _device_pb2.Diagnosis
    def __init__(self, id: _Optional[str] = ..., device_id: _Optional[str] = ..., state: _Optional[_Union[DiagnosisState, str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., answer_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., diagnosis: _Optional[_Union[_device_pb2.Diagnosis, _Mapping]] = ...) -> None: ...

class AskDiagnosisRequest(_message.Message):
    __slots__ = ("device_id", "lifetime_seconds", "again")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_SECONDS_FIELD_NUMBER: _ClassVar[int]
    AGAIN_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    lifetime_seconds: int
    again: bool
    def __init__(self, device_id: _Optional[str] = ..., lifetime_seconds: _Optional[int] = ..., again: _Optional[bool] = ...) -> None: ...

class AskDiagnosisResponse(_message.Message):
    __slots__ = ("asked",)
    ASKED_FIELD_NUMBER: _ClassVar[int]
    asked: AskedDiagnosis
    def __init__(self, asked: _Optional[_Union[AskedDiagnosis, _Mapping]] = ...) -> None: ...

class ListDiagnosesRequest(_message.Message):
    __slots__ = ("device_id",)
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    def __init__(self, device_id: _Optional[str] = ...) -> None: ...

class ListDiagnosesResponse(_message.Message):
    __slots__ = ("diagnoses",)
    DIAGNOSES_FIELD_NUMBER: _ClassVar[int]
    diagnoses: _containers.RepeatedCompositeFieldContainer[AskedDiagnosis]
    def __init__(self, diagnoses: _Optional[_Iterable[_Union[AskedDiagnosis, _Mapping]]] = ...) -> None: ...
