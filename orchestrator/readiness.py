"""Whether the stores answer: what they hold of a fleet, and whether an orchestrator can work now.

A loop reads a row of every store, in bounded time, and the newest answer is what /readyz and the
gRPC health service tell; callers of these cost the database nothing.

A process without its database can do one thing: tell devices what it told them before. So it is
ready for devices for some minutes longer. All replicas lose the database together, and if they all
stopped being ready at that moment, devices would find nobody. One that has lost it alone for longer
is better left out.

Looks come every few seconds. Where none has come to its end for a minute, whatever it found,
nothing moves in this process any more: only then does it help to start it again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.cohort import Selector
from orchestrator.paging import PageRequest
from orchestrator.ports import BackboneStore, Clock, DeviceStore, RolloutStore, TicketStore

WITHOUT_STORES_SECONDS = 300.0  # a failover of a managed PostgreSQL takes one or two minutes
PROBE_SECONDS = 5.0  # a query of one row takes milliseconds; SQLite waits 10 s for a long writer

SILENT_SECONDS = 60.0  # a look ends within 5 s, and the next begins 2 s later

ONE = PageRequest(size=1)


async def holds_fleet(
    devices: DeviceStore, tickets: TicketStore, backbones: BackboneStore, rollouts: RolloutStore
) -> bool:
    """Tell whether any of these is kept, which makes the stores those of a fleet.

    Raises:
        FieldwiseError: ``UNAVAILABLE`` without the store.
    """
    found = (
        (await devices.list(Selector(), ONE)).items,
        (await tickets.list(ONE)).items,
        (await backbones.list(ONE)).items,
        (await rollouts.list(ONE)).items,
    )
    return any(found)


@dataclass(frozen=True, slots=True)
class Ready:
    """For whom an orchestrator can work: for devices, and for everybody."""

    devices: bool = False
    everybody: bool = False


class Changed(Protocol):
    def __call__(self, ready: Ready) -> Awaitable[None]: ...


class Readiness:
    """What the newest look at the stores found.

    Args:
        probe: Asks every store for something.
        changed: Told the answer as it changes.
        clock: What time it is.
        monotonic: Seconds of a clock that never goes back.
        seconds: Longest time that a look may take.
    """

    def __init__(
        self,
        probe: Callable[[], Awaitable[object]],
        changed: Changed,
        clock: Clock,
        monotonic: Callable[[], float],
        seconds: float = PROBE_SECONDS,
    ) -> None:
        self._probe = probe
        self._changed = changed
        self._clock = clock
        self._monotonic = monotonic
        self._seconds = seconds
        self._ready = Ready()
        self._answered_at = float("-inf")
        self._moved_at = monotonic()
        self._ends = False

    def is_alive(self) -> bool:
        """Tell whether anything moves in here; asked from another thread, which always does."""
        return self._ends or self._monotonic() - self._moved_at < SILENT_SECONDS

    def is_ready(self) -> bool:
        """Tell whether the stores answer."""
        return self._ready.everybody

    def is_ready_for_devices(self) -> bool:
        """Tell whether devices are answered, with the stores or from memory."""
        return self._ready.devices and self.is_alive()

    async def look(self) -> None:
        """Ask the stores, and tell where the answer is another than before.

        Raises:
            FieldwiseError: What the stores said, ``UNAVAILABLE`` where they said nothing in time.
        """
        try:
            async with asyncio.timeout(self._seconds):
                await self._probe()
        except TimeoutError as error:
            await self._tell(self._without_stores())
            raise FieldwiseError(
                Fault.UNAVAILABLE, f"the database said nothing for {self._seconds:g} s"
            ) from error
        except BaseException:
            await self._tell(self._without_stores())
            raise
        self._answered_at = self._clock.now()
        await self._tell(Ready(devices=True, everybody=True))

    async def end(self) -> None:
        """Be ready no more, and let nobody start again what is about to end."""
        self._ends = True
        await self._tell(Ready())

    def _without_stores(self) -> Ready:
        return Ready(devices=0 <= self._clock.now() - self._answered_at < WITHOUT_STORES_SECONDS)

    async def _tell(self, ready: Ready) -> None:
        self._moved_at = self._monotonic()
        if ready != self._ready:
            self._ready = ready
            await self._changed(ready)
