"""An agent as a forked process, and a client that predicts all the while."""

import random
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import msgspec

from agent.device.database import Database
from agent.device.journal import DatabaseJournal
from agent.update.events import UpdateState
from fieldwise.client import Device
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import CLASSES, class_images
from tests.fakes.agent_process import START_SECONDS, AgentProcess, wait_until
from tests.faults.forked import Child, Mother

# What an application meets while there is no agent; every other fault is a failed prediction.
AWAY = frozenset({Fault.UNREACHABLE, Fault.UNAVAILABLE})
# A head that moves waits for images that pass; by default for so many that an update takes minutes.
PASSING = {"passing_pairs": "32"}


class ForkedAgent(AgentProcess):
    """A daemon that starts in tenths of a second.

    Args:
        mother: Forks it.
        folder: Its state; short, since Unix sockets have 108 bytes.
        settings: Environment variables of the agent without their prefix.
    """

    def __init__(self, mother: Mother, folder: Path, **settings: str) -> None:
        super().__init__(folder, **{**PASSING, **settings})
        self._mother = mother
        self._log = folder.with_name(f"{folder.name}.log")
        self.child: Child | None = None

    def begin(self, trap: Mapping[str, Any] | None = None) -> Child:
        """Start the daemon, with a trap or without, and wait for nothing."""
        self.socket.unlink(missing_ok=True)  # of a daemon that was killed
        if self.child is not None:
            self.child.close()
        self.child = self._mother.fork(["run"], self.environment, self._log, trap)
        return self.child

    def start(self, trap: Mapping[str, Any] | None = None) -> None:
        """Start the daemon and wait until it listens."""
        child = self.begin(trap)
        wait_until(lambda: self.socket.exists() or child.ended())
        assert not child.ended(), f"the agent did not start:\n{child.told()}"

    def kill(self) -> None:
        assert self.child is not None
        self.child.kill()
        self.child.close()

    def stop(self) -> int:
        assert self.child is not None
        self.child.send(signal.SIGTERM)
        self.child.wait()
        self.child.close()
        return 0

    def run_forked(self, *arguments: str | Path) -> str:
        """Run a command to its end; returns what it printed."""
        log = self.folder.with_name(f"{self.folder.name}.command")
        child = self._mother.fork(list(map(str, arguments)), self.environment, log)
        child.wait()
        child.close()
        return child.output.read_text() if child.output.exists() else ""

    def journal(self) -> UpdateState:
        """What the journal of an agent says that does not run."""
        database = Database(self.folder / "state.sqlite")
        try:
            return DatabaseJournal(database).update()
        finally:
            database.close()


@contextmanager
def kept(
    agent: ForkedAgent, trap: Mapping[str, Any], later: Mapping[str, Any] | None = None
) -> Iterator[None]:
    """Start an agent with a trap, and with another or none whenever it has died since."""
    over = threading.Event()
    agent.begin(trap)

    def keep() -> None:
        while not over.is_set():
            assert agent.child is not None
            if agent.child.ended(0.1) and not over.is_set():
                agent.begin(later)

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        wait_until(agent.socket.exists)
        yield
    finally:
        over.set()
        keeper.join()


class Client:
    """An application that predicts without a pause, in a thread of its own.

    While there is no agent it waits; every other fault, and every answer that is no class, is a
    failed prediction.

    Args:
        socket: Where the agent listens.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.answered = 0
        self.away = 0
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(START_SECONDS)

    def _run(self) -> None:
        chance = random.Random(1)
        while not self._stop.is_set():
            if not self._socket.exists():
                self._stop.wait(0.02)
                continue
            with suppress(FieldwiseError), Device(self._socket, wait_seconds=2) as device:
                self._ask(device, chance)

    def _ask(self, device: Device, chance: random.Random) -> None:
        while not self._stop.is_set():
            image = class_images(chance.choice(CLASSES), 1)[0]
            try:
                best = device.predict(image).best
            except FieldwiseError as error:
                if error.fault in AWAY:
                    self.away += 1
                    return
                self.failures.append(error.sentence)
            else:
                self.answered += 1
                if best not in CLASSES:
                    self.failures.append(f"answered {best!r}")
            self._stop.wait(0.02)


def encoded(state: UpdateState) -> dict[str, Any]:
    """A state as the journal writes it, to be compared with what a trap noted."""
    found: dict[str, Any] = msgspec.to_builtins(state)
    return found


def until(deadline_seconds: float) -> float:
    """When to stop waiting, by the clock that never jumps."""
    return time.monotonic() + deadline_seconds
