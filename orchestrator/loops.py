"""What the orchestrator does by itself, again and again, whatever happens.

A turn that fails is logged and counted, and the next one comes: a database that is away for a while
must not take the server with it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from fieldwise.errors import FieldwiseError
from orchestrator.metric_names import Loop

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Repeated:
    """A deed and the pause before each of its turns."""

    loop: Loop
    seconds: float
    deed: Callable[[], Awaitable[None]]


@asynccontextmanager
async def repeating(
    each: Sequence[Repeated], failed: Callable[[Loop], None]
) -> AsyncIterator[None]:
    """Keep deeds going; on leaving, the turns under way are broken off."""
    tasks = [asyncio.create_task(_repeat(one, failed), name=one.loop) for one in each]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def turn(repeated: Repeated, failed: Callable[[Loop], None]) -> None:
    """Do it once; only cancellation gets out."""
    try:
        await repeated.deed()
    except FieldwiseError as error:
        _log.warning("loop failed", loop=repeated.loop, fault=error.fault, reason=error.sentence)
        failed(repeated.loop)
    except Exception:  # noqa: BLE001 - whatever a defect is, serving goes on
        _log.exception("loop failed", loop=repeated.loop)
        failed(repeated.loop)


async def _repeat(repeated: Repeated, failed: Callable[[Loop], None]) -> None:
    while True:
        await asyncio.sleep(repeated.seconds)
        await turn(repeated, failed)
