"""Memory: what the learner holds at 81 classes, and the resident daemon with fp32 and with int8.

``memory_mb`` is what Python's own tracing sees allocated from before the learner is made until it
has learned ``LESSONS_A_CLASS`` images of each of 81 classes: statistics, every enabled head, the
record of how they do, the index of remembered images, and Python's objects around them. The
backbone's session and SQLite's cache are not traced; they are in ``agent_rss_mb``, which is the
real daemon, outside any fleet and idle.
"""

import gc
import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from agent.device.database import Database
from agent.device.samples import DatabaseSamples
from agent.learning.embedder import OnnxEmbedder
from agent.learning.learner import Learner
from agent.learning.pair import fresh_pair
from agent.learning.settings import LearningSettings
from benchmarks.footprint import held_bytes
from benchmarks.learning_data import bundle_file, int8_bundle
from benchmarks.learning_image import drawn_images
from fieldwise.client import Device

LESSONS, CLASSES = 200, 5
HELD_CLASSES, LESSONS_A_CLASS = 81, 8
PATIENCE_SECONDS = 60.0
SETTLED_SECONDS = 3.0  # longer than the daemon's own second
MB = 1e6


def figures(embedder: OnnxEmbedder, work: Path) -> dict[str, float]:
    """All of it."""
    found = learner_holds(embedder)
    found |= agent_resident(bundle_file(work), "fp32", "agent_rss_mb")
    return found | agent_resident(int8_bundle(work), "int8", "agent_rss_mb_int8")


def learner_holds(embedder: OnnxEmbedder) -> dict[str, float]:
    """MB that are allocated for a learner that knows 81 classes."""
    images = drawn_images()
    settings = LearningSettings()
    with TemporaryDirectory() as folder:
        store = DatabaseSamples(Database(Path(folder) / "state.sqlite"))
        gc.collect()
        tracemalloc.start()
        try:
            random = Random(1)  # noqa: S311 - chooses images, no secret
            learner = Learner(fresh_pair(embedder, (), settings), store, settings, random)
            for number in range(HELD_CLASSES * LESSONS_A_CLASS):
                name = f"class {number % HELD_CLASSES}"
                image = images[number % len(images)]
                learner.teach(f"s{number}", image, name, "", 10.0 * number)
            learner.flush()
            learner.pair.settle()
            gc.collect()
            traced = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        arrays = held_bytes(learner, without=[embedder, store])
        return {"memory_mb": traced / MB, "memory_mb.arrays_and_bytes": arrays / MB}


def agent_resident(bundle: Path, variant: str, key: str) -> dict[str, float]:
    """MB of the daemon, after a start and after lessons, both idle."""
    with TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        command = [
            str(Path(sys.executable).parent / "fieldwise-agent"),
            "--state-folder",
            str(state),
            "--set",
            f"variant={variant}",
        ]
        install = [*command, "backbone", "install", str(bundle)]
        subprocess.run(install, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with subprocess.Popen(
            [*command, "run"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as daemon:
            try:
                fresh, taught = _measured(daemon.pid, state, variant)
            finally:
                daemon.terminate()
    return {key: taught, f"{key}_before_lessons": fresh}


def _measured(pid: int, state: Path, variant: str) -> tuple[float, float]:
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
        _check_variant(device, variant)
    time.sleep(SETTLED_SECONDS)
    return fresh, _resident(pid)


def _check_variant(device: Device, variant: str) -> None:
    running = device.status().variant
    assert running == variant, f"the agent runs {running} instead of {variant}"


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB
