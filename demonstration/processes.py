"""Child processes that never outlive the demonstration: each is stopped by its own id."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from fieldwise.errors import Fault, FieldwiseError

STOP_SECONDS = 10  # to finish what is under way; then the process is killed
LOG_LINES = 12  # of a failed program, shown to the person

# Six processes share two cores. Threads of numeric libraries would only wait for one another.
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def environment(**own: str) -> dict[str, str]:
    """The variables of a child: nobody's fieldwise settings but ours."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("FIELDWISE_")}
    return {**kept, **QUIET, **own}


def program(name: str) -> str:
    """Path of a console program of this installation."""
    return str(Path(sys.executable).parent / name)


def free_ports(count: int) -> tuple[int, ...]:
    """Ports on loopback that nobody listens on at this moment; all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = tuple(int(each.getsockname()[1]) for each in sockets)
    for each in sockets:
        each.close()
    return ports


class Program:
    """A long-running process whose output goes to a file.

    Args:
        arguments: Program and arguments.
        variables: Its whole environment.
        log: File that its output is appended to.
    """

    def __init__(self, arguments: Sequence[str], variables: Mapping[str, str], log: Path) -> None:
        self.arguments = tuple(arguments)
        self.log = log
        with log.open("ab") as output:
            # Its own session: Ctrl-C reaches the parent alone, which then stops the rest.
            self._process = subprocess.Popen(
                self.arguments,
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def check(self) -> None:
        """Make sure that it still runs.

        Raises:
            FieldwiseError: ``UNAVAILABLE`` with the end of its log when it has ended.
        """
        if self.running:
            return
        name = Path(self.arguments[0]).name
        raise FieldwiseError(
            Fault.UNAVAILABLE,
            f"{name} ended with status {self._process.returncode}:\n{self.last_lines()}",
        )

    def last_lines(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-LOG_LINES:])

    def stop(self) -> None:
        """Ask it to end, and end it when it does not."""
        if not self.running:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def wait(self) -> None:
        """Wait until it has ended by itself."""
        self._process.wait()

    def kill(self) -> None:
        """SIGKILL: what a power cut looks like to a program."""
        self._process.kill()
        self._process.wait()
