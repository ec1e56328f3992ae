import datetime

from fieldwise.v1alpha1 import federation_pb2 as _federation_pb2
from fieldwise.v1alpha1 import limits_pb2 as _limits_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CampaignPhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CAMPAIGN_PHASE_UNSPECIFIED: _ClassVar[CampaignPhase]
    CAMPAIGN_PHASE_RUNNING: _ClassVar[CampaignPhase]
    CAMPAIGN_PHASE_STOPPED: _ClassVar[CampaignPhase]
    CAMPAIGN_PHASE_COMPLETE: _ClassVar[CampaignPhase]
    CAMPAIGN_PHASE_FAILED: _ClassVar[CampaignPhase]

class RoundPhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROUND_PHASE_UNSPECIFIED: _ClassVar[RoundPhase]
    ROUND_PHASE_OPEN: _ClassVar[RoundPhase]
    ROUND_PHASE_CLOSED: _ClassVar[RoundPhase]
    ROUND_PHASE_COMMITTED: _ClassVar[RoundPhase]
    ROUND_PHASE_MISSED: _ClassVar[RoundPhase]
    ROUND_PHASE_DROPPED: _ClassVar[RoundPhase]
    ROUND_PHASE_UNCHANGED: _ClassVar[RoundPhase]
CAMPAIGN_PHASE_UNSPECIFIED: CampaignPhase
CAMPAIGN_PHASE_RUNNING: CampaignPhase
CAMPAIGN_PHASE_STOPPED: CampaignPhase
CAMPAIGN_PHASE_COMPLETE: CampaignPhase
CAMPAIGN_PHASE_FAILED: CampaignPhase
ROUND_PHASE_UNSPECIFIED: RoundPhase
ROUND_PHASE_OPEN: RoundPhase
ROUND_PHASE_CLOSED: RoundPhase
ROUND_PHASE_COMMITTED: RoundPhase
ROUND_PHASE_MISSED: RoundPhase
ROUND_PHASE_DROPPED: RoundPhase
ROUND_PHASE_UNCHANGED: RoundPhase

class CampaignPlan(_message.Message):
    __slots__ = ("backbone", "cohort", "classes", "kind", "level", "strategy", "options", "rounds", "quorum", "participants", "over_selection", "deadline_seconds", "pause_seconds", "only_idle", "only_on_conditions", "norm_max", "noise", "samples_min")
    class OptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    BACKBONE_FIELD_NUMBER: _ClassVar[int]
    COHORT_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_FIELD_NUMBER: _ClassVar[int]
    QUORUM_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANTS_FIELD_NUMBER: _ClassVar[int]
    OVER_SELECTION_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    PAUSE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    ONLY_IDLE_FIELD_NUMBER: _ClassVar[int]
    ONLY_ON_CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    NORM_MAX_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_MIN_FIELD_NUMBER: _ClassVar[int]
    backbone: str
    cohort: str
    classes: _containers.RepeatedScalarFieldContainer[str]
    kind: _federation_pb2.RowKind
    level: _federation_pb2.Consent
    strategy: str
    options: _containers.ScalarMap[str, float]
    rounds: int
    quorum: int
    participants: int
    over_selection: float
    deadline_seconds: int
    pause_seconds: int
    only_idle: bool
    only_on_conditions: bool
    norm_max: float
    noise: float
    samples_min: int
    def __init__(self, backbone: _Optional[str] = ..., cohort: _Optional[str] = ..., classes: _Optional[_Iterable[str]] = ..., kind: _Optional[_Union[_federation_pb2.RowKind, str]] = ..., level: _Optional[_Union[_federation_pb2.Consent, str]] = ..., strategy: _Optional[str] = ..., options: _Optional[_Mapping[str, float]] = ..., rounds: _Optional[int] = ..., quorum: _Optional[int] = ..., participants: _Optional[int] = ..., over_selection: _Optional[float] = ..., deadline_seconds: _Optional[int] = ..., pause_seconds: _Optional[int] = ..., only_idle: _Optional[bool] = ..., only_on_conditions: _Optional[bool] = ..., norm_max: _Optional[float] = ..., noise: _Optional[float] = ..., samples_min: _Optional[int] = ...) -> None: ...

class CampaignRound(_message.Message):
    __slots__ = ("round", "phase", "open_time", "end_time", "deadline", "asked", "taken", "declined", "refused", "bytes", "version", "classes", "classes_held_back", "rows_left_out", "wanted", "unchanged")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    OPEN_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    TAKEN_FIELD_NUMBER: _ClassVar[int]
    DECLINED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    CLASSES_HELD_BACK_FIELD_NUMBER: _ClassVar[int]
    ROWS_LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    round: int
    phase: RoundPhase
    open_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    deadline: _timestamp_pb2.Timestamp
    asked: int
    taken: int
    declined: int
    refused: int
    bytes: int
    version: int
    classes: int
    classes_held_back: int
    rows_left_out: int
    wanted: int
    unchanged: int
    def __init__(self, round: _Optional[int] = ..., phase: _Optional[_Union[RoundPhase, str]] = ..., open_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deadline: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., asked: _Optional[int] = ..., taken: _Optional[int] = ..., declined: _Optional[int] = ..., refused: _Optional[int] = ..., bytes: _Optional[int] = ..., version: _Optional[int] = ..., classes: _Optional[int] = ..., classes_held_back: _Optional[int] = ..., rows_left_out: _Optional[int] = ..., wanted: _Optional[int] = ..., unchanged: _Optional[int] = ...) -> None: ...

