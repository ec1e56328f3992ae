"""The ledger: what left the device, in words its owner can read.

Every message is written here before it is sent, so the record can show a message that never
arrived but never miss one that did. Each line carries the digest of the line before it and its own
content, the first line's totals included, and where the chain ends is also kept apart, in the
database. So it shows when a line was changed, moved or removed, the last ones too, and when a file
was replaced or deleted: on opening, on every look at the entries, and before the next message.

An altered ledger does not stop the device, it is told: the files are set aside as ``*.altered``,
and a new chain begins with the totals that were kept and an entry that says what was found.
Whoever can write both the files and the database can of course still rewrite history.

A power cut can leave half a line, or a whole one that the database does not know yet. Either
message was not sent: the half line is cut off, the whole one stands. When the file is full it
becomes ``ledger.old`` and a new one begins with the last number, the last digest and the totals of
every kind so far; the totals are never lost.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from agent.device.files import disk_faults, write_file
from agent.device.ledger_chain import (
    ALTERED,
    CHAIN_BYTES_MAX,
    BrokenError,
    Chain,
    Opening,
    Tail,
    begun,
    linked,
    read_chain,
)
from agent.ports import Clock
from agent.reporting import EVERYTHING, LedgerEntry, Total, Wanted
from fieldwise.durable import sync_folder
from fieldwise.errors import FieldwiseError
from fieldwise.ledger import LedgerHead

FILE_BYTES_MAX = 4 * 1024 * 1024  # about three days of check-ins a minute, and as much in the old
SUMMARY_BYTES_MAX = 2048  # what the owner's socket may carry of one entry

_log = structlog.get_logger()


class TailKeeper(Protocol):
    """Where the tail is kept apart from the files; each write is durable on return."""

    def ledger_tail(self) -> Tail | None:
        """The tail kept last; None before the first."""
        ...

    def write_ledger_tail(self, tail: Tail) -> None:
        """Replace it."""
        ...


class _AlteredError(Exception):
    """Says what was found altered."""


class LedgerFile:
    """The ledger port on a file.

    Args:
        path: Where the file is or will be.
        keeper: Where the tail is kept apart.
        clock: For when an alteration was found.
        file_bytes_max: Size at which a new file begins.

    Raises:
        FieldwiseError: ``DISK_FULL``, ``STATE_UNUSABLE``.
    """

    def __init__(
        self, path: Path, keeper: TailKeeper, clock: Clock, file_bytes_max: int = FILE_BYTES_MAX
    ) -> None:
        self._path = path
        self._old = path.with_name(path.name + ".old")
        self._keeper = keeper
        self._clock = clock
        self._file_bytes_max = file_bytes_max
        self._lock = threading.Lock()
        self._kept = keeper.ledger_tail()
        self._tail, self._link, self._size = self._kept or Tail(), "", 0
        if self._kept is None and not path.exists():
            self._begin(Opening(Tail(), fresh=True))
            return
        try:
            self._adopt(self._checked_on_opening())
        except _AlteredError as found:
            self._begin_anew(str(found))

    def append(self, kind: str, size_bytes: int, summary: str, time: float) -> None:
        """Write down that a message is about to leave; durable on return.

        Raises:
            FieldwiseError: ``DISK_FULL``: then the message must not be sent.
        """
        with self._lock:
            if not self._path.exists() or self._path.stat().st_size != self._size:
                self._begin_anew(f"{self._path} changed its size under the agent")
            self._append(kind, size_bytes, summary, time)
            if self._size > self._file_bytes_max:
                self._rotate()

    def newest(self, count: int, only: Wanted = EVERYTHING) -> Sequence[LedgerEntry]:
        """The newest entries of those wanted, oldest first, after a look at the whole chain."""
        with self._lock:
            if only.after >= self._tail.number > 0:  # whoever follows asks every moment
                return []
            try:
                found = self._wanted(count, only)
            except _AlteredError as altered:
                self._begin_anew(str(altered))
                found = self._wanted(count, only)
            return tuple(found)

    def _wanted(self, count: int, only: Wanted) -> Iterable[LedgerEntry]:
        found: deque[LedgerEntry] = deque(maxlen=count)

        def take(entry: LedgerEntry) -> None:
            if only.takes(entry):
                found.append(entry)

        self._require_end(self._read(take), self._tail)
        return found

    def totals(self) -> dict[str, Total]:
        """Messages and bytes by kind, since the ledger began."""
        return dict(self._tail.totals)

    def head(self) -> LedgerHead:
        """Where the chain ends; read while another thread may write, so of one moment."""
        return self._tail.head()

    def _append(self, kind: str, size_bytes: int, summary: str, time: float) -> None:
        if self._kept != self._tail:  # a line ahead: never let it become two
            self._keep(self._tail)
        entry = _following(self._tail, self._link, kind, size_bytes, summary, time)
        line = _line(entry)
        after = self._tail.after(entry)
        self._write_line(line)
        try:
            self._keep(after)
        except FieldwiseError:
            with disk_faults(self._path):
                os.truncate(self._path, self._size)
            raise
        self._tail, self._link, self._size = after, entry.digest, self._size + len(line)

    def _keep(self, tail: Tail) -> None:
        self._keeper.write_ledger_tail(tail)
        self._kept = tail

    def _checked_on_opening(self) -> Chain:
        if not self._path.exists():
            raise _AlteredError(f"{self._path} is gone")
        _require_bounded(self._path)
        _cut_torn_line(self._path)
        chain = self._read()
        if self._kept != chain.before:  # else a line ahead: the power cut came between two writes
            self._require_end(chain, self._kept or chain.tail)
        return chain

    def _require_end(self, chain: Chain, tail: Tail) -> None:
        if chain.tail != tail:
            raise _AlteredError(f"{self._path} does not end where it did")

    def _read(self, taken: Callable[[LedgerEntry], object] = lambda _entry: None) -> Chain:
        """The chain in use, whole and linked to the older file; hears the entries of both."""
        if not self._path.exists():
            raise _AlteredError(f"{self._path} is gone")
        newer: list[LedgerEntry] = []
        chain = _verified(self._path, newer.append)
        if not chain.opening.fresh:
            self._read_older(chain, taken)
        for entry in newer:
            taken(entry)
        return chain

    def _read_older(self, chain: Chain, taken: Callable[[LedgerEntry], object]) -> None:
        if not self._old.exists():
            raise _AlteredError(f"{self._old} is gone")
        if self._old.samefile(self._path):  # a power cut came between the two halves of a rotation
            return
        if _verified(self._old, taken).tail != chain.opening.tail:
            raise _AlteredError(f"{self._old} does not end where {self._path} begins")

    def _adopt(self, chain: Chain) -> None:
        self._tail, self._link = chain.tail, chain.link
        self._size = self._path.stat().st_size

    def _begin_anew(self, found: str) -> None:
        _log.error("the ledger was altered", found=found)
        tail = max(self._kept or Tail(), self._tail, key=lambda each: each.number)
        if self._kept != tail:  # the entry below is one line ahead of it until it is kept as well
            self._keep(tail)
        with disk_faults(self._path):
            for path in (self._path, self._old):
                if path.exists():
                    path.replace(path.with_name(path.name + ".altered"))
        opening, now = Opening(tail, fresh=True), self._clock.wall()
        summary = f"{found}; what was found is set aside as *.altered"
        self._begin(opening, _following(tail, opening.digest(), ALTERED, 0, summary, now))
        self._keep(self._tail)

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
        linked = self._path.with_name(self._path.name + ".new")
        with disk_faults(self._path):
            # A link first: at no instant is there no ledger under its own name, nor none before it.
            linked.unlink(missing_ok=True)
            linked.hardlink_to(self._path)
            linked.replace(self._old)
            linked.unlink(missing_ok=True)
            sync_folder(self._path.parent)
        self._begin(Opening(self._tail, fresh=False))

    def _begin(self, opening: Opening, *entries: LedgerEntry) -> None:
        chain = begun(opening)
        for each in entries:
            chain.take(each)
        content = _line(opening) + b"".join(map(_line, entries))
        write_file(self._path, content)
        self._tail, self._link, self._size = chain.tail, chain.link, len(content)


def _following(
    tail: Tail, link: str, kind: str, size_bytes: int, summary: str, time: float
) -> LedgerEntry:
    entry = LedgerEntry(tail.number + 1, round(time, 3), kind, size_bytes, _shorten(summary))
    return msgspec.structs.replace(entry, digest=linked(link, entry))


def _line(record: Opening | LedgerEntry) -> bytes:
    return msgspec.json.encode(record) + b"\n"


def _shorten(summary: str) -> str:
    return summary.encode()[:SUMMARY_BYTES_MAX].decode(errors="ignore")


def _cut_torn_line(path: Path) -> None:
    with disk_faults(path), path.open("rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if 0 < whole < len(content):
            file.truncate(whole)
            os.fsync(file.fileno())


def _require_bounded(path: Path) -> None:
    with disk_faults(path):
        size = path.stat().st_size
    if size > CHAIN_BYTES_MAX:
        raise _AlteredError(f"{path} has {size:,} bytes, more than any ledger")


def _verified(path: Path, taken: Callable[[LedgerEntry], object]) -> Chain:
    _require_bounded(path)
    try:
        with disk_faults(path), path.open("rb") as file:
            return read_chain(file, taken)
    except BrokenError as error:
        raise _AlteredError(f"{path} was altered at line {error.line}") from error
