"""Serving in the foreground, until a signal says to stop."""

import asyncio
import gc
import signal
from collections.abc import Callable

import structlog

from orchestrator.app import running
from orchestrator.config import OrchestratorSettings
from orchestrator.started import Started

SIGNALS = (signal.SIGTERM, signal.SIGINT)

_log = structlog.get_logger(__name__)


async def serve(settings: OrchestratorSettings, announce: Callable[[Started], None]) -> None:
    """Run until SIGTERM or SIGINT; a second signal ends the process at once.

    Raises:
        FieldwiseError: Where it cannot start.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def begin_to_stop() -> None:
        for each in SIGNALS:
            loop.remove_signal_handler(each)
        stop.set()

    for each in SIGNALS:
        loop.add_signal_handler(each, begin_to_stop)
    async with running(settings) as started:
        announce(started)
        # What is there by now stays; to look through it again and again took a tenth of each call.
        gc.freeze()
        await stop.wait()
        _log.info("stopping", drain_seconds=settings.drain_seconds)
