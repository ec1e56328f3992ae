"""Between the owner's questions about diagnoses and their messages."""

from agent.diagnosing import Asked, Waiting
from fieldwise.diagnosis import DiagnosisStep
from fieldwise.diagnosis_messages import (
    RULES,
    STEPS,
    diagnosis_from,
    diagnosis_to,
    rule_from,
    step_from,
)
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import local_pb2


def asked_response(asked: Asked) -> local_pb2.GetAskedDiagnosisResponse:
    waiting = asked.waiting
    return local_pb2.GetAskedDiagnosisResponse(
        id=waiting.id if waiting else "",
        seconds=waiting.seconds if waiting else 0,
        step=STEPS[waiting.step] if waiting else None,
        rule=RULES[asked.rule],
        diagnosis=diagnosis_to(asked.diagnosis),
    )


def asked_of(message: local_pb2.GetAskedDiagnosisResponse) -> Asked:
    """Read an answer.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for one that means nothing.
    """
    rule = rule_from(message.rule)
    if rule is None:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "the agent does not say its owner's rule")
    step = step_from(message.step) if message.id else DiagnosisStep.WAITING
    waiting = Waiting(message.id, message.seconds, step) if message.id else None
    return Asked(waiting, rule, diagnosis_from(message.diagnosis))
