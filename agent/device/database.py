"""One SQLite file for what must change together: samples, statistics and the journal.

Write-ahead logging with full synchronisation: a transaction that has returned survives a power
cut. What was deleted is overwritten, so that a forgotten image is gone from the flash as well. The
state folder is one process's, so the log's index stays in memory: SQLite would otherwise make a
file for it before the first read, and on a full disk not even predictions would start.

Where the state folder has a bound, every transaction first says how much it writes at most. A page
that it changes takes a frame in the write-ahead log, once however often it is changed, and a page
more in the file where none is free to be used again. Pages in the log that the file does not have
yet count too, since a checkpoint will add them. The log is only cut off when room runs short:
otherwise it is written over from its beginning, which spares flash and file system. Some room is
kept back for transactions that drop or replace something: room can always be made, and the journal
written.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.device.files import disk_faults
from agent.device.room import Room
from agent.device.schema import MIGRATIONS
from fieldwise.errors import Fault, FieldwiseError

PAGE_BYTES = 4096
FRAME_BYTES = PAGE_BYTES + 24  # a page in the log, with its header
LOG_HEADER_BYTES = 32
OVERFLOW_BYTES = PAGE_BYTES - 4  # of a long value, on a page of its own
ROW_PAGES = 8  # a leaf of the table and of each index, what splits them, and a chain's last page
FEW_PAGES = 32  # records, the list of free pages, inner pages
KEPT_BACK_BYTES = 4 * 1024 * 1024  # to drop 512 KiB in 32 rows writes 3.4 MB at most


class Database:
    """One connection, used by one thread at a time.

    Args:
        path: Made when it is not there.
        room: The bound of the folder that it is in; None for none.

    Raises:
        FieldwiseError: ``STATE_DAMAGED``, naming the file, when SQLite finds it broken;
            ``STATE_UNUSABLE`` when a newer agent wrote it or the machine does not let it be used;
            ``DISK_FULL``.
    """

    def __init__(self, path: Path, room: Room | None = None) -> None:
        self.path = path
        self._room = room if room is not None and room.is_bounded else None
        self._lock = threading.RLock()
        with disk_faults(path):
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            path.chmod(0o600)
            self._connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
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

    @property
    def is_bounded(self) -> bool:
        """Whether transactions have to say how much they write."""
        return self._room is not None

    @contextmanager
    def writing(
        self, value_bytes: int = 0, rows: int = 1, *, vital: bool = False
    ) -> Iterator[sqlite3.Connection]:
        """One transaction: durable on leaving, or undone as a whole.

        Args:
            value_bytes: Long values that it writes, replaces or drops, at most.
            rows: Rows that it touches, at most.
            vital: Whether it may use the room that is kept back.

        Raises:
            FieldwiseError: ``DISK_FULL`` where that would pass the bound; nothing is begun then.
        """
        with self._lock, disk_faults(self.path):
            if self._room is not None:
                # It cannot change more pages than there are and come to be.
                there = self._pragma("page_count") + pages_added(value_bytes, rows)
                pages = min(pages_touched(value_bytes, rows), there)
                self._require_room(self._room, pages, vital=vital)
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk can make SQLite undo the transaction by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def reusable_bytes(self) -> int:
        """Bytes of pages that are free to be used again, and of the log, which can be cut off."""
        with self._lock, disk_faults(self.path):
            return sum(self._inside())

    def room_inside(self) -> tuple[int, int]:
        """Bytes that the file and the log take up without growing; none where nothing is bounded.

        Without a bound nothing keeps images from taking them first.
        """
        if not self.is_bounded:
            return 0, 0
        with self._lock, disk_faults(self.path):
            return self._inside()

    def _inside(self) -> tuple[int, int]:
        return self._pragma("freelist_count") * PAGE_BYTES, self._log_bytes()

    def _require_room(self, room: Room, pages: int, *, vital: bool) -> None:
        if room.has(self._growth(pages, vital=vital)):
            return
        if self._log_bytes():
            self.empty_log()
        room.require(self._growth(pages, vital=vital))

    def _growth(self, pages: int, *, vital: bool) -> int:
        """Most bytes that file and log grow by for so many changed pages, and what is kept back."""
        file_pages = self._pragma("page_count")
        pending = max(0, file_pages * PAGE_BYTES - self.path.stat().st_size)
        added = max(0, pages - self._pragma("freelist_count")) * PAGE_BYTES
        logged = LOG_HEADER_BYTES + pages * FRAME_BYTES
        return pending + added + logged + (0 if vital else KEPT_BACK_BYTES)

    def _pragma(self, name: str) -> int:
        (value,) = self._connection.execute(f"PRAGMA {name}").fetchone()
        return int(value)

    def _log_bytes(self) -> int:
        log = self.path.with_name(f"{self.path.name}-wal")
        return log.stat().st_size if log.exists() else 0

    def empty_log(self) -> None:
        """Bring the journal into the file and cut it off: what was deleted is in neither then.

        Raises:
            FieldwiseError: ``DISK_FULL``; the journal stays.
        """
        with self.reading() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def pages_touched(value_bytes: int, rows: int) -> int:
    """Most pages that a transaction changes, by the long values and rows that it touches."""
    return FEW_PAGES + rows * ROW_PAGES + -(-value_bytes // OVERFLOW_BYTES)


def pages_added(value_bytes: int, rows: int) -> int:
    """Most pages that a file has more after such a transaction: leaves are split in halves."""
    return FEW_PAGES + 2 * rows + -(-value_bytes // OVERFLOW_BYTES)


def transaction_bytes(value_bytes: int, rows: int) -> int:
    """Most bytes by which file and log grow for a transaction."""
    return LOG_HEADER_BYTES + pages_touched(value_bytes, rows) * (PAGE_BYTES + FRAME_BYTES)
