"""What a program notes before it dies, for the test that let it."""

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

SIDES = ("before", "after")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()  # the signal is delivered before this returns


def note(trail: str, **told: Any) -> None:
    """Add a line to a file that outlives the process: what the kernel has, a kill does not take."""
    descriptor = os.open(trail, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, json.dumps(told).encode() + b"\n")
    os.close(descriptor)


def trail_of(path: Path) -> list[dict[str, Any]]:
    """What a program noted before it died."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
