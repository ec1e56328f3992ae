"""Bundles on the device: every file under its digest, what is under way beside it.

A file has its final name only once its bytes have that digest and are on the disk. What is being
fetched lies under ``partial-DIGEST`` and survives a restart, so a download goes on where it broke
off. The layout is that of ``fieldwise.archive.unpack``: a bundle from a file and one from the
network cannot be told apart, and two bundles share the files they have in common.
"""

import hashlib
import os
import shutil
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from agent.device.files import disk_faults
from agent.device.folder import bytes_below
from agent.device.room import Room
from agent.ports import Needs, files_alone
from fieldwise import archive
from fieldwise.bundle import MANIFEST_BYTES_MAX, FileReference, Manifest, decode_manifest
from fieldwise.durable import sync_file, sync_folder
from fieldwise.errors import Fault, FieldwiseError

_PARTIAL = "partial-"
ROOM_LEFT_BYTES = 16 * 1024 * 1024  # learning goes on while a bundle arrives: leave it some room
_READ_BYTES = 1024 * 1024


class BundleFolder:
    """The bundle port on a folder.

    Args:
        folder: Made when it is not there.
        room: The bound of the state folder that it is in; None for none.
    """

    def __init__(self, folder: Path, room: Room | None = None) -> None:
        self._folder = folder
        self._room = room
        self._changing = threading.Lock()
        self._fresh: set[str] = set()  # installed from a file, and not named by anybody yet
        with disk_faults(folder):
            folder.mkdir(mode=0o700, exist_ok=True)

    def sweep(self) -> None:
        """Remove what an installation that was killed left; only for who holds the state's lock."""
        with disk_faults(self._folder):
            archive.sweep(self._folder)

    def path(self, digest: str) -> Path:
        """Where the file of that digest is or would be."""
        return self._folder / digest

    def manifest(self, digest: str) -> Manifest | None:
        """The manifest of that digest; None while it is not here.

        Raises:
            FieldwiseError: ``DIGEST_MISMATCH`` when the file is not what it was; it is removed.
        """
        path = self.path(digest)
        if not path.exists():
            return None
        self.check(digest)
        with disk_faults(path):
            return decode_manifest(path.read_bytes())

    def check(self, digest: str) -> None:
        """Read a file again to see that it is what was stored.

        Raises:
            FieldwiseError: ``DIGEST_MISMATCH``; it is removed then, to be fetched again.
        """
        path = self.path(digest)
        with disk_faults(path):
            if _file_digest(path) != digest:
                path.unlink()
                raise FieldwiseError(Fault.DIGEST_MISMATCH, f"{path} was not what was stored")

    def has(self, file: FileReference) -> bool:
        """Whether a file is here in its full size."""
        path = self.path(file.digest)
        return path.exists() and path.stat().st_size == file.size

    def titles(self) -> dict[str, str]:
        """NAME:VERSION by digest of every bundle whose manifest is here."""
        found = {}
        for path in sorted(self._folder.iterdir()):
            if path.name.startswith((_PARTIAL, ".")) or path.stat().st_size > MANIFEST_BYTES_MAX:
                continue
            with suppress(FieldwiseError):  # a small file that is no manifest
                found[path.name] = decode_manifest(path.read_bytes()).title
        return found

    def held_bytes(self) -> int:
        """What all files here take."""
        return bytes_below(self._folder)

    def missing_room(self, wanted_bytes: int) -> int:
        """Bytes of room that are missing to write so many; 0 where they fit."""
        lacks = self._room.missing(wanted_bytes) if self._room is not None else 0
        free = shutil.disk_usage(self._folder).free
        return max(lacks, wanted_bytes + ROOM_LEFT_BYTES - free, 0)

    def check_room(self, wanted_bytes: int) -> None:
        """Refuse to begin what cannot end.

        Raises:
            FieldwiseError: ``DISK_FULL``.
        """
        if missing := self.missing_room(wanted_bytes):
            raise FieldwiseError(
                Fault.DISK_FULL,
                f"the bundle needs {wanted_bytes:,} bytes; {self._folder} lacks {missing:,}",
            )

    def install(self, path: Path, needs: Needs = files_alone) -> tuple[str, Manifest]:
        """Unpack a bundle file.

        Raises:
            FieldwiseError: What ``archive.unpack`` says, and ``DISK_FULL`` before it starts.
        """
        manifest = archive.manifest_of(path)
        missing = [file for file in manifest.files if not self.has(file)]
        self.check_room(max(path.stat().st_size, needs(manifest, missing)))
        with self._changing, disk_faults(self._folder):
            digest, manifest = archive.unpack(path, self._folder)
            self._fresh.add(digest)
        return digest, manifest

    def partial_bytes(self, digest: str) -> int:
        """How much of a file has arrived."""
        partial = self._partial(digest)
        return partial.stat().st_size if partial.exists() else 0

    def append(self, digest: str, content: bytes) -> None:
        """Add the next piece of a file.

        Raises:
            FieldwiseError: ``DISK_FULL``; what arrived before stays.
        """
        partial = self._partial(digest)
        if self._room is not None:
            self._room.require(len(content))
        with disk_faults(partial):
            before = self.partial_bytes(digest)
            try:
                with partial.open("ab") as file:
                    file.write(content)
            except OSError:
                os.truncate(partial, before)
                raise

    def finish(self, digest: str) -> None:
        """Give a fetched file its name, if it is what was asked for.

        Raises:
            FieldwiseError: ``DIGEST_MISMATCH``; then nothing of it is kept.
        """
        partial = self._partial(digest)
        with disk_faults(partial):
            if _file_digest(partial) != digest:
                partial.unlink()
                raise FieldwiseError(
                    Fault.DIGEST_MISMATCH,
                    f"the bytes fetched for {digest[:12]} have another digest",
                )
            sync_file(partial)  # a name that outlives its bytes would pass for the whole file
            partial.replace(self.path(digest))
            sync_folder(self._folder)

    def drop(self, digest: str) -> None:
        """Forget what arrived of a file."""
        with disk_faults(self._folder):
            self._partial(digest).unlink(missing_ok=True)

    def collect(self, keep: Iterable[str]) -> None:
        """Remove every file that none of the bundles to keep (digests of manifests) names.

        What was installed from a file stays as well, until it was to be kept once: who installs it
        has yet to say that it is wanted.
        """
        with self._changing:
            self._collect(set(keep))

    def _collect(self, kept: set[str]) -> None:
        self._fresh -= kept
        kept |= self._fresh
        for digest in tuple(kept):
            if manifest := self.manifest(digest):
                kept.update(file.digest for file in manifest.files)
        kept |= {f"{_PARTIAL}{name}" for name in kept}
        with disk_faults(self._folder):
            for path in self._folder.iterdir():
                if path.name not in kept:
                    path.unlink()

    def _partial(self, digest: str) -> Path:
        return self._folder / f"{_PARTIAL}{digest}"


def _file_digest(path: Path) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            hashed.update(piece)
    return hashed.hexdigest()
