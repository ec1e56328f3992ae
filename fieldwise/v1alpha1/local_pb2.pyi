import datetime

from fieldwise.v1alpha1 import device_pb2 as _device_pb2
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

class Share(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SHARE_UNSPECIFIED: _ClassVar[Share]
    SHARE_LEARN: _ClassVar[Share]
    SHARE_SELECT: _ClassVar[Share]
    SHARE_JUDGE: _ClassVar[Share]
    SHARE_UNUSED: _ClassVar[Share]

class QuestionReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUESTION_REASON_UNSPECIFIED: _ClassVar[QuestionReason]
    QUESTION_REASON_UNCERTAIN: _ClassVar[QuestionReason]
    QUESTION_REASON_NOVEL: _ClassVar[QuestionReason]
    QUESTION_REASON_DISAGREEMENT: _ClassVar[QuestionReason]

class BackboneRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BACKBONE_ROLE_UNSPECIFIED: _ClassVar[BackboneRole]
    BACKBONE_ROLE_IN_USE: _ClassVar[BackboneRole]
    BACKBONE_ROLE_BEFORE: _ClassVar[BackboneRole]
    BACKBONE_ROLE_WANTED: _ClassVar[BackboneRole]
SHARE_UNSPECIFIED: Share
SHARE_LEARN: Share
SHARE_SELECT: Share
SHARE_JUDGE: Share
SHARE_UNUSED: Share
QUESTION_REASON_UNSPECIFIED: QuestionReason
QUESTION_REASON_UNCERTAIN: QuestionReason
QUESTION_REASON_NOVEL: QuestionReason
QUESTION_REASON_DISAGREEMENT: QuestionReason
BACKBONE_ROLE_UNSPECIFIED: BackboneRole
BACKBONE_ROLE_IN_USE: BackboneRole
BACKBONE_ROLE_BEFORE: BackboneRole
BACKBONE_ROLE_WANTED: BackboneRole

class Image(_message.Message):
    __slots__ = ("encoded", "pixels", "vector")
    ENCODED_FIELD_NUMBER: _ClassVar[int]
    PIXELS_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    encoded: bytes
    pixels: Pixels
    vector: Vector
    def __init__(self, encoded: _Optional[bytes] = ..., pixels: _Optional[_Union[Pixels, _Mapping]] = ..., vector: _Optional[_Union[Vector, _Mapping]] = ...) -> None: ...

class Vector(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, values: _Optional[_Iterable[float]] = ...) -> None: ...

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

class Novelty(_message.Message):
    __slots__ = ("p_value", "novel")
    P_VALUE_FIELD_NUMBER: _ClassVar[int]
    NOVEL_FIELD_NUMBER: _ClassVar[int]
    p_value: float
    novel: bool
    def __init__(self, p_value: _Optional[float] = ..., novel: _Optional[bool] = ...) -> None: ...

class PredictResponse(_message.Message):
    __slots__ = ("id", "classes", "backbone", "calibrated", "novelty")
    ID_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    BACKBONE_FIELD_NUMBER: _ClassVar[int]
    CALIBRATED_FIELD_NUMBER: _ClassVar[int]
    NOVELTY_FIELD_NUMBER: _ClassVar[int]
    id: str
    classes: _containers.RepeatedCompositeFieldContainer[ScoredClass]
    backbone: str
    calibrated: bool
    novelty: Novelty
    def __init__(self, id: _Optional[str] = ..., classes: _Optional[_Iterable[_Union[ScoredClass, _Mapping]]] = ..., backbone: _Optional[str] = ..., calibrated: _Optional[bool] = ..., novelty: _Optional[_Union[Novelty, _Mapping]] = ...) -> None: ...

class TeachRequest(_message.Message):
    __slots__ = ("image", "class_name", "burst", "key")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    BURST_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    image: Image
    class_name: str
    burst: str
    key: str
    def __init__(self, image: _Optional[_Union[Image, _Mapping]] = ..., class_name: _Optional[str] = ..., burst: _Optional[str] = ..., key: _Optional[str] = ...) -> None: ...

class TeachResponse(_message.Message):
    __slots__ = ("sample_id", "share", "predicted", "known")
    SAMPLE_ID_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    PREDICTED_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    sample_id: str
    share: Share
    predicted: str
    known: bool
    def __init__(self, sample_id: _Optional[str] = ..., share: _Optional[_Union[Share, str]] = ..., predicted: _Optional[str] = ..., known: _Optional[bool] = ...) -> None: ...

class FeedbackRequest(_message.Message):
    __slots__ = ("prediction_id", "class_name")
    PREDICTION_ID_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    prediction_id: str
    class_name: str
    def __init__(self, prediction_id: _Optional[str] = ..., class_name: _Optional[str] = ...) -> None: ...

class FeedbackResponse(_message.Message):
    __slots__ = ("sample_id", "share", "predicted", "known")
    SAMPLE_ID_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    PREDICTED_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    sample_id: str
    share: Share
    predicted: str
    known: bool
    def __init__(self, sample_id: _Optional[str] = ..., share: _Optional[_Union[Share, str]] = ..., predicted: _Optional[str] = ..., known: _Optional[bool] = ...) -> None: ...

class Question(_message.Message):
    __slots__ = ("prediction_id", "time", "reason", "classes", "image_held")
    PREDICTION_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    IMAGE_HELD_FIELD_NUMBER: _ClassVar[int]
    prediction_id: str
    time: _timestamp_pb2.Timestamp
    reason: QuestionReason
    classes: _containers.RepeatedCompositeFieldContainer[ScoredClass]
    image_held: bool
    def __init__(self, prediction_id: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[_Union[QuestionReason, str]] = ..., classes: _Optional[_Iterable[_Union[ScoredClass, _Mapping]]] = ..., image_held: _Optional[bool] = ...) -> None: ...

class ListQuestionsRequest(_message.Message):
    __slots__ = ("questions",)
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    questions: int
    def __init__(self, questions: _Optional[int] = ...) -> None: ...

class ListQuestionsResponse(_message.Message):
    __slots__ = ("questions", "budget")
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    questions: _containers.RepeatedCompositeFieldContainer[Question]
    budget: int
    def __init__(self, questions: _Optional[_Iterable[_Union[Question, _Mapping]]] = ..., budget: _Optional[int] = ...) -> None: ...

class GetQuestionImageRequest(_message.Message):
    __slots__ = ("prediction_id",)
    PREDICTION_ID_FIELD_NUMBER: _ClassVar[int]
    prediction_id: str
    def __init__(self, prediction_id: _Optional[str] = ...) -> None: ...

class GetQuestionImageResponse(_message.Message):
    __slots__ = ("image",)
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    image: Image
    def __init__(self, image: _Optional[_Union[Image, _Mapping]] = ...) -> None: ...

class ReportSkippedRequest(_message.Message):
    __slots__ = ("frames",)
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    frames: int
    def __init__(self, frames: _Optional[int] = ...) -> None: ...

class ReportSkippedResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetAgentStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetLearningReportRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class HeadScore(_message.Message):
    __slots__ = ("name", "serves", "samples", "correct", "window_samples", "window_correct")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SERVES_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    CORRECT_FIELD_NUMBER: _ClassVar[int]
    WINDOW_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    WINDOW_CORRECT_FIELD_NUMBER: _ClassVar[int]
    name: str
    serves: bool
    samples: int
    correct: int
    window_samples: int
    window_correct: int
    def __init__(self, name: _Optional[str] = ..., serves: _Optional[bool] = ..., samples: _Optional[int] = ..., correct: _Optional[int] = ..., window_samples: _Optional[int] = ..., window_correct: _Optional[int] = ...) -> None: ...

class ClassScore(_message.Message):
    __slots__ = ("name", "learned", "samples", "correct", "mistaken_for", "mistaken", "select_samples", "select_correct", "select_best")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LEARNED_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    CORRECT_FIELD_NUMBER: _ClassVar[int]
    MISTAKEN_FOR_FIELD_NUMBER: _ClassVar[int]
    MISTAKEN_FIELD_NUMBER: _ClassVar[int]
    SELECT_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SELECT_CORRECT_FIELD_NUMBER: _ClassVar[int]
    SELECT_BEST_FIELD_NUMBER: _ClassVar[int]
    name: str
    learned: int
    samples: int
    correct: int
    mistaken_for: str
    mistaken: int
    select_samples: int
    select_correct: int
    select_best: float
    def __init__(self, name: _Optional[str] = ..., learned: _Optional[int] = ..., samples: _Optional[int] = ..., correct: _Optional[int] = ..., mistaken_for: _Optional[str] = ..., mistaken: _Optional[int] = ..., select_samples: _Optional[int] = ..., select_correct: _Optional[int] = ..., select_best: _Optional[float] = ...) -> None: ...

class CurvePoint(_message.Message):
    __slots__ = ("time", "learned", "classes", "window_accuracy", "last_label_accuracy", "select_accuracy", "exemplar_bytes")
    TIME_FIELD_NUMBER: _ClassVar[int]
    LEARNED_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    WINDOW_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    LAST_LABEL_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    SELECT_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    EXEMPLAR_BYTES_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    learned: int
    classes: int
    window_accuracy: float
    last_label_accuracy: float
    select_accuracy: float
    exemplar_bytes: int
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., learned: _Optional[int] = ..., classes: _Optional[int] = ..., window_accuracy: _Optional[float] = ..., last_label_accuracy: _Optional[float] = ..., select_accuracy: _Optional[float] = ..., exemplar_bytes: _Optional[int] = ...) -> None: ...

