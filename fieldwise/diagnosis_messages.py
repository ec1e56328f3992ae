"""Between a diagnosis and its message, both ways: a device writes it, others read it."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from enum import StrEnum
from typing import Any, TypeVar

from fieldwise.answers import LearningCounters, LearningSigns, VitalSigns
from fieldwise.diagnosis import (
    Diagnosis,
    DiagnosisRule,
    DiagnosisStep,
    Frame,
    SettingsTold,
    TotalTold,
    Trouble,
)
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import device_pb2

RecordT = TypeVar("RecordT")
WordT = TypeVar("WordT", bound=StrEnum)

RULES: Mapping[DiagnosisRule, device_pb2.DiagnosisRule] = {
    each: getattr(device_pb2, f"DIAGNOSIS_RULE_{each.name}") for each in DiagnosisRule
}
STEPS: Mapping[DiagnosisStep, device_pb2.DiagnosisStep] = {
    each: getattr(device_pb2, f"DIAGNOSIS_STEP_{each.name}") for each in DiagnosisStep
}
VERSIONS = ("agent_version", "python_version", "system", "kernel", "architecture")


def diagnosis_to(found: Diagnosis) -> device_pb2.Diagnosis:
    return device_pb2.Diagnosis(
        **{name: getattr(found, name) for name in VERSIONS},
        settings=device_pb2.DiagnosedSettings(**asdict(found.settings)),
        vital_signs=device_pb2.VitalSigns(**asdict(found.vital_signs)),
        learning=device_pb2.LearningCounters(**asdict(found.learning)),
        signs=device_pb2.LearningSigns(**asdict(found.signs)),
        sent=[device_pb2.DiagnosedTotal(**asdict(each)) for each in found.sent],
        errors=[_error_to(each) for each in found.troubles],
        errors_noticed=found.troubles_noticed,
    )


def diagnosis_from(message: device_pb2.Diagnosis) -> Diagnosis:
    """Read a diagnosis.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` where a text has another form than it should.
    """
    settings = _values(SettingsTold, message.settings)
    return Diagnosis(
        **{name: getattr(message, name) for name in VERSIONS},
        settings=SettingsTold(**{**settings, "heads": tuple(message.settings.heads)}),
        vital_signs=_record(VitalSigns, message.vital_signs),
        learning=_record(LearningCounters, message.learning),
        signs=_record(LearningSigns, message.signs),
        sent=tuple(_record(TotalTold, each) for each in message.sent),
        troubles=tuple(map(_error_from, message.errors)),
        troubles_noticed=message.errors_noticed,
    )


def rule_from(number: int) -> DiagnosisRule | None:
    """What an owner has settled; None where the agent does not know diagnoses.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a number without a meaning.
    """
    return _word(RULES, number) if number else None


def step_from(number: int) -> DiagnosisStep:
    """How a request stands.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a number without a meaning.
    """
    return _word(STEPS, number)


def _error_to(trouble: Trouble) -> device_pb2.DiagnosedError:
    return device_pb2.DiagnosedError(
        fault=trouble.fault or "",
        exception=trouble.exception,
        times=trouble.times,
        seconds_ago=trouble.seconds_ago,
        frames=[device_pb2.DiagnosedFrame(**asdict(each)) for each in trouble.frames],
        further_frames=trouble.further_frames,
        foreign_frames=trouble.foreign_frames,
    )


def _error_from(message: device_pb2.DiagnosedError) -> Trouble:
    return Trouble(
        fault=_fault(message.fault) if message.fault else None,
        exception=message.exception,
        times=message.times,
        seconds_ago=message.seconds_ago,
        frames=tuple(_record(Frame, each) for each in message.frames),
        further_frames=message.further_frames,
        foreign_frames=message.foreign_frames,
    )


def _fault(name: str) -> Fault:
    try:
        return Fault(name)
    except ValueError as error:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{name!r} is no fault") from error


def _word(table: Mapping[WordT, Any], number: int) -> WordT:
    for word, known in table.items():
        if known == number:
            return word
    raise FieldwiseError(Fault.INVALID_ARGUMENT, f"nothing about diagnoses has the number {number}")


def _record(shape: type[RecordT], message: Any) -> RecordT:
    return shape(**_values(shape, message))


def _values(shape: Any, message: Any) -> dict[str, Any]:
    return {each.name: getattr(message, each.name) for each in fields(shape)}
