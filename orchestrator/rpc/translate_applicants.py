"""Between the messages about applicants and ``orchestrator.applicant_views``, total both ways."""

from fieldwise.v1alpha1 import admission_pb2
from orchestrator.applicant_views import ApplicantView
from orchestrator.enrolment.applicant import Stage
from orchestrator.rpc.translate import facts_from, facts_to, word_from, words
from orchestrator.rpc.translate_views import moment_from, moment_to

STAGES = words(Stage, admission_pb2.ApplicantStage, "APPLICANT_STAGE")


def applicant_from(message: admission_pb2.Applicant) -> ApplicantView:
    return ApplicantView(
        device=message.device_id,
        fingerprint=message.fingerprint,
        ticket=message.ticket_id,
        stage=word_from(STAGES, message.stage, "stage of an applicant"),
        facts=facts_from(message.facts),
        tags=dict(message.tags),
        applied_at=moment_from(message.apply_time),
        asked_at=moment_from(message.ask_time),
        expires_at=moment_from(message.expire_time),
        reason=message.reason,
    )


def applicant_to(applicant: ApplicantView) -> admission_pb2.Applicant:
    return admission_pb2.Applicant(
        device_id=applicant.device,
        fingerprint=applicant.fingerprint,
        ticket_id=applicant.ticket,
        stage=STAGES[applicant.stage],
        facts=facts_to(applicant.facts),
        tags=dict(applicant.tags),
        apply_time=moment_to(applicant.applied_at),
        ask_time=moment_to(applicant.asked_at),
        expire_time=moment_to(applicant.expires_at),
        reason=applicant.reason,
    )
