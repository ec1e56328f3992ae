"""Asking a fleet again that has not decided yet about this device.

The fleet says how often. A lot that is drawn of the key and the number of the try spreads those who
were told so together, and a fleet that cannot be reached is asked less and less often. A restart of
the device takes nothing away: ticket and key are kept until there is an answer, yes or no.
"""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress

import structlog

from agent.fleet import Fleet
from agent.reporting import Application, DeviceFacts
from fieldwise.errors import FieldwiseError

SPREAD = 0.2  # of the pace, either way
RETRY_SECONDS = (1, 3600)  # whatever a fleet says
SLOWER_MAX = 10  # times the pace, while it cannot be reached

_log = structlog.get_logger()


class Applying:
    """Asks again for as long as the daemon runs.

    Args:
        fleet: The device's place in a fleet.
        facts: What a device says of its hardware when it joins.
    """

    def __init__(self, fleet: Fleet, facts: Callable[[], DeviceFacts]) -> None:
        self._fleet = fleet
        self._facts = facts
        self._tries = self._failures = 0

    async def run(self) -> None:
        """Ask for ever; a device that waits for nothing waits until it does."""
        while True:
            self._fleet.applied.clear()
            waiting = self._fleet.application
            if waiting is None:
                await self._fleet.applied.wait()
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._fleet.applied.wait(), self.pause_seconds(waiting))
                continue  # it is another one now, or none
            await self.once()

    async def once(self) -> None:
        """Ask once; what goes wrong is logged, and shown by the status."""
        self._tries += 1
        try:
            await self._fleet.ask_again(self._facts())
        except FieldwiseError as error:
            self._failures += 1
            _log.warning("the fleet gives no answer yet", reason=error.sentence)
        else:
            self._failures = 0

    def pause_seconds(self, waiting: Application) -> float:
        """Time until it is asked for the next time."""
        lowest, highest = RETRY_SECONDS
        pace = min(max(waiting.retry_seconds, lowest), highest) * min(
            1 + self._failures, SLOWER_MAX
        )
        drawn = hashlib.sha256(f"{waiting.fingerprint} {self._tries}".encode()).digest()
        lot = int.from_bytes(drawn[:8]) / 2**64
        return pace * (1 - SPREAD + 2 * SPREAD * lot)