class DriftAlarm(_message.Message):
    __slots__ = ("time", "signal", "detector", "observed")
    TIME_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    signal: str
    detector: str
    observed: int
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., signal: _Optional[str] = ..., detector: _Optional[str] = ..., observed: _Optional[int] = ...) -> None: ...

class DriftWatch(_message.Message):
    __slots__ = ("signal", "detector", "observed", "alarms")
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    ALARMS_FIELD_NUMBER: _ClassVar[int]
    signal: str
    detector: str
    observed: int
    alarms: int
    def __init__(self, signal: _Optional[str] = ..., detector: _Optional[str] = ..., observed: _Optional[int] = ..., alarms: _Optional[int] = ...) -> None: ...

class Calibration(_message.Message):
    __slots__ = ("samples", "temperature", "error_before", "error_after", "bins")
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    ERROR_BEFORE_FIELD_NUMBER: _ClassVar[int]
    ERROR_AFTER_FIELD_NUMBER: _ClassVar[int]
    BINS_FIELD_NUMBER: _ClassVar[int]
    samples: int
    temperature: float
    error_before: float
    error_after: float
    bins: _containers.RepeatedCompositeFieldContainer[CalibrationBin]
    def __init__(self, samples: _Optional[int] = ..., temperature: _Optional[float] = ..., error_before: _Optional[float] = ..., error_after: _Optional[float] = ..., bins: _Optional[_Iterable[_Union[CalibrationBin, _Mapping]]] = ...) -> None: ...

