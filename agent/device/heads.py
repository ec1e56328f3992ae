"""Files of global heads, each under its SHA-256, in a folder of the state folder."""

from pathlib import Path

from agent.device.files import disk_faults, write_file
from agent.device.room import Room
from fieldwise.bundle import check_digest_text, digest_of
from fieldwise.durable import sync_folder
from fieldwise.errors import Fault, FieldwiseError


class HeadFolder:
    """The port ``HeadFiles`` on a folder.

    Args:
        path: The folder; made with the first file.
        room: The bound of the folder that it is in.
    """

    def __init__(self, path: Path, room: Room) -> None:
        self._path = path
        self._room = room

    def write(self, digest: str, content: bytes) -> None:
        if digest_of(content) != digest:
            raise FieldwiseError(
                Fault.DIGEST_MISMATCH, f"a global head is not the file {digest[:12]}"
            )
        self._room.require(len(content))
        with disk_faults(self._path):
            if not self._path.is_dir():
                self._path.mkdir(mode=0o700)
                sync_folder(self._path.parent)
        write_file(self._path / digest, content)

    def read(self, digest: str) -> bytes | None:
        path = self._path / check_digest_text(digest)
        with disk_faults(path):
            content = path.read_bytes() if path.exists() else None
        return content if content is not None and digest_of(content) == digest else None

    def keep(self, digests: frozenset[str]) -> None:
        with disk_faults(self._path):
            found = list(self._path.iterdir()) if self._path.exists() else []
            for path in found:
                if path.name not in digests:
                    path.unlink()
