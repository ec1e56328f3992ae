"""Every store in memory: for tests and simulations, and the plainest statement of the contract.

Methods are atomic because none of them waits for anything.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace

from orchestrator.enrolment.applicant import RESERVING
from orchestrator.enrolment.ticket import Ticket, is_open
from orchestrator.fleet.cohort import Selector
from orchestrator.fleet.device import (
    Caller,
    Device,
    DeviceKey,
    Standing,
)
from orchestrator.fleet.readings import Measure, Spread, spreads_of
from orchestrator.fleet.report import Report
from orchestrator.fleet.settings import DeviceSettings, SettingsRevision
from orchestrator.fleet.tags import changed
from orchestrator.paging import Page, PageRequest, page_of
from orchestrator.ports import KnownKey, Newcomer
from orchestrator.storage import refusals
from orchestrator.storage.memory_accounts import MemoryAccounts
from orchestrator.storage.memory_applicants import MemoryApplicants
from orchestrator.storage.memory_audit import MemoryAudit
from orchestrator.storage.memory_campaigns import MemoryCampaigns, MemoryContributions
from orchestrator.storage.memory_contents import Contents, newest_first
from orchestrator.storage.memory_denials import MemoryDenials
from orchestrator.storage.memory_diagnoses import MemoryDiagnoses
from orchestrator.storage.memory_replicas import MemoryInstallation, MemoryLeadership
from orchestrator.storage.memory_revivals import MemoryRevivals
from orchestrator.storage.memory_rollouts import MemoryBackbones, MemoryCheckIns, MemoryRollouts
from orchestrator.storage.memory_succession import MemorySuccession
from orchestrator.storage.memory_trust import MemoryTrust
from orchestrator.storage.stores import Stores


class MemoryTickets:
    """``TicketStore``."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def add(self, ticket: Ticket) -> Ticket:
        for known in self._contents.tickets.values():
            if ticket.request and known.request == ticket.request:
                return known
        kept = replace(ticket, number=len(self._contents.tickets) + 1)
        self._contents.tickets[ticket.id] = kept
        return kept

    async def get(self, ticket_id: str) -> Ticket | None:
        return self._contents.tickets.get(ticket_id)

    async def list(self, page: PageRequest) -> Page[Ticket]:
        return newest_first(self._contents.tickets.values(), page)

    async def revoke(self, ticket_id: str) -> Ticket:
        ticket = self._contents.tickets.get(ticket_id)
        if ticket is None:
            raise refusals.no_ticket(ticket_id)
        waiting = [
            each
            for each in self._contents.applicants.values()
            if each.ticket == ticket_id and each.stage in RESERVING
        ]
        for each in waiting:
            del self._contents.applicants[each.fingerprint]
        kept = replace(ticket, revoked=True, uses=ticket.uses - len(waiting))
        self._contents.tickets[ticket_id] = kept
        return kept

    async def count_open(self, now: float) -> int:
        return sum(is_open(ticket, now) for ticket in self._contents.tickets.values())


