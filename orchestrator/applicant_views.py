"""What operators see of devices that wait; see ``orchestrator.views``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from orchestrator.enrolment.applicant import Applicant, Stage
from orchestrator.fleet.device import Facts
from orchestrator.views import moment


@dataclass(frozen=True, slots=True)
class ApplicantView:
    """A device that asks to join."""

    device: str
    fingerprint: str
    ticket: str
    stage: Stage
    facts: Facts
    tags: Mapping[str, str]
    applied_at: datetime
    asked_at: datetime
    expires_at: datetime
    reason: str


def view_applicant(applicant: Applicant) -> ApplicantView:
    return ApplicantView(
        device=applicant.device,
        fingerprint=applicant.fingerprint,
        ticket=applicant.ticket,
        stage=applicant.stage,
        facts=applicant.facts,
        tags=dict(applicant.tags),
        applied_at=moment(applicant.applied_at),
        asked_at=moment(applicant.asked_at),
        expires_at=moment(applicant.expires_at),
        reason=applicant.reason,
    )
