"""Wear of the flash: what the real daemon writes for a sample, a prediction and a day of silence.

    python -m benchmarks.wear --work FOLDER [--json FILE] [--idle-seconds 60]

The kernel counts for every process the pages that it made dirty (``write_bytes`` of
``/proc/PID/io``): what goes to the disk in whole pages, without the file system's own bookkeeping.
``FOLDER`` has to be on a disk; the daemon's state lies in it while this runs.

A silent device is watched for ``--idle-seconds``, and the hour and the day are extrapolated from
that. A check-in's writes are measured by themselves and added up for one a minute.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from agent.device.clock import SystemClock
from agent.device.database import Database
from agent.device.journal import DatabaseJournal
from agent.device.ledger import LedgerFile
from agent.device.meter import written_bytes
from benchmarks.learning_data import bundle_file
from fieldwise.client import Device

SAMPLES, CLASSES, SIDE = 320, 10, 256
CHECK_INS, SUMMARY = 240, "x" * 300  # about as long as a check-in's summary is
SETTLED_SECONDS = 3.0  # longer than the daemon's own second
CHECK_INS_A_DAY = 24 * 60
HOUR, DAY = 3600, 86_400


def pictures() -> list[bytes]:
    """JPEG files of 256 px, as a camera gives them: large shapes, a gradient and noise."""
    dice = np.random.default_rng(0)
    made = []
    for _ in range(SAMPLES):
        coarse = dice.integers(0, 256, (8, 8, 3), np.uint8)
        smooth = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        noisy = np.asarray(smooth, np.float32) + dice.normal(0, 6, (SIDE, SIDE, 3))
        target = BytesIO()
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(target, "JPEG", quality=85)
        made.append(target.getvalue())
    return made


@contextmanager
def daemon(work: Path, bundle: Path, **settings: object) -> Iterator[tuple[Device, int]]:
    """A real daemon with a backbone, alone: its client and its process number."""
    told = [f"--set={name}={value}" for name, value in settings.items()]
    with TemporaryDirectory(dir=work) as folder:
        program = [str(Path(sys.executable).parent / "fieldwise-agent"), "--state-folder", folder]
        subprocess.run(
            [*program, "backbone", "install", str(bundle)], check=True, stdout=subprocess.DEVNULL
        )
        running = subprocess.Popen([*program, *told, "run"], stdout=subprocess.DEVNULL)
        try:
            with Device(Path(folder) / "applications" / "socket", wait_seconds=60) as device:
                time.sleep(SETTLED_SECONDS)
                yield device, running.pid
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(60)


def written_by(process: int) -> int:
    lines = Path(f"/proc/{process}/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes:")).split()[1])


def per_sample(work: Path, bundle: Path, images: list[bytes], group: int) -> float:
    """Bytes for one taught sample, where so many are written together."""
    with daemon(work, bundle, commit_samples=group, commit_seconds=60) as (device, process):
        before = written_by(process)
        for number, image in enumerate(images):
            device.teach(image, f"class {number % CLASSES}", burst=f"scene {number}")
        return (written_by(process) - before) / len(images)


def per_prediction(work: Path, bundle: Path, images: list[bytes]) -> float:
    """Bytes for one prediction that is kept for feedback."""
    with daemon(work, bundle) as (device, process):
        for number, image in enumerate(images[:32]):
            device.teach(image, f"class {number % CLASSES}", burst=f"scene {number}")
        time.sleep(SETTLED_SECONDS)
        before = written_by(process)
        for image in images:
            device.predict(image)
        time.sleep(SETTLED_SECONDS)
        return (written_by(process) - before) / len(images)


def idle(work: Path, bundle: Path, seconds: float) -> float:
    """Bytes in so many seconds in which nobody asks and no fleet is there."""
    with daemon(work, bundle) as (_, process):
        before = written_by(process)
        time.sleep(seconds)
        return float(written_by(process) - before)


def per_check_in(work: Path) -> float:
    """Bytes that the ledger writes before a check-in is sent."""
    with TemporaryDirectory(dir=work) as folder:
        database = Database(Path(folder) / "state.sqlite")
        ledger = LedgerFile(Path(folder) / "ledger", DatabaseJournal(database), SystemClock())
        before = written_bytes()
        for number in range(CHECK_INS):
            ledger.append("check-in", 400, SUMMARY, float(number))
        after = written_bytes()
        database.close()
    if before is None or after is None:
        raise SystemExit("this kernel does not count what a process writes")
    return (after - before) / CHECK_INS


def figures(work: Path, idle_seconds: float) -> dict[str, float]:
    """All of it."""
    bundle, images = bundle_file(work), pictures()
    silent, check_in = idle(work, bundle, idle_seconds), per_check_in(work)
    return {
        "image_bytes": sum(map(len, images)) / len(images),
        "sample_bytes.group_1": per_sample(work, bundle, images, 1),
        "sample_bytes.group_32": per_sample(work, bundle, images, 32),
        "prediction_bytes": per_prediction(work, bundle, images),
        "idle_seconds_watched": idle_seconds,
        "idle_bytes_watched": silent,
        "idle_bytes_an_hour_extrapolated": silent * HOUR / idle_seconds,
        "idle_bytes_a_day_extrapolated": silent * DAY / idle_seconds,
        "check_in_bytes": check_in,
        "check_in_bytes_a_day_extrapolated": check_in * CHECK_INS_A_DAY,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="where the bundle is or is made")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    parser.add_argument("--idle-seconds", type=float, default=60.0)
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    found = figures(asked.work, asked.idle_seconds)
    for name, value in found.items():
        print(f"{name:36} {value:14,.0f}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