class HeadVersion(_message.Message):
    __slots__ = ("head", "create_time", "round", "back_to", "adopted", "not_chosen", "harm", "too_few", "unsuitable")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    BACK_TO_FIELD_NUMBER: _ClassVar[int]
    ADOPTED_FIELD_NUMBER: _ClassVar[int]
    NOT_CHOSEN_FIELD_NUMBER: _ClassVar[int]
    HARM_FIELD_NUMBER: _ClassVar[int]
    TOO_FEW_FIELD_NUMBER: _ClassVar[int]
    UNSUITABLE_FIELD_NUMBER: _ClassVar[int]
    head: _federation_pb2.GlobalHead
    create_time: _timestamp_pb2.Timestamp
    round: int
    back_to: int
    adopted: int
    not_chosen: int
    harm: int
    too_few: int
    unsuitable: int
    def __init__(self, head: _Optional[_Union[_federation_pb2.GlobalHead, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., round: _Optional[int] = ..., back_to: _Optional[int] = ..., adopted: _Optional[int] = ..., not_chosen: _Optional[int] = ..., harm: _Optional[int] = ..., too_few: _Optional[int] = ..., unsuitable: _Optional[int] = ...) -> None: ...

class Campaign(_message.Message):
    __slots__ = ("id", "plan", "phase", "reason", "create_time", "end_time", "round", "rounds_committed", "rounds_missed", "head", "devices", "agreed", "create_by", "rounds_unchanged")
    ID_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_COMMITTED_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_MISSED_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    AGREED_FIELD_NUMBER: _ClassVar[int]
    CREATE_BY_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    id: str
    plan: CampaignPlan
    phase: CampaignPhase
    reason: str
    create_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    round: CampaignRound
    rounds_committed: int
    rounds_missed: int
    head: HeadVersion
    devices: int
    agreed: int
    create_by: str
    rounds_unchanged: int
    def __init__(self, id: _Optional[str] = ..., plan: _Optional[_Union[CampaignPlan, _Mapping]] = ..., phase: _Optional[_Union[CampaignPhase, str]] = ..., reason: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., round: _Optional[_Union[CampaignRound, _Mapping]] = ..., rounds_committed: _Optional[int] = ..., rounds_missed: _Optional[int] = ..., head: _Optional[_Union[HeadVersion, _Mapping]] = ..., devices: _Optional[int] = ..., agreed: _Optional[int] = ..., create_by: _Optional[str] = ..., rounds_unchanged: _Optional[int] = ...) -> None: ...

class StartCampaignRequest(_message.Message):
    __slots__ = ("plan", "dry_run", "request_id")
    PLAN_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    plan: CampaignPlan
    dry_run: bool
    request_id: str
    def __init__(self, plan: _Optional[_Union[CampaignPlan, _Mapping]] = ..., dry_run: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class StartCampaignResponse(_message.Message):
    __slots__ = ("campaign",)
    CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    campaign: Campaign
    def __init__(self, campaign: _Optional[_Union[Campaign, _Mapping]] = ...) -> None: ...

class StopCampaignRequest(_message.Message):
    __slots__ = ("campaign_id",)
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    def __init__(self, campaign_id: _Optional[str] = ...) -> None: ...

class StopCampaignResponse(_message.Message):
    __slots__ = ("campaign",)
    CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    campaign: Campaign
    def __init__(self, campaign: _Optional[_Union[Campaign, _Mapping]] = ...) -> None: ...

class GetCampaignRequest(_message.Message):
    __slots__ = ("campaign_id",)
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    def __init__(self, campaign_id: _Optional[str] = ...) -> None: ...

class GetCampaignResponse(_message.Message):
    __slots__ = ("campaign",)
    CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    campaign: Campaign
    def __init__(self, campaign: _Optional[_Union[Campaign, _Mapping]] = ...) -> None: ...

class ListCampaignsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCampaignsResponse(_message.Message):
    __slots__ = ("campaigns", "next_page_token")
    CAMPAIGNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    campaigns: _containers.RepeatedCompositeFieldContainer[Campaign]
    next_page_token: str
    def __init__(self, campaigns: _Optional[_Iterable[_Union[Campaign, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListCampaignRoundsRequest(_message.Message):
    __slots__ = ("campaign_id", "page_size", "page_token")
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    page_size: int
    page_token: str
    def __init__(self, campaign_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCampaignRoundsResponse(_message.Message):
    __slots__ = ("rounds", "next_page_token")
    ROUNDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    rounds: _containers.RepeatedCompositeFieldContainer[CampaignRound]
    next_page_token: str
    def __init__(self, rounds: _Optional[_Iterable[_Union[CampaignRound, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListHeadVersionsRequest(_message.Message):
    __slots__ = ("campaign_id", "page_size", "page_token")
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    page_size: int
    page_token: str
    def __init__(self, campaign_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListHeadVersionsResponse(_message.Message):
    __slots__ = ("versions", "next_page_token")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[HeadVersion]
    next_page_token: str
    def __init__(self, versions: _Optional[_Iterable[_Union[HeadVersion, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RollBackHeadRequest(_message.Message):
    __slots__ = ("campaign_id", "version", "request_id")
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    version: int
    request_id: str
    def __init__(self, campaign_id: _Optional[str] = ..., version: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class RollBackHeadResponse(_message.Message):
    __slots__ = ("head",)
    HEAD_FIELD_NUMBER: _ClassVar[int]
    head: HeadVersion
    def __init__(self, head: _Optional[_Union[HeadVersion, _Mapping]] = ...) -> None: ...

class ExportHeadRequest(_message.Message):
    __slots__ = ("campaign_id", "version")
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    version: int
    def __init__(self, campaign_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class ExportHeadResponse(_message.Message):
    __slots__ = ("offset", "content", "total_bytes")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    offset: int
    content: bytes
    total_bytes: int
    def __init__(self, offset: _Optional[int] = ..., content: _Optional[bytes] = ..., total_bytes: _Optional[int] = ...) -> None: ...
