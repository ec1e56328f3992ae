"""A bundle as one file: how it is written, read without trust, and unpacked.

The file is a tar of the plain ``ustar`` kind, uncompressed: ``manifest.json`` first, then each file
of the manifest, once, in the manifest's order, under the hexadecimal of its SHA-256, then two
blocks of zeros. Times, owners and modes are constants: the same bundle is always the same bytes.

That makes reading safe by construction. Once the manifest is known, every later header is known to
the byte: the reader builds the header it expects and compares. A path that climbs out, a link, a
device, a sparse file, an extended header, a member too many or too few or out of order all fail
that one comparison. Contents are hashed piece by piece while they pass; none is held as a whole.

``unpack`` gathers everything in a folder of its own first and moves it under the final names only
when all of it is verified and on disk, the manifest last: who finds a manifest finds its files.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fieldwise.bundle import (
    MANIFEST_BYTES_MAX,
    FileReference,
    Manifest,
    decode_manifest,
    digest_of,
    encode_manifest,
)
from fieldwise.durable import sync_folder
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.private import FULL
from fieldwise.regular import open_regular
from fieldwise.ustar import BLOCK, END, header, padding, read_up_to, size_in

MANIFEST_NAME = "manifest.json"
CHUNK_BYTES = 1024 * 1024  # one piece in memory at a time; larger ones read no faster
_INCOMING = ".incoming-"


class Reader:
    """Reads one bundle file from a stream, from front to back, verifying as it goes.

    Args:
        stream: The file's bytes; ``read(n)`` may return fewer, and nothing at the end.

    Raises:
        FieldwiseError: ``BUNDLE_INVALID`` when it does not begin with a valid manifest.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        content = self._read_manifest()
        self.manifest: Manifest = decode_manifest(content)
        self.digest: str = digest_of(content)

    def files(self) -> Iterator[tuple[FileReference, Iterator[bytes]]]:
        """Yield each file and its pieces; what is not consumed is read and verified all the same.

        Raises:
            FieldwiseError: ``BUNDLE_INVALID`` for anything but the files of the manifest in their
                order, ``DIGEST_MISMATCH`` for other contents.
        """
        for file in self.manifest.files:
            if self._take(BLOCK) != header(file.digest, file.size):
                raise _invalid(f"file {file.digest[:12]} of the manifest does not come next")
            pieces = self._pieces(file)
            yield file, pieces
            for _ in pieces:
                pass
        if self._take(len(END) + 1, allow_short=True) != END:
            raise _invalid("something follows the last file of the manifest")

    def _read_manifest(self) -> bytes:
        block = self._take(BLOCK)
        size = size_in(block)
        if not 0 < size <= MANIFEST_BYTES_MAX or block != header(MANIFEST_NAME, size):
            raise _invalid("the file does not begin with a manifest; is it a bundle?")
        content = self._take(size)
        self._skip_padding(size)
        return content

    def _pieces(self, file: FileReference) -> Iterator[bytes]:
        hashed = hashlib.sha256()
        left = file.size
        while left:
            piece = self._take(min(left, CHUNK_BYTES))
            hashed.update(piece)
            left -= len(piece)
            yield piece
        self._skip_padding(file.size)
        if hashed.hexdigest() != file.digest:
            raise FieldwiseError(
                Fault.DIGEST_MISMATCH,
                f"file {file.digest[:12]} has digest {hashed.hexdigest()[:12]}",
            )

    def _skip_padding(self, size: int) -> None:
        if any(self._take(len(padding(size)))):
            raise _invalid("the padding of a file is not empty")

    def _take(self, size: int, *, allow_short: bool = False) -> bytes:
        content = read_up_to(self._stream, size)
        if len(content) < size and not allow_short:
            raise _invalid("the bundle file ends too early")
        return content


def write(path: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> str:
    """Write a bundle file, whole or not at all, and return the bundle's digest.

    Args:
        path: Where to; an existing file is replaced in one step.
        manifest: The bundle.
        contents: The bytes of every file of the manifest, by digest.

    Raises:
        FieldwiseError: ``DIGEST_MISMATCH`` when contents and manifest differ, ``DISK_FULL``.
    """
    for file in manifest.files:
        if digest_of(contents[file.digest]) != file.digest:
            raise FieldwiseError(Fault.DIGEST_MISMATCH, f"file {file.digest[:12]} is another one")
    head = encode_manifest(manifest)
    members = [(MANIFEST_NAME, head), *((f.digest, contents[f.digest]) for f in manifest.files)]
    with _disk_full_named(path.parent), _gathering(path.parent) as incoming:
        partial = incoming / path.name
        with partial.open("xb") as stream:
            for name, content in members:
                stream.write(header(name, len(content)))
                stream.write(content)
                stream.write(padding(len(content)))
            stream.write(END)
            _settle(stream)
        partial.replace(path)
        sync_folder(path.parent)
    return digest_of(head)


def head_of(path: Path) -> tuple[str, Manifest]:
    """Digest and manifest that a bundle file begins with; nothing after it is looked at.

    Raises:
        FieldwiseError: ``BUNDLE_INVALID``; ``NOT_FOUND`` when the file cannot be read.
    """
    with open_regular(path, Fault.NOT_FOUND) as stream:
        reader = Reader(stream)
        return reader.digest, reader.manifest


def manifest_of(path: Path) -> Manifest:
    """As ``head_of``, without the digest."""
    return head_of(path)[1]


def unpack(path: Path, folder: Path) -> tuple[str, Manifest]:
    """Verify a bundle file and lay its parts into a folder, each under its digest.

    The manifest lies there under the bundle's digest. Nothing appears under a final name before
    everything is verified and on disk; a file that is there already is replaced by equal bytes.

    Args:
        path: A bundle file.
        folder: The content-addressed folder; made where it is missing.

    Returns:
        The bundle's digest and its manifest.

    Raises:
        FieldwiseError: ``BUNDLE_INVALID``, ``DIGEST_MISMATCH``, ``DISK_FULL`` (the folder is as it
            was), ``NOT_FOUND`` when the bundle file cannot be read.
    """
    with _disk_full_named(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with open_regular(path, Fault.NOT_FOUND) as stream, _gathering(folder) as incoming:
            reader = Reader(stream)
            for file, pieces in reader.files():
                _lay(incoming / file.digest, pieces)
            _lay(incoming / reader.digest, iter([encode_manifest(reader.manifest)]))
            for file in reader.manifest.files:
                (incoming / file.digest).replace(folder / file.digest)
            sync_folder(folder)
            (incoming / reader.digest).replace(folder / reader.digest)
            sync_folder(folder)
    return reader.digest, reader.manifest


def sweep(folder: Path) -> None:
    """Remove what an ``unpack`` that was killed left behind; call it before the first one."""
    for leftover in folder.glob(f"{_INCOMING}*"):
        shutil.rmtree(leftover)


def _lay(path: Path, pieces: Iterator[bytes]) -> None:
    with path.open("xb") as stream:
        for piece in pieces:
            stream.write(piece)
        _settle(stream)


def _settle(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())


@contextmanager
def _gathering(folder: Path) -> Iterator[Path]:
    incoming = Path(tempfile.mkdtemp(prefix=_INCOMING, dir=folder))
    try:
        yield incoming
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


@contextmanager
def _disk_full_named(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise FieldwiseError(Fault.DISK_FULL, f"no room for the bundle in {folder}") from error


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.BUNDLE_INVALID, sentence)
