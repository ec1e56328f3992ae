"""What the orchestrator does by itself, again and again, whatever happens.

A turn that fails is logged and counted, and the next one comes: a database that is away for a while
must not take the server with it. How long turns take, and how late they begin, says how busy the
process is.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog

from fieldwise.errors import FieldwiseError
from orchestrator.metric_names import Loop

_log = structlog.get_logger(__name__)


class Watcher(Protocol):
    """Who hears how the loops fare."""

    def loop_failed(self, loop: Loop) -> None: ...

    def loop_ended(self, loop: Loop, seconds: float) -> None: ...

    def loop_late(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Repeated:
    """A deed and the pause before each of its turns."""

    loop: Loop
    seconds: float
    deed: Callable[[], Awaitable[None]]


@asynccontextmanager
async def repeating(each: Sequence[Repeated], watcher: Watcher) -> AsyncIterator[None]:
    """Keep deeds going; on leaving, the turns under way are broken off."""
    tasks = [asyncio.create_task(_repeat(one, watcher), name=one.loop) for one in each]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def turn(repeated: Repeated, watcher: Watcher) -> None:
    """Do it once; only cancellation gets out."""
    begun = time.perf_counter()
    try:
        await repeated.deed()
    except FieldwiseError as error:
        _log.warning("loop failed", loop=repeated.loop, fault=error.fault, reason=error.sentence)
        watcher.loop_failed(repeated.loop)
    except Exception:  # noqa: BLE001 - whatever a defect is, serving goes on
        _log.exception("loop failed", loop=repeated.loop)
        watcher.loop_failed(repeated.loop)
    finally:
        watcher.loop_ended(repeated.loop, time.perf_counter() - begun)


async def _repeat(repeated: Repeated, watcher: Watcher) -> None:
    while True:
        due = time.perf_counter() + repeated.seconds
        await asyncio.sleep(repeated.seconds)
        watcher.loop_late(max(0.0, time.perf_counter() - due))
        await turn(repeated, watcher)
