"""The owner's command that says whether an update may begin now.

It runs without a shell, in a session of its own, for a bounded time. Status 0 means yes; any other,
or none in time, means not now. What it prints is read so that it can end, and all but the beginning
is dropped. Its answer is there when it ends itself: what it started and left may hold its output
open for as long as it likes. What of that is still in its session's group is ended with it. A
command that becomes another user cannot be ended: it is left alone, and until it ends the answer is
no.
"""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Self

import structlog

HOOK_SECONDS = 30.0  # to ask a modem or a battery takes one or two
END_SECONDS = 10.0  # that the kernel may take to end what was killed
SAID_BYTES = 200  # of its output that may stand in the log
_READ_BYTES = 64 * 1024

_log = structlog.get_logger()


class Hook:
    """One command.

    Args:
        command: An absolute path.
        seconds: How long it may take.
        end_seconds: How long it may take to end once it was killed.
    """

    def __init__(
        self, command: Path, seconds: float = HOOK_SECONDS, end_seconds: float = END_SECONDS
    ) -> None:
        self._command = command
        self._seconds = seconds
        self._end_seconds = end_seconds
        self._left: asyncio.subprocess.Process | None = None  # that could not be ended

    async def __call__(self) -> bool:
        """Whether the conditions are met; not, while one goes on that could not be ended."""
        if self._left is not None and self._left.returncode is None:
            return False
        with _Output() as output:
            try:
                process = await asyncio.create_subprocess_exec(
                    self._command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output.end,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                _log.error("the update hook cannot be run", reason=error.strerror)
                return False
            try:
                async with asyncio.timeout(self._seconds):
                    status = await process.wait()
            except TimeoutError:
                _log.error("the update hook took too long", seconds=self._seconds)
                return False
            finally:
                await self._end(process)
            if status:
                _log.info("the update hook says not now", status=status, said=output.said())
            return status == 0

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """End it with whatever it began and left, but for what runs as another user."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        try:
            async with asyncio.timeout(self._end_seconds):
                await process.wait()
        except TimeoutError:
            self._left = process
            _log.error("the update hook cannot be ended; it is not asked", process=process.pid)


class _Output:
    """A pipe for what a command prints: the beginning is kept, the rest is read and dropped.

    It is no pipe of asyncio's, whose end a command would be waited for as well.

    Attributes:
        end: Where the command writes.
    """

    def __init__(self) -> None:
        self._kept = b""

    def __enter__(self) -> Self:
        self._pipe, self.end = os.pipe()
        os.set_blocking(self._pipe, False)
        asyncio.get_running_loop().add_reader(self._pipe, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._pipe)
        os.close(self._pipe)
        os.close(self.end)

    def said(self) -> str:
        """What of the beginning can be printed."""
        while len(self._kept) < SAID_BYTES and self._hear():
            pass
        text = self._kept.decode(errors="replace")
        return "".join(each if each.isprintable() else " " for each in text).strip()

    def _hear(self) -> bool:
        """Read what is there, if there is something; returns whether there was."""
        try:
            piece = os.read(self._pipe, _READ_BYTES)
        except BlockingIOError:
            return False
        self._kept += piece[: SAID_BYTES - len(self._kept)]
        return True
