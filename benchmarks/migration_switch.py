"""What a running device goes through while its backbone is changed: a real daemon, asked all along.

It learns ``TAUGHT`` photographs of the training half on Lite0 at 128 px with room for about a third
of their images, answers ``RATE`` predictions a second for a while, is given the same at 224 px and
is asked at the same rate until that serves and is through with its probation. Keys are
``switch.*``: predictions that failed; the 99th percentile of their times steady and from the
command on until the new backbone serves, milliseconds; seconds of that; memory of the process,
resident, steady and at its highest, MiB (the trial of the new graph is a process of its own);
samples that were carried over, of how many; and per cent right on test images before and after.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.learning_data import ImageSet
from fieldwise.client import Device
from fieldwise.errors import FieldwiseError
from fieldwise.update import UNDER_WAY, UpdatePhase

TAUGHT, ASKED = 1200, 300
RATE = 20.0  # a second
STEADY_SECONDS = 20.0
MINUTES_MAX = 15  # of the change; longer is a failure
SETTINGS = {
    "exemplar_bytes_max": 4 * 1024**2,
    "probation_predictions": 100,
    "latency_ratio_max": 10,  # 224 px take three times as long, and that is meant
}
ENDED = {UpdatePhase.ACTIVE, UpdatePhase.DECLINED, UpdatePhase.REVERTED}
PROGRAM = str(Path(sys.executable).parent / "fieldwise-agent")


@dataclass(slots=True)
class _Asked:
    """Predictions and what they took."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0
    resident_mib: float = 0.0

    @property
    def p99(self) -> float:
        """The 99th percentile, milliseconds."""
        return 1e3 * float(np.percentile(self.seconds, 99))


def figures(images: ImageSet, old: Path, new: Path) -> dict[str, float]:
    """One change, from the command until it is over."""
    chance = Random(0)  # noqa: S311 - draws images
    train = [(path.read_bytes(), name, number) for number, (path, name) in enumerate(images.train)]
    taught = chance.sample(train, min(TAUGHT, len(train)))
    stream = [content for content, _, number in train if number not in {each[2] for each in taught}]
    test = chance.sample(images.test, min(ASKED, len(images.test)))
    with _daemon(old) as (device, folder, process):
        for content, name, number in taught:
            device.teach(content, name, burst=f"{name} {number // 5}")
        right = _right(device, test)
        known = sum(device.status().classes.values())
        steady = _Asked()
        _ask(device, process, stream, steady, time.monotonic() + STEADY_SECONDS)
        change, after, seconds = _change(device, process, stream, folder, new)
        status = device.status()
        found = {
            "accuracy_before": right,
            "accuracy_after": _right(device, test),
            "learned": float(known),
            "carried": float(status.carried_samples),
            "ended_well": float(status.update.phase == UpdatePhase.ACTIVE),
            "predictions": float(len(change.seconds) + len(after.seconds)),
            "predictions_failed": float(steady.failed + change.failed + after.failed),
            "seconds": seconds,
            "p99_steady_ms": steady.p99,
            "p99_during_ms": change.p99,
            "resident_steady_mib": steady.resident_mib,
            "resident_peak_mib": max(change.resident_mib, after.resident_mib),
        }
    return {f"switch.{name}": value for name, value in found.items()}


def _change(
    device: Device, process: int, stream: Sequence[bytes], folder: str, new: Path
) -> tuple[_Asked, _Asked, float]:
    """Give it the new backbone and ask on until it is through."""
    change, after, begun = _Asked(), _Asked(), False
    giving = subprocess.Popen(
        [PROGRAM, "--state-folder", folder, "backbone", "install", str(new)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    began = switched = time.monotonic()
    while time.monotonic() - began < 60 * MINUTES_MAX:
        phase = device.status().update.phase
        begun = begun or phase in UNDER_WAY
        serves = begun and phase in {UpdatePhase.PROBATION, UpdatePhase.ACTIVE}
        if not serves:
            switched = time.monotonic()
        if begun and phase in ENDED:
            break
        _ask(device, process, stream, after if serves else change, time.monotonic() + 1)
    giving.wait()
    return change, after, switched - began


def _ask(
    device: Device, process: int, stream: Sequence[bytes], asked: _Asked, until: float
) -> None:
    due = time.monotonic()
    while time.monotonic() < until:
        content = stream[(len(asked.seconds) + asked.failed) % len(stream)]
        begun = time.monotonic()
        try:
            device.predict(content)
        except FieldwiseError:
            asked.failed += 1
        else:
            asked.seconds.append(time.monotonic() - begun)
        asked.resident_mib = max(asked.resident_mib, _resident_mib(process))
        due += 1 / RATE
        time.sleep(max(0.0, due - time.monotonic()))


def _right(device: Device, test: Sequence[tuple[Path, str]]) -> float:
    said = [device.predict(path.read_bytes()).best == name for path, name in test]
    return 100 * sum(said) / len(said)


def _resident_mib(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


def _command(folder: str, *words: str) -> None:
    subprocess.run(
        [PROGRAM, "--state-folder", folder, *words], check=True, stdout=subprocess.DEVNULL
    )


@contextmanager
def _daemon(bundle: Path) -> Iterator[tuple[Device, str, int]]:
    told = [f"--set={name}={value}" for name, value in SETTINGS.items()]
    with TemporaryDirectory() as folder:
        _command(folder, "backbone", "install", str(bundle))
        running = subprocess.Popen(
            [PROGRAM, "--state-folder", folder, *told, "run"], stderr=subprocess.DEVNULL
        )
        try:
            with Device(Path(folder) / "applications" / "socket", wait_seconds=60) as device:
                yield device, folder, running.pid
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(60)
