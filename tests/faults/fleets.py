"""A small fleet of real processes: an orchestrator that comes back on its ports, and a device."""

import json
import re
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import grpc
import typer
from typer.testing import CliRunner

from fieldwise.errors import FieldwiseError
from tests.fakes.agent_process import wait_until
from tests.faults.forked import Child, Mother
from tests.orchestrators import LISTEN, environment

TRIES = 240
PAUSE_SECONDS = 0.25
USAGE = 2  # the exit status of a command that was called wrongly
AnswerT = TypeVar("AnswerT")


class ForkedOrchestrator:
    """``fieldwise serve`` that somebody starts again whenever it dies, on the same ports.

    Args:
        mother: Forks it.
        folder: Its data.
        flags: Of ``serve``.
    """

    def __init__(self, mother: Mother, folder: Path, *flags: str) -> None:
        self.folder, self._mother, self._flags = folder, mother, flags
        self._listen: tuple[str, ...] = LISTEN
        self._over = threading.Event()
        self._keeper: threading.Thread | None = None
        self.child: Child | None = None
        self.told: dict[str, str] = {}

    def start(self, trap: Mapping[str, Any] | None = None) -> None:
        """Start it and wait until it says where it listens."""
        child = self._fork(trap)
        wait_until(lambda: announced(child.output) is not None or child.ended())
        self.told = announced(child.output) or {}
        assert self.told, f"the orchestrator did not start:\n{child.told()}"
        addresses = {name: self.told[f"{name}_address"] for name in ("device", "operator")}
        self._listen = (*LISTEN, *(f"--{name}-listen={at}" for name, at in addresses.items()))

    def _fork(self, trap: Mapping[str, Any] | None = None) -> Child:
        log = self.folder.with_name(f"{self.folder.name}.log")
        arguments = ["serve", "--json", *self._listen, *self._flags]
        self.child = self._mother.fork(arguments, environment(self.folder), log, trap)
        return self.child

    def die(self, trap: Mapping[str, Any] | None) -> None:
        """Start it anew with a trap, and without one whenever it has died since."""
        self.stop()
        self._over.clear()
        self._fork(trap)
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def _keep(self) -> None:
        while not self._over.is_set():
            assert self.child is not None
            if self.child.ended(0.1) and not self._over.is_set():
                self._fork()

    def end_in_order(self) -> None:
        """Ask it to end, and wait until it has."""
        assert self.child is not None
        child = self.child
        child.send(signal.SIGTERM)
        child.wait()

    def stop(self) -> None:
        self._over.set()
        if self._keeper is not None:
            self._keeper.join()
            self._keeper = None
        if self.child is not None:
            self.child.kill()
            self.child.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ask(self, *arguments: str) -> Any:
        """Run a command until it succeeds, in this process; returns its JSON."""
        return ask(self.folder, *arguments)


def ask(folder: Path, *arguments: str) -> Any:
    """Ask the orchestrator of a data folder by a command until it succeeds; returns its JSON."""
    from orchestrator.cli import app

    again: list[str] = []

    def once() -> Any:
        done = CliRunner(env=environment(folder)).invoke(app, [*arguments, *again, "--json"])
        assert done.exit_code != USAGE, done.stderr
        if done.exit_code:
            again[:] = again or told_again(done.stderr)
            raise typer.Exit(done.exit_code)
        return json.loads(done.stdout)

    return insist(once)


def once(folder: Path, *arguments: str) -> Any:
    """Run a command one time; returns its JSON, None where it failed."""
    from orchestrator.cli import app

    done = CliRunner(env=environment(folder)).invoke(app, [*arguments, "--json"])
    return None if done.exit_code else json.loads(done.stdout)


def told_again(sentence: str) -> list[str]:
    """Return the option with which a command that got no answer says that it counts once."""
    return [f"--{name}={text}" for name, text in re.findall(r"--(request|wave) (\w+)", sentence)]


def announced(output: Path) -> dict[str, str] | None:
    """What a server said on the first line of its output."""
    line = output.read_text().partition("\n")[0] if output.exists() else ""
    found: dict[str, str] | None = json.loads(line) if line.endswith("}") else None
    return found


def insist(deed: Callable[[], AnswerT]) -> AnswerT:
    """Do what a person or a device does: try again while nobody answers."""
    for tries_left in reversed(range(TRIES)):
        try:
            return deed()
        except (FieldwiseError, grpc.RpcError, typer.Exit):
            if not tries_left:
                raise
            threading.Event().wait(PAUSE_SECONDS)
    raise AssertionError
