import errno
import os
import sqlite3
from pathlib import Path

import pytest

from agent.device import files
from agent.device.files import disk_faults
from fieldwise.errors import CATALOGUE, Fault, FieldwiseError

ROOM = 1 << 30


def disk_with(free_bytes: int, inodes: int = 1000) -> os.statvfs_result:
    blocks = free_bytes // 4096
    return os.statvfs_result((4096, 4096, 1 << 20, blocks, blocks, 1000, inodes, inodes, 0, 255))


def sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


def fault_of(error: Exception, place: Path) -> Fault:
    with pytest.raises(FieldwiseError) as caught, disk_faults(place):
        raise error
    assert str(place) in caught.value.sentence
    return caught.value.fault


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_CANTOPEN]
)
@pytest.mark.parametrize(
    ("disk", "fault"),
    [
        (disk_with(0), Fault.DISK_FULL),
        (disk_with(32 * 1024), Fault.DISK_FULL),
        (disk_with(ROOM, inodes=0), Fault.DISK_FULL),
        (disk_with(ROOM), Fault.STATE_UNUSABLE),
    ],
)
def test_what_sqlite_cannot_say_the_disk_says(
    code: int,
    disk: os.statvfs_result,
    fault: Fault,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files.os, "statvfs", lambda _: disk)
    assert fault_of(sqlite_error(code), tmp_path / "state.sqlite") is fault


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB])
def test_damage_is_damage_on_a_full_disk_as_well(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.os, "statvfs", lambda _: disk_with(0))
    assert fault_of(sqlite_error(code), tmp_path / "state.sqlite") is Fault.STATE_DAMAGED


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EIO, errno.EMFILE])
def test_nobody_is_told_to_move_away_what_may_be_whole(number: int, tmp_path: Path) -> None:
    fault = fault_of(OSError(number, os.strerror(number)), tmp_path / "ledger")
    assert fault is Fault.STATE_UNUSABLE
    assert "move" not in CATALOGUE[fault].advice


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_no_room_by_any_name_is_a_full_disk(number: int, tmp_path: Path) -> None:
    assert fault_of(OSError(number, os.strerror(number)), tmp_path / "ledger") is Fault.DISK_FULL
