"""Tar of the plain ``ustar`` kind (POSIX.1-1988), as it is written and read without trust.

Whoever reads builds the header that he expects and compares: no path, link, sparse file or extended
header gets by. So times, owners and modes are constants, and a name and a size make a header.
"""

import tarfile
from typing import Protocol

BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)


class Readable(Protocol):
    def read(self, size: int, /) -> bytes:
        """Return bytes, fewer perhaps than were asked for, and none at the end."""


def header(name: str, size: int, mode: int = 0o644) -> bytes:
    """Return the header of a member; what is not ASCII in a name becomes a question mark."""
    member = tarfile.TarInfo(name)  # its defaults are the constants: time 0 and owner 0
    member.size = size
    member.mode = mode
    return member.tobuf(format=tarfile.USTAR_FORMAT, encoding="ascii", errors="replace")


def padding(size: int) -> bytes:
    """Return what fills a member's last block."""
    return bytes(-size % BLOCK)


def size_in(block: bytes) -> int:
    """Return the size that a header says; -1 where it says none."""
    digits = block[124:135]
    return int(digits, 8) if digits.isdigit() and not set(digits) & {0x38, 0x39} else -1


def read_up_to(stream: Readable, size: int) -> bytes:
    """Return so many bytes, fewer only where the stream ends."""
    content = bytearray()
    while len(content) < size and (piece := stream.read(size - len(content))):
        content += piece
    return bytes(content)