class MemoryMembers:
    """``MembershipStore``."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def admit(self, caller: Caller) -> None:
        self._contents.admit(caller)

    async def find_key(self, fingerprint: str) -> KnownKey | None:
        key = self._contents.keys.get(fingerprint)
        if key is None:
            return None
        removed, denied = self._contents.removed, self._contents.denied
        return KnownKey(key, removed=key.device in removed, denied=key.device in denied)

    async def enrol(self, newcomer: Newcomer, ticket_id: str) -> bool:
        ticket = self._contents.tickets[ticket_id]
        if ticket.revoked or ticket.uses >= ticket.uses_allowed:
            return False
        self._contents.enrol(newcomer)
        self._contents.tickets[ticket_id] = replace(ticket, uses=ticket.uses + 1)
        return True

    async def keep_key(self, key: DeviceKey, now: float, used: str | None = None) -> None:
        device = self._contents.present(key.device)
        known = self._contents.keys.get(key.fingerprint)
        if known is not None and known.device != key.device:
            raise refusals.key_known()
        kept = replace(key, ticket=known.ticket) if known else key
        self._contents.keys[key.fingerprint] = kept
        self._contents.devices[key.device] = replace(device, key=kept)
        for each in list(self._contents.keys.values()):
            needed = each.fingerprint in (key.fingerprint, used)
            if each.device == key.device and not needed and (used or each.expires_at < now):
                del self._contents.keys[each.fingerprint]

    async def remove(self, device_id: str, now: float) -> None:
        if device_id not in self._contents.devices:
            raise refusals.no_device(device_id)
        self._contents.removed.setdefault(device_id, now)
        self._contents.denied.pop(device_id, None)


class MemoryDevices:
    """``DeviceStore``."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def get(self, device_id: str) -> Device:
        device = self._contents.member(device_id)
        if device is None:
            raise refusals.no_device(device_id)
        return replace(device, denied_at=self._contents.denied.get(device_id))

    async def list(self, selector: Selector, page: PageRequest) -> Page[Device]:
        after = page.after or ""
        found = [
            replace(device, denied_at=self._contents.denied.get(device.id))
            for device in self._contents.fleet()
            if device.id > after and selector.matches(device.tags)
        ]
        return page_of(found[: page.limit + 1], page, lambda device: device.id)

    async def change_tags(
        self, device_id: str, put: Mapping[str, str], drop: Collection[str]
    ) -> None:
        device = await self.get(device_id)
        self._contents.devices[device_id] = replace(device, tags=changed(device.tags, put, drop))

    async def standings(self) -> Sequence[Standing]:
        return [device.standing for device in self._contents.fleet()]

    async def count_expiring(self, before: float) -> int:
        return sum(device.key.expires_at < before for device in self._contents.fleet())

    async def count_backbones(self) -> Mapping[str, int]:
        return Counter(
            device.standing.bundle_in_use
            for device in self._contents.fleet()
            if device.standing.bundle_in_use is not None
        )

    async def tagged(self, key: str) -> Mapping[str, str]:
        fleet = self._contents.fleet()
        return {device.id: device.tags[key] for device in fleet if key in device.tags}

    async def spreads(self) -> Mapping[Measure, Spread]:
        reports = (device.report for device in self._contents.fleet())
        return spreads_of(_numbers(report) for report in reports if report is not None)

    async def apply_settings(self, selector: Selector, settings: DeviceSettings) -> int:
        matched = [each for each in self._contents.fleet() if selector.matches(each.tags)]
        owed = [each for each in matched if _settings_of(each) != settings]
        for device in owed:
            stored = device.settings.revision if device.settings else 0
            revision = max(stored, device.standing.settings_revision) + 1
            self._contents.devices[device.id] = replace(
                device, settings=SettingsRevision(revision, settings)
            )
        return len(owed)


def memory_stores(contents: Contents | None = None, now: Callable[[], float] = time.time) -> Stores:
    """Make stores that know of each other, empty unless contents are given."""
    contents = contents or Contents()
    leadership = MemoryLeadership(now)
    return Stores(
        tickets=MemoryTickets(contents),
        applicants=MemoryApplicants(contents),
        members=MemoryMembers(contents),
        devices=MemoryDevices(contents),
        check_ins=MemoryCheckIns(contents),
        backbones=MemoryBackbones(contents),
        revivals=MemoryRevivals(contents),
        succession=MemorySuccession(contents),
        rollouts=MemoryRollouts(contents, leadership),
        denials=MemoryDenials(contents),
        diagnoses=MemoryDiagnoses(contents),
        campaigns=MemoryCampaigns(contents, leadership),
        contributions=MemoryContributions(contents),
        leadership=leadership,
        installation=MemoryInstallation(),
        trust=MemoryTrust(contents, leadership),
        accounts=MemoryAccounts(),
        audit=MemoryAudit(),
    )


def _settings_of(device: Device) -> DeviceSettings | None:
    return device.settings.settings if device.settings else None


def _numbers(report: Report) -> dict[str, int]:
    """The numbers of a report by name, as the columns of a database have them."""
    parts = (report.vital_signs, report.learning, report.signs)
    told = {name: value for part in parts for name, value in asdict(part).items()}
    return {**told, "sequence": report.sequence}
