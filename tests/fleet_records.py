"""Records of a small fleet for tests, with as little to say as possible."""

from dataclasses import replace

from fieldwise.bundle import (
    FileReference,
    Manifest,
    Preprocessing,
    Transform,
    Variant,
    View,
    digest_of,
    encode_manifest,
)
from fieldwise.update import UpdatePhase
from orchestrator.check_in_ports import Sighting
from orchestrator.enrolment.ticket import SECRET_BYTES, Ticket, mint
from orchestrator.fleet.cohort import parse_selector
from orchestrator.fleet.device import Caller, DeviceKey, Facts, Target
from orchestrator.fleet.report import NOTHING_BEGUN, Report, UpdateReport
from orchestrator.ports import Newcomer
from orchestrator.rollout.backbone import Backbone
from orchestrator.rollout.operations import fresh_rollout
from orchestrator.rollout.plan import Plan
from orchestrator.rollout.rollout import Kind, Order, Rollout
from orchestrator.storage.stores import Stores

NOW = 1_800_000_000.0
SECRET = bytes(range(SECRET_BYTES))
FACTS = Facts("0.1.0", "aarch64", 2**31, 4)


class SetClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: float = NOW) -> None:
        self.seconds = now

    def now(self) -> float:
        return self.seconds

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds


class CountedEntropy:
    """Bytes that differ every time and are the same in every run."""

    def __init__(self) -> None:
        self._drawn = 0

    def token(self, size: int) -> bytes:
        self._drawn += 1
        return self._drawn.to_bytes(size, "big")


def ticket(name: str = "t1", *, uses: int = 10, tags: dict[str, str] | None = None) -> Ticket:
    return mint(name, SECRET, uses=uses, lifetime_seconds=3600, tags=tags or {}, now=NOW)


def key_of(device: str, name: str = "key", ticket_id: str | None = None) -> DeviceKey:
    return DeviceKey(digest_of(f"{device} {name}".encode()), device, "5e41a1", NOW + 100, ticket_id)


def caller(device: str, name: str = "key") -> Caller:
    """Who calls with the key that a device joined with, or a further one of it."""
    return Caller(device, key_of(device, name).fingerprint)


def newcomer(
    device: str, tags: dict[str, str] | None = None, ticket_id: str | None = None
) -> Newcomer:
    return Newcomer(device, tags or {}, FACTS, NOW, key_of(device, ticket_id=ticket_id))


async def join(stores: Stores, device: str, *, now: float = NOW, **tags: str) -> None:
    """Make a device a member."""
    if await stores.tickets.get("open") is None:
        await stores.tickets.add(replace(ticket("open"), uses_allowed=100_000))
    admitted = replace(newcomer(device, tags, "open"), enrolled_at=now)
    assert await stores.members.enrol(admitted, "open")


def backbone(version: str = "1", name: str = "lite0") -> Backbone:
    graph = FileReference(digest_of(f"{name}:{version}".encode()), 17)
    manifest = Manifest(
        format=1,
        name=name,
        version=version,
        epoch=1,
        publisher="tests",
        licence="Apache-2.0",
        source="none",
        views=(View("main", Preprocessing(32, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), 8),),
        transform=Transform(),
        variants=(Variant("fp32", (graph,), 0.01),),
        golden=FileReference(digest_of(b"golden"), 5),
    )
    return Backbone(digest_of(encode_manifest(manifest)), manifest, NOW)


def report(
    sequence: int,
    *,
    generation: int = 0,
    bundle: str | None = None,
    update: UpdateReport = NOTHING_BEGUN,
    incarnation: int = 1,
    settings_revision: int = 0,
) -> Report:
    return Report(
        incarnation=incarnation,
        sequence=sequence,
        generation=generation,
        bundle_in_use=bundle,
        update=update,
        settings_revision=settings_revision,
    )


def step(generation: int, digest: str, phase: UpdatePhase) -> UpdateReport:
    return UpdateReport(generation, digest, phase)


def sighting(device: str, told: Report, seen_at: float = NOW) -> Sighting:
    return Sighting(device, told, seen_at, 60)


async def roll_out(
    stores: Stores, cohort: str = "", version: str = "1", plan: Plan | None = None
) -> Rollout:
    """Start a rollout, without an order yet."""
    published, _ = await stores.backbones.add(backbone(version))
    meant = replace(plan or Plan(published.manifest.title), cohort=str(parse_selector(cohort)))
    return await stores.rollouts.add(fresh_rollout(published, meant, Kind.FORWARD, NOW))


async def order(stores: Stores, rollout: Rollout, generation: int, *devices: str) -> Rollout:
    """Save a rollout with orders of one generation."""
    target = Target(generation, rollout.digest)
    return await stores.rollouts.save(rollout, [Order(device, target) for device in devices])
