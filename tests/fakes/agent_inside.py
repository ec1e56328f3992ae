"""A whole agent inside the test's own loop: real folder, real sockets, a tiny real backbone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from agent.app import Agent, opened, run_daemon
from agent.cli.desk import AWAITED
from agent.config import AgentSettings
from fieldwise.client import Device
from tests.bundles import tiny_bundle

ResultT = TypeVar("ResultT")
START_SECONDS = 30.0


@asynccontextmanager
async def running(
    folder: Path, *, backbone: bool = True, **settings: object
) -> AsyncIterator[Agent]:
    """A daemon on ``folder/s``, with a tiny backbone in use where asked for."""
    told = AgentSettings(state_folder=folder / "s", **settings)  # type: ignore[arg-type]  # by name
    with opened(told) as agent:
        daemon = asyncio.create_task(run_daemon(agent))
        try:
            if backbone:
                bundle = folder / "bundle"
                bundle.write_bytes(tiny())
                await install(agent, bundle)
            yield agent
        finally:
            daemon.cancel()
            await asyncio.wait([daemon])


async def install(agent: Agent, bundle: Path) -> None:
    """Bring a bundle into use, or see it fail."""
    await agent.household.install(bundle)
    async with asyncio.timeout(START_SECONDS):
        while agent.installer.state.phase in AWAITED:  # noqa: ASYNC110 - the daemon waits for it
            await asyncio.sleep(0.01)


async def asking(agent: Agent, questions: Callable[[Device], ResultT]) -> ResultT:
    """Let an application ask, from a thread of its own."""

    def ask() -> ResultT:
        with Device(agent.settings.applications, wait_seconds=START_SECONDS) as device:
            return questions(device)

    return await asyncio.to_thread(ask)


@cache
def tiny() -> bytes:
    """Packed once for all tests of a process: packing runs the graph a few times."""
    with TemporaryDirectory() as folder:
        return tiny_bundle(Path(folder) / "bundle").read_bytes()
