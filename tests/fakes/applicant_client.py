"""A client of the service of applicants without a server, and what it answers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from orchestrator.applicant_views import ApplicantView
from orchestrator.enrolment.applicant import Stage
from orchestrator.fleet.device import Facts
from orchestrator.paging import Page

if TYPE_CHECKING:
    from fieldwise.errors import FieldwiseError

THEN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
APPLICANT = ApplicantView(
    device="d-1",
    fingerprint="ab" * 32,
    ticket="t1",
    stage=Stage.WAITING,
    facts=Facts("0.1.0", "aarch64", 1 << 30, 4),
    tags={"site": "berlin"},
    applied_at=THEN,
    asked_at=THEN,
    expires_at=THEN + timedelta(days=7),
    reason="an operator has to accept it",
)


class CannedApplicants:
    """Answers every call with a canned record, and remembers the calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.error: FieldwiseError | None = None
        self.answers: dict[str, Any] = {
            "list": Page((APPLICANT,)),
            "accept": replace(APPLICANT, stage=Stage.ACCEPTED),
            "reject": replace(APPLICANT, stage=Stage.REJECTED),
        }

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any) -> Any:
            self.asked.append((name, *arguments))
            if self.error is not None:
                raise self.error
            return self.answers[name]

        return call
