"""What a rollout costs the orchestrator: time for simulated devices to go through four waves.

    python -m benchmarks.rollout [--json FILE] [--devices 10000] [--calibration FILE]

One process, the real use cases (check-ins, controller, operations) over SQLite in a file. Devices
are simulated and call the use case in this process: what gRPC and TLS cost is not in it. Time is
virtual: every device calls when it was told to, reports are flushed every second and rollouts are
looked at every two, as the server does, and the process does it all as fast as it can. So the
processor time is what one orchestrator spends, and over the virtual time it is its load.

The floor is what nobody can save: as many reports, each written alone through the same store to
another file, as had to be committed before their reply. The ratio is processor time over that.

With ``--calibration``, the table of ``benchmarks.rollout_calibration`` is put into the same file.
"""

import argparse
import asyncio
import heapq
import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random

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
from fieldwise.verdict import Basis, Judgement, PairedCounts, Verdict
from orchestrator.check_in_ports import Sighting
from orchestrator.enrolment.ticket import SECRET_BYTES, mint
from orchestrator.fleet.check_in import CheckIns, Orders
from orchestrator.fleet.device import Caller, DeviceKey, Facts
from orchestrator.fleet.report import NOTHING_BEGUN, Report, UpdateReport
from orchestrator.ports import Newcomer
from orchestrator.rollout.backbone import Backbone
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.operations import Rollouts
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.plan import Plan, Wave
from orchestrator.rollout.rollout import Rollout
from orchestrator.storage.sql.stores import sql_stores
from orchestrator.storage.stores import Stores

BEGIN = 1_800_000_000.0
FLUSH_SECONDS, LOOK_SECONDS = 1.0, 2.0  # as orchestrator.app and its settings
VIRTUAL_SECONDS_MAX = 86_400.0
WAVES = (Wave(devices=10), Wave(share=0.01), Wave(share=0.1), Wave())
STEPS = (
    UpdatePhase.FETCHING,
    UpdatePhase.VERIFYING,
    UpdatePhase.MIGRATING,
    UpdatePhase.JUDGING,
    UpdatePhase.PROBATION,
    UpdatePhase.ACTIVE,
)
COMPARED = frozenset({UpdatePhase.PROBATION, UpdatePhase.ACTIVE})
OLD = digest_of(b"the backbone before")


class VirtualClock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.seconds = BEGIN

    def now(self) -> float:
        """Seconds since 1970."""
        return self.seconds


@dataclass(slots=True)
class Device:
    """A device that does what it is told, one step of an update with every call."""

    name: str
    fingerprint: str
    verdict: Verdict
    sequence: int = 0
    generation: int = 0
    bundle: str = OLD
    update: UpdateReport = NOTHING_BEGUN

    def report(self) -> Report:
        """What it says next."""
        self.sequence += 1
        verdict = replace(self.verdict, generation=self.update.generation)
        return Report(
            1,
            self.sequence,
            self.generation,
            self.bundle,
            update=self.update,
            agent_version="0.1.0",
            verdict=verdict if self.update.phase in COMPARED else None,
        )

    def hear(self, orders: Orders) -> None:
        """Obey, and go on with what is under way."""
        target = orders.target
        if target is None:
            return
        self.generation = target.generation
        begun = self.update.generation == target.generation
        if not begun and orders.permit is not None and self.bundle != target.digest:
            self.update = UpdateReport(target.generation, target.digest, STEPS[0])
        elif begun and self.update.phase is not UpdatePhase.ACTIVE:
            following = STEPS[STEPS.index(self.update.phase) + 1]
            self.update = replace(self.update, phase=following)
            self.bundle = target.digest if following in COMPARED else OLD


@dataclass(slots=True)
class Spent:
    """Processor seconds and counts by what they were for."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    counts: Counter[str] = field(default_factory=Counter)

    async def on(self, name: str, deed: Awaitable[object]) -> None:
        """Wait for a deed and count it."""
        begin = time.process_time()
        await deed
        self.seconds[name] += time.process_time() - begin
        self.counts[name] += 1


@dataclass(frozen=True, slots=True)
class Result:
    """Times are seconds; ``ratio`` is processor time over the floor's."""

    devices: int
    phase: str
    waves: int
    virtual_seconds: float
    wall_seconds: float
    processor_seconds: float
    check_ins: int
    check_in_micros: float
    looks: int
    look_millis: float
    flush_seconds: float
    reports_committed: int
    floor_seconds: float
    ratio: float
    load: float  # processor seconds in a second of the fleet's time


class Fleet:
    """Devices that call, and the orchestrator that answers."""

    def __init__(self, stores: Stores, devices: list[Device], clock: VirtualClock) -> None:
        self.clock, self.devices, self.spent = clock, devices, Spent()
        self.check_ins = CheckIns(stores.check_ins, clock)
        self.controller = Controller(stores.rollouts, stores.backbones, clock)
        self.rollouts = Rollouts(stores.rollouts, stores.backbones, self.controller, clock)
        self.calls = [(BEGIN + at * 60 / len(devices), at) for at in range(len(devices))]
        self.committed = 0

    async def call(self, at: int) -> None:
        """Let one device call, and note when it will call again."""
        device = self.devices[at]
        before = device.update.phase, device.generation
        report = device.report()
        orders = await self.check_ins.check_in(Caller(device.name, device.fingerprint), report)
        device.hear(orders)
        self.committed += before != (device.update.phase, device.generation)
        heapq.heappush(self.calls, (self.clock.seconds + orders.next_seconds, at))

    async def live(self, until: Callable[[], Awaitable[bool]]) -> None:
        """Let time pass, with flushes and looks as the server makes them."""
        flush = look = self.clock.seconds
        while self.clock.seconds < BEGIN + VIRTUAL_SECONDS_MAX:
            self.clock.seconds = min(self.calls[0][0], flush, look)
            if self.clock.seconds == flush:
                await self.spent.on("flush", self.check_ins.flush())
                flush += FLUSH_SECONDS
            elif self.clock.seconds == look:
                await self.spent.on("look", self.controller.look_at_all())
                look += LOOK_SECONDS
                if await until():
                    return
            else:
                await self.spent.on("check-in", self.call(heapq.heappop(self.calls)[1]))


