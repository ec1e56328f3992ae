from fieldwise.v1alpha1 import campaign_pb2 as _campaign_pb2
from fieldwise.v1alpha1 import federation_pb2 as _federation_pb2
from fieldwise.v1alpha1 import limits_pb2 as _limits_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetWorkRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetWorkResponse(_message.Message):
    __slots__ = ("campaign_id", "plan", "classes", "space", "phase", "head", "state_digest", "rounds_ended")
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    STATE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_ENDED_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    plan: _campaign_pb2.CampaignPlan
    classes: _containers.RepeatedCompositeFieldContainer[_federation_pb2.SharedClass]
    space: _federation_pb2.HeadSpace
    phase: _campaign_pb2.CampaignPhase
    head: _federation_pb2.GlobalHead
    state_digest: bytes
    rounds_ended: int
    def __init__(self, campaign_id: _Optional[str] = ..., plan: _Optional[_Union[_campaign_pb2.CampaignPlan, _Mapping]] = ..., classes: _Optional[_Iterable[_Union[_federation_pb2.SharedClass, _Mapping]]] = ..., space: _Optional[_Union[_federation_pb2.HeadSpace, _Mapping]] = ..., phase: _Optional[_Union[_campaign_pb2.CampaignPhase, str]] = ..., head: _Optional[_Union[_federation_pb2.GlobalHead, _Mapping]] = ..., state_digest: _Optional[bytes] = ..., rounds_ended: _Optional[int] = ...) -> None: ...

class OpenRoundRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class OpenRoundResponse(_message.Message):
    __slots__ = ("round", "phase", "wait_seconds")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    WAIT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    round: _campaign_pb2.CampaignRound
    phase: _campaign_pb2.CampaignPhase
    wait_seconds: int
    def __init__(self, round: _Optional[_Union[_campaign_pb2.CampaignRound, _Mapping]] = ..., phase: _Optional[_Union[_campaign_pb2.CampaignPhase, str]] = ..., wait_seconds: _Optional[int] = ...) -> None: ...

class AwaitRoundRequest(_message.Message):
    __slots__ = ("round", "seconds")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    round: int
    seconds: int
    def __init__(self, round: _Optional[int] = ..., seconds: _Optional[int] = ...) -> None: ...

class AwaitRoundResponse(_message.Message):
    __slots__ = ("round",)
    ROUND_FIELD_NUMBER: _ClassVar[int]
    round: _campaign_pb2.CampaignRound
    def __init__(self, round: _Optional[_Union[_campaign_pb2.CampaignRound, _Mapping]] = ...) -> None: ...

class FetchUpdatesRequest(_message.Message):
    __slots__ = ("round",)
    ROUND_FIELD_NUMBER: _ClassVar[int]
    round: int
    def __init__(self, round: _Optional[int] = ...) -> None: ...

class FetchUpdatesResponse(_message.Message):
    __slots__ = ("alias", "header", "rows", "scatter")
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SCATTER_FIELD_NUMBER: _ClassVar[int]
    alias: int
    header: _federation_pb2.UpdateHeader
    rows: _federation_pb2.ClassRows
    scatter: _federation_pb2.ScatterPiece
    def __init__(self, alias: _Optional[int] = ..., header: _Optional[_Union[_federation_pb2.UpdateHeader, _Mapping]] = ..., rows: _Optional[_Union[_federation_pb2.ClassRows, _Mapping]] = ..., scatter: _Optional[_Union[_federation_pb2.ScatterPiece, _Mapping]] = ...) -> None: ...

class FetchWorkRequest(_message.Message):
    __slots__ = ("digest",)
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    def __init__(self, digest: _Optional[bytes] = ...) -> None: ...

class FetchWorkResponse(_message.Message):
    __slots__ = ("offset", "content", "total_bytes")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    offset: int
    content: bytes
    total_bytes: int
    def __init__(self, offset: _Optional[int] = ..., content: _Optional[bytes] = ..., total_bytes: _Optional[int] = ...) -> None: ...

class RoundResult(_message.Message):
    __slots__ = ("round", "classes", "classes_held_back", "rows_left_out", "head_bytes", "head_digest", "state_bytes", "state_digest")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    CLASSES_HELD_BACK_FIELD_NUMBER: _ClassVar[int]
    ROWS_LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    HEAD_BYTES_FIELD_NUMBER: _ClassVar[int]
    HEAD_DIGEST_FIELD_NUMBER: _ClassVar[int]
    STATE_BYTES_FIELD_NUMBER: _ClassVar[int]
    STATE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    round: int
    classes: int
    classes_held_back: int
    rows_left_out: int
    head_bytes: int
    head_digest: bytes
    state_bytes: int
    state_digest: bytes
    def __init__(self, round: _Optional[int] = ..., classes: _Optional[int] = ..., classes_held_back: _Optional[int] = ..., rows_left_out: _Optional[int] = ..., head_bytes: _Optional[int] = ..., head_digest: _Optional[bytes] = ..., state_bytes: _Optional[int] = ..., state_digest: _Optional[bytes] = ...) -> None: ...

class CommitRoundRequest(_message.Message):
    __slots__ = ("result", "head", "state")
    RESULT_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    result: RoundResult
    head: bytes
    state: bytes
    def __init__(self, result: _Optional[_Union[RoundResult, _Mapping]] = ..., head: _Optional[bytes] = ..., state: _Optional[bytes] = ...) -> None: ...

class CommitRoundResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: int
    def __init__(self, version: _Optional[int] = ...) -> None: ...

class GiveUpRequest(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class GiveUpResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
