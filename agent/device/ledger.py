"""The ledger: what left the device, in words its owner can read.

Every message is written here before it is sent, so the record can show a message that never
arrived but never miss one that did. Each line carries the digest of the line before it and its own
content: a line changed, removed or moved breaks every digest after it, and opening the ledger says
where. The file is lines of JSON, so that ``less`` reads it on a device without any tool.

A power cut can leave half a line. Its message was not sent, since the line was not durable yet:
opening cuts it off. When the file is full it becomes ``ledger.old`` and a new one begins with the
last number, the last digest and the totals of every kind so far; the totals are never lost.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.device.files import disk_faults, sync_folder, write_file
from agent.reporting import LedgerEntry, Total
from fieldwise.errors import Fault, FieldwiseError

FILE_BYTES_MAX = 4 * 1024 * 1024  # about two weeks of check-ins a minute, and as much in the old
SUMMARY_BYTES_MAX = 1024  # what the owner's socket may carry of one entry
_START = "0" * 64


class _Opening(msgspec.Struct, frozen=True):
    """The first line of a file: where the one before it ended."""

    number: int
    digest: str
    totals: dict[str, Total]


@dataclass(slots=True)
class _Tail:
    number: int
    digest: str
    totals: dict[str, Total]

    def take(self, entry: LedgerEntry) -> None:
        total = self.totals.get(entry.kind, Total())
        self.totals[entry.kind] = Total(total.messages + 1, total.bytes + entry.bytes)
        self.number, self.digest = entry.number, entry.digest


class LedgerFile:
    """The ledger port on a file.

    Args:
        path: Where the file is or will be.
        file_bytes_max: Size at which a new file begins.

    Raises:
        FieldwiseError: ``STATE_DAMAGED``, naming the file and the line, when the chain is broken.
    """

    def __init__(self, path: Path, file_bytes_max: int = FILE_BYTES_MAX) -> None:
        self._path = path
        self._file_bytes_max = file_bytes_max
        if not path.exists():
            self._begin(_Opening(0, _START, {}))
        _cut_torn_line(path)
        self._tail = _verify(path)

    def append(self, kind: str, size_bytes: int, summary: str, time: float) -> None:
        """Write down that a message is about to leave; durable on return.

        Raises:
            FieldwiseError: ``DISK_FULL``: then the message must not be sent.
        """
        tail = self._tail
        entry = LedgerEntry(tail.number + 1, round(time, 3), kind, size_bytes, _shorten(summary))
        entry = msgspec.structs.replace(entry, digest=_digest(tail.digest, entry))
        self._write_line(msgspec.json.encode(entry) + b"\n")
        tail.take(entry)
        if self._path.stat().st_size > self._file_bytes_max:
            self._rotate()

    def newest(self, count: int) -> Sequence[LedgerEntry]:
        """The newest entries, oldest first."""
        old = self._path.with_name(self._path.name + ".old")
        entries = [*_entries(old), *_entries(self._path)] if old.exists() else _entries(self._path)
        return list(entries)[-count:]

    def totals(self) -> dict[str, Total]:
        """Messages and bytes by kind, since the ledger began."""
        return dict(self._tail.totals)

    def _write_line(self, line: bytes) -> None:
        with disk_faults(self._path):
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            size = os.fstat(descriptor).st_size
            try:
                written = os.write(descriptor, line)
                if written < len(line):
                    written += os.write(descriptor, line[written:])
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
            finally:
                os.close(descriptor)

    def _rotate(self) -> None:
        old = self._path.with_name(self._path.name + ".old")
        with disk_faults(self._path):
            # A link first: at no instant is there no ledger under its own name.
            old.unlink(missing_ok=True)
            old.hardlink_to(self._path)
            sync_folder(self._path.parent)
        self._begin(_Opening(self._tail.number, self._tail.digest, self._tail.totals))

    def _begin(self, opening: _Opening) -> None:
        write_file(self._path, msgspec.json.encode(opening) + b"\n")


def _shorten(summary: str) -> str:
    return summary.encode()[:SUMMARY_BYTES_MAX].decode(errors="ignore")


def _digest(before: str, entry: LedgerEntry) -> str:
    content = msgspec.json.encode(msgspec.structs.replace(entry, digest=""))
    return hashlib.sha256(bytes.fromhex(before) + content).hexdigest()


def _cut_torn_line(path: Path) -> None:
    with disk_faults(path), path.open("rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if 0 < whole < len(content):
            file.truncate(whole)
            os.fsync(file.fileno())


def _entries(path: Path) -> Iterator[LedgerEntry]:
    with disk_faults(path), path.open("rb") as file:
        next(file)
        for line in file:
            yield msgspec.json.decode(line, type=LedgerEntry)


def _verify(path: Path) -> _Tail:
    line_number = 1
    try:
        with disk_faults(path), path.open("rb") as file:
            opening = msgspec.json.decode(file.readline(), type=_Opening)
            tail = _Tail(opening.number, opening.digest, dict(opening.totals))
            for line_number, line in enumerate(file, start=2):
                entry = msgspec.json.decode(line, type=LedgerEntry)
                if entry.number != tail.number + 1 or entry.digest != _digest(tail.digest, entry):
                    raise _broken(path, line_number)
                tail.take(entry)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise _broken(path, line_number) from error
    return tail


def _broken(path: Path, line_number: int) -> FieldwiseError:
    return FieldwiseError(Fault.STATE_DAMAGED, f"{path} was altered at line {line_number}")