class CalibrationBin(_message.Message):
    __slots__ = ("samples", "confidence", "accuracy")
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    samples: int
    confidence: float
    accuracy: float
    def __init__(self, samples: _Optional[int] = ..., confidence: _Optional[float] = ..., accuracy: _Optional[float] = ...) -> None: ...

class Wear(_message.Message):
    __slots__ = ("written_bytes", "seconds", "samples", "predictions", "prediction_bytes")
    WRITTEN_BYTES_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_BYTES_FIELD_NUMBER: _ClassVar[int]
    written_bytes: int
    seconds: int
    samples: int
    predictions: int
    prediction_bytes: int
    def __init__(self, written_bytes: _Optional[int] = ..., seconds: _Optional[int] = ..., samples: _Optional[int] = ..., predictions: _Optional[int] = ..., prediction_bytes: _Optional[int] = ...) -> None: ...

class GetLearningReportResponse(_message.Message):
    __slots__ = ("heads", "classes", "curve", "alarms", "watches", "calibration", "wear", "tested", "correct", "last_label_correct", "forgetting", "backward_transfer", "batch_gap_answers", "batch_gap_samples", "skipped", "self_labelled", "shrinkage", "shrinkage_chosen", "novelty_rate", "can_tell", "orphans", "carried", "known")
    HEADS_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    CURVE_FIELD_NUMBER: _ClassVar[int]
    ALARMS_FIELD_NUMBER: _ClassVar[int]
    WATCHES_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    WEAR_FIELD_NUMBER: _ClassVar[int]
    TESTED_FIELD_NUMBER: _ClassVar[int]
    CORRECT_FIELD_NUMBER: _ClassVar[int]
    LAST_LABEL_CORRECT_FIELD_NUMBER: _ClassVar[int]
    FORGETTING_FIELD_NUMBER: _ClassVar[int]
    BACKWARD_TRANSFER_FIELD_NUMBER: _ClassVar[int]
    BATCH_GAP_ANSWERS_FIELD_NUMBER: _ClassVar[int]
    BATCH_GAP_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    SELF_LABELLED_FIELD_NUMBER: _ClassVar[int]
    SHRINKAGE_FIELD_NUMBER: _ClassVar[int]
    SHRINKAGE_CHOSEN_FIELD_NUMBER: _ClassVar[int]
    NOVELTY_RATE_FIELD_NUMBER: _ClassVar[int]
    CAN_TELL_FIELD_NUMBER: _ClassVar[int]
    ORPHANS_FIELD_NUMBER: _ClassVar[int]
    CARRIED_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    heads: _containers.RepeatedCompositeFieldContainer[HeadScore]
    classes: _containers.RepeatedCompositeFieldContainer[ClassScore]
    curve: _containers.RepeatedCompositeFieldContainer[CurvePoint]
    alarms: _containers.RepeatedCompositeFieldContainer[DriftAlarm]
    watches: _containers.RepeatedCompositeFieldContainer[DriftWatch]
    calibration: Calibration
    wear: Wear
    tested: int
    correct: int
    last_label_correct: int
    forgetting: float
    backward_transfer: float
    batch_gap_answers: int
    batch_gap_samples: int
    skipped: int
    self_labelled: int
    shrinkage: float
    shrinkage_chosen: bool
    novelty_rate: float
    can_tell: str
    orphans: int
    carried: int
    known: int
    def __init__(self, heads: _Optional[_Iterable[_Union[HeadScore, _Mapping]]] = ..., classes: _Optional[_Iterable[_Union[ClassScore, _Mapping]]] = ..., curve: _Optional[_Iterable[_Union[CurvePoint, _Mapping]]] = ..., alarms: _Optional[_Iterable[_Union[DriftAlarm, _Mapping]]] = ..., watches: _Optional[_Iterable[_Union[DriftWatch, _Mapping]]] = ..., calibration: _Optional[_Union[Calibration, _Mapping]] = ..., wear: _Optional[_Union[Wear, _Mapping]] = ..., tested: _Optional[int] = ..., correct: _Optional[int] = ..., last_label_correct: _Optional[int] = ..., forgetting: _Optional[float] = ..., backward_transfer: _Optional[float] = ..., batch_gap_answers: _Optional[int] = ..., batch_gap_samples: _Optional[int] = ..., skipped: _Optional[int] = ..., self_labelled: _Optional[int] = ..., shrinkage: _Optional[float] = ..., shrinkage_chosen: _Optional[bool] = ..., novelty_rate: _Optional[float] = ..., can_tell: _Optional[str] = ..., orphans: _Optional[int] = ..., carried: _Optional[int] = ..., known: _Optional[int] = ...) -> None: ...

