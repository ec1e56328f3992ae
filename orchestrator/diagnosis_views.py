"""What operators see of a request for a diagnosis; the terms of ``views`` hold."""

from dataclasses import dataclass
from datetime import datetime

from fieldwise.diagnosis import Diagnosis
from orchestrator.fleet.diagnosis import DiagnosisState, Request
from orchestrator.views import moment


@dataclass(frozen=True, slots=True)
class DiagnosisView:
    """A request, how it stands, and the diagnosis where there is one."""

    id: str
    device: str
    state: DiagnosisState
    asked_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    diagnosis: Diagnosis | None


def view_request(request: Request, state: DiagnosisState) -> DiagnosisView:
    return DiagnosisView(
        id=request.id,
        device=request.device,
        state=state,
        asked_at=moment(request.asked_at),
        expires_at=moment(request.expires_at),
        answered_at=None if request.answered_at is None else moment(request.answered_at),
        diagnosis=request.diagnosis,
    )
