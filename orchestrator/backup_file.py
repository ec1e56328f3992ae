"""A backup as a stream of bytes: written once from front to back, and read without trust.

Headers are compared with those that are expected (``fieldwise.ustar``). Parts of rows are
decompressed up to a bound and no further, and nothing but a part is ever held as a whole.
``orchestrator.backup_format`` says what stands where.
"""

import gzip
import hashlib
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import msgspec
from msgspec import structs

from fieldwise import ustar
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.ustar import BLOCK, END, Readable, padding, read_up_to, size_in
from orchestrator.backup_format import (
    AUTHORITY_NAME,
    CONTENT_BYTES_MAX,
    HEAD_BYTES_MAX,
    HEAD_NAME,
    KEYS_BYTES_MAX,
    MANIFEST_BYTES_MAX,
    MANIFEST_NAME,
    PART_BYTES_MAX,
    PUBLISHER_BYTES_MAX,
    PUBLISHER_NAME,
    TOKEN_NAME,
    Content,
    Head,
    Manifest,
    Rows,
    content_name,
    decode_head,
    decode_manifest,
    invalid,
    is_digest,
    part_name,
)

PIECE_BYTES = 256 * 1024
LEVEL = 6  # zlib's own choice: 9 takes twice the time for a hundredth less
NAME_BYTES_MAX = 100  # of a name in a header
MODE = 0o600  # of its members, as it holds keys