class ClassCount(_message.Message):
    __slots__ = ("name", "samples")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    name: str
    samples: int
    def __init__(self, name: _Optional[str] = ..., samples: _Optional[int] = ...) -> None: ...

class GetAgentStatusResponse(_message.Message):
    __slots__ = ("agent_version", "device_id", "fleet", "backbone", "variant", "update", "learning", "vital_signs", "classes", "check_in_time", "check_in_error", "select_correct", "select_samples", "settings_revision", "clock_ahead_seconds", "settings", "lost_samples", "skipped", "waiting_samples", "verdict", "missing_bytes", "pinned", "carried_samples", "probation", "own_labels_dropped", "joining", "publisher")
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
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    WAITING_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    MISSING_BYTES_FIELD_NUMBER: _ClassVar[int]
    PINNED_FIELD_NUMBER: _ClassVar[int]
    CARRIED_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    PROBATION_FIELD_NUMBER: _ClassVar[int]
    OWN_LABELS_DROPPED_FIELD_NUMBER: _ClassVar[int]
    JOINING_FIELD_NUMBER: _ClassVar[int]
    PUBLISHER_FIELD_NUMBER: _ClassVar[int]
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
    skipped: int
    waiting_samples: int
    verdict: _device_pb2.Verdict
    missing_bytes: int
    pinned: bool
    carried_samples: int
    probation: Probation
    own_labels_dropped: int
    joining: JoiningStatus
    publisher: PublisherStatus
    def __init__(self, agent_version: _Optional[str] = ..., device_id: _Optional[str] = ..., fleet: _Optional[str] = ..., backbone: _Optional[str] = ..., variant: _Optional[str] = ..., update: _Optional[_Union[_device_pb2.UpdateReport, _Mapping]] = ..., learning: _Optional[_Union[_device_pb2.LearningCounters, _Mapping]] = ..., vital_signs: _Optional[_Union[_device_pb2.VitalSigns, _Mapping]] = ..., classes: _Optional[_Iterable[_Union[ClassCount, _Mapping]]] = ..., check_in_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., check_in_error: _Optional[str] = ..., select_correct: _Optional[int] = ..., select_samples: _Optional[int] = ..., settings_revision: _Optional[int] = ..., clock_ahead_seconds: _Optional[int] = ..., settings: _Optional[_Union[_device_pb2.DeviceSettings, _Mapping]] = ..., lost_samples: _Optional[int] = ..., skipped: _Optional[int] = ..., waiting_samples: _Optional[int] = ..., verdict: _Optional[_Union[_device_pb2.Verdict, _Mapping]] = ..., missing_bytes: _Optional[int] = ..., pinned: _Optional[bool] = ..., carried_samples: _Optional[int] = ..., probation: _Optional[_Union[Probation, _Mapping]] = ..., own_labels_dropped: _Optional[int] = ..., joining: _Optional[_Union[JoiningStatus, _Mapping]] = ..., publisher: _Optional[_Union[PublisherStatus, _Mapping]] = ...) -> None: ...

