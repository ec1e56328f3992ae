"""Whether the stores answer: what they hold of a fleet, and whether an orchestrator can work now.

A process that listens can still do nothing without its database. A loop therefore reads a row of
every store, in bounded time, and the newest answer is what /readyz and the gRPC health service
tell; callers of these cost the database nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.cohort import Selector
from orchestrator.paging import PageRequest
from orchestrator.ports import BackboneStore, DeviceStore, RolloutStore, TicketStore

PROBE_SECONDS = 5.0  # a query of one row takes milliseconds; SQLite waits 10 s for a long writer

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


class Changed(Protocol):
    def __call__(self, *, serving: bool) -> Awaitable[None]: ...


class Readiness:
    """What the newest look at the stores found.

    Args:
        probe: Asks every store for something.
        changed: Told True and False as the answer changes.
        seconds: Longest time that a look may take.
    """

    def __init__(
        self,
        probe: Callable[[], Awaitable[object]],
        changed: Changed,
        seconds: float = PROBE_SECONDS,
    ) -> None:
        self._probe = probe
        self._changed = changed
        self._seconds = seconds
        self._ready = False

    def is_ready(self) -> bool:
        return self._ready

    async def look(self) -> None:
        """Ask the stores, and tell where the answer is another than before.

        Raises:
            FieldwiseError: What the stores said, ``UNAVAILABLE`` where they said nothing in time.
        """
        try:
            async with asyncio.timeout(self._seconds):
                await self._probe()
        except TimeoutError as error:
            await self._tell(ready=False)
            raise FieldwiseError(
                Fault.UNAVAILABLE, f"the database said nothing for {self._seconds:g} s"
            ) from error
        except BaseException:
            await self._tell(ready=False)
            raise
        await self._tell(ready=True)

    async def end(self) -> None:
        """Be ready no more."""
        await self._tell(ready=False)

    async def _tell(self, *, ready: bool) -> None:
        if ready is not self._ready:
            self._ready = ready
            await self._changed(serving=ready)
