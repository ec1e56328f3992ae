from fieldwise.v1alpha1 import enrolment_pb2 as _enrolment_pb2
from fieldwise.v1alpha1 import federation_pb2 as _federation_pb2
from fieldwise.v1alpha1 import limits_pb2 as _limits_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
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
    UPDATE_PHASE_JUDGING: _ClassVar[UpdatePhase]
    UPDATE_PHASE_PROBATION: _ClassVar[UpdatePhase]
    UPDATE_PHASE_DECLINED: _ClassVar[UpdatePhase]

class UpdateHold(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UPDATE_HOLD_UNSPECIFIED: _ClassVar[UpdateHold]
    UPDATE_HOLD_WINDOW: _ClassVar[UpdateHold]
    UPDATE_HOLD_CONDITIONS: _ClassVar[UpdateHold]
    UPDATE_HOLD_CONFIRMATION: _ClassVar[UpdateHold]
    UPDATE_HOLD_PINNED: _ClassVar[UpdateHold]
    UPDATE_HOLD_TOO_FEW: _ClassVar[UpdateHold]
    UPDATE_HOLD_DISK: _ClassVar[UpdateHold]

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
    UPDATE_FAILURE_HARM: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_HARM_CRITICAL: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_TOO_SLOW: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_PROBATION_ERRORS: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_PROBATION_LATENCY: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_PROBATION_ACCURACY: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_CRASHED: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_OWNER: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_NOT_VOUCHED: _ClassVar[UpdateFailure]
    UPDATE_FAILURE_BELOW_FLOOR: _ClassVar[UpdateFailure]

class Judgement(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JUDGEMENT_UNSPECIFIED: _ClassVar[Judgement]
    JUDGEMENT_ACCEPTED: _ClassVar[Judgement]
    JUDGEMENT_DECLINED: _ClassVar[Judgement]
    JUDGEMENT_HELD: _ClassVar[Judgement]

class VerdictBasis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_BASIS_UNSPECIFIED: _ClassVar[VerdictBasis]
    VERDICT_BASIS_NONE: _ClassVar[VerdictBasis]
    VERDICT_BASIS_LABELLED: _ClassVar[VerdictBasis]
    VERDICT_BASIS_TOO_FEW: _ClassVar[VerdictBasis]
    VERDICT_BASIS_UNLABELLED: _ClassVar[VerdictBasis]

class DiagnosisRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIAGNOSIS_RULE_UNSPECIFIED: _ClassVar[DiagnosisRule]
    DIAGNOSIS_RULE_ASK: _ClassVar[DiagnosisRule]
    DIAGNOSIS_RULE_ALWAYS: _ClassVar[DiagnosisRule]
    DIAGNOSIS_RULE_NEVER: _ClassVar[DiagnosisRule]

class RoundStep(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROUND_STEP_UNSPECIFIED: _ClassVar[RoundStep]
    ROUND_STEP_WAITING: _ClassVar[RoundStep]
    ROUND_STEP_ANSWERED: _ClassVar[RoundStep]
    ROUND_STEP_NOT_AGREED: _ClassVar[RoundStep]
    ROUND_STEP_TOO_FEW: _ClassVar[RoundStep]
    ROUND_STEP_UNSUITABLE: _ClassVar[RoundStep]
    ROUND_STEP_REFUSED: _ClassVar[RoundStep]
    ROUND_STEP_NO_HOOK: _ClassVar[RoundStep]

class HeadOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEAD_OUTCOME_UNSPECIFIED: _ClassVar[HeadOutcome]
    HEAD_OUTCOME_ADOPTED: _ClassVar[HeadOutcome]
    HEAD_OUTCOME_NOT_CHOSEN: _ClassVar[HeadOutcome]
    HEAD_OUTCOME_HARM: _ClassVar[HeadOutcome]
    HEAD_OUTCOME_TOO_FEW: _ClassVar[HeadOutcome]
    HEAD_OUTCOME_UNSUITABLE: _ClassVar[HeadOutcome]
    HEAD_OUTCOME_NOT_AGREED: _ClassVar[HeadOutcome]

class PublisherTrouble(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PUBLISHER_TROUBLE_UNSPECIFIED: _ClassVar[PublisherTrouble]
    PUBLISHER_TROUBLE_NO_ROOT: _ClassVar[PublisherTrouble]
    PUBLISHER_TROUBLE_EXPIRED: _ClassVar[PublisherTrouble]
    PUBLISHER_TROUBLE_CLOCK: _ClassVar[PublisherTrouble]
    PUBLISHER_TROUBLE_REFUSED: _ClassVar[PublisherTrouble]
    PUBLISHER_TROUBLE_STATE: _ClassVar[PublisherTrouble]

class DiagnosisStep(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIAGNOSIS_STEP_UNSPECIFIED: _ClassVar[DiagnosisStep]
    DIAGNOSIS_STEP_WAITING: _ClassVar[DiagnosisStep]
    DIAGNOSIS_STEP_REFUSED: _ClassVar[DiagnosisStep]
    DIAGNOSIS_STEP_GIVEN: _ClassVar[DiagnosisStep]

class UpdateReceipt(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UPDATE_RECEIPT_UNSPECIFIED: _ClassVar[UpdateReceipt]
    UPDATE_RECEIPT_TAKEN: _ClassVar[UpdateReceipt]
    UPDATE_RECEIPT_LATE: _ClassVar[UpdateReceipt]
    UPDATE_RECEIPT_NOT_ASKED: _ClassVar[UpdateReceipt]
    UPDATE_RECEIPT_UNSUITABLE: _ClassVar[UpdateReceipt]
    UPDATE_RECEIPT_MALFORMED: _ClassVar[UpdateReceipt]
UPDATE_PHASE_UNSPECIFIED: UpdatePhase
UPDATE_PHASE_IDLE: UpdatePhase
UPDATE_PHASE_FETCHING: UpdatePhase
UPDATE_PHASE_VERIFYING: UpdatePhase
UPDATE_PHASE_MIGRATING: UpdatePhase
UPDATE_PHASE_ACTIVE: UpdatePhase
UPDATE_PHASE_REVERTED: UpdatePhase
UPDATE_PHASE_JUDGING: UpdatePhase
UPDATE_PHASE_PROBATION: UpdatePhase
UPDATE_PHASE_DECLINED: UpdatePhase
UPDATE_HOLD_UNSPECIFIED: UpdateHold
UPDATE_HOLD_WINDOW: UpdateHold
UPDATE_HOLD_CONDITIONS: UpdateHold
UPDATE_HOLD_CONFIRMATION: UpdateHold
UPDATE_HOLD_PINNED: UpdateHold
UPDATE_HOLD_TOO_FEW: UpdateHold
UPDATE_HOLD_DISK: UpdateHold
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
UPDATE_FAILURE_HARM: UpdateFailure
UPDATE_FAILURE_HARM_CRITICAL: UpdateFailure
UPDATE_FAILURE_TOO_SLOW: UpdateFailure
UPDATE_FAILURE_PROBATION_ERRORS: UpdateFailure
UPDATE_FAILURE_PROBATION_LATENCY: UpdateFailure
UPDATE_FAILURE_PROBATION_ACCURACY: UpdateFailure
UPDATE_FAILURE_CRASHED: UpdateFailure
UPDATE_FAILURE_OWNER: UpdateFailure
UPDATE_FAILURE_NOT_VOUCHED: UpdateFailure
UPDATE_FAILURE_BELOW_FLOOR: UpdateFailure
JUDGEMENT_UNSPECIFIED: Judgement
JUDGEMENT_ACCEPTED: Judgement
JUDGEMENT_DECLINED: Judgement
JUDGEMENT_HELD: Judgement
VERDICT_BASIS_UNSPECIFIED: VerdictBasis
VERDICT_BASIS_NONE: VerdictBasis
VERDICT_BASIS_LABELLED: VerdictBasis
VERDICT_BASIS_TOO_FEW: VerdictBasis
VERDICT_BASIS_UNLABELLED: VerdictBasis
DIAGNOSIS_RULE_UNSPECIFIED: DiagnosisRule
DIAGNOSIS_RULE_ASK: DiagnosisRule
DIAGNOSIS_RULE_ALWAYS: DiagnosisRule
DIAGNOSIS_RULE_NEVER: DiagnosisRule
ROUND_STEP_UNSPECIFIED: RoundStep
ROUND_STEP_WAITING: RoundStep
ROUND_STEP_ANSWERED: RoundStep
ROUND_STEP_NOT_AGREED: RoundStep
ROUND_STEP_TOO_FEW: RoundStep
ROUND_STEP_UNSUITABLE: RoundStep
ROUND_STEP_REFUSED: RoundStep
ROUND_STEP_NO_HOOK: RoundStep
HEAD_OUTCOME_UNSPECIFIED: HeadOutcome
HEAD_OUTCOME_ADOPTED: HeadOutcome
HEAD_OUTCOME_NOT_CHOSEN: HeadOutcome
HEAD_OUTCOME_HARM: HeadOutcome
HEAD_OUTCOME_TOO_FEW: HeadOutcome
HEAD_OUTCOME_UNSUITABLE: HeadOutcome
HEAD_OUTCOME_NOT_AGREED: HeadOutcome
PUBLISHER_TROUBLE_UNSPECIFIED: PublisherTrouble
PUBLISHER_TROUBLE_NO_ROOT: PublisherTrouble
PUBLISHER_TROUBLE_EXPIRED: PublisherTrouble
PUBLISHER_TROUBLE_CLOCK: PublisherTrouble
PUBLISHER_TROUBLE_REFUSED: PublisherTrouble
PUBLISHER_TROUBLE_STATE: PublisherTrouble
DIAGNOSIS_STEP_UNSPECIFIED: DiagnosisStep
DIAGNOSIS_STEP_WAITING: DiagnosisStep
DIAGNOSIS_STEP_REFUSED: DiagnosisStep
DIAGNOSIS_STEP_GIVEN: DiagnosisStep
UPDATE_RECEIPT_UNSPECIFIED: UpdateReceipt
UPDATE_RECEIPT_TAKEN: UpdateReceipt
UPDATE_RECEIPT_LATE: UpdateReceipt
UPDATE_RECEIPT_NOT_ASKED: UpdateReceipt
UPDATE_RECEIPT_UNSUITABLE: UpdateReceipt
UPDATE_RECEIPT_MALFORMED: UpdateReceipt

class UpdateReport(_message.Message):
    __slots__ = ("generation", "bundle_digest", "phase", "failure", "hold")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    generation: int
    bundle_digest: bytes
    phase: UpdatePhase
    failure: UpdateFailure
    hold: UpdateHold
    def __init__(self, generation: _Optional[int] = ..., bundle_digest: _Optional[bytes] = ..., phase: _Optional[_Union[UpdatePhase, str]] = ..., failure: _Optional[_Union[UpdateFailure, str]] = ..., hold: _Optional[_Union[UpdateHold, str]] = ...) -> None: ...

class PairedCounts(_message.Message):
    __slots__ = ("both_right", "only_old", "only_new", "both_wrong", "scenes", "scenes_worse", "scenes_better")
    BOTH_RIGHT_FIELD_NUMBER: _ClassVar[int]
    ONLY_OLD_FIELD_NUMBER: _ClassVar[int]
    ONLY_NEW_FIELD_NUMBER: _ClassVar[int]
    BOTH_WRONG_FIELD_NUMBER: _ClassVar[int]
    SCENES_FIELD_NUMBER: _ClassVar[int]
    SCENES_WORSE_FIELD_NUMBER: _ClassVar[int]
    SCENES_BETTER_FIELD_NUMBER: _ClassVar[int]
    both_right: int
    only_old: int
    only_new: int
    both_wrong: int
    scenes: int
    scenes_worse: int
    scenes_better: int
    def __init__(self, both_right: _Optional[int] = ..., only_old: _Optional[int] = ..., only_new: _Optional[int] = ..., both_wrong: _Optional[int] = ..., scenes: _Optional[int] = ..., scenes_worse: _Optional[int] = ..., scenes_better: _Optional[int] = ...) -> None: ...

class Verdict(_message.Message):
    __slots__ = ("generation", "judgement", "basis", "overall", "critical", "old_p50_micros", "old_p99_micros", "new_p50_micros", "new_p99_micros", "compared", "agreed", "old_confidence_permille", "new_confidence_permille", "old_novel", "new_novel")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    JUDGEMENT_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    OVERALL_FIELD_NUMBER: _ClassVar[int]
    CRITICAL_FIELD_NUMBER: _ClassVar[int]
    OLD_P50_MICROS_FIELD_NUMBER: _ClassVar[int]
    OLD_P99_MICROS_FIELD_NUMBER: _ClassVar[int]
    NEW_P50_MICROS_FIELD_NUMBER: _ClassVar[int]
    NEW_P99_MICROS_FIELD_NUMBER: _ClassVar[int]
    COMPARED_FIELD_NUMBER: _ClassVar[int]
    AGREED_FIELD_NUMBER: _ClassVar[int]
    OLD_CONFIDENCE_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    NEW_CONFIDENCE_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    OLD_NOVEL_FIELD_NUMBER: _ClassVar[int]
    NEW_NOVEL_FIELD_NUMBER: _ClassVar[int]
    generation: int
    judgement: Judgement
    basis: VerdictBasis
    overall: PairedCounts
    critical: PairedCounts
    old_p50_micros: int
    old_p99_micros: int
    new_p50_micros: int
    new_p99_micros: int
    compared: int
    agreed: int
    old_confidence_permille: int
    new_confidence_permille: int
    old_novel: int
    new_novel: int
    def __init__(self, generation: _Optional[int] = ..., judgement: _Optional[_Union[Judgement, str]] = ..., basis: _Optional[_Union[VerdictBasis, str]] = ..., overall: _Optional[_Union[PairedCounts, _Mapping]] = ..., critical: _Optional[_Union[PairedCounts, _Mapping]] = ..., old_p50_micros: _Optional[int] = ..., old_p99_micros: _Optional[int] = ..., new_p50_micros: _Optional[int] = ..., new_p99_micros: _Optional[int] = ..., compared: _Optional[int] = ..., agreed: _Optional[int] = ..., old_confidence_permille: _Optional[int] = ..., new_confidence_permille: _Optional[int] = ..., old_novel: _Optional[int] = ..., new_novel: _Optional[int] = ...) -> None: ...

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

class LearningSigns(_message.Message):
    __slots__ = ("novelty_samples", "novelty_novel", "calibration_samples", "calibration_error_permille", "drift_permille", "drift_alarms", "skipped", "waiting_samples", "learning_p50_micros", "clock_off_seconds")
    NOVELTY_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    NOVELTY_NOVEL_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_ERROR_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    DRIFT_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    DRIFT_ALARMS_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    WAITING_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    LEARNING_P50_MICROS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_OFF_SECONDS_FIELD_NUMBER: _ClassVar[int]
    novelty_samples: int
    novelty_novel: int
    calibration_samples: int
    calibration_error_permille: int
    drift_permille: int
    drift_alarms: int
    skipped: int
    waiting_samples: int
    learning_p50_micros: int
    clock_off_seconds: int
    def __init__(self, novelty_samples: _Optional[int] = ..., novelty_novel: _Optional[int] = ..., calibration_samples: _Optional[int] = ..., calibration_error_permille: _Optional[int] = ..., drift_permille: _Optional[int] = ..., drift_alarms: _Optional[int] = ..., skipped: _Optional[int] = ..., waiting_samples: _Optional[int] = ..., learning_p50_micros: _Optional[int] = ..., clock_off_seconds: _Optional[int] = ...) -> None: ...

class FederationReport(_message.Message):
    __slots__ = ("consent", "campaign_id", "round", "step", "head_campaign_id", "head_version", "outcome", "judged", "blend_permille")
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    HEAD_CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    HEAD_VERSION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    JUDGED_FIELD_NUMBER: _ClassVar[int]
    BLEND_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    consent: _federation_pb2.Consent
    campaign_id: str
    round: int
    step: RoundStep
    head_campaign_id: str
    head_version: int
    outcome: HeadOutcome
    judged: PairedCounts
    blend_permille: int
    def __init__(self, consent: _Optional[_Union[_federation_pb2.Consent, str]] = ..., campaign_id: _Optional[str] = ..., round: _Optional[int] = ..., step: _Optional[_Union[RoundStep, str]] = ..., head_campaign_id: _Optional[str] = ..., head_version: _Optional[int] = ..., outcome: _Optional[_Union[HeadOutcome, str]] = ..., judged: _Optional[_Union[PairedCounts, _Mapping]] = ..., blend_permille: _Optional[int] = ...) -> None: ...

class PublisherReport(_message.Message):
    __slots__ = ("root_version", "targets_version", "floor_epoch", "trouble")
    ROOT_VERSION_FIELD_NUMBER: _ClassVar[int]
    TARGETS_VERSION_FIELD_NUMBER: _ClassVar[int]
    FLOOR_EPOCH_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    root_version: int
    targets_version: int
    floor_epoch: int
    trouble: PublisherTrouble
    def __init__(self, root_version: _Optional[int] = ..., targets_version: _Optional[int] = ..., floor_epoch: _Optional[int] = ..., trouble: _Optional[_Union[PublisherTrouble, str]] = ...) -> None: ...

class LedgerHead(_message.Message):
    __slots__ = ("number", "digest", "alterations")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ALTERATIONS_FIELD_NUMBER: _ClassVar[int]
    number: int
    digest: bytes
    alterations: int
    def __init__(self, number: _Optional[int] = ..., digest: _Optional[bytes] = ..., alterations: _Optional[int] = ...) -> None: ...

class CheckInRequest(_message.Message):
    __slots__ = ("incarnation", "sequence", "generation", "bundle_in_use", "variant_in_use", "update", "vital_signs", "learning", "agent_version", "settings_revision", "verdict", "execution_provider", "signs", "diagnosis_rule", "federation", "publisher", "ledger", "trust_revision")
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
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_PROVIDER_FIELD_NUMBER: _ClassVar[int]
    SIGNS_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSIS_RULE_FIELD_NUMBER: _ClassVar[int]
    FEDERATION_FIELD_NUMBER: _ClassVar[int]
    PUBLISHER_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    TRUST_REVISION_FIELD_NUMBER: _ClassVar[int]
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
    verdict: Verdict
    execution_provider: str
    signs: LearningSigns
    diagnosis_rule: DiagnosisRule
    federation: FederationReport
    publisher: PublisherReport
    ledger: LedgerHead
    trust_revision: int
    def __init__(self, incarnation: _Optional[int] = ..., sequence: _Optional[int] = ..., generation: _Optional[int] = ..., bundle_in_use: _Optional[bytes] = ..., variant_in_use: _Optional[str] = ..., update: _Optional[_Union[UpdateReport, _Mapping]] = ..., vital_signs: _Optional[_Union[VitalSigns, _Mapping]] = ..., learning: _Optional[_Union[LearningCounters, _Mapping]] = ..., agent_version: _Optional[str] = ..., settings_revision: _Optional[int] = ..., verdict: _Optional[_Union[Verdict, _Mapping]] = ..., execution_provider: _Optional[str] = ..., signs: _Optional[_Union[LearningSigns, _Mapping]] = ..., diagnosis_rule: _Optional[_Union[DiagnosisRule, str]] = ..., federation: _Optional[_Union[FederationReport, _Mapping]] = ..., publisher: _Optional[_Union[PublisherReport, _Mapping]] = ..., ledger: _Optional[_Union[LedgerHead, _Mapping]] = ..., trust_revision: _Optional[int] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("generation", "bundle_digest", "variant", "back")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    BACK_FIELD_NUMBER: _ClassVar[int]
    generation: int
    bundle_digest: bytes
    variant: str
    back: bool
    def __init__(self, generation: _Optional[int] = ..., bundle_digest: _Optional[bytes] = ..., variant: _Optional[str] = ..., back: _Optional[bool] = ...) -> None: ...

class StartPermit(_message.Message):
    __slots__ = ("generation", "seconds", "bytes_per_second")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    BYTES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    generation: int
    seconds: int
    bytes_per_second: int
    def __init__(self, generation: _Optional[int] = ..., seconds: _Optional[int] = ..., bytes_per_second: _Optional[int] = ...) -> None: ...

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

class DiagnosisRequest(_message.Message):
    __slots__ = ("id", "seconds")
    ID_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    id: str
    seconds: int
    def __init__(self, id: _Optional[str] = ..., seconds: _Optional[int] = ...) -> None: ...

class RoundOffer(_message.Message):
    __slots__ = ("campaign_id", "round", "level", "space", "kind", "seconds", "only_idle", "only_on_conditions")
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    ONLY_IDLE_FIELD_NUMBER: _ClassVar[int]
    ONLY_ON_CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    round: int
    level: _federation_pb2.Consent
    space: _federation_pb2.HeadSpace
    kind: _federation_pb2.RowKind
    seconds: int
    only_idle: bool
    only_on_conditions: bool
    def __init__(self, campaign_id: _Optional[str] = ..., round: _Optional[int] = ..., level: _Optional[_Union[_federation_pb2.Consent, str]] = ..., space: _Optional[_Union[_federation_pb2.HeadSpace, _Mapping]] = ..., kind: _Optional[_Union[_federation_pb2.RowKind, str]] = ..., seconds: _Optional[int] = ..., only_idle: _Optional[bool] = ..., only_on_conditions: _Optional[bool] = ...) -> None: ...

class CheckInResponse(_message.Message):
    __slots__ = ("target", "permit", "settings", "next_seconds", "unix_seconds", "diagnosis", "round", "head", "trust_revision", "metadata_version")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    PERMIT_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    UNIX_SECONDS_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSIS_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    TRUST_REVISION_FIELD_NUMBER: _ClassVar[int]
    METADATA_VERSION_FIELD_NUMBER: _ClassVar[int]
    target: Target
    permit: StartPermit
    settings: SettingsRevision
    next_seconds: int
    unix_seconds: int
    diagnosis: DiagnosisRequest
    round: RoundOffer
    head: _federation_pb2.GlobalHead
    trust_revision: int
    metadata_version: int
    def __init__(self, target: _Optional[_Union[Target, _Mapping]] = ..., permit: _Optional[_Union[StartPermit, _Mapping]] = ..., settings: _Optional[_Union[SettingsRevision, _Mapping]] = ..., next_seconds: _Optional[int] = ..., unix_seconds: _Optional[int] = ..., diagnosis: _Optional[_Union[DiagnosisRequest, _Mapping]] = ..., round: _Optional[_Union[RoundOffer, _Mapping]] = ..., head: _Optional[_Union[_federation_pb2.GlobalHead, _Mapping]] = ..., trust_revision: _Optional[int] = ..., metadata_version: _Optional[int] = ...) -> None: ...

class DownloadRequest(_message.Message):
    __slots__ = ("digest", "offset", "takes_link")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    TAKES_LINK_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    offset: int
    takes_link: bool
    def __init__(self, digest: _Optional[bytes] = ..., offset: _Optional[int] = ..., takes_link: _Optional[bool] = ...) -> None: ...

class DownloadResponse(_message.Message):
    __slots__ = ("offset", "content", "total_bytes", "link")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    offset: int
    content: bytes
    total_bytes: int
    link: str
    def __init__(self, offset: _Optional[int] = ..., content: _Optional[bytes] = ..., total_bytes: _Optional[int] = ..., link: _Optional[str] = ...) -> None: ...

class RenewRequest(_message.Message):
    __slots__ = ("certificate_request", "knows_trust_revision", "knows_publisher")
    CERTIFICATE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    KNOWS_TRUST_REVISION_FIELD_NUMBER: _ClassVar[int]
    KNOWS_PUBLISHER_FIELD_NUMBER: _ClassVar[int]
    certificate_request: bytes
    knows_trust_revision: bool
    knows_publisher: bool
    def __init__(self, certificate_request: _Optional[bytes] = ..., knows_trust_revision: _Optional[bool] = ..., knows_publisher: _Optional[bool] = ...) -> None: ...

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

class DiagnosedSettings(_message.Message):
    __slots__ = ("threads", "queue_max", "predictions_kept", "predictions_bytes_max", "predictions_durable", "questions_a_day", "self_label_confidence", "self_label_share_max", "commit_seconds", "commit_samples", "exemplar_bytes_max", "shrinkage", "heads", "half_life_samples", "image_seconds_max", "replay_bytes_max", "learning_paused", "retention_days", "classes_max", "memory_bytes_max", "disk_bytes_max", "cpu_share", "passing_pairs", "passing_seconds_max", "learn_window", "learn_when_idle_seconds", "judging_alpha", "judging_loss_min", "latency_ratio_max", "latency_floor_seconds", "probation_predictions", "probation_minutes", "update_window", "require_confirmation", "too_few_samples", "metrics_port", "log_level", "log_form")
    THREADS_FIELD_NUMBER: _ClassVar[int]
    QUEUE_MAX_FIELD_NUMBER: _ClassVar[int]
    PREDICTIONS_KEPT_FIELD_NUMBER: _ClassVar[int]
    PREDICTIONS_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    PREDICTIONS_DURABLE_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_A_DAY_FIELD_NUMBER: _ClassVar[int]
    SELF_LABEL_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    SELF_LABEL_SHARE_MAX_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    EXEMPLAR_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    SHRINKAGE_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    HALF_LIFE_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    IMAGE_SECONDS_MAX_FIELD_NUMBER: _ClassVar[int]
    REPLAY_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    LEARNING_PAUSED_FIELD_NUMBER: _ClassVar[int]
    RETENTION_DAYS_FIELD_NUMBER: _ClassVar[int]
    CLASSES_MAX_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    DISK_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    CPU_SHARE_FIELD_NUMBER: _ClassVar[int]
    PASSING_PAIRS_FIELD_NUMBER: _ClassVar[int]
    PASSING_SECONDS_MAX_FIELD_NUMBER: _ClassVar[int]
    LEARN_WINDOW_FIELD_NUMBER: _ClassVar[int]
    LEARN_WHEN_IDLE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    JUDGING_ALPHA_FIELD_NUMBER: _ClassVar[int]
    JUDGING_LOSS_MIN_FIELD_NUMBER: _ClassVar[int]
    LATENCY_RATIO_MAX_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FLOOR_SECONDS_FIELD_NUMBER: _ClassVar[int]
    PROBATION_PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    PROBATION_MINUTES_FIELD_NUMBER: _ClassVar[int]
    UPDATE_WINDOW_FIELD_NUMBER: _ClassVar[int]
    REQUIRE_CONFIRMATION_FIELD_NUMBER: _ClassVar[int]
    TOO_FEW_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    METRICS_PORT_FIELD_NUMBER: _ClassVar[int]
    LOG_LEVEL_FIELD_NUMBER: _ClassVar[int]
    LOG_FORM_FIELD_NUMBER: _ClassVar[int]
    threads: int
    queue_max: int
    predictions_kept: int
    predictions_bytes_max: int
    predictions_durable: bool
    questions_a_day: int
    self_label_confidence: float
    self_label_share_max: float
    commit_seconds: float
    commit_samples: int
    exemplar_bytes_max: int
    shrinkage: float
    heads: _containers.RepeatedScalarFieldContainer[str]
    half_life_samples: float
    image_seconds_max: float
    replay_bytes_max: int
    learning_paused: bool
    retention_days: int
    classes_max: int
    memory_bytes_max: int
    disk_bytes_max: int
    cpu_share: float
    passing_pairs: int
    passing_seconds_max: float
    learn_window: str
    learn_when_idle_seconds: float
    judging_alpha: float
    judging_loss_min: float
    latency_ratio_max: float
    latency_floor_seconds: float
    probation_predictions: int
    probation_minutes: float
    update_window: str
    require_confirmation: bool
    too_few_samples: str
    metrics_port: int
    log_level: str
    log_form: str
    def __init__(self, threads: _Optional[int] = ..., queue_max: _Optional[int] = ..., predictions_kept: _Optional[int] = ..., predictions_bytes_max: _Optional[int] = ..., predictions_durable: _Optional[bool] = ..., questions_a_day: _Optional[int] = ..., self_label_confidence: _Optional[float] = ..., self_label_share_max: _Optional[float] = ..., commit_seconds: _Optional[float] = ..., commit_samples: _Optional[int] = ..., exemplar_bytes_max: _Optional[int] = ..., shrinkage: _Optional[float] = ..., heads: _Optional[_Iterable[str]] = ..., half_life_samples: _Optional[float] = ..., image_seconds_max: _Optional[float] = ..., replay_bytes_max: _Optional[int] = ..., learning_paused: _Optional[bool] = ..., retention_days: _Optional[int] = ..., classes_max: _Optional[int] = ..., memory_bytes_max: _Optional[int] = ..., disk_bytes_max: _Optional[int] = ..., cpu_share: _Optional[float] = ..., passing_pairs: _Optional[int] = ..., passing_seconds_max: _Optional[float] = ..., learn_window: _Optional[str] = ..., learn_when_idle_seconds: _Optional[float] = ..., judging_alpha: _Optional[float] = ..., judging_loss_min: _Optional[float] = ..., latency_ratio_max: _Optional[float] = ..., latency_floor_seconds: _Optional[float] = ..., probation_predictions: _Optional[int] = ..., probation_minutes: _Optional[float] = ..., update_window: _Optional[str] = ..., require_confirmation: _Optional[bool] = ..., too_few_samples: _Optional[str] = ..., metrics_port: _Optional[int] = ..., log_level: _Optional[str] = ..., log_form: _Optional[str] = ...) -> None: ...

class DiagnosedTotal(_message.Message):
    __slots__ = ("kind", "messages", "bytes")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    kind: str
    messages: int
    bytes: int
    def __init__(self, kind: _Optional[str] = ..., messages: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class DiagnosedFrame(_message.Message):
    __slots__ = ("module", "function", "line")
    MODULE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    module: str
    function: str
    line: int
    def __init__(self, module: _Optional[str] = ..., function: _Optional[str] = ..., line: _Optional[int] = ...) -> None: ...

class DiagnosedError(_message.Message):
    __slots__ = ("fault", "exception", "times", "seconds_ago", "frames", "further_frames", "foreign_frames")
    FAULT_FIELD_NUMBER: _ClassVar[int]
    EXCEPTION_FIELD_NUMBER: _ClassVar[int]
    TIMES_FIELD_NUMBER: _ClassVar[int]
    SECONDS_AGO_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    FURTHER_FRAMES_FIELD_NUMBER: _ClassVar[int]
    FOREIGN_FRAMES_FIELD_NUMBER: _ClassVar[int]
    fault: str
    exception: str
    times: int
    seconds_ago: int
    frames: _containers.RepeatedCompositeFieldContainer[DiagnosedFrame]
    further_frames: int
    foreign_frames: int
    def __init__(self, fault: _Optional[str] = ..., exception: _Optional[str] = ..., times: _Optional[int] = ..., seconds_ago: _Optional[int] = ..., frames: _Optional[_Iterable[_Union[DiagnosedFrame, _Mapping]]] = ..., further_frames: _Optional[int] = ..., foreign_frames: _Optional[int] = ...) -> None: ...

class Diagnosis(_message.Message):
    __slots__ = ("agent_version", "python_version", "system", "kernel", "architecture", "settings", "vital_signs", "learning", "signs", "sent", "errors", "errors_noticed")
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    PYTHON_VERSION_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    KERNEL_FIELD_NUMBER: _ClassVar[int]
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    VITAL_SIGNS_FIELD_NUMBER: _ClassVar[int]
    LEARNING_FIELD_NUMBER: _ClassVar[int]
    SIGNS_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    ERRORS_NOTICED_FIELD_NUMBER: _ClassVar[int]
    agent_version: str
    python_version: str
    system: str
    kernel: str
    architecture: str
    settings: DiagnosedSettings
    vital_signs: VitalSigns
    learning: LearningCounters
    signs: LearningSigns
    sent: _containers.RepeatedCompositeFieldContainer[DiagnosedTotal]
    errors: _containers.RepeatedCompositeFieldContainer[DiagnosedError]
    errors_noticed: int
    def __init__(self, agent_version: _Optional[str] = ..., python_version: _Optional[str] = ..., system: _Optional[str] = ..., kernel: _Optional[str] = ..., architecture: _Optional[str] = ..., settings: _Optional[_Union[DiagnosedSettings, _Mapping]] = ..., vital_signs: _Optional[_Union[VitalSigns, _Mapping]] = ..., learning: _Optional[_Union[LearningCounters, _Mapping]] = ..., signs: _Optional[_Union[LearningSigns, _Mapping]] = ..., sent: _Optional[_Iterable[_Union[DiagnosedTotal, _Mapping]]] = ..., errors: _Optional[_Iterable[_Union[DiagnosedError, _Mapping]]] = ..., errors_noticed: _Optional[int] = ...) -> None: ...

class AnswerDiagnosisRequest(_message.Message):
    __slots__ = ("id", "step", "diagnosis")
    ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSIS_FIELD_NUMBER: _ClassVar[int]
    id: str
    step: DiagnosisStep
    diagnosis: Diagnosis
    def __init__(self, id: _Optional[str] = ..., step: _Optional[_Union[DiagnosisStep, str]] = ..., diagnosis: _Optional[_Union[Diagnosis, _Mapping]] = ...) -> None: ...

class AnswerDiagnosisResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FetchTaskRequest(_message.Message):
    __slots__ = ("campaign_id", "round")
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    round: int
    def __init__(self, campaign_id: _Optional[str] = ..., round: _Optional[int] = ...) -> None: ...

class FetchTaskResponse(_message.Message):
    __slots__ = ("round", "classes", "head", "norm_max", "noise", "samples_min")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    NORM_MAX_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_MIN_FIELD_NUMBER: _ClassVar[int]
    round: RoundOffer
    classes: _containers.RepeatedCompositeFieldContainer[_federation_pb2.SharedClass]
    head: _federation_pb2.GlobalHead
    norm_max: float
    noise: float
    samples_min: int
    def __init__(self, round: _Optional[_Union[RoundOffer, _Mapping]] = ..., classes: _Optional[_Iterable[_Union[_federation_pb2.SharedClass, _Mapping]]] = ..., head: _Optional[_Union[_federation_pb2.GlobalHead, _Mapping]] = ..., norm_max: _Optional[float] = ..., noise: _Optional[float] = ..., samples_min: _Optional[int] = ...) -> None: ...

class SubmitUpdateRequest(_message.Message):
    __slots__ = ("header", "rows", "scatter")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SCATTER_FIELD_NUMBER: _ClassVar[int]
    header: _federation_pb2.UpdateHeader
    rows: _federation_pb2.ClassRows
    scatter: _federation_pb2.ScatterPiece
    def __init__(self, header: _Optional[_Union[_federation_pb2.UpdateHeader, _Mapping]] = ..., rows: _Optional[_Union[_federation_pb2.ClassRows, _Mapping]] = ..., scatter: _Optional[_Union[_federation_pb2.ScatterPiece, _Mapping]] = ...) -> None: ...

class SubmitUpdateResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: UpdateReceipt
    def __init__(self, receipt: _Optional[_Union[UpdateReceipt, str]] = ...) -> None: ...

class GetMetadataRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetMetadataResponse(_message.Message):
    __slots__ = ("content",)
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    def __init__(self, content: _Optional[bytes] = ...) -> None: ...
