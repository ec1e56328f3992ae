"""The child processes of a process, as the kernel lists them."""

from contextlib import suppress
from pathlib import Path


def children_of(pid: int) -> set[int]:
    """Ids of the children that have not ended."""
    found = set()
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it may end while it is looked at
            state, parent = place.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state not in "ZX":
                found.add(int(place.parent.name))
    return found


def command_of(pid: int) -> str:
    """The command line of a process; empty where it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""
