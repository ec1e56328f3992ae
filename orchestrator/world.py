"""The clock and the chance of the real world, behind their ports."""

import secrets
import shutil
import time
from pathlib import Path


class SystemClock:
    """``Clock`` of this machine."""

    def now(self) -> float:
        return time.time()


class SystemEntropy:
    """``Entropy`` of the operating system."""

    def token(self, size: int) -> bytes:
        return secrets.token_bytes(size)


def disk_room(folder: Path) -> tuple[int, int]:
    """Return bytes left on the disk of a folder, and bytes in all."""
    usage = shutil.disk_usage(folder)
    return usage.free, usage.total
