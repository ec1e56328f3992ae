"""The learning report between values and messages."""

from agent.rpc.translate_local import timestamp
from fieldwise.learning import CurvePoint, DriftAlarm, DriftWatch, LearningReport
from fieldwise.v1alpha1 import local_pb2

CLASSES_MAX = 10_000
WORDS_BYTES_MAX = 1024


def report_response(report: LearningReport) -> local_pb2.GetLearningReportResponse:
    """The report as a message; a class beyond the wire's room is left out."""
    response = local_pb2.GetLearningReportResponse(
        heads=[
            local_pb2.HeadScore(
                name=each.name,
                serves=each.serves,
                samples=each.samples,
                correct=each.correct,
                window_samples=each.window_samples,
                window_correct=each.window_correct,
            )
            for each in report.heads
        ],
        classes=_classes(report),
        curve=[_point(each) for each in report.curve],
        alarms=[_alarm(each) for each in report.alarms],
        watches=[_watch(each) for each in report.watches],
        calibration=_calibration(report),
        tested=report.tested,
        correct=report.correct,
        last_label_correct=report.last_label_correct,
        forgetting=report.forgetting,
        backward_transfer=report.backward_transfer,
        batch_gap_answers=report.batch_gap_answers,
        batch_gap_samples=report.batch_gap_samples,
        skipped=report.skipped,
        self_labelled=report.self_labelled,
        shrinkage=report.shrinkage,
        shrinkage_chosen=report.shrinkage_chosen,
        novelty_rate=report.novelty_rate,
        can_tell=report.can_tell.encode()[:WORDS_BYTES_MAX].decode(errors="ignore"),
        orphans=report.orphans,
        carried=report.carried,
        known=report.known,
    )
    if (wear := report.wear) is not None:
        response.wear.CopyFrom(
            local_pb2.Wear(
                written_bytes=wear.written_bytes,
                seconds=wear.seconds,
                samples=wear.samples,
                predictions=wear.predictions,
                prediction_bytes=wear.prediction_bytes,
            )
        )
    return response


def _classes(report: LearningReport) -> list[local_pb2.ClassScore]:
    return [
        local_pb2.ClassScore(
            name=each.name,
            learned=each.learned,
            samples=each.samples,
            correct=each.correct,
            mistaken_for=each.mistaken_for,
            mistaken=each.mistaken,
            select_samples=each.select_samples,
            select_correct=each.select_correct,
            select_best=each.select_best,
        )
        for each in report.classes[:CLASSES_MAX]
    ]


def _alarm(alarm: DriftAlarm) -> local_pb2.DriftAlarm:
    return local_pb2.DriftAlarm(
        time=timestamp(alarm.time),
        signal=alarm.signal,
        detector=alarm.detector,
        observed=alarm.observed,
    )


def _watch(watch: DriftWatch) -> local_pb2.DriftWatch:
    return local_pb2.DriftWatch(
        signal=watch.signal,
        detector=watch.detector,
        observed=watch.observed,
        alarms=watch.alarms,
    )


def _point(point: CurvePoint) -> local_pb2.CurvePoint:
    return local_pb2.CurvePoint(
        time=timestamp(point.time),
        learned=point.learned,
        classes=point.classes,
        window_accuracy=point.window_accuracy,
        last_label_accuracy=point.last_label_accuracy,
        select_accuracy=point.select_accuracy,
        exemplar_bytes=point.exemplar_bytes,
    )


def _calibration(report: LearningReport) -> local_pb2.Calibration:
    found = report.confidence
    return local_pb2.Calibration(
        samples=found.samples,
        temperature=found.temperature,
        error_before=found.error_before,
        error_after=found.error_after,
        bins=[
            local_pb2.CalibrationBin(
                samples=each.samples, confidence=each.confidence, accuracy=each.accuracy
            )
            for each in found.bins
        ],
    )
