"""What a device says of its learning and judging, as it comes over the wire."""

from collections.abc import Mapping

from fieldwise.answers import Wear
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
from fieldwise.verdict import Basis, Judgement, PairedCounts, Verdict

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
    return Verdict(
        generation=message.generation,
        judgement=judgement,
        basis=basis,
        overall=_counts(message.overall),
        critical=_counts(message.critical) if message.HasField("critical") else None,
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


def _counts(message: device_pb2.PairedCounts) -> PairedCounts:
    return PairedCounts(
        both_right=message.both_right,
        only_old=message.only_old,
        only_new=message.only_new,
        both_wrong=message.both_wrong,
        scenes=message.scenes,
        scenes_worse=message.scenes_worse,
        scenes_better=message.scenes_better,
    )