class JoiningStatus(_message.Message):
    __slots__ = ("fleet", "fingerprint", "complaint")
    FLEET_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    COMPLAINT_FIELD_NUMBER: _ClassVar[int]
    fleet: str
    fingerprint: str
    complaint: str
    def __init__(self, fleet: _Optional[str] = ..., fingerprint: _Optional[str] = ..., complaint: _Optional[str] = ...) -> None: ...

class PublisherStatus(_message.Message):
    __slots__ = ("root_version", "targets_version", "floor_epoch", "root_expires", "targets_expires", "timestamp_expires", "in_use_listed", "complaint")
    ROOT_VERSION_FIELD_NUMBER: _ClassVar[int]
    TARGETS_VERSION_FIELD_NUMBER: _ClassVar[int]
    FLOOR_EPOCH_FIELD_NUMBER: _ClassVar[int]
    ROOT_EXPIRES_FIELD_NUMBER: _ClassVar[int]
    TARGETS_EXPIRES_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_EXPIRES_FIELD_NUMBER: _ClassVar[int]
    IN_USE_LISTED_FIELD_NUMBER: _ClassVar[int]
    COMPLAINT_FIELD_NUMBER: _ClassVar[int]
    root_version: int
    targets_version: int
    floor_epoch: int
    root_expires: str
    targets_expires: str
    timestamp_expires: str
    in_use_listed: bool
    complaint: str
    def __init__(self, root_version: _Optional[int] = ..., targets_version: _Optional[int] = ..., floor_epoch: _Optional[int] = ..., root_expires: _Optional[str] = ..., targets_expires: _Optional[str] = ..., timestamp_expires: _Optional[str] = ..., in_use_listed: _Optional[bool] = ..., complaint: _Optional[str] = ...) -> None: ...

