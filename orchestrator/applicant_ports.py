"""What admission needs from the world: where applicants are kept, and who may be asked about one.

The terms of ``orchestrator.ports`` hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from orchestrator.enrolment.admission_rules import Judged
from orchestrator.enrolment.applicant import Applicant, Stage
from orchestrator.fleet.device import Facts
from orchestrator.paging import Page, PageRequest
from orchestrator.ports import Newcomer


class ApplicantStore(Protocol):
    async def apply(self, applicant: Applicant, most: int) -> Applicant | None:
        """Keep an applicant and reserve a use of its ticket; return it with its number.

        Where its key has applied already, that application is returned and nothing is changed.

        Returns:
            None, with nothing changed, where the ticket has no use left or is revoked.

        Raises:
            FieldwiseError: ``BUSY`` where so many wait already.
        """

    async def find(self, fingerprint: str) -> Applicant | None: ...

    async def list(self, page: PageRequest) -> Page[Applicant]:
        """Return those who wait or were accepted and have not come."""

    async def ask(self, fingerprint: str, at: float, reason: str) -> None:
        """Note that somebody was asked about an applicant; of one that does not wait, nothing."""

    async def settle(
        self, device_id: str, stage: Stage, tags: Mapping[str, str], reason: str, until: float
    ) -> Applicant:
        """Accept or reject an applicant; one who is rejected gives the use of its ticket back.

        Args:
            device_id: The id that it has or would have.
            stage: ``ACCEPTED`` or ``REJECTED``.
            tags: Written over those it had.
            reason: Why.
            until: When it is forgotten.

        Raises:
            FieldwiseError: ``NOT_FOUND``, or as ``applicant.check_settled``.
        """

    async def join(self, newcomer: Newcomer) -> bool:
        """Make an applicant who was accepted a member, for the use that is reserved for it.

        Returns:
            False, with nothing changed, where it is not accepted any more.

        Raises:
            FieldwiseError: ``ALREADY_EXISTS`` where a device with that key joined meanwhile.
        """

    async def withdraw(self, fingerprint: str) -> None:
        """Forget an applicant, if there is one, and give back what was reserved for it."""

    async def expire(self, now: float) -> int:
        """Forget all whose time is over, and give back what was reserved; return how many."""

    async def count_waiting(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Question:
    """What whoever is asked about an applicant gets to know; ``tags`` are the ticket's."""

    fleet: str
    ticket: str
    fingerprint: str
    facts: Facts
    tags: Mapping[str, str]


class AdmissionHook(Protocol):
    async def ask(self, question: Question) -> Judged:
        """Return what somebody else decides.

        Raises:
            FieldwiseError: ``UNAVAILABLE`` where there is no answer, or none that means something.
        """
