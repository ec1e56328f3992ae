"""Aggregators as processes of this machine, children of the orchestrator's.

A child gets no more than it needs: an environment of a few variables, in which the server's own
secrets are not, and its token in a file that only this user reads. It ends when its standard input
does, and that ends with this process, however that ends: no aggregator outlives its orchestrator.
Whoever started a child ends it, by its own process and never by a name.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.private import write_private
from orchestrator.connection import unusable
from orchestrator.worker_ports import Way, WorkerState

PREFIX = "FIELDWISE_AGGREGATOR_"
# What a program needs to find itself and its libraries, and how many threads it may take.
KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "PYTHONDONTWRITEBYTECODE",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)
ENDING_SECONDS = 10.0  # it answers a signal within a second; what it does can all be done again

_log = structlog.get_logger(__name__)


class WorkerProcesses:
    """``Workers``.

    Args:
        command: The program with its arguments.
        folder: For tokens and scratch files; empty at the start.
        way: How a child reaches this server.
        environment: What this process was started with.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, way: Way, environment: Mapping[str, str]
    ) -> None:
        self._command = tuple(command)
        self._folder = folder
        self._way = way
        self._environment = environment
        self._children: dict[str, asyncio.subprocess.Process] = {}

    async def look(self) -> Mapping[str, WorkerState]:
        return {
            campaign: WorkerState.RUNS if child.returncode is None else WorkerState.ENDED
            for campaign, child in self._children.items()
        }

    async def start(self, campaign: str, token: str) -> None:
        program = found_program(self._command[0])
        if program is None:
            raise no_program(self._command[0])
        try:
            variables = self._prepared(campaign, token)
            self._children[campaign] = await asyncio.create_subprocess_exec(
                program,
                *self._command[1:],
                stdin=asyncio.subprocess.PIPE,
                env=variables,
                start_new_session=True,  # what a terminal signals is for the server alone
            )
        except OSError as error:
            raise unusable(self._folder, error) from error

    async def stop(self, campaign: str) -> None:
        child = self._children.pop(campaign, None)
        if child is None:
            return
        if child.returncode is None:
            await _ended(child)
        _log.info("aggregator ended", campaign=campaign, exit_code=child.returncode)
        shutil.rmtree(self._folder / campaign, ignore_errors=True)

    async def let_go(self) -> None:
        await asyncio.gather(*map(self.stop, tuple(self._children)))

    def _prepared(self, campaign: str, token: str) -> dict[str, str]:
        folder = self._folder / campaign
        shutil.rmtree(folder, ignore_errors=True)
        scratch = folder / "scratch"
        scratch.mkdir(mode=0o700, parents=True)
        write_private(folder / "token", f"{token}\n".encode())
        write_private(folder / "authority.pem", self._way.authority)
        kept = {name: self._environment[name] for name in KEPT if name in self._environment}
        own = {name: each for name, each in self._environment.items() if name.startswith(PREFIX)}
        return {
            **kept,
            **own,
            f"{PREFIX}ADDRESS": self._way.address,
            f"{PREFIX}CA": str(folder / "authority.pem"),
            f"{PREFIX}TOKEN_FILE": str(folder / "token"),
            f"{PREFIX}WORK_FOLDER": str(scratch),
            f"{PREFIX}TIED": "true",
        }


def found_program(name: str) -> str | None:
    """Return where a program lies: beside this one's own interpreter, or where the shell looks."""
    beside = Path(sys.executable).parent / name
    return str(beside) if os.access(beside, os.X_OK) else shutil.which(name)


def no_program(name: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.EXTRA_MISSING,
        f"the program {name} is not installed here: pip install 'fieldwise[federation]'",
    )


async def _ended(child: asyncio.subprocess.Process) -> None:
    if child.stdin is not None:
        child.stdin.close()
    with suppress(ProcessLookupError):  # it may end by itself meanwhile
        child.terminate()
    try:
        async with asyncio.timeout(ENDING_SECONDS):
            await child.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
