"""Orchestrators that share a database and a bucket, and devices that call now one, now another.

Devices are played, so that every order and permit that reaches one is counted.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import grpc

from fieldwise.v1alpha1 import device_pb2
from orchestrator.beforehand import create_authority
from orchestrator.publisher_file import all_online, write_publisher
from tests.bundles import tiny_bundle
from tests.databases import PostgreSql
from tests.object_stores import SeaweedFs
from tests.orchestrators import Member, Orchestrator, join, serving, status_of

TOKEN = "--operator-token=known-to-every-replica"
PACE = ("--check-in-seconds=1", "--busy-check-in-seconds=1", "--metrics-seconds=1")
LEASE_SECONDS = 2
WAIT_SECONDS = 120
DEVICES, IN_FLIGHT = 8, 2


def wait_until(seen: Callable[[], bool], what: str) -> float:
    """Wait, for long if need be; return how many seconds it took."""
    begun = time.monotonic()
    while not seen():
        assert time.monotonic() - begun < WAIT_SECONDS, f"waited in vain until {what}"
        time.sleep(0.05)
    return time.monotonic() - begun


@dataclass(slots=True)
class Replicas:
    """Replicas by name, each with what ends it."""

    folder: Path
    flags: Sequence[str]
    running: dict[str, Orchestrator] = field(default_factory=dict)
    _ends: dict[str, ExitStack] = field(default_factory=dict)

    def start(self, name: str) -> Orchestrator:
        self._ends[name] = ExitStack()
        context = serving(self.folder / name, *self.flags)
        self.running[name] = self._ends[name].enter_context(context)
        return self.running[name]

    def kill(self, name: str) -> None:
        """Send SIGKILL."""
        del self.running[name]
        self._ends.pop(name).close()

    def end(self) -> None:
        for name in list(self.running):
            self.kill(name)

    def leader(self) -> str:
        """Name the replica that says it leads; empty while none does."""
        said = [name for name, each in self.running.items() if leads(each)]
        return said[0] if len(said) == 1 else ""

    def addresses(self) -> list[str]:
        return [each.told["device_address"] for each in self.running.values()]


@contextmanager
def replicas(
    folder: Path,
    database: PostgreSql,
    store: SeaweedFs,
    *more: str,
    names: str = "ab",
    lease_seconds: float = LEASE_SECONDS,
) -> Iterator[Replicas]:
    """Two of them, a and b, with the keys and the token that a secret store would hand out.

    Args:
        folder: For what each has of its own.
        database: Where they share what they know.
        store: Where they share bundles.
        more: Further flags.
        names: A letter for each.
        lease_seconds: How long a lease lasts.
    """
    authority, _ = create_authority(made(folder / "secrets"), "plant-7")
    publisher = folder / "secrets" / "publisher.json"
    write_publisher(publisher, all_online())
    flags = (
        f"--database-url={database.create()}",
        f"--authority-file={authority}",
        f"--publisher-file={publisher}",
        f"--lease-seconds={lease_seconds:g}",
        "--reconcile-seconds=0.2",
        TOKEN,
        *PACE,
        *store.flags(store.bucket()),
        *more,
    )
    all_of_them = Replicas(folder, flags)
    try:
        for name in names:
            all_of_them.start(name)
        yield all_of_them
    finally:
        all_of_them.end()


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def metric(replica: Orchestrator, name: str) -> float | None:
    """Return a metric without labels; None where the replica does not have it."""
    try:
        with urlopen(f"http://{replica.told['metrics_address']}/metrics", timeout=60) as page:
            lines = page.read().decode().splitlines()
    except (URLError, OSError):
        return None
    found = [line.split()[1] for line in lines if line.startswith(f"{name} ")]
    return float(found[0]) if found else None


def leads(replica: Orchestrator) -> bool:
    return metric(replica, "fieldwise_leader") == 1


@dataclass(slots=True)
class Played:
    """A device that does as it is told and repeats what it has to say until somebody hears it."""

    member: Member
    sequence: int = 0
    generation: int = 0
    in_use: bytes = b""
    phase: int = device_pb2.UPDATE_PHASE_IDLE
    wanted: bytes = b""
    orders: list[tuple[int, bytes]] = field(default_factory=list)
    permits: list[int] = field(default_factory=list)
    unheard: int = 0

    @property
    def is_under_way(self) -> bool:
        return bool(self.permits) and self.permits[-1] == self.generation and not self.is_done

    @property
    def is_done(self) -> bool:
        return self.phase == device_pb2.UPDATE_PHASE_ACTIVE and self.in_use == self.wanted

    def call(self, address: str) -> bool:
        """Check in at a replica and obey; return whether it answered."""
        self.sequence += 1
        try:
            answer = replace(self.member, address=address).check_in(**self._report())
        except grpc.RpcError as error:
            if status_of(error)[0] is not grpc.StatusCode.UNAVAILABLE:
                raise
            self.unheard += 1
            return False
        if self.phase == device_pb2.UPDATE_PHASE_FETCHING:
            self.in_use, self.phase = self.wanted, device_pb2.UPDATE_PHASE_ACTIVE
        self._obey(answer)
        return True

    def download(self, digest: str, first: str, second: str) -> bytes:
        """Fetch a file by halves from two replicas."""
        [start, *_] = replace(self.member, address=first).download(digest)
        rest = replace(self.member, address=second).download(digest, len(start.content))
        return start.content + b"".join(each.content for each in rest)

    def _obey(self, answer: device_pb2.CheckInResponse) -> None:
        target = answer.target
        if target.generation > self.generation:
            self.orders.append((target.generation, target.bundle_digest))
            self.generation, self.wanted = target.generation, target.bundle_digest
            self.phase = device_pb2.UPDATE_PHASE_IDLE
        if answer.HasField("permit") and self.phase == device_pb2.UPDATE_PHASE_IDLE:
            assert answer.permit.generation == self.generation
            self.permits.append(self.generation)
            self.phase = device_pb2.UPDATE_PHASE_FETCHING

    def _report(self) -> dict[str, object]:
        report: dict[str, object] = {
            "sequence": self.sequence,
            "generation": self.generation,
            "bundle_in_use": self.in_use,
        }
        if self.phase != device_pb2.UPDATE_PHASE_IDLE:
            report["update"] = device_pb2.UpdateReport(
                generation=self.generation, bundle_digest=self.wanted, phase=self.phase
            )
        if self.is_done:
            report["verdict"] = device_pb2.Verdict(
                generation=self.generation,
                judgement=device_pb2.JUDGEMENT_ACCEPTED,
                basis=device_pb2.VERDICT_BASIS_NONE,
            )
        return report


def joined(both: Replicas, number: int) -> list[Played]:
    """Let devices join, one at this replica and the next at that."""
    tokens = {
        name: each.json("ticket", "create", f"--uses={number}")["token"]
        for name, each in both.running.items()
    }
    names = cycle(tokens)
    return [Played(join(tokens[next(names)])) for _ in range(number)]


def push(both: Replicas, folder: Path, version: str, seed: int) -> str:
    bundle = tiny_bundle(folder / f"{version}.bundle", version=version, seed=seed)
    [first, *_] = both.running.values()
    digest: str = first.json("backbone", "push", str(bundle))["backbone"]["digest"]
    return digest


def start(both: Replicas, version: str) -> None:
    [first, *_] = both.running.values()
    waves = (f"--wave={DEVICES // 2}", "--wave=rest", f"--in-flight={IN_FLIGHT}")
    first.json("rollout", "start", f"tiny:{version}", *waves)


def round_of_calls(both: Replicas, devices: list[Played], turn: int) -> None:
    """Let every device call once, each at another replica than the last time."""
    addresses = both.addresses()
    for number, device in enumerate(devices):
        device.call(addresses[(number + turn) % len(addresses)])
        assert sum(each.is_under_way for each in devices) <= IN_FLIGHT
