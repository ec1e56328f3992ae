"""Applicants in memory; see ``orchestrator.storage.memory``."""

from collections.abc import Mapping
from dataclasses import replace

from orchestrator.enrolment.applicant import RESERVING, Applicant, Stage, check_settled
from orchestrator.fleet.tags import changed
from orchestrator.paging import Page, PageRequest
from orchestrator.ports import Newcomer
from orchestrator.storage import refusals
from orchestrator.storage.memory_contents import Contents, newest_first


class MemoryApplicants:
    """``ApplicantStore``."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def apply(self, applicant: Applicant, most: int) -> Applicant | None:
        contents = self._contents
        if applicant.fingerprint in contents.applicants:
            return contents.applicants[applicant.fingerprint]
        ticket = contents.tickets[applicant.ticket]
        if ticket.revoked or ticket.uses >= ticket.uses_allowed:
            return None
        if await self.count_waiting() >= most:
            raise refusals.too_many_wait(most)
        contents.tickets[ticket.id] = replace(ticket, uses=ticket.uses + 1)
        contents.applicants_numbered += 1
        kept = replace(applicant, number=contents.applicants_numbered)
        contents.applicants[applicant.fingerprint] = kept
        return kept

    async def find(self, fingerprint: str) -> Applicant | None:
        return self._contents.applicants.get(fingerprint)

    async def list(self, page: PageRequest) -> Page[Applicant]:
        found = [each for each in self._contents.applicants.values() if each.stage in RESERVING]
        return newest_first(found, page)

    async def ask(self, fingerprint: str, at: float, reason: str) -> None:
        found = self._contents.applicants.get(fingerprint)
        if found is not None and found.stage is Stage.WAITING:
            self._keep(replace(found, asked_at=at, reason=reason))

    async def settle(
        self, device_id: str, stage: Stage, tags: Mapping[str, str], reason: str, until: float
    ) -> Applicant:
        found = self._of_device(device_id)
        if found is None:
            raise refusals.no_applicant(device_id)
        if not check_settled(found, stage):
            return found
        settled = replace(
            found,
            stage=stage,
            tags=changed(found.tags, tags, ()),
            reason=reason,
            expires_at=until,
        )
        self._keep(settled)
        if stage is Stage.REJECTED:
            self._give_back(found)
        return settled

    async def join(self, newcomer: Newcomer) -> bool:
        found = self._of_device(newcomer.device)
        if found is None or found.stage is not Stage.ACCEPTED:
            return False
        self._contents.enrol(newcomer)
        self._keep(replace(found, stage=Stage.JOINED))
        return True

    async def withdraw(self, fingerprint: str) -> None:
        found = self._contents.applicants.pop(fingerprint, None)
        if found is not None:
            self._give_back(found)

    async def expire(self, now: float) -> int:
        over = [each for each in self._contents.applicants.values() if each.expires_at <= now]
        for each in over:
            await self.withdraw(each.fingerprint)
        return len(over)

    async def count_waiting(self) -> int:
        every = self._contents.applicants.values()
        return sum(each.stage is Stage.WAITING for each in every)

    def _of_device(self, device_id: str) -> Applicant | None:
        every = self._contents.applicants.values()
        return next((each for each in every if each.device == device_id), None)

    def _keep(self, applicant: Applicant) -> None:
        self._contents.applicants[applicant.fingerprint] = applicant

    def _give_back(self, applicant: Applicant) -> None:
        if applicant.stage in RESERVING:
            ticket = self._contents.tickets[applicant.ticket]
            self._contents.tickets[ticket.id] = replace(ticket, uses=ticket.uses - 1)
