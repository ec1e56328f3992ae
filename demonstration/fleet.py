"""One orchestrator and its agents as real processes on loopback.

Everything goes through what any user has: the two command lines and ``fieldwise.client``.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from demonstration.calling import call
from demonstration.processes import Program, environment, free_ports, program
from fieldwise.client import Device
from fieldwise.errors import Fault, FieldwiseError

START_SECONDS = 60  # a cold start on a busy machine takes about five
POLL_SECONDS = 0.2
PACE_SECONDS = 1  # a minute is right for a fleet; here people watch

LOOPBACK = "127.0.0.1"


def wait_until(done: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll until something is so.

    Raises:
        FieldwiseError: ``UNAVAILABLE`` when it is not so in time.
    """
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise FieldwiseError(Fault.UNAVAILABLE, f"{what} took more than {seconds:.0f} seconds")
        time.sleep(POLL_SECONDS)


class Agent:
    """One device: a state folder, a daemon on it, and an application's view of it.

    Args:
        name: What the demonstration calls it; also its tag ``site``.
        folder: Where its state and its log lie; a short path, since Unix sockets have 108 bytes.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        self._state = folder / name
        self._variables = environment(FIELDWISE_AGENT_STATE_FOLDER=str(self._state))
        self.device = Device(self._state / "applications" / "socket")
        self._program: Program | None = None

    def join(self, ticket: str) -> None:
        """Become a member of the fleet."""
        self.call("join", ticket)

    def start(self) -> None:
        """Start the daemon and wait until applications are answered."""
        started = Program([program("fieldwise-agent"), "run"], self._variables, self._log)
        self._program = started
        wait_until(lambda: self._answers(started), START_SECONDS, f"the start of {self.name}")

    def _answers(self, started: Program) -> bool:
        started.check()
        try:
            self.device.status()
        except FieldwiseError as error:
            if error.fault is not Fault.UNREACHABLE:
                raise
            return False
        return True

    def kill(self) -> None:
        """SIGKILL, without a warning."""
        assert self._program is not None
        self._program.kill()

    def stop(self) -> None:
        """Stop the daemon in order, if it runs."""
        self.device.close()
        if self._program is not None:
            self._program.stop()

    def wait_for_backbone(self, title: str, seconds: float) -> None:
        """Wait until a backbone serves.

        Raises:
            FieldwiseError: ``UNAVAILABLE`` when it does not in time, ``BUNDLE_UNSUITABLE`` when the
                device went back to what it had.
        """
        what = f"bringing {title} to {self.name}"
        wait_until(lambda: self._serves(title), seconds, what)

    def _serves(self, title: str) -> bool:
        status = self.device.status()
        if status.update.phase in ("declined", "reverted"):
            raise FieldwiseError(
                Fault.BUNDLE_UNSUITABLE, f"it went back, for the reason {status.update.failure}"
            )
        return status.backbone == title

    def samples(self) -> int:
        """How many samples the device has been taught, learned and set aside."""
        counted = self.device.status().learning
        return counted.samples + counted.select_samples + counted.judge_samples

    def call(self, *arguments: str) -> Any:
        """Run ``fieldwise-agent`` for this device."""
        return call("fieldwise-agent", arguments, self._variables)


class Fleet:
    """The orchestrator and three agents from entering to leaving the context.

    Args:
        folder: Where all state and logs go; a short path.
        names: Of the agents.
    """

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        self._folder = folder
        self.agents = {name: Agent(name, folder) for name in names}
        self._children = ExitStack()
        self._server: Program | None = None
        ports = free_ports(3)
        self._listen = [f"{LOOPBACK}:{port}" for port in ports]
        self._operator_variables = environment(FIELDWISE_DATA_FOLDER=str(folder / "orchestrator"))

    def __enter__(self) -> Self:
        with ExitStack() as children:
            self._server = children.enter_context(self._orchestrator())
            for agent in self.agents.values():
                children.callback(agent.stop)
            self._children = children.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._children.close()

    def wait_for_orchestrator(self) -> None:
        """Wait until operators are answered."""
        wait_until(self._answers, START_SECONDS, "the start of the orchestrator")

    def _answers(self) -> bool:
        assert self._server is not None
        self._server.check()
        try:
            self.operate("status")
        except FieldwiseError:
            return False
        return True

    def create_ticket(self, uses: int) -> str:
        """Make a ticket for so many devices and return what they type."""
        created = self.operate("ticket", "create", "--uses", str(uses))
        return str(created["token"])

    def push(self, bundle: Path) -> None:
        """Publish a bundle file."""
        self.operate("backbone", "push", bundle)

    def start_rollout(self, title: str) -> None:
        """Bring a backbone to the whole fleet."""
        self.operate("rollout", "start", title)

    def _orchestrator(self) -> Program:
        devices, operators, metrics = self._listen
        options = {
            "--data-folder": str(self._folder / "orchestrator"),
            "--fleet": "demo",
            "--device-listen": devices,
            "--operator-listen": operators,
            "--metrics-listen": metrics,
            "--advertise-hosts": LOOPBACK,
            "--check-in-seconds": str(PACE_SECONDS),
            "--busy-check-in-seconds": str(PACE_SECONDS),
            "--reconcile-seconds": "0.5",
        }
        words = [word for option in options.items() for word in option]
        return Program(
            [program("fieldwise"), "serve", *words], environment(), self._folder / "serve.log"
        )

    def operate(self, *arguments: str | Path) -> Any:
        """Run an operator's command."""
        return call("fieldwise", arguments, self._operator_variables)