def backbone() -> Backbone:
    """A backbone that nobody has to load."""
    graph = FileReference(digest_of(b"graph"), 17)
    manifest = Manifest(
        format=1,
        name="measured",
        version="1",
        epoch=1,
        publisher="benchmarks",
        licence="Apache-2.0",
        source="none",
        views=(View("main", Preprocessing(32, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), 8),),
        transform=Transform(),
        variants=(Variant("fp32", (graph,), 0.01),),
        golden=FileReference(digest_of(b"golden"), 5),
    )
    return Backbone(digest_of(encode_manifest(manifest)), manifest, BEGIN)


def verdict_of(dice: Random) -> Verdict:
    """What a device finds that nothing changed for: 100 samples, five differ either way or so."""
    old, new = (sum(dice.random() < 0.05 for _ in range(100)) for _ in range(2))
    counts = PairedCounts(100 - old - new, old, new, 0, 100, old, new)
    return Verdict(0, Judgement.ACCEPTED, Basis.LABELLED, counts)


async def enrolled(stores: Stores, count: int) -> list[Device]:
    """Make devices members."""
    dice = Random(0)  # noqa: S311 - chance for counts, not for secrets
    ticket = mint(
        "open", bytes(SECRET_BYTES), uses=count, lifetime_seconds=3600, tags={}, now=BEGIN
    )
    await stores.tickets.add(ticket)
    facts, devices = Facts("0.1.0", "aarch64", 2**31, 4), []
    for at in range(count):
        name = f"device-{at:05}"
        key = DeviceKey(digest_of(name.encode()), name, "01", BEGIN + 10**7, ticket.id)
        await stores.members.enrol(Newcomer(name, {}, facts, BEGIN, key), ticket.id)
        devices.append(Device(name, key.fingerprint, verdict_of(dice)))
    return devices


async def measured(folder: Path, count: int) -> Result:
    """Bring a backbone to a fleet, and count what that took."""
    async with _opened(folder / "fleet.sqlite") as stores:
        fleet = Fleet(stores, await enrolled(stores, count), VirtualClock())
        await stores.backbones.add(backbone())
        await _first_calls(fleet)
        fleet.spent, fleet.committed = Spent(), 0
        begin, wall, processor = fleet.clock.seconds, time.perf_counter(), time.process_time()
        started = await fleet.rollouts.start(Plan("measured:1", waves=WAVES))

        async def over() -> bool:
            return (await stores.rollouts.get(started.number)).phase is not Phase.RUNNING

        await fleet.live(over)
        processor = time.process_time() - processor
        wall, virtual = time.perf_counter() - wall, fleet.clock.seconds - begin
        rollout = await stores.rollouts.get(started.number)
    floor = await _floor(folder / "floor.sqlite", count, fleet.committed)
    return _result(fleet, rollout, wall, processor, virtual, floor)


async def _first_calls(fleet: Fleet) -> None:
    """Every device has called once and is known to be there."""
    for _ in fleet.devices:
        fleet.clock.seconds, at = heapq.heappop(fleet.calls)
        await fleet.call(at)
    await fleet.check_ins.flush()


async def _floor(file: Path, count: int, reports: int) -> float:
    """Processor seconds for as many reports written alone, one after another."""
    async with _opened(file) as stores:
        devices = await enrolled(stores, count)
        begin = time.process_time()
        for at in range(reports):
            device = devices[at % count]
            sighting = Sighting(device.name, device.report(), BEGIN + at, 60)
            await stores.check_ins.keep((sighting,))
        return time.process_time() - begin


@asynccontextmanager
async def _opened(file: Path) -> AsyncIterator[Stores]:
    async with sql_stores(f"sqlite:///{file}") as stores:
        yield stores


def _result(
    fleet: Fleet, rollout: Rollout, wall: float, processor: float, virtual: float, floor: float
) -> Result:
    spent = fleet.spent
    return Result(
        devices=len(fleet.devices),
        phase=rollout.phase,
        waves=len(WAVES),
        virtual_seconds=virtual,
        wall_seconds=wall,
        processor_seconds=processor,
        check_ins=spent.counts["check-in"],
        check_in_micros=1e6 * spent.seconds["check-in"] / spent.counts["check-in"],
        looks=spent.counts["look"],
        look_millis=1e3 * spent.seconds["look"] / spent.counts["look"],
        flush_seconds=spent.seconds["flush"],
        reports_committed=fleet.committed,
        floor_seconds=floor,
        ratio=processor / floor,
        load=processor / virtual,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="What a rollout costs the orchestrator.")
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--calibration", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(measured(Path(folder), chosen.devices))
    told: dict[str, object] = {"rollout": asdict(result)}
    print(json.dumps(told, indent=2))
    if chosen.calibration:
        told["calibration"] = json.loads(chosen.calibration.read_text())
    if chosen.json:
        chosen.json.write_text(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
