"""A request for a diagnosis as the fleet keeps it, and how it stands.

The orchestrator only asks: a device answers by its owner's word, or not at all. A device has one
request that is open at most; it is over when it was refused or given, or when its time is over.
"""

from dataclasses import dataclass
from enum import StrEnum

from fieldwise.diagnosis import Diagnosis, DiagnosisStep
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.device import DELIVERY_SECONDS
from orchestrator.fleet.report import Report

# An owner may be away for a week; after a month nobody remembers what was to be found out.
LIFETIME_SECONDS = (60, 30 * 86_400)
KEPT_MAX = 10  # requests of one device, 16 KiB at most each
ID_BYTES = 16


class DiagnosisState(StrEnum):
    """How a request stands at one moment, as operators see it."""

    ASKED = "asked"
    UNSUPPORTED = "unsupported"
    WAITING = "waiting"
    REFUSED = "refused"
    GIVEN = "given"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked of a device and what it said to that.

    ``step`` is None until the device has heard of it; ``answered_at`` is when it last said so.
    """

    id: str
    device: str
    asked_at: float
    expires_at: float
    step: DiagnosisStep | None = None
    answered_at: float | None = None
    diagnosis: Diagnosis | None = None


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What a check-in needs to know of a request."""

    id: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device says to a request; with a diagnosis where its owner allowed it.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` on creation where word and diagnosis contradict.
    """

    step: DiagnosisStep
    diagnosis: Diagnosis | None = None

    def __post_init__(self) -> None:
        if (self.step is DiagnosisStep.GIVEN) != (self.diagnosis is not None):
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT, "a diagnosis comes where it was allowed, and only there"
            )


def is_open(request: Request, now: float) -> bool:
    """Tell whether a request may still be answered."""
    return request.step in (None, DiagnosisStep.WAITING) and now < request.expires_at


def takes(request: Request, now: float) -> bool:
    """Tell whether an answer is kept that comes now: it may have been on its way."""
    return is_open(request, now - DELIVERY_SECONDS)


def state_of(request: Request, report: Report | None, now: float) -> DiagnosisState:
    """Tell how a request stands, of a device that said this last."""
    if request.step in (DiagnosisStep.REFUSED, DiagnosisStep.GIVEN):
        return DiagnosisState(request.step.value)
    if now >= request.expires_at:
        return DiagnosisState.EXPIRED
    if request.step is DiagnosisStep.WAITING:
        return DiagnosisState.WAITING
    silent = report is not None and report.diagnosis_rule is None
    return DiagnosisState.UNSUPPORTED if silent else DiagnosisState.ASKED


def check_lifetime(seconds: int) -> int:
    """Return a lifetime.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for one that is out of its bounds.
    """
    shortest, longest = LIFETIME_SECONDS
    if not shortest <= seconds <= longest:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"a request for {seconds:,} s is out of {shortest} to {longest:,}",
        )
    return seconds
