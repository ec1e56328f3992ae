"""Looking at a ledger from outside: the files of a state folder, or what an owner exported.

Nothing is changed and nothing has to run. An export is one file that stands for itself: a line that
says of which device it is, the lines of the ledger's files as they are, and a line with the head at
the end. Anybody can check it, and hold it against heads that the device told its orchestrator.
Files come from outside and are read within bounds: a line after the other, and so many bytes.
"""

import io
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from agent.device.files import disk_faults
from agent.device.ledger_chain import (
    ALTERED,
    CHAIN_BYTES_MAX,
    BrokenError,
    Chain,
    Opening,
    Tail,
    begun,
    decoded,
    followed,
    lines_of,
)
from agent.reporting import LedgerEntry
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.ledger import NOTHING_WRITTEN, LedgerHead
from fieldwise.regular import open_regular

FORM = 1  # of an export
EXPORT_BYTES_MAX = 64 * 1024 * 1024  # two files of a ledger are 8 MiB
ALTERATIONS_MAX = 100  # as many are listed

_OPENS, _ENDS = b'{"tail":', b'{"head":'
_OVER = f"is larger than {EXPORT_BYTES_MAX:,} bytes"


class Exporter(msgspec.Struct, frozen=True):
    """The first line of an export; what it says of the device is not part of the chain."""

    fieldwise_ledger: int
    device_id: str
    fleet: str
    exported_at: float


class _Ending(msgspec.Struct, frozen=True):
    """The last line of an export."""

    head: LedgerHead


class Examined(msgspec.Struct, frozen=True):
    """A ledger that was found whole.

    Attributes:
        first: Number of the first entry that is held; the next one's where none is.
        entries: How many are held.
        head: Where it ends.
        before: The last but one, where the ledger's end may not have been kept apart yet.
        since: When the first entry was written, None without one.
        until: When the last was.
        alterations: Entries that tell of an alteration which the device found.
        digests: Of the entries that were asked for, as far as they are held.
        torn: Whether half a line follows, as a power cut leaves it.
    """

    first: int
    entries: int
    head: LedgerHead
    before: LedgerHead
    since: float | None = None
    until: float | None = None
    alterations: tuple[LedgerEntry, ...] = ()
    digests: dict[int, str] = {}
    torn: bool = False


class _Walk:
    """Takes the lines of one ledger, from one file or from two."""

    def __init__(self, wanted: Collection[int]) -> None:
        self._wanted = wanted
        self._first: Opening | None = None
        self._entries = 0
        self._times: list[float] = []
        self._alterations: list[LedgerEntry] = []
        self._digests: dict[int, str] = {}
        self.chain: Chain | None = None

    def take(self, line: bytes, number: int) -> None:
        if line.startswith(_OPENS):
            self._open(decoded(line, number, Opening), number)
        elif self.chain is None:
            raise BrokenError(number)
        else:
            self._note(followed(self.chain, line, number))

    def examined(self, *, torn: bool = False) -> Examined:
        assert self.chain is not None
        assert self._first is not None
        return Examined(
            first=self._first.tail.number + 1,
            entries=self._entries,
            head=self.chain.tail.head(),
            before=self.chain.before.head(),
            since=self._times[0] if self._times else None,
            until=self._times[-1] if self._times else None,
            alterations=tuple(self._alterations),
            digests=self._digests,
            torn=torn,
        )

    def _open(self, opening: Opening, number: int) -> None:
        if self.chain is None:
            self._first = opening
            self._keep_digest(opening.tail.number, opening.tail.digest)
        else:
            is_empty = self.chain.tail == self.chain.opening.tail  # no file is begun behind one
            if is_empty or opening.fresh or opening.tail != self.chain.tail:
                raise BrokenError(number)
        self.chain = begun(opening)

    def _note(self, entry: LedgerEntry) -> None:
        self._entries += 1
        self._times[1:] = [entry.time]
        self._keep_digest(entry.number, entry.digest)
        if entry.kind == ALTERED and len(self._alterations) < ALTERATIONS_MAX:
            self._alterations.append(entry)

    def _keep_digest(self, number: int, digest: str) -> None:
        if number in self._wanted:
            self._digests[number] = digest


def examine_file(path: Path, wanted: Collection[int] = ()) -> Examined:
    """Walk an export, or one file of a ledger.

    Raises:
        FieldwiseError: ``LEDGER_ALTERED`` with the first line that is not what was written,
            ``INVALID_ARGUMENT`` for a file that cannot be read or is too large.
    """
    with open_regular(path, Fault.INVALID_ARGUMENT) as file, disk_faults(path):
        content = file.read(EXPORT_BYTES_MAX + 1)
    if len(content) > EXPORT_BYTES_MAX:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{path} {_OVER}")
    walk = _Walk(wanted)
    try:
        if content.startswith(_OPENS):
            _walk_lines(content, walk)
        else:
            _walk_export(content, walk)
    except BrokenError as error:
        raise _altered(path, error) from error
    return walk.examined()


def _walk_lines(content: bytes, walk: _Walk) -> None:
    for number, line in lines_of(io.BytesIO(content)):
        walk.take(line, number)


