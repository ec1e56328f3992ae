"""Who leads, where a Lease in the cluster says who may try.

A Lease is an object with a name in it. Whoever wants to lead writes their own and renews it; the
API lets one of several writers through, by the version that each had read. That is what operators
of clusters know: ``kubectl get lease`` shows the holder, and deleting it calls a new election.

**A Lease is no fence.** Its holder may be suspended and write to the database long after another
has taken over. So the Lease decides who asks, and the database, as ever, who gets a term, which
every write of a leader names (``orchestrator.leadership``). Both have to say yes. One without the
Lease asks for no term, and one that does not reach the database lets its Lease lapse: the first
question of each claim goes to the database, so that whoever is cut off from it blocks nobody.

**No clock is compared with another's.** A Lease says when it was renewed, by the clock of whoever
did; replicas whose clocks are minutes apart would take a fresh Lease for an old one. A replica
therefore looks only at whether what the Lease says has changed since it looked last, and counts the
Lease's duration from the moment it saw the change, by its own clock that nobody sets. It so waits a
little longer than the Lease says, and never less. What remains is that clocks run at different
rates: a leader trusts its Lease for two thirds of the duration (``TRUSTED``, as in Kubernetes's own
programs: 10 of 15 s), so one clock may run half as fast again as another.

**Without the API** nobody renews. The leader's trust ends by its own clock, and nobody leads until
the API is back: devices are served and permits within rules are given as before, as these need no
leader, but no wave begins. The database's lease is not used instead: those who reach the API would
not know of it.

A process that starts again in its own place takes over at once, as it does in the database.
"""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import replace

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.kubernetes.leases import Found, LeaseApi, Record
from orchestrator.leadership import LEASE_SECONDS_MAX, Lead, Replica
from orchestrator.replica_ports import LeadershipStore

TRUSTED = 2 / 3
ATTEMPTS = 4  # at writing what others write, too; each fails only where another's succeeded
NO_TERM = 0
HOST_CHARACTERS_MAX = 63


class LeaseLeadership:
    """``LeadershipStore``, by a Lease before another one that has the terms.

    Args:
        lease: The Lease.
        terms: Where terms are begun and checked.
        host: What people know this replica by: its Pod's name.
        now: Seconds since 1970, for people to read.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        lease: LeaseApi,
        terms: LeadershipStore,
        host: str,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lease = lease
        self._terms = terms
        self._host = host[:HOST_CHARACTERS_MAX]
        self._now = now
        self._monotonic = monotonic
        self._seen: Record | None = None
        self._seen_at = 0.0
        self._turn = asyncio.Lock()

    async def claim(self, replica: Replica, seconds: float) -> Lead:
        async with self._turn:
            known = await self._terms.newest()
            holder = await self._compete(replica, seconds)
            if holder == replica:
                return await self._terms.claim(replica, seconds)
            if known is not None and known.replica == replica:
                await self._terms.resign(replica)  # the Lease was taken: let its holder begin
                return replace(known, replica=holder)
            return known or Lead(NO_TERM, holder, 0.0, math.inf)

    async def newest(self) -> Lead | None:
        return await self._terms.newest()

    async def resign(self, replica: Replica) -> None:
        async with self._turn:
            try:
                await self._terms.resign(replica)
            finally:  # without the database, too: others may reach it
                await self._release(replica)

    async def _compete(self, replica: Replica, seconds: float) -> Replica:
        """Take or renew the Lease if it may be had; return who holds it."""
        for _ in range(ATTEMPTS):
            found = await self._look()
            if found is not None and not self._may_be_taken(found.record, replica):
                return _replica_of(found.record.holder)
            if await self._lease.write(found, self._taken(found, replica, seconds)):
                return replica
        raise FieldwiseError(
            Fault.UNAVAILABLE, f"the Lease was changed by others {ATTEMPTS} times in a row"
        )

    async def _look(self) -> Found | None:
        found = await self._lease.read()
        record = found.record if found else None
        if record != self._seen:
            # Only now: the change came before the answer, and its holder trusts it from then on.
            self._seen, self._seen_at = record, self._monotonic()
        return found

    def _may_be_taken(self, record: Record, replica: Replica) -> bool:
        if not record.holder or _replica_of(record.holder).place == replica.place:
            return True
        waited = self._monotonic() - self._seen_at
        return waited >= min(record.seconds, LEASE_SECONDS_MAX)

    def _taken(self, found: Found | None, replica: Replica, seconds: float) -> Record:
        now, holder = self._now(), f"{self._host}_{replica.place}_{replica.process}"
        known = found.record if found else None
        if known is not None and known.holder == holder:
            acquired_at, changes = known.acquired_at, known.changes
        else:
            acquired_at, changes = now, known.changes + 1 if known else 0
        return Record(holder, max(1, math.ceil(seconds)), acquired_at, now, changes)

    async def _release(self, replica: Replica) -> None:
        for _ in range(ATTEMPTS):
            found = await self._lease.read()
            if found is None or _replica_of(found.record.holder) != replica:
                return
            released = replace(found.record, holder="", seconds=1, renewed_at=self._now())
            if await self._lease.write(found, released):
                return


def _replica_of(holder: str) -> Replica:
    """Return who is meant; what is not one of ours is somebody else."""
    parts = holder.rsplit("_", 2)
    if len(parts) != len(("host", "place", "process")):
        return Replica(process=holder, place=holder)
    return Replica(process=parts[2], place=parts[1])
