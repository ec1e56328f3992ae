"""Between what the agent means and what travels on its own sockets."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from agent.predictions import Image
from agent.reporting import Application, Backbone, LedgerEntry, Membership, Role, Total, Wanted
from agent.rpc.translate import (
    FAILURES,
    HOLDS,
    PHASES,
    learning_counters,
    verdict,
    vital_signs,
)
from fieldwise import readings
from fieldwise.answers import (
    UNUSED,
    Lesson,
    Prediction,
    PublisherStatus,
    SettingsInForce,
    Status,
    UpdateStatus,
)
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.v1alpha1 import device_pb2, local_pb2

SHARES: Mapping[str, local_pb2.Share] = {
    "learn": local_pb2.SHARE_LEARN,
    "select": local_pb2.SHARE_SELECT,
    "judge": local_pb2.SHARE_JUDGE,
    UNUSED: local_pb2.SHARE_UNUSED,
}
CHANNELS = 3


def image(message: local_pb2.Image) -> Image:
    """The sample of a request: an image, encoded or uint8[H,W,3], or readings float32[W].

    Raises:
        FieldwiseError: ``IMAGE_INVALID`` when there is none or its size is not that of its pixels,
            ``READINGS_INVALID`` for other than finite readings, or too many.
    """
    match message.WhichOneof("form"):
        case "encoded":
            return message.encoded
        case "pixels":
            return _pixels(message.pixels)
        case "vector":
            return readings.of_numbers(message.vector.values)
        case _:
            raise FieldwiseError(Fault.IMAGE_INVALID, "the request has no image")


def _pixels(message: local_pb2.Pixels) -> Image:
    wanted = message.height * message.width * CHANNELS
    if not wanted or wanted != len(message.rgb):
        raise FieldwiseError(
            Fault.IMAGE_INVALID,
            f"{message.height} x {message.width} pixels have {wanted:,} bytes,"
            f" not {len(message.rgb):,}",
        )
    flat = np.frombuffer(message.rgb, np.uint8)
    return flat.reshape(message.height, message.width, CHANNELS)


def predict_response(prediction: Prediction) -> local_pb2.PredictResponse:
    response = local_pb2.PredictResponse(
        id=prediction.id,
        classes=[
            local_pb2.ScoredClass(name=each.name, confidence=each.confidence)
            for each in prediction.classes
        ],
        backbone=prediction.backbone,
        calibrated=prediction.calibrated,
    )
    if (novelty := prediction.novelty) is not None:
        response.novelty.CopyFrom(local_pb2.Novelty(p_value=novelty.p_value, novel=novelty.novel))
    return response


def teach_response(lesson: Lesson) -> local_pb2.TeachResponse:
    return local_pb2.TeachResponse(
        sample_id=lesson.sample_id,
        share=SHARES[lesson.share],
        predicted=lesson.predicted,
        known=lesson.known,
    )


def feedback_response(lesson: Lesson) -> local_pb2.FeedbackResponse:
    return local_pb2.FeedbackResponse(
        sample_id=lesson.sample_id,
        share=SHARES[lesson.share],
        predicted=lesson.predicted,
        known=lesson.known,
    )


def status_response(status: Status) -> local_pb2.GetAgentStatusResponse:
    response = local_pb2.GetAgentStatusResponse(
        agent_version=status.agent_version,
        device_id=status.device_id,
        fleet=status.fleet,
        backbone=status.backbone,
        variant=status.variant,
        update=_update(status.update),
        learning=learning_counters(status.learning),
        vital_signs=vital_signs(status.vital_signs),
        classes=[
            local_pb2.ClassCount(name=name, samples=samples)
            for name, samples in status.classes.items()
        ],
        check_in_error=status.check_in_error.encode()[:512].decode(errors="ignore"),
        select_correct=status.select_correct,
        select_samples=status.select_samples,
        settings_revision=status.settings_revision,
        settings=_settings(status.settings),
        lost_samples=status.lost_samples,
        clock_ahead_seconds=status.clock_ahead_seconds,
        skipped=status.skipped,
        waiting_samples=status.waiting_samples,
        verdict=verdict(status.verdict) if status.verdict else None,
        missing_bytes=status.update.missing_bytes,
        pinned=status.update.pinned,
        carried_samples=status.carried_samples,
        own_labels_dropped=status.own_labels_dropped,
        publisher=_publisher(status.publisher),
    )
    if (joining := status.joining) is not None:
        complaint = joining.complaint.encode()[:512].decode(errors="ignore")
        told = replace(joining, complaint=complaint)
        response.joining.CopyFrom(local_pb2.JoiningStatus(**asdict(told)))
    if (probation := status.update.probation) is not None:
        response.probation.CopyFrom(local_pb2.Probation(**asdict(probation)))
    if status.check_in_seconds is not None:
        response.check_in_time.CopyFrom(timestamp(status.check_in_seconds))
    return response


def join_response(given: Membership | Application) -> local_pb2.JoinFleetResponse:
    if isinstance(given, Application):
        return local_pb2.JoinFleetResponse(fleet=given.fleet, fingerprint=given.fingerprint)
    return local_pb2.JoinFleetResponse(device_id=given.device_id, fleet=given.fleet)


def _publisher(found: PublisherStatus) -> local_pb2.PublisherStatus:
    told = asdict(found)
    complaint = found.complaint.encode()[:512].decode(errors="ignore")
    return local_pb2.PublisherStatus(**{**told, "complaint": complaint})


def _settings(settings: SettingsInForce) -> device_pb2.DeviceSettings:
    return device_pb2.DeviceSettings(
        exemplar_bytes_max=settings.exemplar_bytes_max,
        shrinkage=settings.shrinkage,
        learning_paused=settings.learning_paused,
        retention_days=settings.retention_days,
    )


def _update(update: UpdateStatus) -> device_pb2.UpdateReport:
    return device_pb2.UpdateReport(
        generation=update.generation,
        bundle_digest=bytes.fromhex(update.digest),
        phase=PHASES[UpdatePhase(update.phase)],
        failure=FAILURES[UpdateFailure(update.failure)] if update.failure else None,
        hold=HOLDS[UpdateHold(update.hold)] if update.hold else None,
    )


ROLES: Mapping[Role, local_pb2.BackboneRole] = {
    each: getattr(local_pb2, f"BACKBONE_ROLE_{each.name}") for each in Role
}


def backbones_response(backbones: Iterable[Backbone]) -> local_pb2.ListDeviceBackbonesResponse:
    return local_pb2.ListDeviceBackbonesResponse(
        backbones=[
            local_pb2.DeviceBackbone(
                digest=bytes.fromhex(each.digest),
                backbone=each.title,
                variant=each.variant,
                role=ROLES[each.role],
            )
            for each in backbones
        ]
    )


def backbones_of(message: local_pb2.ListDeviceBackbonesResponse) -> list[Backbone]:
    roles = {number: role for role, number in ROLES.items()}
    if unknown := {each.role for each in message.backbones} - roles.keys():
        raise FieldwiseError(Fault.UNKNOWN_FIELD, f"a backbone in the unknown role {min(unknown)}")
    return [
        Backbone(each.digest.hex(), each.backbone, each.variant, roles[each.role])
        for each in message.backbones
    ]


def wanted(request: local_pb2.ListLedgerRequest) -> Wanted:
    since = request.since.ToNanoseconds() / 1e9 if request.HasField("since") else 0.0
    return Wanted(request.kind, since, request.after)


def ledger_response(
    entries: Iterable[LedgerEntry], totals: Mapping[str, Total]
) -> local_pb2.ListLedgerResponse:
    return local_pb2.ListLedgerResponse(
        entries=[_ledger_entry(entry) for entry in entries],
        totals=[
            local_pb2.LedgerTotal(kind=kind, messages=total.messages, bytes=total.bytes)
            for kind, total in totals.items()
        ],
    )


def _ledger_entry(entry: LedgerEntry) -> local_pb2.LedgerEntry:
    return local_pb2.LedgerEntry(
        number=entry.number,
        time=timestamp(entry.time),
        kind=entry.kind,
        bytes=entry.bytes,
        summary=entry.summary,
        digest=bytes.fromhex(entry.digest),
    )


def timestamp(seconds: float) -> Timestamp:
    """Seconds since 1970 as the wire has them."""
    return Timestamp(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))
