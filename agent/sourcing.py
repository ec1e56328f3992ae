"""Sources of images put together, for the commands that feed them to an agent.

They are apart from the agent itself, so that a daemon, which has no source, does not hold what they
need in memory.
"""

import random
import time
from functools import partial
from pathlib import Path

from agent.device.clock import SystemClock
from agent.sources.camera import Camera
from agent.sources.feeding import Feeder, Say, Taker
from agent.sources.folder import WatchedFolder
from agent.sources.frame import Tell
from agent.sources.tree import FolderTree
from fieldwise import retry

CAMERA_SECONDS = 30.0  # most of them between two looks for a camera that was unplugged


def watched_folder(folder: Path, tell: Tell, *, existing: bool) -> WatchedFolder:
    """A folder as a source, of new files or also of those that exist.

    Raises:
        FieldwiseError: ``NOT_FOUND``, ``INVALID_ARGUMENT``.
    """
    return WatchedFolder(folder, SystemClock(), tell, existing=existing)


def folder_tree(folder: Path, tell: Tell) -> FolderTree:
    """A folder as a source that ends: what is in it now.

    Raises:
        FieldwiseError: ``NOT_FOUND``.
    """
    return FolderTree(folder, SystemClock(), tell)


def camera(device: str, every_seconds: float, class_name: str | None, tell: Tell) -> Camera:
    """A camera, stream or video file as a source."""
    waits = partial(retry.delays, random.SystemRandom(), ceiling_seconds=CAMERA_SECONDS)
    return Camera(
        device, every_seconds, class_name, SystemClock(), pause=time.sleep, waits=waits, tell=tell
    )


def feeder(taker: Taker, say: Say, tell: Tell) -> Feeder:
    """What brings frames of a source to an agent."""
    return Feeder(taker, say, tell, time.sleep)
