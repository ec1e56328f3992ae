"""Writing files so that a power cut leaves either the old content or the new."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.private import FULL, write_private

# A quota or a limit on the size of files leaves no room just as a full disk does. SQLite tells only
# the latter apart, so every write that the system refused counts: the transaction is undone alike.
_SQLITE_NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE})
_SQLITE_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SQLITE_PRIMARY = 0xFF  # an extended code carries the primary one in its lowest byte
_ROOM_BYTES_MIN = 64 * 1024  # SQLite asks for 32 KiB at a time and says "disk I/O error" if refused


@contextmanager
def disk_faults(place: Path) -> Iterator[None]:
    """Turn what a disk or SQLite says into a fault that names the place.

    Raises:
        FieldwiseError: ``DISK_FULL`` when there is no room, ``STATE_DAMAGED`` when SQLite finds
            the file is not what it wrote, ``STATE_UNUSABLE`` when the machine does not let it be
            read or written, which says nothing against its content.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise _no_room(place) from error
        raise _unusable(place, error.strerror) from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0)
        if code & _SQLITE_PRIMARY in _SQLITE_DAMAGED:
            raise FieldwiseError(
                Fault.STATE_DAMAGED, f"{place} is not what was written: {error}"
            ) from error
        if code in _SQLITE_NO_ROOM or _is_full(place):
            raise _no_room(place) from error
        raise _unusable(place, error) from error


def _is_full(place: Path) -> bool:
    try:
        disk = os.statvfs(place.parent)
    except OSError:
        return False
    inodes_gone = disk.f_files > 0 and disk.f_favail == 0
    return inodes_gone or disk.f_bavail * disk.f_frsize < _ROOM_BYTES_MIN


def _no_room(place: Path) -> FieldwiseError:
    return FieldwiseError(Fault.DISK_FULL, f"there is no room left for {place}")


def _unusable(place: Path, reason: object) -> FieldwiseError:
    return FieldwiseError(Fault.STATE_UNUSABLE, f"{place} cannot be used: {reason}")


def write_file(path: Path, content: bytes) -> None:
    """Replace a file, readable by its owner only: after a crash it has the old content or the new.

    Raises:
        FieldwiseError: ``DISK_FULL``; the old content stands.
    """
    with disk_faults(path):
        write_private(path, content)
