"""Real databases for tests: one PostgreSQL for a session, and tables that are made only once."""

import asyncio
import importlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

from orchestrator.storage.sql.stores import sql_stores
from orchestrator.storage.sql.tables import metadata

END_TRIES, END_PAUSE_SECONDS = 600, 0.1

_NUMBERS = count(1)


class PostgreSql:
    """A running server, which need not survive a power loss.

    Args:
        server: As ``pgserver`` has it.
        lasting: Whether what was committed survives the server's own sudden end.
    """

    def __init__(self, server: Any, *, lasting: bool = False) -> None:
        self._server = server
        quick = ("fsync", "full_page_writes", *(() if lasting else ("synchronous_commit",)))
        for setting in quick:
            server.psql(f"ALTER SYSTEM SET {setting} = off;")
        server.psql("SELECT pg_reload_conf();")
        self._shared: str | None = None

    def die(self) -> None:
        """End it at once, with every connection, and without writing anything more."""
        os.kill(self._server.get_pid(), signal.SIGQUIT)
        marker = Path(self._server.pgdata) / "postmaster.pid"
        for _ in range(END_TRIES):
            if not marker.exists():
                return
            time.sleep(END_PAUSE_SECONDS)
        raise AssertionError("PostgreSQL did not end")

    def rise(self) -> None:
        """Start it again, with all that was committed."""
        self._server.ensure_postgres_running()

    def emptied(self) -> str:
        """Return the URL of the database that tests share, its tables there and empty."""
        if self._shared is None:
            self._shared = self.create()
            _make_tables(self._shared)
        name = self._shared.partition("?")[0].rpartition("/")[2]
        tables = ", ".join(metadata.tables)
        self._server.psql(f"\\c {name}\nTRUNCATE {tables} RESTART IDENTITY CASCADE;")
        return self._shared

    def create(self) -> str:
        """Make an empty database; return its URL."""
        name = f"test_{next(_NUMBERS)}"
        self._server.psql(f"CREATE DATABASE {name};")
        return self._server.get_uri(database=name)


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
        server = _pgserver(folder).get_server(folder / "data", cleanup_mode="delete")
        try:
            yield PostgreSql(server, lasting=lasting)
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder)


def _pgserver(folder: Path) -> ModuleType:
    """Import it with a runtime folder that exists: it reads the variable once, on import."""
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        return importlib.import_module("pgserver")
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
