"""Real databases for tests: one PostgreSQL for a session, and tables that are made only once."""

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

from orchestrator.audit.entry import NO_DIGEST
from orchestrator.storage.sql.stores import sql_stores
from orchestrator.storage.sql.tables import metadata

START_SECONDS, START_TRIES, START_PAUSE_SECONDS = 120, 5, 1
END_TRIES, END_PAUSE_SECONDS = 600, 0.1
START = "import sys, pgserver; pgserver.get_server(sys.argv[1], cleanup_mode=None)"

_NUMBERS = count(1)


class PostgreSql:
    """A running server, which need not survive a power loss.

    Args:
        folder: Its own, short.
        lasting: Whether what was committed survives the server's own sudden end.
    """

    def __init__(self, folder: Path, *, lasting: bool = False) -> None:
        self._folder, self._data = folder, folder / "data"
        self._marker = self._data / "postmaster.pid"
        self._stood = False
        self.rise()
        quick = ("fsync", "full_page_writes", *(() if lasting else ("synchronous_commit",)))
        for setting in quick:
            self._psql(f"ALTER SYSTEM SET {setting} = off;")
        self._psql("SELECT pg_reload_conf();")
        self._shared: str | None = None

    def die(self, number: signal.Signals = signal.SIGQUIT) -> None:
        """End it, by default at once: with every connection, and without writing anything more."""
        os.kill(int(self._marker.read_text().split()[0]), number)
        for _ in range(END_TRIES):
            if not self._marker.exists():
                return
            time.sleep(END_PAUSE_SECONDS)
        raise AssertionError("PostgreSQL did not end")

    def rise(self) -> None:
        """Start it, again with all that was committed; a start that hangs or fails is repeated."""
        log = self._folder / "start.log"
        for _ in range(START_TRIES):
            if started(self._data, self._folder, log):
                self._stood = True
                return
            if not self._stood and not self._marker.exists():  # it may have been half made
                shutil.rmtree(self._data, ignore_errors=True)
            time.sleep(START_PAUSE_SECONDS)
        told = [
            each.read_text(errors="replace") for each in (log, self._data / "log") if each.exists()
        ]
        raise AssertionError("\n".join(["PostgreSQL did not start:", *told]))

    def stop(self) -> None:
        """End it in order, if it runs."""
        if self._marker.exists():
            self.die(signal.SIGINT)

    def emptied(self) -> str:
        """Return the URL of the database that tests share, its tables there and empty."""
        if self._shared is None:
            self._shared = self.create()
            _make_tables(self._shared)
        name = self._shared.partition("?")[0].rpartition("/")[2]
        tables = ", ".join(metadata.tables)
        # The one row that a migration makes, which says that the audit log has no entry yet.
        nothing = f"INSERT INTO audit_extent VALUES (1, 0, '{NO_DIGEST}', 0, '{NO_DIGEST}');"
        self._psql(f"\\c {name}\nTRUNCATE {tables} RESTART IDENTITY CASCADE;\n{nothing}")
        return self._shared

    def create(self) -> str:
        """Make an empty database; return its URL."""
        name = f"test_{next(_NUMBERS)}"
        self._psql(f"CREATE DATABASE {name};")
        return self._url(name)

    def _url(self, name: str) -> str:
        """Return the address of a database behind the server's socket."""
        return f"postgresql://postgres:@/{name}?host={self._data}"

    def _psql(self, command: str) -> None:
        subprocess.run(
            [_postgresql("psql"), "--no-psqlrc", "--set=ON_ERROR_STOP=1", self._url("postgres")],
            input=command.encode(),
            stdout=subprocess.DEVNULL,
            timeout=START_SECONDS,
            check=True,
        )


def sqlite_with_tables(folder: Path) -> str:
    """Make a database file in a folder with the tables there and empty; return its URL."""
    file = folder / "fleet.sqlite"
    file.write_bytes(_migrated_sqlite())
    return f"sqlite:///{file}"


@cache
def _migrated_sqlite() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fleet.sqlite"
        _make_tables(f"sqlite:///{file}")
        return file.read_bytes()


def _make_tables(url: str) -> None:
    """Migrate from a thread with a loop of its own: fixtures are asked for while a loop runs."""

    async def migrated() -> None:
        async with sql_stores(url):
            pass

    with ThreadPoolExecutor(1) as executor:
        executor.submit(asyncio.run, migrated()).result()


@contextmanager
def running_postgresql(*, lasting: bool = False) -> Iterator[PostgreSql]:
    """Run a server until the end of the block; without one the test fails, and says why.

    As root the server runs as a user of its own, which ``pgserver`` adds and which must be able to
    reach the data: hence a short path directly under the temporary folder, open to enter.
    """
    folder = Path(tempfile.mkdtemp(prefix="fw-pg-"))
    folder.chmod(0o711)
    try:
        server = PostgreSql(folder, lasting=lasting)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@cache
def _postgresql(program: str) -> Path:
    """Find a program without an import: that makes files where the environment says."""
    found = importlib.util.find_spec("pgserver")
    assert found is not None, "pgserver is not installed"
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin" / program


def started(data: Path, folder: Path, log: Path, seconds: float = START_SECONDS) -> bool:
    """Start a server by a process of its own, which has no threads; tell whether it came up.

    To become another user ``pgserver`` forks without exec at once. In a process with as many
    threads as a test has by then, what a library does at a fork may wait for a thread for ever.
    """
    runtime = folder / "run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    with log.open("ab") as told:
        process = subprocess.Popen(
            [sys.executable, "-c", START, str(data)],
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=told,
            env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)},
            start_new_session=True,
        )
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            told.write(f"not started within {seconds} s\n".encode())
            return False
