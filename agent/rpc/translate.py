"""Between what the agent means and what travels. Nothing else of the agent knows both."""

from collections.abc import Mapping

import msgspec

from agent.reporting import (
    Credentials,
    DeviceFacts,
    DiagnosisAnswer,
    DiagnosisRequest,
    Orders,
    Pending,
    Permit,
    Piece,
    Report,
    Steering,
    SteeringRevision,
    Target,
)
from agent.rpc.translate_federation import head_offer, round_offer
from agent.update.events import UpdateState
from agent.update.telling import told
from fieldwise.answers import LearningCounters, LearningSigns, VitalSigns
from fieldwise.diagnosis import check_id
from fieldwise.diagnosis_messages import RULES, STEPS, diagnosis_to
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation_messages import report_to
from fieldwise.ledger import LedgerHead
from fieldwise.ticket import Ticket
from fieldwise.trust_messages import report_to as publisher_to
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.v1alpha1 import device_pb2, enrolment_pb2
from fieldwise.verdict import Basis, Judgement, Verdict
from fieldwise.verdict_messages import counts_to

PHASES: Mapping[UpdatePhase, device_pb2.UpdatePhase] = {
    each: getattr(device_pb2, f"UPDATE_PHASE_{each.name}") for each in UpdatePhase
}
FAILURES: Mapping[UpdateFailure, device_pb2.UpdateFailure] = {
    each: getattr(device_pb2, f"UPDATE_FAILURE_{each.name}") for each in UpdateFailure
}
HOLDS: Mapping[UpdateHold, device_pb2.UpdateHold] = {
    each: getattr(device_pb2, f"UPDATE_HOLD_{each.name}") for each in UpdateHold
}
JUDGEMENTS: Mapping[Judgement, device_pb2.Judgement] = {
    each: getattr(device_pb2, f"JUDGEMENT_{each.name}") for each in Judgement
}
BASES: Mapping[Basis, device_pb2.VerdictBasis] = {
    each: getattr(device_pb2, f"VERDICT_BASIS_{each.name}") for each in Basis
}

DIGEST_BYTES = 32


def enrol_request(
    ticket: Ticket, certificate_request: bytes, facts: DeviceFacts
) -> enrolment_pb2.EnrolRequest:
    return enrolment_pb2.EnrolRequest(
        ticket_id=ticket.ticket_id,
        ticket_secret=ticket.secret,
        certificate_request=certificate_request,
        knows_publisher=True,
        facts=enrolment_pb2.DeviceFacts(
            agent_version=facts.agent_version,
            architecture=facts.architecture,
            memory_bytes=facts.memory_bytes,
            processors=facts.processors,
        ),
        knows_pending=True,
        knows_trust_revision=True,
    )


def enrolled(message: enrolment_pb2.EnrolResponse) -> Credentials | Pending:
    if message.HasField("pending"):
        return Pending(message.pending.fingerprint, message.pending.retry_seconds)
    return credentials(message.credentials)


def credentials(message: enrolment_pb2.Credentials) -> Credentials:
    return Credentials(
        device_id=message.device_id,
        fleet=message.fleet,
        certificate=message.certificate,
        trust_roots=tuple(message.trust_roots),
        device_address=message.device_address,
        publisher_root=message.publisher_root,
        trust_revision=message.trust_revision,
    )


def check_in_request(report: Report) -> device_pb2.CheckInRequest:
    pair = report.update.in_use
    return device_pb2.CheckInRequest(
        incarnation=report.incarnation,
        sequence=report.sequence,
        generation=report.update.generation,
        bundle_in_use=bytes.fromhex(pair.digest) if pair else b"",
        variant_in_use=pair.variant if pair else "",
        update=update_report(report.update),
        vital_signs=vital_signs(report.vital_signs),
        learning=learning_counters(report.learning),
        agent_version=report.agent_version,
        settings_revision=report.settings_revision,
        verdict=verdict(report.update.verdict) if report.update.verdict else None,
        execution_provider=report.execution_provider,
        signs=learning_signs(report.signs),
        diagnosis_rule=RULES[report.diagnosis_rule],
        federation=report_to(report.federation) if report.federation else None,
        ledger=ledger_head(report.ledger) if report.ledger else None,
        publisher=publisher_to(report.publisher) if report.publisher else None,
        trust_revision=report.trust_revision,
    )


def ledger_head(head: LedgerHead) -> device_pb2.LedgerHead:
    return device_pb2.LedgerHead(
        number=head.number, digest=bytes.fromhex(head.digest), alterations=head.alterations
    )


def update_report(update: UpdateState) -> device_pb2.UpdateReport:
    news = told(update)
    return device_pb2.UpdateReport(
        generation=news.generation,
        bundle_digest=bytes.fromhex(news.digest),
        phase=PHASES[news.phase],
        failure=FAILURES[news.failure] if news.failure else None,
        hold=HOLDS[news.hold] if news.hold else None,
    )


