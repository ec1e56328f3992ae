"""One SQLite file for what must change together: samples, statistics and the journal.

Write-ahead logging with full synchronisation: a transaction that has returned survives a power
cut. What was deleted is overwritten, so that a forgotten image is gone from the flash as well. The
state folder is one process's, so the log's index stays in memory: SQLite would otherwise make a
file for it before the first read, and on a full disk not even predictions would start.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.device.files import disk_faults
from agent.device.schema import MIGRATIONS
from fieldwise.errors import Fault, FieldwiseError


class Database:
    """One connection, used by one thread at a time.

    Args:
        path: Made when it is not there.

    Raises:
        FieldwiseError: ``STATE_DAMAGED``, naming the file, when SQLite finds it broken;
            ``STATE_UNUSABLE`` when a newer agent wrote it or the machine does not let it be used;
            ``DISK_FULL``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        with disk_faults(path):
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            path.chmod(0o600)
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA secure_delete = ON")
            self._check()
            self._migrate()

    def _check(self) -> None:
        (verdict,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise FieldwiseError(Fault.STATE_DAMAGED, f"{self.path} is damaged: {verdict}")

    def _migrate(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise FieldwiseError(
                Fault.STATE_UNUSABLE,
                f"{self.path} was written by a newer agent (form {version}): update this one",
            )
        for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
            with self.writing() as connection:
                for statement in statements:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, with disk faults in our words."""
        with self._lock, disk_faults(self.path):
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: durable on leaving, or undone as a whole."""
        with self._lock, disk_faults(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk can make SQLite undo the transaction by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        with self._lock:
            self._connection.close()
