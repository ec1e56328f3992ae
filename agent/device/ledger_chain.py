"""The chain of a ledger: how its lines are linked, and where a chain is broken.

A file begins with a line that says where the one before it ended. Then comes a line for each entry:
its digest is SHA-256 over the digest before it and the rest of its own content, and the first
entry's is over the first line, so that the totals in it are chained too. A file is read line by
line within bounds, whoever wrote it.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

import msgspec

from agent.reporting import LedgerEntry, Total
from fieldwise.ledger import NOTHING_WRITTEN, LedgerHead

ALTERED = "ledger altered"  # kind of the entry that says so
LINE_BYTES_MAX = (
    64 * 1024
)  # a summary of 2 KiB may be escaped six-fold; the first line has all kinds
# Four times what a file has before a new one begins: what is larger was never written here, and is
# not read into memory to find out.
CHAIN_BYTES_MAX = 16 * 1024 * 1024

StructT = TypeVar("StructT", bound=msgspec.Struct)


class Tail(msgspec.Struct, frozen=True):
    """Where a chain ends: number and digest of the last entry, totals by kind so far."""

    number: int = 0
    digest: str = NOTHING_WRITTEN
    totals: dict[str, Total] = {}

    def after(self, entry: LedgerEntry) -> "Tail":
        """The tail once an entry follows."""
        total = self.totals.get(entry.kind, Total())
        grown = Total(total.messages + 1, total.bytes + entry.bytes)
        return Tail(entry.number, entry.digest, {**self.totals, entry.kind: grown})

    def head(self) -> LedgerHead:
        """What is told of it."""
        altered = self.totals.get(ALTERED, Total()).messages
        return LedgerHead(self.number, self.digest, altered)


class Opening(msgspec.Struct, frozen=True):
    """The first line of a file: where the one before it ended; none is before a fresh chain."""

    tail: Tail
    fresh: bool

    def digest(self) -> str:
        """What the first entry is chained to."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


@dataclass(slots=True)
class Chain:
    """What a file was found to hold; ``link`` is what the next entry is chained to."""

    opening: Opening
    tail: Tail
    before: Tail
    link: str

    def take(self, entry: LedgerEntry) -> bool:
        """Add an entry; tells whether it is the one that follows."""
        expected = (self.tail.number + 1, linked(self.link, entry))
        if (entry.number, entry.digest) != expected:
            return False
        self.before, self.tail = self.tail, self.tail.after(entry)
        self.link = entry.digest
        return True


class BrokenError(Exception):
    """Says at which line a file is not what was written."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def begun(opening: Opening) -> Chain:
    """The chain of a file that has no entries yet."""
    return Chain(opening, opening.tail, opening.tail, opening.digest())


def linked(before: str, entry: LedgerEntry) -> str:
    """The digest of an entry after a digest.

    Raises:
        ValueError: Where the digest before it is none.
    """
    content = msgspec.json.encode(msgspec.structs.replace(entry, digest=""))
    return hashlib.sha256(bytes.fromhex(before) + content).hexdigest()


def lines_of(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers, from 1.

    Raises:
        BrokenError: For a line that is too long, or not ended.
        OSError: For what the disk says.
    """
    number = 0
    while line := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        if not line.endswith(b"\n"):
            raise BrokenError(number)
        yield number, line


def decoded(line: bytes, number: int, kind: type[StructT]) -> StructT:
    """A line as what it has to be, to the byte.

    Raises:
        BrokenError: Where it is not.
    """
    try:
        value = msgspec.json.decode(line, type=kind)
        if msgspec.json.encode(value) + b"\n" == line:
            return value
    except (
        ValueError,
        RecursionError,
    ) as error:  # msgspec's and UnicodeDecodeError are ValueErrors
        raise BrokenError(number) from error
    raise BrokenError(number)


def read_chain(file: BinaryIO, taken: Callable[[LedgerEntry], object]) -> Chain:
    """Walk a file from its beginning to its end.

    Args:
        file: At its first line.
        taken: Hears every entry that is in its place.

    Raises:
        BrokenError: At the first line that is not what was written.
        OSError: For what the disk says.
    """
    chain: Chain | None = None
    for number, line in lines_of(file):
        if chain is None:
            chain = begun(decoded(line, number, Opening))
            continue
        taken(followed(chain, line, number))
    if chain is None:
        raise BrokenError(1)
    return chain


def followed(chain: Chain, line: bytes, number: int) -> LedgerEntry:
    """Take a line as the next entry of a chain.

    Raises:
        BrokenError: Where it is not.
    """
    entry = decoded(line, number, LedgerEntry)
    try:
        follows = chain.take(entry)
    except ValueError as error:
        raise BrokenError(number) from error
    if not follows:
        raise BrokenError(number)
    return entry
