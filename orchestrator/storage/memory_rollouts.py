"""Check-ins, backbones and rollouts in memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from orchestrator.check_in_ports import Granted, Sighting, Visitor
from orchestrator.fleet.cohort import parse_selector
from orchestrator.fleet.device import (
    Caller,
    Device,
    Permit,
    Standing,
    after_report,
    may_still_start,
)
from orchestrator.fleet.report import is_newer
from orchestrator.fleet.settings import DeviceSettings, SettingsRevision
from orchestrator.paging import Page, PageRequest, page_of
from orchestrator.ports import Permits
from orchestrator.rollout.backbone import Backbone, Reference
from orchestrator.rollout.limits import (
    Load,
    continued,
    granted,
    is_bounded,
    share_of,
    started_lately,
    takes_place,
)
from orchestrator.rollout.machine import host_of, is_news
from orchestrator.rollout.orders import order_for
from orchestrator.rollout.phases import ADDING, BACKWARD, FORWARD, Phase
from orchestrator.rollout.rollout import (
    Event,
    Kind,
    Order,
    Rollout,
    is_way_back,
    may_start,
)
from orchestrator.storage import refusals
from orchestrator.storage.memory_contents import Contents, Membership, newest_first
from orchestrator.storage.memory_replicas import MemoryLeadership


class MemoryCheckIns:
    """``CheckInStore``."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def visitor(self, caller: Caller) -> Visitor:
        return self._visitor(self._contents.admit(caller))

    async def welcome(self, device_id: str, generation: int, now: float) -> Visitor | None:
        device = self._contents.present(device_id)
        standing, host = device.standing, self._host_of(device)
        if host is None:
            return None
        if not standing.rollout:
            self._contents.watch_again(host)
            self._contents.give(order_for(host, standing, now, generation), host.number)
        return self._visitor(self._contents.present(device_id))

    async def look_again(self, device_id: str) -> None:
        device = self._contents.member(device_id)
        if device is None:
            return
        recalled = self._recalled()
        for rollout in self._concerned(device.standing):
            if is_news(rollout, device.standing, recalled):
                self._contents.watch_again(rollout)
                return

    def _concerned(self, standing: Standing) -> Sequence[Rollout]:
        """Its own rollout, and those that took away what it runs."""
        own = [each for each in [self._contents.rollouts.get(standing.rollout)] if each]
        newest = self._contents.newest_rollouts()
        taken = (each for each in newest if each.kind is Kind.RECALL)
        return [*own, *(each for each in taken if each.digest == standing.bundle_in_use)]

    def _recalled(self) -> frozenset[str]:
        kept = self._contents.backbones.values()
        return frozenset(each.digest for each in kept if each.recalled_at is not None)

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
            heard = replace(device, report=sighting.report, ledger=sighting.ledger)
            self._contents.stand(heard, standing)

    async def permit(self, device_id: str, permit: Permit, now: float) -> Granted | None:
        device = self._contents.member(device_id)
        if device is None or not self._may_start(device.standing):
            return None
        standing = device.standing
        target, rollout = standing.target, self._contents.rollouts[standing.rollout]
        if target is None or target.generation != permit.generation:
            return None
        load = self._load(rollout, device_id, now) if is_bounded(rollout) else Load()
        give = continued if is_way_back(rollout, target) else partial(granted, rollout, load)
        kept = give(permit, standing.permit, now)
        if kept is None:
            return None
        members = self._contents.members[rollout.number]
        members[device_id] = replace(members[device_id], permit=kept)
        self._contents.stand(device, replace(standing, permit=kept))
        if rollout.phase is Phase.COMPLETE and not rollout.watched:
            self._contents.watch_again(rollout)
        return Granted(kept, share_of(rollout, load))

    def _load(self, rollout: Rollout, device_id: str, now: float) -> Load:
        others = [
            each.standing
            for each in self._contents.fleet()
            if each.standing.rollout == rollout.number and each.id != device_id
        ]
        return Load(
            sum(takes_place(rollout, each, now) for each in others),
            sum(started_lately(each, now) for each in others),
        )

    def _visitor(self, device: Device) -> Visitor:
        report = device.report
        return Visitor(
            device.standing,
            device.settings,
            may_start=self._may_start(device.standing),
            is_welcome=not device.standing.rollout and self._host_of(device) is not None,
            runs_recalled=device.standing.bundle_in_use in self._recalled(),
            diagnosis=self._contents.open_request(device.id),
            federation=report.federation if report else None,
            ledger=device.ledger,
        )

    def _host_of(self, device: Device) -> Rollout | None:
        return host_of(self._contents.newest_rollouts(), device.standing, device.tags)

    def _may_start(self, standing: Standing) -> bool:
        rollout = self._contents.rollouts.get(standing.rollout)
        target = standing.target
        if rollout is None or target is None or target.digest in self._recalled():
            return False
        return may_start(rollout, target)


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
        return newest_first(self._contents.backbones.values(), page)

    async def recalled(self) -> frozenset[str]:
        kept = self._contents.backbones.values()
        return frozenset(each.digest for each in kept if each.recalled_at is not None)


