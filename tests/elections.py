"""Replicas with a clock each, over one Lease and one database that tests have power over."""

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.kubernetes.election import TRUSTED, LeaseLeadership
from orchestrator.kubernetes.leases import Found, Record
from orchestrator.leadership import Lead, Replica
from orchestrator.leading import Leading
from orchestrator.storage.memory_replicas import MemoryLeadership
from tests.fleet_records import SetClock

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 15.0
AWAY = FieldwiseError(Fault.UNAVAILABLE, "away")


class OwnClock:
    """A clock that is wrong and runs at a rate of its own.

    Args:
        truth: What it strays from.
        wrong_by: Seconds at the beginning.
        rate: Its seconds for each true one.
    """

    def __init__(self, truth: SetClock, wrong_by: float, rate: float) -> None:
        self._truth, self._begun = truth, truth.now()
        self._wrong_by, self._rate = wrong_by, rate

    def now(self) -> float:
        return self._begun + self._wrong_by + self.monotonic()

    def monotonic(self) -> float:
        return (self._truth.now() - self._begun) * self._rate


class KeptLease:
    """``LeaseApi`` in memory, over which a test has power.

    Attributes:
        meanwhile: Done once before the next write, as by somebody else.
        away: For whom it cannot be reached.
    """

    def __init__(self) -> None:
        self.found: Found | None = None
        self.versions = 0
        self.meanwhile: list[Callable[[], None]] = []
        self.away: set[str] = set()
        self.written: list[Record] = []

    def put(self, record: Record | None) -> None:
        self.versions += 1
        self.found = None if record is None else Found(record, self.versions)

    @property
    def record(self) -> Record:
        assert self.found is not None
        return self.found.record


@dataclass
class Seen:
    """``LeaseApi`` of one replica."""

    kept: KeptLease
    name: str

    async def read(self) -> Found | None:
        self._reached()
        return self.kept.found

    async def write(self, known: Found | None, record: Record) -> bool:
        self._reached()
        if self.kept.meanwhile:
            self.kept.meanwhile.pop(0)()
        before = None if known is None else known.version
        if before != (self.kept.found.version if self.kept.found else None):
            return False
        self.kept.put(record)
        self.kept.written.append(record)
        return True

    def _reached(self) -> None:
        if self.name in self.kept.away:
            raise AWAY


class Terms(MemoryLeadership):
    """Terms in a database that some cannot reach."""

    away = False

    async def newest(self) -> Lead | None:
        if self.away:
            raise AWAY
        return await super().newest()

    async def claim(self, replica: Replica, seconds: float) -> Lead:
        if self.away:
            raise AWAY
        return await super().claim(replica, seconds)

    async def resign(self, replica: Replica) -> None:
        if self.away:
            raise AWAY
        await super().resign(replica)


class Site:
    """Replicas with a clock each, over one Lease and one database."""

    def __init__(self) -> None:
        self.truth = SetClock()
        self.lease = KeptLease()
        self.terms = Terms(self.truth.now)
        self.elections: dict[str, LeaseLeadership] = {}
        self.leadings: dict[str, Leading] = {}

    def add(self, name: str, *, wrong_by: float = 0.0, rate: float = 1.0) -> Leading:
        clock = OwnClock(self.truth, wrong_by, rate)
        seen = Seen(self.lease, name)
        election = LeaseLeadership(seen, self.terms, name, clock.now, clock.monotonic)
        self.elections[name] = election
        replica = Replica(f"p-{name}", f"at-{name}")
        self.leadings[name] = Leading(election, replica, SECONDS, clock, trusted=TRUSTED)
        return self.leadings[name]

    async def turn(self, name: str) -> int | None:
        """Let a replica ask; return the term in which it leads."""
        with suppress(FieldwiseError):
            await self.leadings[name].claim()
        return self.leadings[name].term()

    async def until_led(self, name: str, limit: float = 4 * SECONDS) -> float:
        """Let a replica ask again and again until it leads; return how long that took."""
        begun = self.truth.now()
        while await self.turn(name) is None:
            self.truth.pass_by(self.leadings[name].pause_seconds)
            assert self.truth.now() - begun < limit
        return self.truth.now() - begun
