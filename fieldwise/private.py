"""Files that only their owner reads."""

import errno
import os
from pathlib import Path

from fieldwise.durable import sync_folder

# What a system says that has no room: the disk, the quota, or the limit on a file's size.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all, and survive a power loss.

    Raises:
        OSError: What the file system said; the file of before is untouched.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
