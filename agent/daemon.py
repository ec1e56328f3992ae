"""The daemon: everything that goes on beside one another, and how it ends.

Nothing local depends on the network and no part depends on another's health: a part that meets a
defect is logged and begun again, the others go on. Ending is the reverse of beginning: no new
calls, finish those under way, make durable what was learned, close.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from agent.checkins import CheckIns
from agent.household import Household
from agent.learning.pair import Pair
from agent.serving import Serving
from agent.update.installer import Installer
from agent.upkeep import Upkeep
from fieldwise.errors import FieldwiseError

TICK_SECONDS = 0.25  # a quarter of the default group: nothing waits noticeably longer than it may
GRACE_SECONDS = 5.0  # the slowest device embeds an image in under one
REVIEW_SECONDS = 30.0  # an owner's hook and the room on disk need no closer look
RESTART_SECONDS = 10.0  # a defect that repeats itself must not fill the log

_log = structlog.get_logger()


class Sockets(Protocol):
    """Where applications and the owner call."""

    async def start(self) -> None:
        """Listen."""
        ...

    async def stop(self, grace_seconds: float) -> None:
        """Finish the calls under way and close."""
        ...


class Daemon:
    """Runs an agent until it is told to stop.

    Args:
        serving: What applications ask.
        installer: What changes the backbone.
        check_ins: What talks to the orchestrator.
        household: What the owner asks.
        upkeep: What the agent does for itself.
        sockets: Where applications and the owner call.
        others: What else goes on for ever: federation, keeping up with the publisher.
    """

    def __init__(
        self,
        serving: Serving,
        installer: Installer[Pair],
        check_ins: CheckIns,
        household: Household,
        upkeep: Upkeep,
        sockets: Sockets,
        others: Sequence[Callable[[], Awaitable[None]]],
    ) -> None:
        self._serving = serving
        self._installer = installer
        self._check_ins = check_ins
        self._household = household
        self._upkeep = upkeep
        self._sockets = sockets
        self._others = others
        self._stopping = asyncio.Event()
        self._complaint = ""

    async def run(self) -> None:
        """Run until SIGTERM, SIGINT or a wipe."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        await self._sockets.start()
        _log.info("agent runs")
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._keep_going(part)) for part in self._parts()]
                await self._stopping.wait()
                for task in tasks:
                    task.cancel()
        finally:
            self._stopping.set()  # for work in threads, which nobody can cancel
            await self._sockets.stop(GRACE_SECONDS)
            await self._installer.stop()
            _log.info("agent stops")

    def _parts(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        return (
            self._check_ins.run,
            self._household.apply,
            self._tick,
            self._learn,
            self._announce,
            self._resume,
            self._review,
            *self._others,
            self._end,
        )

    async def _keep_going(self, part: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await part()
            except Exception:  # noqa: BLE001 - one part's defect is not the others' end
                _log.exception("a part of the agent met a defect")
                await asyncio.sleep(RESTART_SECONDS)
            else:
                return

    async def _tick(self) -> None:
        """Make durable, in groups, what was learned."""
        confirmed = None
        while True:
            await asyncio.sleep(TICK_SECONDS)
            contact = self._check_ins.contact
            if contact.answered is not None and contact.answered != confirmed:
                confirmed = contact.answered
                self._serving.confirm_time(confirmed - contact.clock_ahead_seconds)
            try:
                await asyncio.to_thread(self._upkeep.tick)
            except FieldwiseError as error:
                self._complain(error.sentence)
            else:
                self._complaint = ""

    async def _learn(self) -> None:
        """Learn what waited for its time; its thread ends when the daemon does."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            with suppress(FieldwiseError):  # the tick beside it says what is wrong
                await asyncio.to_thread(self._upkeep.learn, self._stopping.is_set)

    async def _announce(self) -> None:
        """Say at once how an update ended."""
        while True:
            await self._installer.settled.wait()
            self._installer.settled.clear()
            self._check_ins.hurry.set()

    async def _resume(self) -> None:
        """Go on where the journal says; later where it cannot be written, unless news comes."""
        found = self._installer.state
        while self._installer.state == found:
            try:
                await self._installer.resume()
            except FieldwiseError as error:
                _log.error("the update cannot go on", reason=error.sentence)
                await asyncio.sleep(RESTART_SECONDS)
            else:
                return

    async def _review(self) -> None:
        """Go on with an update that waits, once what it waits for has come.

        An owner's hook may take its time, and nothing but this waits for it.
        """
        permitted = self._installer.permitted
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(permitted.wait(), REVIEW_SECONDS)
            permitted.clear()
            try:
                await self._installer.review()
            except FieldwiseError as error:
                _log.error("the update cannot go on", reason=error.sentence)

    async def _end(self) -> None:
        await self._household.wiping.wait()
        self._stopping.set()

    def _complain(self, sentence: str) -> None:
        if sentence != self._complaint:  # once, not four times a second
            _log.error("learned samples wait to be written", reason=sentence)
        self._complaint = sentence