class Writer:
    """Writes a backup; members come in the order of the format.

    Args:
        stream: Where to.
        head: What the backup is of.
    """

    def __init__(self, stream: BinaryIO, head: Head) -> None:
        self._stream = stream
        self._hashed = hashlib.sha256()
        self._tallies = {each.table: _Tally() for each in head.tables}
        self._member(HEAD_NAME, msgspec.json.encode(head))

    def keys(self, authority: bytes, token: str, publisher: bytes = b"") -> None:
        self._member(AUTHORITY_NAME, authority)
        self._member(TOKEN_NAME, token.encode())
        if publisher:
            self._member(PUBLISHER_NAME, publisher)

    def part(self, table: str, rows: int, lines: bytes) -> None:
        """Write some rows of a table, one line of JSON each."""
        tally = self._tallies[table]
        tally.add(rows, lines)
        # Without a time of day in it, the same rows are the same bytes.
        self._member(part_name(table, tally.parts), gzip.compress(lines, LEVEL, mtime=0))

    async def content(self, digest: str, size: int, pieces: AsyncIterator[bytes]) -> None:
        """Write the content of a digest.

        Raises:
            FieldwiseError: ``DIGEST_MISMATCH`` where it has another, or another size.
        """
        self._put(_header(content_name(digest), size))
        hashed, written = hashlib.sha256(), 0
        async for piece in pieces:
            hashed.update(piece)
            written += len(piece)
            self._put(piece)
        if (written, hashed.hexdigest()) != (size, digest):
            raise FieldwiseError(
                Fault.DIGEST_MISMATCH,
                f"the bundle store has other content under the digest {digest[:12]}; push that "
                "bundle again, or back up without bundles",
            )
        self._put(padding(size))

    def end(self, contents: tuple[Content, ...]) -> Manifest:
        """Write the manifest, and with it the end."""
        rows = tuple(tally.of(table) for table, tally in self._tallies.items())
        unsealed = Manifest(rows, contents, "")
        manifest = structs.replace(unsealed, sha256=_proof_of(self._hashed, unsealed))
        self._member(MANIFEST_NAME, msgspec.json.encode(manifest))
        self._put(END)
        return manifest

    def _member(self, name: str, content: bytes) -> None:
        self._put(_header(name, len(content)) + content + padding(len(content)))

    def _put(self, content: bytes) -> None:
        self._hashed.update(content)
        self._stream.write(content)


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a table, as lines of JSON."""

    table: str
    lines: bytes


@dataclass(frozen=True, slots=True)
class Inside:
    """Content of a bundle; its pieces are there until the next member is asked for."""

    digest: str
    size: int
    pieces: Iterator[bytes]


class Reader:
    """Reads one backup from front to back, verifying as it goes.

    The manifest is there when ``members`` has come to its end: until then whatever was read is
    unproved.

    Args:
        stream: The file's bytes.

    Raises:
        FieldwiseError: ``BACKUP_INVALID`` where it does not begin as a backup does.
    """

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._hashed = hashlib.sha256()
        self._contents: dict[str, int] = {}
        self._next: tuple[str, int] | None = None
        self._before: hashlib._Hash | None = None  # all that came before the next member
        self.head = decode_head(self._whole(HEAD_NAME, HEAD_BYTES_MAX))
        self._tallies = {each.table: _Tally() for each in self.head.tables}
        self.authority = self._whole(AUTHORITY_NAME, KEYS_BYTES_MAX)
        token = self._whole(TOKEN_NAME, KEYS_BYTES_MAX)
        self.token = token.decode(errors="replace")
        self.publisher = b""
        if self._peek()[0] == PUBLISHER_NAME:
            self.publisher = self._whole(PUBLISHER_NAME, PUBLISHER_BYTES_MAX)
        self.manifest: Manifest | None = None

    def members(self) -> Iterator[Part | Inside]:
        """Yield rows, then bundles; what is not consumed is read and verified all the same.

        Raises:
            FieldwiseError: ``BACKUP_INVALID``.
        """
        for each in self.head.tables:
            yield from self._parts(each.table)
        yield from self._bundles()
        self._finish()

    def _parts(self, table: str) -> Iterator[Part]:
        tally = self._tallies[table]
        while self._peek()[0] == (name := part_name(table, tally.parts + 1)):
            lines = _unpacked(self._whole(name, PART_BYTES_MAX))
            tally.add(lines.count(b"\n"), lines)
            yield Part(table, lines)

    def _bundles(self) -> Iterator[Inside]:
        while self._peek()[0] != MANIFEST_NAME:
            name, size = self._peek()
            digest = name.removeprefix(content_name(""))
            if not is_digest(digest) or name != content_name(digest) or digest in self._contents:
                raise invalid(f"{name!a} does not belong where it stands")
            self._contents[digest] = size
            pieces = self._pieces(digest, size)
            yield Inside(digest, size, pieces)
            for _ in pieces:
                pass
            self._next = None

    def _pieces(self, digest: str, size: int) -> Iterator[bytes]:
        hashed, left = hashlib.sha256(), size
        while left:
            piece = self._take(min(left, PIECE_BYTES))
            hashed.update(piece)
            left -= len(piece)
            yield piece
        self._skip_padding(size)
        if hashed.hexdigest() != digest:
            raise invalid(f"the content of {digest[:12]} is damaged")

    def _finish(self) -> None:
        self._peek()
        before = self._before
        assert before is not None
        manifest = decode_manifest(self._whole(MANIFEST_NAME, MANIFEST_BYTES_MAX))
        if self._take(len(END) + 1, allow_short=True) != END:
            raise invalid("something follows its end, or the end is missing")
        rows = tuple(tally.of(table) for table, tally in self._tallies.items())
        proof = _proof_of(before, structs.replace(manifest, sha256=""))
        if manifest.sha256 != proof or manifest.rows != rows:
            raise invalid("its content is not what its manifest says: it is damaged")
        said = {each.digest: each.size for each in manifest.contents if each.included}
        if said != self._contents:
            raise invalid("it has other files of bundles than its manifest says")
        self.manifest = manifest

    def _whole(self, name: str, limit: int) -> bytes:
        """Read the member that comes next, which has to have that name, and go on."""
        found, size = self._peek()
        if found != name:
            raise invalid(f"{found!a} stands where {name} should")
        if size > limit:
            raise invalid(f"{name} has {size:,} bytes; the limit is {limit:,}")
        content = self._take(size)
        self._skip_padding(size)
        self._next = None
        return content

    def _peek(self) -> tuple[str, int]:
        """Return name and size of the member that comes next."""
        if self._next is not None:
            return self._next
        begins = self._before is None
        self._before = self._hashed.copy()
        header = self._take(BLOCK)
        name = header[:NAME_BYTES_MAX].rstrip(b"\0").decode("ascii", "replace")
        size = size_in(header)
        if not 0 <= size <= CONTENT_BYTES_MAX or header != _header(name, size):
            raise invalid("it is no backup" if begins else "a header in it is damaged")
        self._next = (name, size)
        return self._next

    def _skip_padding(self, size: int) -> None:
        if any(self._take(len(padding(size)))):
            raise invalid("the padding of a member is not empty")

    def _take(self, size: int, *, allow_short: bool = False) -> bytes:
        content = read_up_to(self._stream, size)
        if len(content) < size and not allow_short:
            raise invalid("it ends too early")
        self._hashed.update(content)
        return content


class _Tally:
    """What there was of a table so far."""

    def __init__(self) -> None:
        self.parts = 0
        self._rows = 0
        self._lines = hashlib.sha256()

    def add(self, rows: int, lines: bytes) -> None:
        self.parts += 1
        self._rows += rows
        self._lines.update(lines)

    def of(self, table: str) -> Rows:
        return Rows(table, self._rows, self._lines.hexdigest())


def _proof_of(before: "hashlib._Hash", manifest: Manifest) -> str:
    """Return what proves a backup: SHA-256 of all before its manifest, and of that."""
    whole = before.copy()
    whole.update(msgspec.json.encode(manifest))
    return whole.hexdigest()


def _unpacked(packed: bytes) -> bytes:
    """Decompress a part, whole and alone, up to its bound."""
    inflating = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        lines = inflating.decompress(packed, PART_BYTES_MAX)
    except zlib.error as error:
        raise invalid("rows in it are damaged") from error
    if inflating.unconsumed_tail:
        raise invalid(f"rows in it unpack to more than {PART_BYTES_MAX:,} bytes")
    if not inflating.eof or inflating.unused_data or not lines.endswith(b"\n"):
        raise invalid("rows in it are damaged")
    return lines


def _header(name: str, size: int) -> bytes:
    return ustar.header(name, size, MODE)
