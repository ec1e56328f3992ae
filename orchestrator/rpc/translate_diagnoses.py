"""Between the messages about diagnoses and the fleet's records, both ways."""

from fieldwise.diagnosis_messages import diagnosis_from, diagnosis_to, step_from
from fieldwise.v1alpha1 import device_pb2, operator_pb2
from orchestrator.diagnosis_views import DiagnosisView
from orchestrator.fleet.diagnosis import Answer, DiagnosisState
from orchestrator.rpc.translate import word_from, words
from orchestrator.rpc.translate_views import moment_from, moment_to, optional

STATES = words(DiagnosisState, operator_pb2.DiagnosisState, "DIAGNOSIS_STATE")


def answer_from(message: device_pb2.AnswerDiagnosisRequest) -> Answer:
    """Read what a device says to a request.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for what means nothing or has another form.
    """
    return Answer(step_from(message.step), optional(message, "diagnosis", diagnosis_from))


def asked_to(asked: DiagnosisView) -> operator_pb2.AskedDiagnosis:
    return operator_pb2.AskedDiagnosis(
        id=asked.id,
        device_id=asked.device,
        state=STATES[asked.state],
        create_time=moment_to(asked.asked_at),
        expire_time=moment_to(asked.expires_at),
        answer_time=moment_to(asked.answered_at) if asked.answered_at else None,
        diagnosis=diagnosis_to(asked.diagnosis) if asked.diagnosis else None,
    )


def asked_from(message: operator_pb2.AskedDiagnosis) -> DiagnosisView:
    return DiagnosisView(
        id=message.id,
        device=message.device_id,
        state=word_from(STATES, message.state, "state of a diagnosis"),
        asked_at=moment_from(message.create_time),
        expires_at=moment_from(message.expire_time),
        answered_at=optional(message, "answer_time", moment_from),
        diagnosis=optional(message, "diagnosis", diagnosis_from),
    )
