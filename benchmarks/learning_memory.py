"""Resident memory of an idle agent: the real daemon with a bundle and a head, outside any fleet."""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.learning_data import bundle_file
from benchmarks.learning_speed import drawn_images
from fieldwise.client import Device

LESSONS, CLASSES = 200, 5
PATIENCE_SECONDS = 60.0
SETTLED_SECONDS = 3.0  # longer than the daemon's own second


def agent_resident(work: Path) -> dict[str, float]:
    """MB of the daemon, after a start and after lessons, both idle."""
    with TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        command = [
            str(Path(sys.executable).parent / "fieldwise-agent"),
            "--state-folder",
            str(state),
        ]
        install = [*command, "backbone", "install", str(bundle_file(work))]
        subprocess.run(install, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with subprocess.Popen(
            [*command, "run"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as daemon:
            try:
                return _measured(daemon.pid, state)
            finally:
                daemon.terminate()


def _measured(pid: int, state: Path) -> dict[str, float]:
    socket = state / "applications" / "socket"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not socket.exists():
        if time.monotonic() > deadline:
            message = "the agent did not open its socket"
            raise TimeoutError(message)
        time.sleep(0.1)
    time.sleep(SETTLED_SECONDS)
    fresh = _resident(pid)
    images = drawn_images()
    with Device(socket) as device:
        for number in range(LESSONS):
            device.teach(images[number % len(images)], f"class {number % CLASSES}")
    time.sleep(SETTLED_SECONDS)
    return {"agent_rss_mb": _resident(pid), "agent_rss_mb_before_lessons": fresh}


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
