"""Writing files so that a power cut leaves either the old content or the new."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import write_private

# A quota or a limit on the size of files leaves no room just as a full disk does. SQLite tells only
# the latter apart, so every write that the system refused counts: the transaction is undone alike.
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SQLITE_NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE})


@contextmanager
def disk_faults(place: Path) -> Iterator[None]:
    """Turn what a disk or SQLite says into a fault that names the place.

    Raises:
        FieldwiseError: ``DISK_FULL`` when there is no room, ``STATE_DAMAGED`` when SQLite finds
            the file is not what it wrote, or the file cannot be read or written at all.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise FieldwiseError(Fault.DISK_FULL, f"there is no room left for {place}") from error
        raise FieldwiseError(
            Fault.STATE_DAMAGED, f"{place} cannot be used: {error.strerror}"
        ) from error
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) in _SQLITE_NO_ROOM:
            raise FieldwiseError(Fault.DISK_FULL, f"there is no room left for {place}") from error
        raise FieldwiseError(Fault.STATE_DAMAGED, f"{place} cannot be used: {error}") from error


def write_file(path: Path, content: bytes) -> None:
    """Replace a file, readable by its owner only: after a crash it has the old content or the new.

    Raises:
        FieldwiseError: ``DISK_FULL``; the old content stands.
    """
    with disk_faults(path):
        write_private(path, content)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder as durable as the files they lead to."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
