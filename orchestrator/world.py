"""The clock and the chance of the real world, behind their ports."""

import resource
import secrets
import shutil
import time
from pathlib import Path

import structlog

_log = structlog.get_logger(__name__)

FILES_KEPT = 1024  # database, downloads, uploads, logs, libraries, the port of metrics


class SystemClock:
    """``Clock`` of this machine."""

    def now(self) -> float:
        return time.time()


class SystemEntropy:
    """``Entropy`` of the operating system."""

    def token(self, size: int) -> bytes:
        return secrets.token_bytes(size)


def connections_within(wanted: int, beside: int) -> int:
    """Raise how many files this process may have open as far as it may; return what fits.

    Args:
        wanted: Connections of devices, a file each.
        beside: Connections of others; fewer in the same proportion where not all fit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + beside + FILES_KEPT
    raised = max(soft, needed if hard == resource.RLIM_INFINITY else min(needed, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    if raised >= needed:
        return wanted
    fitting = max(1, wanted * (raised - FILES_KEPT) // (wanted + beside))
    _log.warning(
        "fewer connections than set, as fewer files may be open",
        connections_max=wanted,
        taken=fitting,
        files=raised,
        needed=needed,
    )
    return fitting


def disk_room(folder: Path) -> tuple[int, int]:
    """Return bytes left on the disk of a folder, and bytes in all."""
    usage = shutil.disk_usage(folder)
    return usage.free, usage.total
