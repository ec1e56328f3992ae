"""Every store in memory: for tests and simulations, and the plainest statement of the contract.

Methods are atomic because none of them waits for anything.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from orchestrator.enrolment.ticket import Ticket, is_open
from orchestrator.fleet.cohort import Selector, parse_selector
from orchestrator.fleet.device import (
    Caller,
    Device,
    DeviceKey,
    Permit,
    Standing,
    Target,
    after_report,
    may_still_start,
    next_generation,
    not_a_member,
)
from orchestrator.fleet.report import is_newer
from orchestrator.fleet.settings import DeviceSettings, SettingsRevision
from orchestrator.fleet.tags import changed
from orchestrator.paging import Page, PageRequest, page_of
from orchestrator.ports import KnownKey, Newcomer, Permits, Sighting, Visitor
from orchestrator.rollout.backbone import Backbone, Reference
from orchestrator.rollout.machine import Order, Phase, Rollout, host_of, may_start
from orchestrator.storage import refusals
from orchestrator.storage.stores import Stores

Numbered = TypeVar("Numbered", Ticket, Backbone, Rollout)


@dataclass(slots=True)
class Contents:
    """What the stores hold together.

    ``members`` says which devices a rollout has ordered and which permits it gave them.
    """

    tickets: dict[str, Ticket] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    removed: dict[str, float] = field(default_factory=dict)
    keys: dict[str, DeviceKey] = field(default_factory=dict)
    backbones: dict[str, Backbone] = field(default_factory=dict)
    rollouts: dict[int, Rollout] = field(default_factory=dict)
    members: dict[int, dict[str, Permit | None]] = field(default_factory=dict)

    def member(self, device_id: str) -> Device | None:
        return None if device_id in self.removed else self.devices.get(device_id)

    def present(self, device_id: str) -> Device:
        device = self.member(device_id)
        if device is None:
            raise not_a_member(device_id)
        return device

    def admit(self, caller: Caller) -> Device:
        if caller.device not in self.devices:
            raise refusals.unknown_device(caller.device)
        device, key = self.present(caller.device), self.keys.get(caller.fingerprint)
        if key is None or key.device != caller.device:
            raise refusals.foreign_key(caller.device)
        return device

    def fleet(self) -> Iterator[Device]:
        return (self.devices[each] for each in sorted(self.devices) if each not in self.removed)

    def newest_rollouts(self) -> list[Rollout]:
        return sorted(self.rollouts.values(), key=lambda each: -each.number)

    def stand(self, device: Device, standing: Standing) -> None:
        self.devices[device.id] = replace(device, standing=standing)


class MemoryTickets:
    """``TicketStore``."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def add(self, ticket: Ticket) -> Ticket:
        kept = replace(ticket, number=len(self._contents.tickets) + 1)
        self._contents.tickets[ticket.id] = kept
        return kept

    async def get(self, ticket_id: str) -> Ticket | None:
        return self._contents.tickets.get(ticket_id)

    async def list(self, page: PageRequest) -> Page[Ticket]:
        return _newest_first(self._contents.tickets.values(), page)

    async def revoke(self, ticket_id: str) -> Ticket:
        ticket = self._contents.tickets.get(ticket_id)
        if ticket is None:
            raise refusals.no_ticket(ticket_id)
        self._contents.tickets[ticket_id] = replace(ticket, revoked=True)
        return self._contents.tickets[ticket_id]

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
        return KnownKey(key, key.device in self._contents.removed) if key else None

    async def enrol(self, newcomer: Newcomer, ticket_id: str) -> bool:
        ticket = self._contents.tickets[ticket_id]
        if ticket.revoked or ticket.uses >= ticket.uses_allowed:
            return False
        if newcomer.key.fingerprint in self._contents.keys:
            raise refusals.key_known()
        self._contents.tickets[ticket_id] = replace(ticket, uses=ticket.uses + 1)
        self._contents.keys[newcomer.key.fingerprint] = newcomer.key
        self._contents.devices[newcomer.device] = Device(
            id=newcomer.device,
            tags=dict(newcomer.tags),
            facts=newcomer.facts,
            enrolled_at=newcomer.enrolled_at,
            key=newcomer.key,
            standing=Standing(newcomer.device, newcomer.enrolled_at),
        )
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


class MemoryDevices:
    """``DeviceStore``."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def get(self, device_id: str) -> Device:
        device = self._contents.member(device_id)
        if device is None:
            raise refusals.no_device(device_id)
        return device

    async def list(self, selector: Selector, page: PageRequest) -> Page[Device]:
        after = page.after or ""
        found = [
            device
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


class MemoryCheckIns:
    """``CheckInStore``."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def visitor(self, caller: Caller) -> Visitor:
        return self._visitor(self._contents.admit(caller))

    async def welcome(self, device_id: str, generation: int) -> Visitor | None:
        device = self._contents.devices[device_id]
        host = self._host_of(device)
        if host is None:
            return None
        standing = self._contents.present(device_id).standing
        if not standing.rollout:
            raised = replace(host, watched=True, revision=host.revision + 1)
            self._contents.rollouts[host.number] = raised
            self._contents.members[host.number][device_id] = None
            target = Target(max(next_generation(standing), generation + 1), host.digest)
            self._contents.stand(device, replace(standing, target=target, rollout=host.number))
        return self._visitor(self._contents.present(device_id))

    async def continue_settings(self, device_id: str, known: int) -> SettingsRevision:
        device = self._contents.present(device_id)
        given = device.settings or SettingsRevision(0, DeviceSettings())
        if given.revision < known:
            given = SettingsRevision(known + 1, given.settings)
            self._contents.devices[device_id] = replace(device, settings=given)
        return given

    async def keep(self, sightings: Sequence[Sighting]) -> None:
        for sighting in sightings:
            device = self._contents.member(sighting.device)
            if device is None or not is_newer(sighting.report, device.standing.report_order):
                continue
            standing = after_report(
                device.standing, sighting.report, sighting.seen_at, sighting.pace_seconds
            )
            self._contents.stand(replace(device, report=sighting.report), standing)

    async def permit(self, device_id: str, permit: Permit) -> bool:
        device = self._contents.member(device_id)
        if device is None or not self._may_start(device.standing):
            return False
        target = device.standing.target
        if target is None or target.generation != permit.generation:
            return False
        self._contents.members[device.standing.rollout][device_id] = permit
        self._contents.stand(device, replace(device.standing, permit=permit))
        return True

    def _visitor(self, device: Device) -> Visitor:
        return Visitor(
            device.standing,
            device.settings,
            may_start=self._may_start(device.standing),
            is_welcome=not device.standing.rollout and self._host_of(device) is not None,
        )

    def _host_of(self, device: Device) -> Rollout | None:
        return host_of(self._contents.newest_rollouts(), device.tags)

    def _may_start(self, standing: Standing) -> bool:
        rollout = self._contents.rollouts.get(standing.rollout)
        return rollout is not None and may_start(rollout.phase)


