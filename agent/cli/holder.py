"""Which process works on a state folder without listening, written into the folder's lock file.

Only who has the lock writes there. A daemon writes nothing: it listens, or is about to.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_BYTES_MAX = 20  # of a process's number


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Say for a while that this process works on a folder that it has locked."""
    lock = folder / "lock"
    with suppress(OSError):  # a courtesy to others, which a full disk may prevent
        lock.write_text(str(os.getpid()))
    try:
        yield
    finally:
        with suppress(OSError):
            os.truncate(lock, 0)


def holder_of(folder: Path) -> int | None:
    """The number of the process that said so, if there is one and it lives."""
    try:
        with (folder / "lock").open("rb") as file:
            said = file.read(_BYTES_MAX)
    except OSError:
        return None
    number = int(said) if said.isdigit() else 0
    return number if number and Path(f"/proc/{number}").exists() else None
