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

class RolloutPromotion(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLLOUT_PROMOTION_UNSPECIFIED: _ClassVar[RolloutPromotion]
    ROLLOUT_PROMOTION_AUTOMATIC: _ClassVar[RolloutPromotion]
    ROLLOUT_PROMOTION_MANUAL: _ClassVar[RolloutPromotion]

class RolloutOnAbort(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLLOUT_ON_ABORT_UNSPECIFIED: _ClassVar[RolloutOnAbort]
    ROLLOUT_ON_ABORT_REVERT: _ClassVar[RolloutOnAbort]
    ROLLOUT_ON_ABORT_HOLD: _ClassVar[RolloutOnAbort]

class RolloutUndecided(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLLOUT_UNDECIDED_UNSPECIFIED: _ClassVar[RolloutUndecided]
    ROLLOUT_UNDECIDED_PAUSE: _ClassVar[RolloutUndecided]
    ROLLOUT_UNDECIDED_PROMOTE: _ClassVar[RolloutUndecided]
    ROLLOUT_UNDECIDED_ABORT: _ClassVar[RolloutUndecided]

class RolloutOverdue(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLLOUT_OVERDUE_UNSPECIFIED: _ClassVar[RolloutOverdue]
    ROLLOUT_OVERDUE_FAIL: _ClassVar[RolloutOverdue]
    ROLLOUT_OVERDUE_PAUSE: _ClassVar[RolloutOverdue]
    ROLLOUT_OVERDUE_IGNORE: _ClassVar[RolloutOverdue]

class RolloutPhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLLOUT_PHASE_UNSPECIFIED: _ClassVar[RolloutPhase]
    ROLLOUT_PHASE_RUNNING: _ClassVar[RolloutPhase]
    ROLLOUT_PHASE_PAUSED: _ClassVar[RolloutPhase]
    ROLLOUT_PHASE_REVERTING: _ClassVar[RolloutPhase]
    ROLLOUT_PHASE_HELD: _ClassVar[RolloutPhase]
    ROLLOUT_PHASE_COMPLETE: _ClassVar[RolloutPhase]
    ROLLOUT_PHASE_REVERTED: _ClassVar[RolloutPhase]
    ROLLOUT_PHASE_SUPERSEDED: _ClassVar[RolloutPhase]

class RolloutKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLLOUT_KIND_UNSPECIFIED: _ClassVar[RolloutKind]
    ROLLOUT_KIND_FORWARD: _ClassVar[RolloutKind]
    ROLLOUT_KIND_UNDO: _ClassVar[RolloutKind]
    ROLLOUT_KIND_RECALL: _ClassVar[RolloutKind]

class RolloutReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLLOUT_REASON_UNSPECIFIED: _ClassVar[RolloutReason]
    ROLLOUT_REASON_OPERATOR: _ClassVar[RolloutReason]
    ROLLOUT_REASON_HARM: _ClassVar[RolloutReason]
    ROLLOUT_REASON_UNDECIDED: _ClassVar[RolloutReason]
    ROLLOUT_REASON_OVERDUE: _ClassVar[RolloutReason]
    ROLLOUT_REASON_PROMOTION: _ClassVar[RolloutReason]
    ROLLOUT_REASON_RECALLED: _ClassVar[RolloutReason]
    ROLLOUT_REASON_UNLISTED: _ClassVar[RolloutReason]

class RolloutExclusion(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLLOUT_EXCLUSION_UNSPECIFIED: _ClassVar[RolloutExclusion]
    ROLLOUT_EXCLUSION_AGENT_TOO_OLD: _ClassVar[RolloutExclusion]
    ROLLOUT_EXCLUSION_MEMORY_TOO_SMALL: _ClassVar[RolloutExclusion]
    ROLLOUT_EXCLUSION_VARIANT_MISSING: _ClassVar[RolloutExclusion]
    ROLLOUT_EXCLUSION_PINNED: _ClassVar[RolloutExclusion]
    ROLLOUT_EXCLUSION_NOTHING_BEFORE: _ClassVar[RolloutExclusion]

class GateOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GATE_OUTCOME_UNSPECIFIED: _ClassVar[GateOutcome]
    GATE_OUTCOME_OPEN: _ClassVar[GateOutcome]
    GATE_OUTCOME_CLOSED: _ClassVar[GateOutcome]
    GATE_OUTCOME_UNDECIDED: _ClassVar[GateOutcome]
    GATE_OUTCOME_WAITING: _ClassVar[GateOutcome]

class GateReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GATE_REASON_UNSPECIFIED: _ClassVar[GateReason]
    GATE_REASON_HARM: _ClassVar[GateReason]
    GATE_REASON_RUINED: _ClassVar[GateReason]
    GATE_REASON_WORST_DEVICE: _ClassVar[GateReason]
    GATE_REASON_FAILURES: _ClassVar[GateReason]
    GATE_REASON_ROLLBACKS: _ClassVar[GateReason]
    GATE_REASON_DECLINES: _ClassVar[GateReason]
    GATE_REASON_LATENCY: _ClassVar[GateReason]
    GATE_REASON_SILENCE: _ClassVar[GateReason]
    GATE_REASON_NOT_INFERIOR: _ClassVar[GateReason]
    GATE_REASON_NO_HARM: _ClassVar[GateReason]
    GATE_REASON_NOT_SHOWN: _ClassVar[GateReason]
    GATE_REASON_EVIDENCE_MISSING: _ClassVar[GateReason]
    GATE_REASON_MORE_SILENT: _ClassVar[GateReason]
    GATE_REASON_OVER_LIMIT: _ClassVar[GateReason]
    GATE_REASON_FEW_RUINED: _ClassVar[GateReason]
    GATE_REASON_NOT_TAKEN: _ClassVar[GateReason]
    GATE_REASON_UNSETTLED: _ClassVar[GateReason]
    GATE_REASON_DEADLINE: _ClassVar[GateReason]

class RolloutActor(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLLOUT_ACTOR_UNSPECIFIED: _ClassVar[RolloutActor]
    ROLLOUT_ACTOR_OPERATOR: _ClassVar[RolloutActor]
    ROLLOUT_ACTOR_GATE: _ClassVar[RolloutActor]
    ROLLOUT_ACTOR_FLEET: _ClassVar[RolloutActor]

class RolloutHappening(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLLOUT_HAPPENING_UNSPECIFIED: _ClassVar[RolloutHappening]
    ROLLOUT_HAPPENING_STARTED: _ClassVar[RolloutHappening]
    ROLLOUT_HAPPENING_WAVE_OPENED: _ClassVar[RolloutHappening]
    ROLLOUT_HAPPENING_FINDING: _ClassVar[RolloutHappening]
    ROLLOUT_HAPPENING_AWAITS_PROMOTION: _ClassVar[RolloutHappening]
    ROLLOUT_HAPPENING_PAUSED: _ClassVar[RolloutHappening]
    ROLLOUT_HAPPENING_RESUMED: _ClassVar[RolloutHappening]
    ROLLOUT_HAPPENING_REVERTING: _ClassVar[RolloutHappening]
    ROLLOUT_HAPPENING_HELD: _ClassVar[RolloutHappening]
    ROLLOUT_HAPPENING_COMPLETE: _ClassVar[RolloutHappening]
    ROLLOUT_HAPPENING_REVERTED: _ClassVar[RolloutHappening]
    ROLLOUT_HAPPENING_SUPERSEDED: _ClassVar[RolloutHappening]
    ROLLOUT_HAPPENING_RETRIED: _ClassVar[RolloutHappening]
    ROLLOUT_HAPPENING_REVOKED: _ClassVar[RolloutHappening]
    ROLLOUT_HAPPENING_PROMOTED: _ClassVar[RolloutHappening]
ROLLOUT_PROMOTION_UNSPECIFIED: RolloutPromotion
ROLLOUT_PROMOTION_AUTOMATIC: RolloutPromotion
ROLLOUT_PROMOTION_MANUAL: RolloutPromotion
ROLLOUT_ON_ABORT_UNSPECIFIED: RolloutOnAbort
ROLLOUT_ON_ABORT_REVERT: RolloutOnAbort
ROLLOUT_ON_ABORT_HOLD: RolloutOnAbort
ROLLOUT_UNDECIDED_UNSPECIFIED: RolloutUndecided
ROLLOUT_UNDECIDED_PAUSE: RolloutUndecided
ROLLOUT_UNDECIDED_PROMOTE: RolloutUndecided
ROLLOUT_UNDECIDED_ABORT: RolloutUndecided
ROLLOUT_OVERDUE_UNSPECIFIED: RolloutOverdue
ROLLOUT_OVERDUE_FAIL: RolloutOverdue
ROLLOUT_OVERDUE_PAUSE: RolloutOverdue
ROLLOUT_OVERDUE_IGNORE: RolloutOverdue
ROLLOUT_PHASE_UNSPECIFIED: RolloutPhase
ROLLOUT_PHASE_RUNNING: RolloutPhase
ROLLOUT_PHASE_PAUSED: RolloutPhase
ROLLOUT_PHASE_REVERTING: RolloutPhase
ROLLOUT_PHASE_HELD: RolloutPhase
ROLLOUT_PHASE_COMPLETE: RolloutPhase
ROLLOUT_PHASE_REVERTED: RolloutPhase
ROLLOUT_PHASE_SUPERSEDED: RolloutPhase
ROLLOUT_KIND_UNSPECIFIED: RolloutKind
ROLLOUT_KIND_FORWARD: RolloutKind
ROLLOUT_KIND_UNDO: RolloutKind
ROLLOUT_KIND_RECALL: RolloutKind
ROLLOUT_REASON_UNSPECIFIED: RolloutReason
ROLLOUT_REASON_OPERATOR: RolloutReason
ROLLOUT_REASON_HARM: RolloutReason
ROLLOUT_REASON_UNDECIDED: RolloutReason
ROLLOUT_REASON_OVERDUE: RolloutReason
ROLLOUT_REASON_PROMOTION: RolloutReason
ROLLOUT_REASON_RECALLED: RolloutReason
ROLLOUT_REASON_UNLISTED: RolloutReason
ROLLOUT_EXCLUSION_UNSPECIFIED: RolloutExclusion
ROLLOUT_EXCLUSION_AGENT_TOO_OLD: RolloutExclusion
ROLLOUT_EXCLUSION_MEMORY_TOO_SMALL: RolloutExclusion
ROLLOUT_EXCLUSION_VARIANT_MISSING: RolloutExclusion
ROLLOUT_EXCLUSION_PINNED: RolloutExclusion
ROLLOUT_EXCLUSION_NOTHING_BEFORE: RolloutExclusion
GATE_OUTCOME_UNSPECIFIED: GateOutcome
GATE_OUTCOME_OPEN: GateOutcome
GATE_OUTCOME_CLOSED: GateOutcome
GATE_OUTCOME_UNDECIDED: GateOutcome
GATE_OUTCOME_WAITING: GateOutcome
GATE_REASON_UNSPECIFIED: GateReason
GATE_REASON_HARM: GateReason
GATE_REASON_RUINED: GateReason
GATE_REASON_WORST_DEVICE: GateReason
GATE_REASON_FAILURES: GateReason
GATE_REASON_ROLLBACKS: GateReason
GATE_REASON_DECLINES: GateReason
GATE_REASON_LATENCY: GateReason
GATE_REASON_SILENCE: GateReason
GATE_REASON_NOT_INFERIOR: GateReason
GATE_REASON_NO_HARM: GateReason
GATE_REASON_NOT_SHOWN: GateReason
GATE_REASON_EVIDENCE_MISSING: GateReason
GATE_REASON_MORE_SILENT: GateReason
GATE_REASON_OVER_LIMIT: GateReason
GATE_REASON_FEW_RUINED: GateReason
GATE_REASON_NOT_TAKEN: GateReason
GATE_REASON_UNSETTLED: GateReason
GATE_REASON_DEADLINE: GateReason
ROLLOUT_ACTOR_UNSPECIFIED: RolloutActor
ROLLOUT_ACTOR_OPERATOR: RolloutActor
ROLLOUT_ACTOR_GATE: RolloutActor
ROLLOUT_ACTOR_FLEET: RolloutActor
ROLLOUT_HAPPENING_UNSPECIFIED: RolloutHappening
ROLLOUT_HAPPENING_STARTED: RolloutHappening
ROLLOUT_HAPPENING_WAVE_OPENED: RolloutHappening
ROLLOUT_HAPPENING_FINDING: RolloutHappening
ROLLOUT_HAPPENING_AWAITS_PROMOTION: RolloutHappening
ROLLOUT_HAPPENING_PAUSED: RolloutHappening
ROLLOUT_HAPPENING_RESUMED: RolloutHappening
ROLLOUT_HAPPENING_REVERTING: RolloutHappening
ROLLOUT_HAPPENING_HELD: RolloutHappening
ROLLOUT_HAPPENING_COMPLETE: RolloutHappening
ROLLOUT_HAPPENING_REVERTED: RolloutHappening
ROLLOUT_HAPPENING_SUPERSEDED: RolloutHappening
ROLLOUT_HAPPENING_RETRIED: RolloutHappening
ROLLOUT_HAPPENING_REVOKED: RolloutHappening
ROLLOUT_HAPPENING_PROMOTED: RolloutHappening

class PlannedWave(_message.Message):
    __slots__ = ("devices", "share", "promotion")
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    PROMOTION_FIELD_NUMBER: _ClassVar[int]
    devices: int
    share: float
    promotion: RolloutPromotion
    def __init__(self, devices: _Optional[int] = ..., share: _Optional[float] = ..., promotion: _Optional[_Union[RolloutPromotion, str]] = ...) -> None: ...

class DeviceClass(_message.Message):
    __slots__ = ("variant", "architecture", "execution_provider", "memory_mib_min")
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MIB_MIN_FIELD_NUMBER: _ClassVar[int]
    variant: str
    architecture: str
    execution_provider: str
    memory_mib_min: int
    def __init__(self, variant: _Optional[str] = ..., architecture: _Optional[str] = ..., execution_provider: _Optional[str] = ..., memory_mib_min: _Optional[int] = ...) -> None: ...

class RolloutGate(_message.Message):
    __slots__ = ("margin", "alpha", "false_abort", "devices_min", "settled_share_min", "worst_device_alpha", "device_loss_max", "failed_share_max", "rollback_share_max", "declined_share_max", "silent_share_max", "latency_ratio_max")
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    FALSE_ABORT_FIELD_NUMBER: _ClassVar[int]
    DEVICES_MIN_FIELD_NUMBER: _ClassVar[int]
    SETTLED_SHARE_MIN_FIELD_NUMBER: _ClassVar[int]
    WORST_DEVICE_ALPHA_FIELD_NUMBER: _ClassVar[int]
    DEVICE_LOSS_MAX_FIELD_NUMBER: _ClassVar[int]
    FAILED_SHARE_MAX_FIELD_NUMBER: _ClassVar[int]
    ROLLBACK_SHARE_MAX_FIELD_NUMBER: _ClassVar[int]
    DECLINED_SHARE_MAX_FIELD_NUMBER: _ClassVar[int]
    SILENT_SHARE_MAX_FIELD_NUMBER: _ClassVar[int]
    LATENCY_RATIO_MAX_FIELD_NUMBER: _ClassVar[int]
    margin: float
    alpha: float
    false_abort: float
    devices_min: int
    settled_share_min: float
    worst_device_alpha: float
    device_loss_max: float
    failed_share_max: float
    rollback_share_max: float
    declined_share_max: float
    silent_share_max: float
    latency_ratio_max: float
    def __init__(self, margin: _Optional[float] = ..., alpha: _Optional[float] = ..., false_abort: _Optional[float] = ..., devices_min: _Optional[int] = ..., settled_share_min: _Optional[float] = ..., worst_device_alpha: _Optional[float] = ..., device_loss_max: _Optional[float] = ..., failed_share_max: _Optional[float] = ..., rollback_share_max: _Optional[float] = ..., declined_share_max: _Optional[float] = ..., silent_share_max: _Optional[float] = ..., latency_ratio_max: _Optional[float] = ...) -> None: ...

class RolloutLimits(_message.Message):
    __slots__ = ("in_flight", "starts_per_minute", "bytes_per_second")
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    STARTS_PER_MINUTE_FIELD_NUMBER: _ClassVar[int]
    BYTES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    in_flight: int
    starts_per_minute: int
    bytes_per_second: int
    def __init__(self, in_flight: _Optional[int] = ..., starts_per_minute: _Optional[int] = ..., bytes_per_second: _Optional[int] = ...) -> None: ...

class RolloutWindow(_message.Message):
    __slots__ = ("begin_minute", "end_minute", "days")
    BEGIN_MINUTE_FIELD_NUMBER: _ClassVar[int]
    END_MINUTE_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    begin_minute: int
    end_minute: int
    days: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, begin_minute: _Optional[int] = ..., end_minute: _Optional[int] = ..., days: _Optional[_Iterable[int]] = ...) -> None: ...

class RolloutPlan(_message.Message):
    __slots__ = ("backbone", "cohort", "waves", "gate", "promotion", "undecided", "overdue", "on_abort", "device_deadline_seconds", "wave_deadline_seconds", "soak_seconds", "limits", "window", "minimum_agent_version", "classes")
    BACKBONE_FIELD_NUMBER: _ClassVar[int]
    COHORT_FIELD_NUMBER: _ClassVar[int]
    WAVES_FIELD_NUMBER: _ClassVar[int]
    GATE_FIELD_NUMBER: _ClassVar[int]
    PROMOTION_FIELD_NUMBER: _ClassVar[int]
    UNDECIDED_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    ON_ABORT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_DEADLINE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    WAVE_DEADLINE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SOAK_SECONDS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    backbone: str
    cohort: str
    waves: _containers.RepeatedCompositeFieldContainer[PlannedWave]
    gate: RolloutGate
    promotion: RolloutPromotion
    undecided: RolloutUndecided
    overdue: RolloutOverdue
    on_abort: RolloutOnAbort
    device_deadline_seconds: int
    wave_deadline_seconds: int
    soak_seconds: int
    limits: RolloutLimits
    window: RolloutWindow
    minimum_agent_version: str
    classes: _containers.RepeatedCompositeFieldContainer[DeviceClass]
    def __init__(self, backbone: _Optional[str] = ..., cohort: _Optional[str] = ..., waves: _Optional[_Iterable[_Union[PlannedWave, _Mapping]]] = ..., gate: _Optional[_Union[RolloutGate, _Mapping]] = ..., promotion: _Optional[_Union[RolloutPromotion, str]] = ..., undecided: _Optional[_Union[RolloutUndecided, str]] = ..., overdue: _Optional[_Union[RolloutOverdue, str]] = ..., on_abort: _Optional[_Union[RolloutOnAbort, str]] = ..., device_deadline_seconds: _Optional[int] = ..., wave_deadline_seconds: _Optional[int] = ..., soak_seconds: _Optional[int] = ..., limits: _Optional[_Union[RolloutLimits, _Mapping]] = ..., window: _Optional[_Union[RolloutWindow, _Mapping]] = ..., minimum_agent_version: _Optional[str] = ..., classes: _Optional[_Iterable[_Union[DeviceClass, _Mapping]]] = ...) -> None: ...

class RolloutCounts(_message.Message):
    __slots__ = ("waiting", "permitted", "fetching", "verifying", "migrating", "healthy", "failed", "offline", "superseded", "excluded", "judging", "probation", "declined", "overdue")
    WAITING_FIELD_NUMBER: _ClassVar[int]
    PERMITTED_FIELD_NUMBER: _ClassVar[int]
    FETCHING_FIELD_NUMBER: _ClassVar[int]
    VERIFYING_FIELD_NUMBER: _ClassVar[int]
    MIGRATING_FIELD_NUMBER: _ClassVar[int]
    HEALTHY_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_FIELD_NUMBER: _ClassVar[int]
    JUDGING_FIELD_NUMBER: _ClassVar[int]
    PROBATION_FIELD_NUMBER: _ClassVar[int]
    DECLINED_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    waiting: int
    permitted: int
    fetching: int
    verifying: int
    migrating: int
    healthy: int
    failed: int
    offline: int
    superseded: int
    excluded: int
    judging: int
    probation: int
    declined: int
    overdue: int
    def __init__(self, waiting: _Optional[int] = ..., permitted: _Optional[int] = ..., fetching: _Optional[int] = ..., verifying: _Optional[int] = ..., migrating: _Optional[int] = ..., healthy: _Optional[int] = ..., failed: _Optional[int] = ..., offline: _Optional[int] = ..., superseded: _Optional[int] = ..., excluded: _Optional[int] = ..., judging: _Optional[int] = ..., probation: _Optional[int] = ..., declined: _Optional[int] = ..., overdue: _Optional[int] = ...) -> None: ...

class RolloutWave(_message.Message):
    __slots__ = ("counts",)
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    counts: RolloutCounts
    def __init__(self, counts: _Optional[_Union[RolloutCounts, _Mapping]] = ...) -> None: ...

class GateFinding(_message.Message):
    __slots__ = ("outcome", "reasons", "wave", "devices", "unlabelled", "mean_loss", "taken_loss", "standard_error", "lower", "upper", "detectable", "settled", "unsettled", "failed", "rolled_back", "declined", "silent", "silent_expected", "worst_device", "worst_chance", "lopsided", "latency_ratio", "agreement")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    WAVE_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    UNLABELLED_FIELD_NUMBER: _ClassVar[int]
    MEAN_LOSS_FIELD_NUMBER: _ClassVar[int]
    TAKEN_LOSS_FIELD_NUMBER: _ClassVar[int]
    STANDARD_ERROR_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    DETECTABLE_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    UNSETTLED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    ROLLED_BACK_FIELD_NUMBER: _ClassVar[int]
    DECLINED_FIELD_NUMBER: _ClassVar[int]
    SILENT_FIELD_NUMBER: _ClassVar[int]
    SILENT_EXPECTED_FIELD_NUMBER: _ClassVar[int]
    WORST_DEVICE_FIELD_NUMBER: _ClassVar[int]
    WORST_CHANCE_FIELD_NUMBER: _ClassVar[int]
    LOPSIDED_FIELD_NUMBER: _ClassVar[int]
    LATENCY_RATIO_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    outcome: GateOutcome
    reasons: _containers.RepeatedScalarFieldContainer[GateReason]
    wave: int
    devices: int
    unlabelled: int
    mean_loss: float
    taken_loss: float
    standard_error: float
    lower: float
    upper: float
    detectable: float
    settled: int
    unsettled: int
    failed: int
    rolled_back: int
    declined: int
    silent: int
    silent_expected: float
    worst_device: str
    worst_chance: float
    lopsided: float
    latency_ratio: float
    agreement: float
    def __init__(self, outcome: _Optional[_Union[GateOutcome, str]] = ..., reasons: _Optional[_Iterable[_Union[GateReason, str]]] = ..., wave: _Optional[int] = ..., devices: _Optional[int] = ..., unlabelled: _Optional[int] = ..., mean_loss: _Optional[float] = ..., taken_loss: _Optional[float] = ..., standard_error: _Optional[float] = ..., lower: _Optional[float] = ..., upper: _Optional[float] = ..., detectable: _Optional[float] = ..., settled: _Optional[int] = ..., unsettled: _Optional[int] = ..., failed: _Optional[int] = ..., rolled_back: _Optional[int] = ..., declined: _Optional[int] = ..., silent: _Optional[int] = ..., silent_expected: _Optional[float] = ..., worst_device: _Optional[str] = ..., worst_chance: _Optional[float] = ..., lopsided: _Optional[float] = ..., latency_ratio: _Optional[float] = ..., agreement: _Optional[float] = ...) -> None: ...

class Rollout(_message.Message):
    __slots__ = ("id", "bundle_digest", "bundle_name", "cohort", "phase", "counts", "create_time", "end_time", "plan", "reason", "wave", "waves", "finding", "kind")
    ID_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_NAME_FIELD_NUMBER: _ClassVar[int]
    COHORT_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WAVE_FIELD_NUMBER: _ClassVar[int]
    WAVES_FIELD_NUMBER: _ClassVar[int]
    FINDING_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    id: str
    bundle_digest: bytes
    bundle_name: str
    cohort: str
    phase: RolloutPhase
    counts: RolloutCounts
    create_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    plan: RolloutPlan
    reason: RolloutReason
    wave: int
    waves: _containers.RepeatedCompositeFieldContainer[RolloutWave]
    finding: GateFinding
    kind: RolloutKind
    def __init__(self, id: _Optional[str] = ..., bundle_digest: _Optional[bytes] = ..., bundle_name: _Optional[str] = ..., cohort: _Optional[str] = ..., phase: _Optional[_Union[RolloutPhase, str]] = ..., counts: _Optional[_Union[RolloutCounts, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., plan: _Optional[_Union[RolloutPlan, _Mapping]] = ..., reason: _Optional[_Union[RolloutReason, str]] = ..., wave: _Optional[int] = ..., waves: _Optional[_Iterable[_Union[RolloutWave, _Mapping]]] = ..., finding: _Optional[_Union[GateFinding, _Mapping]] = ..., kind: _Optional[_Union[RolloutKind, str]] = ...) -> None: ...

class RolloutChange(_message.Message):
    __slots__ = ("rollout", "changed", "may_still_start", "within_seconds", "ordered")
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    MAY_STILL_START_FIELD_NUMBER: _ClassVar[int]
    WITHIN_SECONDS_FIELD_NUMBER: _ClassVar[int]
    ORDERED_FIELD_NUMBER: _ClassVar[int]
    rollout: Rollout
    changed: bool
    may_still_start: int
    within_seconds: int
    ordered: int
    def __init__(self, rollout: _Optional[_Union[Rollout, _Mapping]] = ..., changed: _Optional[bool] = ..., may_still_start: _Optional[int] = ..., within_seconds: _Optional[int] = ..., ordered: _Optional[int] = ...) -> None: ...

class RolloutEvent(_message.Message):
    __slots__ = ("sequence", "create_time", "actor", "kind", "sentence", "facts")
    class FactsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    create_time: _timestamp_pb2.Timestamp
    actor: RolloutActor
    kind: RolloutHappening
    sentence: str
    facts: _containers.ScalarMap[str, str]
    def __init__(self, sequence: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[RolloutActor, str]] = ..., kind: _Optional[_Union[RolloutHappening, str]] = ..., sentence: _Optional[str] = ..., facts: _Optional[_Mapping[str, str]] = ...) -> None: ...

class PreviewedWave(_message.Message):
    __slots__ = ("devices", "judging_devices", "detectable_loss")
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    JUDGING_DEVICES_FIELD_NUMBER: _ClassVar[int]
    DETECTABLE_LOSS_FIELD_NUMBER: _ClassVar[int]
    devices: int
    judging_devices: int
    detectable_loss: float
    def __init__(self, devices: _Optional[int] = ..., judging_devices: _Optional[int] = ..., detectable_loss: _Optional[float] = ...) -> None: ...

class PreviewedExclusion(_message.Message):
    __slots__ = ("exclusion", "devices")
    EXCLUSION_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    exclusion: RolloutExclusion
    devices: int
    def __init__(self, exclusion: _Optional[_Union[RolloutExclusion, str]] = ..., devices: _Optional[int] = ...) -> None: ...

class RolloutPreview(_message.Message):
    __slots__ = ("id", "bundle_digest", "bundle_name", "waves", "exclusions")
    ID_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_NAME_FIELD_NUMBER: _ClassVar[int]
    WAVES_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIONS_FIELD_NUMBER: _ClassVar[int]
    id: str
    bundle_digest: bytes
    bundle_name: str
    waves: _containers.RepeatedCompositeFieldContainer[PreviewedWave]
    exclusions: _containers.RepeatedCompositeFieldContainer[PreviewedExclusion]
    def __init__(self, id: _Optional[str] = ..., bundle_digest: _Optional[bytes] = ..., bundle_name: _Optional[str] = ..., waves: _Optional[_Iterable[_Union[PreviewedWave, _Mapping]]] = ..., exclusions: _Optional[_Iterable[_Union[PreviewedExclusion, _Mapping]]] = ...) -> None: ...

class PreviewedDevice(_message.Message):
    __slots__ = ("id", "wave", "exclusion", "variant", "judge_samples")
    ID_FIELD_NUMBER: _ClassVar[int]
    WAVE_FIELD_NUMBER: _ClassVar[int]
    EXCLUSION_FIELD_NUMBER: _ClassVar[int]
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    JUDGE_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    id: str
    wave: int
    exclusion: RolloutExclusion
    variant: str
    judge_samples: int
    def __init__(self, id: _Optional[str] = ..., wave: _Optional[int] = ..., exclusion: _Optional[_Union[RolloutExclusion, str]] = ..., variant: _Optional[str] = ..., judge_samples: _Optional[int] = ...) -> None: ...

class RolloutDevice(_message.Message):
    __slots__ = ("id", "wave", "place", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    WAVE_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: str
    wave: int
    place: str
    reason: str
    def __init__(self, id: _Optional[str] = ..., wave: _Optional[int] = ..., place: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DeviceExplanation(_message.Message):
    __slots__ = ("id", "bundle_name", "rollout_id", "wave", "sentences")
    ID_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_NAME_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_ID_FIELD_NUMBER: _ClassVar[int]
    WAVE_FIELD_NUMBER: _ClassVar[int]
    SENTENCES_FIELD_NUMBER: _ClassVar[int]
    id: str
    bundle_name: str
    rollout_id: str
    wave: int
    sentences: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., bundle_name: _Optional[str] = ..., rollout_id: _Optional[str] = ..., wave: _Optional[int] = ..., sentences: _Optional[_Iterable[str]] = ...) -> None: ...
