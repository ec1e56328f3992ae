"""The orchestrator that is measured: a process, over SQLite or a PostgreSQL beside it."""

import asyncio
import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import Random

from benchmarks.checkin_devices import Played, each_of
from benchmarks.federation_programs import Orchestrator, processor_seconds_of_tree, tree
from bundler.pack import PackRequest, pack

ROUNDS_MAX = 60  # of check-ins until the rollout is complete
PAUSE_SECONDS = 1.0
START_SECONDS = 120
START = "import sys, pgserver; pgserver.get_server(sys.argv[1], cleanup_mode=None)"
READINGS, ROWS = 8, 64
# All devices have one address here, and a few call as fast as they can: limits would be measured.
UNLIMITED = {
    "FIELDWISE_ADDRESS_LIMITS": "false",
    "FIELDWISE_DEVICE_CHECK_INS_PER_SECOND": "10000",
}


@dataclass(frozen=True, slots=True)
class Ground:
    """A running orchestrator, and its database where that is a process of its own."""

    server: Orchestrator
    folder: Path
    database: int | None

    def database_seconds(self) -> float:
        """Processor time of a database of its own until now."""
        return processor_seconds_of_tree(self.database) if self.database else 0.0

    def database_pids(self) -> Sequence[int]:
        return tree(self.database) if self.database else ()


@contextmanager
def grounds(folder: Path, database: str, check_in_seconds: int = 60) -> Iterator[Ground]:
    """Run an orchestrator with a backbone for as long as the context lasts."""
    with ExitStack() as stack:
        pid, options = None, dict(UNLIMITED)
        if database == "postgresql":
            pid, options["FIELDWISE_DATABASE_URL"] = stack.enter_context(_postgresql())
        server = stack.enter_context(Orchestrator(folder, check_in_seconds, **options))
        server.operate("backbone", "push", _bundle(folder))
        yield Ground(server, folder, pid)


async def settle(ground: Ground, devices: Sequence[Played]) -> None:
    """Bring a backbone to all devices and wait until that is complete."""
    loop = asyncio.get_running_loop()
    await each_of(devices, Played.check_in)

    def all_check_in() -> None:
        asyncio.run_coroutine_threadsafe(each_of(devices, Played.check_in), loop).result()

    await asyncio.to_thread(until_complete, ground, all_check_in)


def until_complete(ground: Ground, all_check_in: Callable[[], object]) -> None:
    """Start a rollout to all that have checked in, and let them do so until it is complete.

    Raises:
        TimeoutError: When it is not in time.
    """
    told = ground.server.operate("rollout", "start", "readings", "--wave", "rest")
    for _ in range(ROUNDS_MAX):
        all_check_in()
        phase = ground.server.operate("rollout", "show", str(told["id"]))["phase"]
        if phase == "complete":
            return
        time.sleep(PAUSE_SECONDS)
    raise TimeoutError(f"the rollout is {phase}")


def _bundle(folder: Path) -> Path:
    """A small backbone over readings: what it computes is of no concern here."""
    table, dice = folder / "readings.csv", Random(0)  # noqa: S311 - chance for readings, not for secrets
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f"reading {each}" for each in range(READINGS)])
        writer.writerows([dice.gauss(0, 1) for _ in range(READINGS)] for _ in range(ROWS))
    request = PackRequest(
        target=folder / "readings.bundle",
        readings=table,
        features=64,
        name="readings",
        publisher="benchmarks",
        licence="Apache-2.0",
        source="drawn",
    )
    return pack(request).path


@contextmanager
def _postgresql() -> Iterator[tuple[int, str]]:
    """A PostgreSQL in a short folder that its own user can enter, as root runs it under another."""
    found = find_spec("pgserver")
    if found is None:
        raise RuntimeError("pgserver is not installed: pip install 'fieldwise[dev]'")
    folder = Path(tempfile.mkdtemp(prefix="fw-pg-"))
    folder.chmod(0o711)
    data, runtime = folder / "data", folder / "run"
    runtime.mkdir(mode=0o700)
    try:
        with (folder / "start.log").open("ab") as log:
            subprocess.run(
                [sys.executable, "-c", START, str(data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)},
                timeout=START_SECONDS,
                check=True,
            )
        pid = int((data / "postmaster.pid").read_text().split()[0])
        try:
            yield pid, f"postgresql://postgres:@/postgres?host={data}"
        finally:
            os.kill(pid, signal.SIGINT)
            while (data / "postmaster.pid").exists():
                time.sleep(0.1)
    finally:
        shutil.rmtree(folder)