class MemoryRollouts:
    """``RolloutStore``."""

    def __init__(self, contents: Contents, leadership: MemoryLeadership | None = None) -> None:
        self._contents = contents
        self._leadership = leadership or MemoryLeadership()

    async def add(self, rollout: Rollout, events: Sequence[Event] = ()) -> Rollout:
        return await self.requested(rollout.request) or self._contents.enter(rollout, events)

    async def requested(self, request: str) -> Rollout | None:
        started = self._contents.rollouts.values()
        return next((each for each in started if request and each.request == request), None)

    async def recall(self, rollout: Rollout, events: Sequence[Event] = ()) -> Rollout | None:
        backbone = self._contents.backbones[rollout.digest]
        if backbone.recalled_at is not None:
            return None
        marked = replace(backbone, recalled_at=rollout.created_at)
        self._contents.backbones[rollout.digest] = marked
        for each in list(self._contents.rollouts.values()):
            if each.digest == rollout.digest and each.phase in FORWARD:
                self._contents.watch_again(each)
        return self._contents.enter(rollout, events)

    async def get(self, number: int) -> Rollout:
        if number not in self._contents.rollouts:
            raise refusals.no_rollout(number)
        return self._contents.rollouts[number]

    async def list(self, page: PageRequest) -> Page[Rollout]:
        return newest_first(self._contents.rollouts.values(), page)

    async def watched(self) -> Sequence[Rollout]:
        return [rollout for rollout in self._contents.newest_rollouts() if rollout.watched]

    async def cohort(
        self, rollout: Rollout, after: str = "", size: int | None = None
    ) -> Sequence[Standing]:
        members = self._contents.members.get(rollout.number, {})
        found = [
            device.standing
            for device in self._contents.fleet()
            if device.id > after and (device.id in members or _may_order(rollout, device))
        ]
        return found[:size]

    async def save(
        self,
        rollout: Rollout,
        orders: Sequence[Order] = (),
        events: Sequence[Event] = (),
        term: int | None = None,
    ) -> Rollout:
        lead = self._leadership.lead
        if term is not None and (lead is None or lead.term != term):
            raise refusals.term_over(term)
        if (await self.get(rollout.number)).revision != rollout.revision:
            raise refusals.rollout_changed(rollout.number)
        kept = replace(rollout, revision=rollout.revision + 1)
        self._contents.rollouts[rollout.number] = kept
        for order in orders:
            self._contents.give(order, rollout.number)
        self._contents.tell(rollout.number, events)
        return kept

    async def permits(self, number: int, now: float) -> Permits:
        members = self._contents.members.get(number, {})
        ends = [
            permit.expires_at
            for device in self._contents.fleet()
            if (permit := members.get(device.id, Membership()).permit) is not None
            and may_still_start(permit, device.standing, now)
        ]
        return Permits(len(ends), max(ends, default=now))

    async def past(self, number: int) -> Mapping[tuple[str, ...], int]:
        members = self._contents.members.get(number, {})
        return Counter(each.before for name, each in members.items() if self._contents.member(name))

    async def history(self, number: int, page: PageRequest) -> Page[Event]:
        await self.get(number)
        before = page.after_number
        told = reversed(self._contents.events.get(number, ()))
        found = [each for each in told if before is None or each.sequence < before]
        return page_of(found[: page.limit + 1], page, lambda each: each.sequence)


def _may_order(rollout: Rollout, device: Device) -> bool:
    """Tell whether a rollout may come to order a device that it has not ordered yet."""
    if rollout.kind is Kind.RECALL:
        target = device.standing.target
        runs = rollout.digest in (device.standing.bundle_in_use, target and target.digest)
        return rollout.phase in BACKWARD and runs
    return rollout.phase in ADDING and parse_selector(rollout.cohort).matches(device.tags)
