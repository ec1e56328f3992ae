"""What a device says of itself, as it comes over the wire."""

from collections.abc import Mapping
from typing import Any

from fieldwise.answers import (
    Joining,
    LearningCounters,
    ProbationStatus,
    PublisherStatus,
    SettingsInForce,
    Status,
    UpdateStatus,
    VitalSigns,
    Wear,
)
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.learning import (
    ClassScore,
    ConfidenceBin,
    ConfidenceCheck,
    CurvePoint,
    DriftAlarm,
    DriftWatch,
    HeadScore,
    LearningReport,
)
from fieldwise.v1alpha1 import device_pb2, local_pb2
from fieldwise.verdict import Basis, Judgement, Verdict, check_coherent
from fieldwise.verdict_messages import counts_from

JUDGEMENTS: Mapping[int, Judgement] = {
    getattr(device_pb2, f"JUDGEMENT_{each.name}"): each for each in Judgement
}
BASES: Mapping[int, Basis] = {
    getattr(device_pb2, f"VERDICT_BASIS_{each.name}"): each for each in Basis
}


def learning_report(message: local_pb2.GetLearningReportResponse) -> LearningReport:
    """The report of a message."""
    wear = message.wear
    return LearningReport(
        heads=tuple(
            HeadScore(
                each.name,
                each.serves,
                each.samples,
                each.correct,
                each.window_samples,
                each.window_correct,
            )
            for each in message.heads
        ),
        classes=tuple(map(_class, message.classes)),
        curve=tuple(map(_point, message.curve)),
        alarms=tuple(
            DriftAlarm(each.time.ToNanoseconds() / 1e9, each.signal, each.detector, each.observed)
            for each in message.alarms
        ),
        watches=tuple(
            DriftWatch(each.signal, each.detector, each.observed, each.alarms)
            for each in message.watches
        ),
        confidence=_confidence(message.calibration),
        wear=_wear(wear) if message.HasField("wear") else None,
        tested=message.tested,
        correct=message.correct,
        last_label_correct=message.last_label_correct,
        forgetting=message.forgetting if message.HasField("forgetting") else None,
        backward_transfer=(
            message.backward_transfer if message.HasField("backward_transfer") else None
        ),
        batch_gap_answers=message.batch_gap_answers,
        batch_gap_samples=message.batch_gap_samples,
        skipped=message.skipped,
        self_labelled=message.self_labelled,
        shrinkage=message.shrinkage,
        shrinkage_chosen=message.shrinkage_chosen,
        novelty_rate=message.novelty_rate,
        can_tell=message.can_tell,
        orphans=message.orphans,
        carried=message.carried,
        known=message.known,
    )


def _class(message: local_pb2.ClassScore) -> ClassScore:
    return ClassScore(
        message.name,
        message.learned,
        message.samples,
        message.correct,
        message.mistaken_for,
        message.mistaken,
        message.select_samples,
        message.select_correct,
        message.select_best,
    )


def _point(message: local_pb2.CurvePoint) -> CurvePoint:
    return CurvePoint(
        message.time.ToNanoseconds() / 1e9,
        message.learned,
        message.classes,
        message.window_accuracy,
        message.last_label_accuracy,
        message.select_accuracy,
        message.exemplar_bytes,
    )


def _confidence(message: local_pb2.Calibration) -> ConfidenceCheck:
    return ConfidenceCheck(
        message.samples,
        message.temperature,
        message.error_before,
        message.error_after,
        tuple(ConfidenceBin(each.samples, each.confidence, each.accuracy) for each in message.bins),
    )


def _wear(message: local_pb2.Wear) -> Wear:
    return Wear(
        message.written_bytes,
        message.seconds,
        message.samples,
        message.predictions,
        message.prediction_bytes,
    )


