"""What operators see of the identity of devices; the terms of ``views`` hold."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.enrolment.succession import Step


@dataclass(frozen=True, slots=True)
class DenialView:
    """A member that may not call, and since when."""

    device: str
    denied_at: datetime


@dataclass(frozen=True, slots=True)
class RotationView:
    """How far one authority has followed another; digests of certificates in hexadecimal.

    ``behind`` of the ``devices`` have not reported this trust revision, some of them by id, and
    ``oldest_revision`` is the lowest that one reports.
    """

    step: Step
    trust_revision: int
    root: str
    successor: str
    devices: int
    behind: int
    behind_ids: tuple[str, ...]
    oldest_revision: int
