"""A real agent as a process of its own, on a state folder of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from fieldwise.client import Device
from fieldwise.errors import FieldwiseError

PROGRAM = str(Path(sys.executable).parent / "fieldwise-agent")
START_SECONDS = 240.0  # on a machine that runs much else as well; nobody waits longer than needed
END_SECONDS = 120.0


class AgentProcess:
    """A daemon that a test starts, asks and ends by its id.

    Args:
        folder: Its state; short, since Unix sockets have 108 bytes.
        settings: Environment variables of the agent without their prefix.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        kept = {
            name: text for name, text in os.environ.items() if not name.startswith("FIELDWISE_")
        }
        own = {f"FIELDWISE_AGENT_{name.upper()}": text for name, text in settings.items()}
        self.environment = {**kept, **own, "FIELDWISE_AGENT_STATE_FOLDER": str(folder)}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "applications" / "socket"

    def start(self) -> None:
        """Start the daemon and wait until it listens."""
        self.process = subprocess.Popen(
            [PROGRAM, "run"], env=self.environment, stderr=subprocess.DEVNULL
        )
        Device(self.socket, wait_seconds=START_SECONDS).close()

    def device(self) -> Device:
        return Device(self.socket, wait_seconds=START_SECONDS)

    def kill(self) -> None:
        """What a power cut looks like to a program."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """End it in order; returns its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def run(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            [PROGRAM, *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def ask(self, *arguments: str | Path) -> Any:
        """Run a command that must succeed; returns its JSON."""
        ended = self.run(*arguments, "--json")
        assert ended.returncode == 0, ended.stderr
        return msgspec.json.decode(ended.stdout)


def wait_until(done: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    """Poll until something is so; an agent that does not answer yet is not so."""
    end = time.monotonic() + seconds
    while not _holds(done):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def _holds(done: Callable[[], bool]) -> bool:
    try:
        return done()
    except FieldwiseError:
        return False
