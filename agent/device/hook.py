"""The owner's command that says whether an update may begin now.

It runs without a shell, in a session of its own, for a bounded time. Status 0 means yes; any other,
or none in time, means not now. What it prints is read so that it can end, and all but the beginning
is dropped.
"""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import structlog

HOOK_SECONDS = 30.0  # to ask a modem or a battery takes one or two
SAID_BYTES = 200  # of its output that may stand in the log
_READ_BYTES = 64 * 1024

_log = structlog.get_logger()


class Hook:
    """One command.

    Args:
        command: An absolute path.
        seconds: How long it may take.
    """

    def __init__(self, command: Path, seconds: float = HOOK_SECONDS) -> None:
        self._command = command
        self._seconds = seconds

    async def __call__(self) -> bool:
        """Whether the conditions are met."""
        try:
            process = await asyncio.create_subprocess_exec(
                self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            _log.error("the update hook cannot be run", reason=error.strerror)
            return False
        assert process.stdout is not None
        try:
            async with asyncio.timeout(self._seconds):
                said = await _beginning(process.stdout)
                status = await process.wait()
        except TimeoutError:
            _log.error("the update hook took too long", seconds=self._seconds)
            return False
        finally:
            with suppress(ProcessLookupError):  # with whatever it began and left
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if status:
            _log.info("the update hook says not now", status=status, said=said)
        return status == 0


async def _beginning(stream: asyncio.StreamReader) -> str:
    """Read to the end; only the beginning is kept, and of that what can be printed."""
    kept = b""
    while piece := await stream.read(_READ_BYTES):
        kept += piece[: SAID_BYTES - len(kept)]
    text = kept.decode(errors="replace")
    return "".join(each if each.isprintable() else " " for each in text).strip()