def _walk_export(content: bytes, walk: _Walk) -> None:
    ended, number = False, 0
    for number, line in lines_of(io.BytesIO(content)):
        if ended or (number == 1 and decoded(line, number, Exporter).fieldwise_ledger != FORM):
            raise BrokenError(number)
        if line.startswith(_ENDS):
            _require_end(walk, decoded(line, number, _Ending).head, number)
            ended = True
        elif number > 1:
            walk.take(line, number)
    if not ended:
        raise BrokenError(number + 1)


def _require_end(walk: _Walk, head: LedgerHead, number: int) -> None:
    if walk.chain is None or walk.chain.tail.head() != head:
        raise BrokenError(number)


def examine_folder(ledger: Path, wanted: Collection[int] = ()) -> Examined | None:
    """Walk the files of a ledger as they are now; None where there is none.

    Raises:
        FieldwiseError: ``LEDGER_ALTERED`` with the first line that is not what was written,
            ``STATE_UNUSABLE`` where a file cannot be read.
    """
    parts = _parts_of(ledger)
    if parts is None:
        return None
    torn = any(not content.endswith(b"\n") for _, content in parts)
    return _walked(parts, wanted).examined(torn=torn)


def _walked(parts: Sequence[tuple[Path, bytes]], wanted: Collection[int] = ()) -> _Walk:
    walk = _Walk(wanted)
    for path, content in parts:
        try:
            _walk_lines(_whole(content), walk)
        except BrokenError as error:
            raise _altered(path, error) from error
    return walk


def _whole(content: bytes) -> bytes:
    """Without half a line at the end, as a power cut leaves it."""
    return content[: content.rfind(b"\n") + 1]


def _parts_of(ledger: Path) -> list[tuple[Path, bytes]] | None:
    """The files of a ledger, the older first, as far as the one in use goes on from it."""
    older = ledger.with_name(f"{ledger.name}.old")
    with disk_faults(ledger):
        if not ledger.exists():
            return None
        content = _content_of(ledger)
        first, _, _ = content.partition(b"\n")
        try:
            opening = decoded(first + b"\n", 1, Opening)
        except BrokenError as error:
            raise _altered(ledger, error) from error
        if opening.fresh or (older.exists() and older.samefile(ledger)):
            return [(ledger, content)]
        if not older.exists():
            raise FieldwiseError(Fault.LEDGER_ALTERED, f"{older} is gone")
        return [(older, _content_of(older)), (ledger, content)]


def _content_of(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(CHAIN_BYTES_MAX + 1)
    if len(content) > CHAIN_BYTES_MAX:
        raise FieldwiseError(
            Fault.LEDGER_ALTERED,
            f"{path} has more than {CHAIN_BYTES_MAX:,} bytes, as no ledger has",
        )
    return content


def exported(ledger: Path, device_id: str, fleet: str, now: float) -> bytes:
    """The content of an export.

    Raises:
        FieldwiseError: As ``examine_folder``, and ``NOT_FOUND`` where nothing has left the device.
    """
    parts = _parts_of(ledger)
    if parts is None:
        raise FieldwiseError(Fault.NOT_FOUND, f"there is no ledger at {ledger}")
    first = msgspec.json.encode(Exporter(FORM, device_id, fleet, round(now, 3)))
    last = msgspec.json.encode(_Ending(_walked(parts).examined().head))
    lines = b"".join(_whole(content) for _, content in parts)
    return first + b"\n" + lines + last + b"\n"


def require_head(found: Examined, head: LedgerHead, where: Path) -> None:
    """Hold a ledger against a head that was told once.

    Raises:
        FieldwiseError: ``LEDGER_ALTERED`` where the head is none of this ledger, ``NOT_FOUND``
            where it is of an entry that is not held any more.
    """
    digest = found.digests.get(head.number)
    if head.number > found.head.number:
        raise FieldwiseError(
            Fault.LEDGER_ALTERED,
            f"{where} ends with entry {found.head.number:,}, and the head is of entry"
            f" {head.number:,}: later entries are gone, or it was exported before",
        )
    if digest is None and head.number == 0:
        digest = NOTHING_WRITTEN
    if digest is None:
        raise FieldwiseError(
            Fault.NOT_FOUND,
            f"{where} begins with entry {found.first:,} and says nothing of entry {head.number:,}",
        )
    if digest != head.digest:
        raise FieldwiseError(
            Fault.LEDGER_ALTERED,
            f"entry {head.number:,} of {where} has the digest {digest}, and the head says"
            f" {head.digest}: it or an entry before it was rewritten",
        )


def require_tail(found: Examined | None, tail: Tail | None, ledger: Path) -> None:
    """Hold the files against the end that the agent keeps apart from them.

    The files may be one entry ahead: a power cut can come between the two writes.

    Raises:
        FieldwiseError: ``LEDGER_ALTERED``.
    """
    kept = (tail or Tail()).head()
    if found is None:
        if tail is None:
            return
        raise FieldwiseError(Fault.LEDGER_ALTERED, f"{ledger} is gone")
    if kept not in {found.head, found.before}:
        raise FieldwiseError(
            Fault.LEDGER_ALTERED,
            f"{ledger} ends with entry {found.head.number:,}, and the agent kept as the last"
            f" {kept.number:,}, or another digest of it",
        )


def _altered(path: Path, error: BrokenError) -> FieldwiseError:
    return FieldwiseError(
        Fault.LEDGER_ALTERED, f"{path} is not what was written from line {error.line} on"
    )