class Probation(_message.Message):
    __slots__ = ("predictions", "predictions_wanted", "seconds", "seconds_wanted", "failures", "slow", "samples", "only_old", "only_new")
    PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    PREDICTIONS_WANTED_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_WANTED_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    SLOW_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    ONLY_OLD_FIELD_NUMBER: _ClassVar[int]
    ONLY_NEW_FIELD_NUMBER: _ClassVar[int]
    predictions: int
    predictions_wanted: int
    seconds: int
    seconds_wanted: int
    failures: int
    slow: int
    samples: int
    only_old: int
    only_new: int
    def __init__(self, predictions: _Optional[int] = ..., predictions_wanted: _Optional[int] = ..., seconds: _Optional[int] = ..., seconds_wanted: _Optional[int] = ..., failures: _Optional[int] = ..., slow: _Optional[int] = ..., samples: _Optional[int] = ..., only_old: _Optional[int] = ..., only_new: _Optional[int] = ...) -> None: ...

class ListLedgerRequest(_message.Message):
    __slots__ = ("entries", "kind", "since", "after")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    entries: int
    kind: str
    since: _timestamp_pb2.Timestamp
    after: int
    def __init__(self, entries: _Optional[int] = ..., kind: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., after: _Optional[int] = ...) -> None: ...

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
    __slots__ = ("device_id", "fleet", "fingerprint")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    FLEET_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    fleet: str
    fingerprint: str
    def __init__(self, device_id: _Optional[str] = ..., fleet: _Optional[str] = ..., fingerprint: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("path", "unsigned")
    PATH_FIELD_NUMBER: _ClassVar[int]
    UNSIGNED_FIELD_NUMBER: _ClassVar[int]
    path: str
    unsigned: bool
    def __init__(self, path: _Optional[str] = ..., unsigned: _Optional[bool] = ...) -> None: ...

class InstallBackboneResponse(_message.Message):
    __slots__ = ("digest", "backbone")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    BACKBONE_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    backbone: str
    def __init__(self, digest: _Optional[bytes] = ..., backbone: _Optional[str] = ...) -> None: ...

class ListDeviceBackbonesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DeviceBackbone(_message.Message):
    __slots__ = ("digest", "backbone", "variant", "role")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    BACKBONE_FIELD_NUMBER: _ClassVar[int]
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    backbone: str
    variant: str
    role: BackboneRole
    def __init__(self, digest: _Optional[bytes] = ..., backbone: _Optional[str] = ..., variant: _Optional[str] = ..., role: _Optional[_Union[BackboneRole, str]] = ...) -> None: ...

class ListDeviceBackbonesResponse(_message.Message):
    __slots__ = ("backbones",)
    BACKBONES_FIELD_NUMBER: _ClassVar[int]
    backbones: _containers.RepeatedCompositeFieldContainer[DeviceBackbone]
    def __init__(self, backbones: _Optional[_Iterable[_Union[DeviceBackbone, _Mapping]]] = ...) -> None: ...

class RollBackRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RollBackResponse(_message.Message):
    __slots__ = ("backbone",)
    BACKBONE_FIELD_NUMBER: _ClassVar[int]
    backbone: str
    def __init__(self, backbone: _Optional[str] = ...) -> None: ...

class PinBackboneRequest(_message.Message):
    __slots__ = ("pinned",)
    PINNED_FIELD_NUMBER: _ClassVar[int]
    pinned: bool
    def __init__(self, pinned: _Optional[bool] = ...) -> None: ...

class PinBackboneResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AnswerUpdateRequest(_message.Message):
    __slots__ = ("confirmed",)
    CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    confirmed: bool
    def __init__(self, confirmed: _Optional[bool] = ...) -> None: ...

class AnswerUpdateResponse(_message.Message):
    __slots__ = ("digest",)
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    def __init__(self, digest: _Optional[bytes] = ...) -> None: ...

class ForgetRequest(_message.Message):
    __slots__ = ("class_name", "since", "sample_id", "self_labelled", "strict")
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_ID_FIELD_NUMBER: _ClassVar[int]
    SELF_LABELLED_FIELD_NUMBER: _ClassVar[int]
    STRICT_FIELD_NUMBER: _ClassVar[int]
    class_name: str
    since: _timestamp_pb2.Timestamp
    sample_id: str
    self_labelled: bool
    strict: bool
    def __init__(self, class_name: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sample_id: _Optional[str] = ..., self_labelled: _Optional[bool] = ..., strict: _Optional[bool] = ...) -> None: ...

class ForgetResponse(_message.Message):
    __slots__ = ("samples", "exact", "images", "orphans", "lost", "predictions", "sentences")
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    ORPHANS_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    SENTENCES_FIELD_NUMBER: _ClassVar[int]
    samples: int
    exact: int
    images: int
    orphans: int
    lost: int
    predictions: int
    sentences: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, samples: _Optional[int] = ..., exact: _Optional[int] = ..., images: _Optional[int] = ..., orphans: _Optional[int] = ..., lost: _Optional[int] = ..., predictions: _Optional[int] = ..., sentences: _Optional[_Iterable[str]] = ...) -> None: ...

class GetAskedDiagnosisRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetAskedDiagnosisResponse(_message.Message):
    __slots__ = ("id", "seconds", "step", "rule", "diagnosis")
    ID_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSIS_FIELD_NUMBER: _ClassVar[int]
    id: str
    seconds: int
    step: _device_pb2.DiagnosisStep
    rule: _device_pb2.DiagnosisRule
    diagnosis: _device_pb2.Diagnosis
    def __init__(self, id: _Optional[str] = ..., seconds: _Optional[int] = ..., step: _Optional[_Union[_device_pb2.DiagnosisStep, str]] = ..., rule: _Optional[_Union[_device_pb2.DiagnosisRule, str]] = ..., diagnosis: _Optional[_Union[_device_pb2.Diagnosis, _Mapping]] = ...) -> None: ...

class DecideDiagnosisRequest(_message.Message):
    __slots__ = ("id", "approved")
    ID_FIELD_NUMBER: _ClassVar[int]
    APPROVED_FIELD_NUMBER: _ClassVar[int]
    id: str
    approved: bool
    def __init__(self, id: _Optional[str] = ..., approved: _Optional[bool] = ...) -> None: ...

class DecideDiagnosisResponse(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class SetConsentRequest(_message.Message):
    __slots__ = ("consent", "until")
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    consent: _federation_pb2.Consent
    until: _timestamp_pb2.Timestamp
    def __init__(self, consent: _Optional[_Union[_federation_pb2.Consent, str]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SetConsentResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetFederationRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SharedClassState(_message.Message):
    __slots__ = ("name", "samples", "changed", "ready")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    name: str
    samples: int
    changed: int
    ready: bool
    def __init__(self, name: _Optional[str] = ..., samples: _Optional[int] = ..., changed: _Optional[int] = ..., ready: _Optional[bool] = ...) -> None: ...

class GetFederationResponse(_message.Message):
    __slots__ = ("consent", "until", "classes", "report", "updates", "bytes", "kept_aside", "foreign_classes", "foreign")
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    KEPT_ASIDE_FIELD_NUMBER: _ClassVar[int]
    FOREIGN_CLASSES_FIELD_NUMBER: _ClassVar[int]
    FOREIGN_FIELD_NUMBER: _ClassVar[int]
    consent: _federation_pb2.Consent
    until: _timestamp_pb2.Timestamp
    classes: _containers.RepeatedCompositeFieldContainer[SharedClassState]
    report: _device_pb2.FederationReport
    updates: int
    bytes: int
    kept_aside: int
    foreign_classes: int
    foreign: _device_pb2.PairedCounts
    def __init__(self, consent: _Optional[_Union[_federation_pb2.Consent, str]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., classes: _Optional[_Iterable[_Union[SharedClassState, _Mapping]]] = ..., report: _Optional[_Union[_device_pb2.FederationReport, _Mapping]] = ..., updates: _Optional[int] = ..., bytes: _Optional[int] = ..., kept_aside: _Optional[int] = ..., foreign_classes: _Optional[int] = ..., foreign: _Optional[_Union[_device_pb2.PairedCounts, _Mapping]] = ...) -> None: ...

class DropGlobalHeadRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DropGlobalHeadResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
