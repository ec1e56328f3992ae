"""What makes files outlive a power loss: their bytes, and the names that lead to them."""

import os
from pathlib import Path


def sync_file(path: Path) -> None:
    """Bring a file's bytes to the disk.

    Raises:
        OSError: What the file system said.
    """
    _sync(path, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder as durable as the files they lead to.

    Raises:
        OSError: What the file system said.
    """
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner reads, with those above it, where they are missing.

    Their names are as durable then as what is written in them will be.

    Raises:
        OSError: What the file system said.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in missing:
        sync_folder(each.parent)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
