"""Programs forked from one that has imported everything: a restart takes tenths of a second.

``Mother`` runs this very module as a process of its own. What it is asked for it forks: a real
process with its own id, its own memory and its own files, that a test may end by SIGKILL. Before
the program's ``main`` runs, a trap may be laid in it (``tests.faults.traps``): so tests get
a program to die, wait or meet a full disk at one exact place, without a word about it in the
product.
"""

import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

MAINS = {
    "agent": "agent.cli",
    "orchestrator": "orchestrator.cli",
    "aggregator": "aggregator.cli",
}
IMPORTED = {
    "agent": ("agent.cli.root", "agent.app", "agent.learning.trial", "tests.faults.traps"),
    "orchestrator": ("orchestrator.cli.root", "orchestrator.app", "tests.faults.traps"),
}
READY_SECONDS = 120
END_SECONDS = 120


@dataclass(slots=True)
class Child:
    """A forked program; ``output`` and ``errors`` are files that it writes to."""

    pid: int
    output: Path
    errors: Path
    _descriptor: int = field(repr=False)

    def kill(self) -> None:
        """What a power cut looks like to a program."""
        self.send(signal.SIGKILL)
        self.wait()

    def send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, OSError):
            signal.pidfd_send_signal(self._descriptor, number)

    @property
    def is_closed(self) -> bool:
        return self._descriptor < 0

    def ended(self, seconds: float = 0.0) -> bool:
        """Whether it has come to an end, after so long at most."""
        if self._descriptor < 0:
            return True
        readable, _, _ = select.select([self._descriptor], [], [], seconds)
        return bool(readable)

    def wait(self, seconds: float = END_SECONDS) -> None:
        assert self.ended(seconds), f"process {self.pid} did not end:\n{self.told()}"

    def told(self) -> str:
        """The end of what it logged."""
        return self.errors.read_text(errors="replace")[-4000:]

    def close(self) -> None:
        """Let go of it; again is no error."""
        if not self.ended():
            self.kill()
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


class Mother:
    """Forks a program for a test, and ends what it forked with itself.

    Args:
        program: ``agent`` or ``orchestrator``.
    """

    def __init__(self, program: str) -> None:
        self._program = program
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forked", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        self._children: list[Child] = []
        self._asking = threading.Lock()  # a keeper starts programs anew while a test starts others
        assert self._answer() == "ready"

    def fork(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        trap: Mapping[str, Any] | None = None,
    ) -> Child:
        """Start a program; ``log`` names its files, which grow with every start."""
        output, errors = log.with_suffix(".out"), log.with_suffix(".err")
        output.unlink(missing_ok=True)
        request = {
            "program": self._program,
            "arguments": list(arguments),
            "environment": dict(environment),
            "output": str(output),
            "errors": str(errors),
            "trap": dict(trap or {}),
        }
        assert self._process.stdin is not None
        with self._asking:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            pid, descriptor = self._adopt(int(self._answer()))
            child = Child(pid, output, errors, descriptor)
            # Whoever has one that ended may still look at it: it is closed there, or at the end.
            self._children = [each for each in self._children if not each.is_closed] + [child]
        return child

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in self._children:
            child.close()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(END_SECONDS)
        self._process.stdout.close()

    def _adopt(self, pid: int) -> tuple[int, int]:
        """Hold on to a child by a descriptor, so that its id cannot become another's meanwhile."""
        descriptor = os.pidfd_open(pid)
        assert self._process.stdin is not None
        self._process.stdin.write(b"held\n")  # only now the mother may bury it
        self._process.stdin.flush()
        return pid, descriptor

    def _answer(self) -> str:
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], READY_SECONDS)
        line = self._process.stdout.readline() if readable else b""
        assert line, "the mother of the programs does not answer"
        return line.decode().strip()


def serve(program: str) -> None:
    """Fork what standard input asks for, one JSON object a line, until it ends."""
    for name in IMPORTED[program]:
        importlib.import_module(name)
    _say("ready")
    while line := _line():
        request = json.loads(line)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        pid = os.fork()
        if pid == 0:
            _become(request)
        _say(str(pid))
        assert _line() == "held"
        signal.signal(signal.SIGCHLD, _bury)
        _bury(0, None)


def _become(request: Mapping[str, Any]) -> None:
    """Run the program in a forked child; never returns."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, path in ((1, request["output"]), (2, request["errors"])):
            opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(opened, number)
            os.close(opened)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv = [request["program"], *request["arguments"]]
        if request["trap"]:
            importlib.import_module("tests.faults.traps").lay(request["trap"])
        importlib.import_module(MAINS[request["program"]]).main()
        status = 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else 1
    except BaseException:  # noqa: BLE001 - it ends here whatever it was, and says so
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _bury(_number: int, _frame: object) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


_BUFFER = bytearray()


def _line() -> str:
    """One line of standard input, unbuffered: a forked child must not inherit half of the next."""
    while b"\n" not in _BUFFER:
        piece = os.read(0, 65536)
        if not piece:
            return ""
        _BUFFER.extend(piece)
    line, _, rest = bytes(_BUFFER).partition(b"\n")
    _BUFFER[:] = rest
    return line.decode()


def _say(text: str) -> None:
    os.write(1, text.encode() + b"\n")


if __name__ == "__main__":
    serve(sys.argv[1])
