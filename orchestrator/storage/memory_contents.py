"""What the stores in memory hold together, and the deeds that several of them share."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from fieldwise.diagnosis import DiagnosisStep
from fieldwise.federation import FederationReport
from fieldwise.trust import Role
from orchestrator.enrolment.applicant import Applicant
from orchestrator.enrolment.ticket import Ticket
from orchestrator.federation.campaign import Campaign, HeadVersion, Round
from orchestrator.federation.contribution import NO_PART, Part, UpdateHead, UpdateState
from orchestrator.federation_ports import Discarded
from orchestrator.fleet.device import (
    Caller,
    Device,
    DeviceKey,
    Permit,
    Restoration,
    Standing,
    denied,
    not_a_member,
)
from orchestrator.fleet.diagnosis import OpenRequest, Request
from orchestrator.paging import Page, PageRequest, page_of
from orchestrator.ports import Newcomer
from orchestrator.rollout.backbone import Backbone
from orchestrator.rollout.rollout import (
    Event,
    Order,
    Rollout,
)
from orchestrator.storage import refusals
from orchestrator.trust_ports import Kept

Numbered = TypeVar("Numbered", Ticket, Applicant, Backbone, Rollout, Campaign)


@dataclass(frozen=True, slots=True)
class Membership:
    """What a rollout keeps of a device that it has ordered."""

    permit: Permit | None = None
    before: tuple[str, ...] = ()
    ordered_at: float = 0.0


@dataclass(frozen=True, slots=True)
class KeptUpdate:
    """What is kept of an update beside its content."""

    update: UpdateHead
    state: UpdateState
    at: float
    classes: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Partnership:
    """What a campaign keeps of a member: its part, and its newest report that judged a head."""

    alias: int
    part: Part = NO_PART
    judged: FederationReport | None = None


@dataclass(slots=True)
class Contents:
    """What the stores hold together; ``members`` says which devices a rollout has ordered.

    ``diagnoses`` has the requests of each device, newest first. What campaigns have is by their
    numbers: rounds and heads by theirs, partners by device. Metadata is by kind and version,
    applicants by fingerprint.
    """

    tickets: dict[str, Ticket] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    removed: dict[str, float] = field(default_factory=dict)
    denied: dict[str, float] = field(default_factory=dict)
    keys: dict[str, DeviceKey] = field(default_factory=dict)
    keys_in_use: dict[str, str] = field(default_factory=dict)
    revived: dict[str, float] = field(default_factory=dict)
    backbones: dict[str, Backbone] = field(default_factory=dict)
    rollouts: dict[int, Rollout] = field(default_factory=dict)
    members: dict[int, dict[str, Membership]] = field(default_factory=dict)
    events: dict[int, tuple[Event, ...]] = field(default_factory=dict)
    diagnoses: dict[str, tuple[Request, ...]] = field(default_factory=dict)
    restorations: dict[int, Restoration] = field(default_factory=dict)
    campaigns: dict[int, Campaign] = field(default_factory=dict)
    worker_tokens: dict[int, str] = field(default_factory=dict)
    rounds: dict[int, dict[int, Round]] = field(default_factory=dict)
    heads: dict[int, dict[int, HeadVersion]] = field(default_factory=dict)
    partners: dict[int, dict[str, Partnership]] = field(default_factory=dict)
    updates: dict[Discarded, KeptUpdate] = field(default_factory=dict)
    metadata: dict[tuple[Role, int], Kept] = field(default_factory=dict)
    applicants: dict[str, Applicant] = field(default_factory=dict)
    applicants_numbered: int = 0

    def member(self, device_id: str) -> Device | None:
        return None if device_id in self.removed else self.devices.get(device_id)

    def enrol(self, newcomer: Newcomer) -> None:
        if newcomer.key.fingerprint in self.keys:
            raise refusals.key_known()
        self.keys[newcomer.key.fingerprint] = newcomer.key
        self.devices[newcomer.device] = Device(
            id=newcomer.device,
            tags=dict(newcomer.tags),
            facts=newcomer.facts,
            enrolled_at=newcomer.enrolled_at,
            key=newcomer.key,
            standing=Standing(
                newcomer.device,
                newcomer.enrolled_at,
                architecture=newcomer.facts.architecture,
                memory_bytes=newcomer.facts.memory_bytes,
                agent_version=newcomer.facts.agent_version,
            ),
        )

    def present(self, device_id: str) -> Device:
        device = self.member(device_id)
        if device is None:
            raise not_a_member(device_id)
        return device

    def admit(self, caller: Caller) -> Device:
        if caller.device not in self.devices:
            raise refusals.unknown_device(caller.device)
        device, key = self.present(caller.device), self.keys.get(caller.fingerprint)
        if caller.device in self.denied:
            raise denied(caller.device)
        known = key is not None and key.device == caller.device
        if not known and not any(each.spans(caller) for each in self.restorations.values()):
            raise refusals.foreign_key(caller.device)
        if self.keys_in_use.get(caller.device) != caller.fingerprint == device.key.fingerprint:
            self.keys_in_use[caller.device] = caller.fingerprint
            for each in list(self.keys.values()):
                if each.device == caller.device and each.fingerprint != caller.fingerprint:
                    del self.keys[each.fingerprint]
        return device

    def open_request(self, device_id: str) -> OpenRequest | None:
        for request in self.diagnoses.get(device_id, ())[:1]:
            if request.step in (None, DiagnosisStep.WAITING):
                return OpenRequest(request.id, request.expires_at)
        return None

    def fleet(self) -> Iterator[Device]:
        return (self.devices[each] for each in sorted(self.devices) if each not in self.removed)

    def newest_rollouts(self) -> list[Rollout]:
        return sorted(self.rollouts.values(), key=lambda each: -each.number)

    def stand(self, device: Device, standing: Standing) -> None:
        self.devices[device.id] = replace(device, standing=standing)

    def enter(self, rollout: Rollout, events: Sequence[Event]) -> Rollout:
        number = len(self.rollouts) + 1
        self.rollouts[number] = replace(rollout, number=number)
        self.members[number] = {}
        self.tell(number, events)
        return self.rollouts[number]

    def tell(self, number: int, events: Sequence[Event]) -> None:
        told = self.events.get(number, ())
        fresh = (replace(each, sequence=len(told) + n) for n, each in enumerate(events, start=1))
        self.events[number] = (*told, *fresh)

    def watch_again(self, rollout: Rollout) -> None:
        again = replace(rollout, watched=True, revision=rollout.revision + 1)
        self.rollouts[rollout.number] = again

    def give(self, order: Order, number: int) -> None:
        device = self.member(order.device)
        if device is None or device.standing.rollout > number:
            return
        standing = device.standing
        if standing.target and standing.target.generation >= order.target.generation:
            return
        known = self.members[number].get(order.device)
        # Whoever ordered may have read before the device told what it serves.
        served = () if known or not standing.bundle_in_use else (standing.bundle_in_use,)
        permit = known.permit if known else None
        kept = Membership(permit, order.before or served, order.at)
        self.members[number][order.device] = kept
        given = replace(
            standing,
            target=order.target,
            rollout=number,
            permit=kept.permit,
            before=kept.before,
            ordered_at=kept.ordered_at,
        )
        self.stand(device, given)


def newest_first(items: Collection[Numbered], page: PageRequest) -> Page[Numbered]:
    before = page.after_number
    found = [item for item in items if before is None or item.number < before]
    found.sort(key=lambda item: -item.number)
    return page_of(found[: page.limit + 1], page, lambda item: item.number)