def verdict(message: device_pb2.Verdict) -> Verdict:
    """The verdict of a message.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for an unknown judgement or basis and for counts that
            contradict one another, ``OVER_LIMIT`` for a generation beyond 62 bits.
    """
    judgement, basis = JUDGEMENTS.get(message.judgement), BASES.get(message.basis)
    if judgement is None or basis is None:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"a verdict has judgement {message.judgement} and basis {message.basis}",
        )
    found = Verdict(
        generation=message.generation,
        judgement=judgement,
        basis=basis,
        overall=counts_from(message.overall),
        critical=counts_from(message.critical) if message.HasField("critical") else None,
        old_p50_micros=message.old_p50_micros,
        old_p99_micros=message.old_p99_micros,
        new_p50_micros=message.new_p50_micros,
        new_p99_micros=message.new_p99_micros,
        compared=message.compared,
        agreed=message.agreed,
        old_confidence_permille=message.old_confidence_permille,
        new_confidence_permille=message.new_confidence_permille,
        old_novel=message.old_novel,
        new_novel=message.new_novel,
    )
    check_coherent(found)
    return found


def status(message: local_pb2.GetAgentStatusResponse) -> Status:
    """The status of a message.

    Raises:
        FieldwiseError: As ``verdict``.
    """
    answered = message.check_in_time.ToNanoseconds() / 1e9
    return Status(
        agent_version=message.agent_version,
        device_id=message.device_id,
        fleet=message.fleet,
        backbone=message.backbone,
        variant=message.variant,
        update=_update(message),
        learning=LearningCounters(**_numbers(message.learning)),
        vital_signs=VitalSigns(**_numbers(message.vital_signs)),
        classes={each.name: each.samples for each in message.classes},
        check_in_seconds=answered if message.HasField("check_in_time") else None,
        check_in_error=message.check_in_error,
        select_samples=message.select_samples,
        select_correct=message.select_correct,
        settings_revision=message.settings_revision,
        settings=_settings(message.settings),
        lost_samples=message.lost_samples,
        clock_ahead_seconds=message.clock_ahead_seconds,
        skipped=message.skipped,
        waiting_samples=message.waiting_samples,
        verdict=verdict(message.verdict) if message.HasField("verdict") else None,
        carried_samples=message.carried_samples,
        own_labels_dropped=message.own_labels_dropped,
        joining=_joining(message) if message.HasField("joining") else None,
        publisher=_publisher(message.publisher),
    )


def _publisher(message: local_pb2.PublisherStatus) -> PublisherStatus:
    return PublisherStatus(
        root_version=message.root_version,
        targets_version=message.targets_version,
        floor_epoch=message.floor_epoch,
        root_expires=message.root_expires,
        targets_expires=message.targets_expires,
        timestamp_expires=message.timestamp_expires,
        in_use_listed=message.in_use_listed,
        complaint=message.complaint,
    )


def _joining(message: local_pb2.GetAgentStatusResponse) -> Joining:
    joining = message.joining
    return Joining(joining.fleet, joining.fingerprint, joining.complaint)


def _settings(message: device_pb2.DeviceSettings) -> SettingsInForce:
    return SettingsInForce(
        exemplar_bytes_max=message.exemplar_bytes_max,
        shrinkage=message.shrinkage,
        learning_paused=message.learning_paused,
        retention_days=message.retention_days,
    )


def _update(message: local_pb2.GetAgentStatusResponse) -> UpdateStatus:
    update = message.update
    failure = word(device_pb2.UpdateFailure, update.failure, "UPDATE_FAILURE_")
    hold = word(device_pb2.UpdateHold, update.hold, "UPDATE_HOLD_")
    return UpdateStatus(
        generation=update.generation,
        digest=update.bundle_digest.hex(),
        phase=word(device_pb2.UpdatePhase, update.phase, "UPDATE_PHASE_"),
        failure="" if failure == "unspecified" else failure,
        hold="" if hold == "unspecified" else hold,
        missing_bytes=message.missing_bytes,
        pinned=message.pinned,
        probation=_probation(message.probation) if message.HasField("probation") else None,
    )


def _probation(message: local_pb2.Probation) -> ProbationStatus:
    return ProbationStatus(**_numbers(message))


def _numbers(message: Any) -> dict[str, int]:
    return {field.name: getattr(message, field.name) for field in message.DESCRIPTOR.fields}


def word(enumeration: Any, value: int, prefix: str) -> str:
    """What a number of an enumeration is called; "unknown" to a library older than the agent."""
    if value not in enumeration.values():
        return "unknown"
    name: str = enumeration.Name(value)
    return name.removeprefix(prefix).lower().replace("_", "-")