class MemoryBackbones:
    """``BackboneStore``."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def add(self, backbone: Backbone) -> tuple[Backbone, bool]:
        kept = self._contents.backbones
        if backbone.digest in kept:
            return kept[backbone.digest], False
        title = backbone.manifest.title
        if any(each.manifest.title == title for each in kept.values()):
            raise refusals.backbone_named(title)
        kept[backbone.digest] = replace(backbone, number=len(kept) + 1)
        return kept[backbone.digest], True

    async def find(self, reference: Reference) -> Backbone:
        newest_first = sorted(self._contents.backbones.values(), key=lambda each: -each.number)
        prefix = reference.digest_prefix
        if prefix is not None:
            found = [each for each in newest_first if each.digest.startswith(prefix)]
            if len(found) > 1:
                raise refusals.digests_begin_so(prefix)
            if found:
                return found[0]
        for each in newest_first:
            wanted = (reference.name, reference.version or each.manifest.version)
            if (each.manifest.name, each.manifest.version) == wanted:
                return each
        raise refusals.no_backbone()

    async def list(self, page: PageRequest) -> Page[Backbone]:
        return _newest_first(self._contents.backbones.values(), page)


class MemoryRollouts:
    """``RolloutStore``."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def add(self, backbone: Backbone, cohort: Selector, now: float) -> Rollout:
        number = len(self._contents.rollouts) + 1
        rollout = Rollout(number, backbone.digest, backbone.manifest.title, str(cohort), now)
        self._contents.rollouts[number] = rollout
        self._contents.members[number] = {}
        return rollout

    async def get(self, number: int) -> Rollout:
        if number not in self._contents.rollouts:
            raise refusals.no_rollout(number)
        return self._contents.rollouts[number]

    async def list(self, page: PageRequest) -> Page[Rollout]:
        return _newest_first(self._contents.rollouts.values(), page)

    async def watched(self) -> Sequence[Rollout]:
        return [rollout for rollout in self._contents.newest_rollouts() if rollout.watched]

    async def cohort(self, rollout: Rollout) -> Sequence[Standing]:
        selector, members = parse_selector(rollout.cohort), self._contents.members[rollout.number]
        runs = rollout.phase is Phase.RUNNING
        return [
            device.standing
            for device in self._contents.fleet()
            if device.id in members or (runs and selector.matches(device.tags))
        ]

    async def save(self, rollout: Rollout, orders: Sequence[Order] = ()) -> Rollout:
        if (await self.get(rollout.number)).revision != rollout.revision:
            raise refusals.rollout_changed(rollout.number)
        kept = replace(rollout, revision=rollout.revision + 1)
        self._contents.rollouts[rollout.number] = kept
        for order in orders:
            self._give(order, rollout.number)
        return kept

    async def permits(self, number: int, now: float) -> Permits:
        members = self._contents.members.get(number, {})
        ends = [
            permit.expires_at
            for device in self._contents.fleet()
            if (permit := members.get(device.id)) is not None
            and may_still_start(permit, device.standing, now)
        ]
        return Permits(len(ends), max(ends, default=now))

    def _give(self, order: Order, number: int) -> None:
        device = self._contents.member(order.device)
        if device is None or device.standing.rollout > number:
            return
        standing = device.standing
        if standing.target and standing.target.generation >= order.target.generation:
            return
        permit = self._contents.members[number].setdefault(order.device, None)
        given = replace(standing, target=order.target, rollout=number, permit=permit)
        self._contents.stand(device, given)


def memory_stores(contents: Contents | None = None) -> Stores:
    """Make stores that know of each other, empty unless contents are given."""
    contents = contents or Contents()
    return Stores(
        tickets=MemoryTickets(contents),
        members=MemoryMembers(contents),
        devices=MemoryDevices(contents),
        check_ins=MemoryCheckIns(contents),
        backbones=MemoryBackbones(contents),
        rollouts=MemoryRollouts(contents),
    )


def _newest_first(items: Collection[Numbered], page: PageRequest) -> Page[Numbered]:
    before = page.after_number
    found = [item for item in items if before is None or item.number < before]
    found.sort(key=lambda item: -item.number)
    return page_of(found[: page.limit + 1], page, lambda item: item.number)


def _settings_of(device: Device) -> DeviceSettings | None:
    return device.settings.settings if device.settings else None