def verdict(found: Verdict) -> device_pb2.Verdict:
    return device_pb2.Verdict(
        generation=found.generation,
        judgement=JUDGEMENTS[found.judgement],
        basis=BASES[found.basis],
        overall=counts_to(found.overall),
        critical=counts_to(found.critical) if found.critical is not None else None,
        old_p50_micros=found.old_p50_micros,
        old_p99_micros=found.old_p99_micros,
        new_p50_micros=found.new_p50_micros,
        new_p99_micros=found.new_p99_micros,
        compared=found.compared,
        agreed=found.agreed,
        old_confidence_permille=found.old_confidence_permille,
        new_confidence_permille=found.new_confidence_permille,
        old_novel=found.old_novel,
        new_novel=found.new_novel,
    )


def vital_signs(signs: VitalSigns) -> device_pb2.VitalSigns:
    return device_pb2.VitalSigns(
        uptime_seconds=signs.uptime_seconds,
        resident_bytes=signs.resident_bytes,
        state_bytes=signs.state_bytes,
        disk_free_bytes=signs.disk_free_bytes,
        predictions=signs.predictions,
        prediction_errors=signs.prediction_errors,
        prediction_p50_micros=signs.prediction_p50_micros,
        prediction_p99_micros=signs.prediction_p99_micros,
    )


def learning_counters(counters: LearningCounters) -> device_pb2.LearningCounters:
    return device_pb2.LearningCounters(
        samples=counters.samples,
        classes=counters.classes,
        select_samples=counters.select_samples,
        judge_samples=counters.judge_samples,
        exemplars=counters.exemplars,
        exemplar_bytes=counters.exemplar_bytes,
        window_samples=counters.window_samples,
        window_correct=counters.window_correct,
        window_last_label_correct=counters.window_last_label_correct,
    )


def learning_signs(signs: LearningSigns) -> device_pb2.LearningSigns:
    return device_pb2.LearningSigns(
        novelty_samples=signs.novelty_samples,
        novelty_novel=signs.novelty_novel,
        calibration_samples=signs.calibration_samples,
        calibration_error_permille=signs.calibration_error_permille,
        drift_permille=signs.drift_permille,
        drift_alarms=signs.drift_alarms,
        skipped=signs.skipped,
        waiting_samples=signs.waiting_samples,
        learning_p50_micros=signs.learning_p50_micros,
        clock_off_seconds=signs.clock_off_seconds,
    )


def orders(message: device_pb2.CheckInResponse) -> Orders:
    """Read an answer; settings out of their bounds are refused as a whole, and nothing else is.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a digest that is none.
    """
    steering, refusal = _steering(message.settings) if message.HasField("settings") else (None, "")
    return Orders(
        target=_target(message.target) if message.HasField("target") else None,
        permit=_permit(message.permit) if message.HasField("permit") else None,
        steering=steering,
        steering_refusal=refusal,
        next_seconds=message.next_seconds,
        unix_seconds=message.unix_seconds,
        diagnosis=_asked(message.diagnosis) if message.HasField("diagnosis") else None,
        round=round_offer(message.round) if message.HasField("round") else None,
        head=head_offer(message.head) if message.HasField("head") else None,
        metadata_version=message.metadata_version,
        trust_revision=message.trust_revision,
    )


def _asked(message: device_pb2.DiagnosisRequest) -> DiagnosisRequest:
    return DiagnosisRequest(check_id(message.id), message.seconds)


def diagnosis_request(answer: DiagnosisAnswer) -> device_pb2.AnswerDiagnosisRequest:
    return device_pb2.AnswerDiagnosisRequest(
        id=answer.id,
        step=STEPS[answer.step],
        diagnosis=diagnosis_to(answer.diagnosis) if answer.diagnosis else None,
    )


def _target(message: device_pb2.Target) -> Target | None:
    if len(message.bundle_digest) != DIGEST_BYTES:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"a target's digest has {len(message.bundle_digest)} bytes"
        )
    return Target(message.generation, message.bundle_digest.hex(), message.variant, message.back)


def _permit(message: device_pb2.StartPermit) -> Permit:
    return Permit(message.generation, message.seconds, message.bytes_per_second)


def _steering(message: device_pb2.SettingsRevision) -> tuple[SteeringRevision | None, str]:
    values = {field.name: value for field, value in message.settings.ListFields()}
    try:
        return SteeringRevision(message.revision, msgspec.convert(values, Steering)), ""
    except msgspec.ValidationError as error:
        return None, f"revision {message.revision} of the settings is refused: {error}"


def piece(message: device_pb2.DownloadResponse) -> Piece:
    return Piece(message.offset, message.content, message.total_bytes)
