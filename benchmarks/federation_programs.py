"""The real orchestrator as a process of its own, and what the kernel says of processes."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from typer.testing import CliRunner

from demonstration.processes import environment, free_ports, program
from orchestrator.cli import app

PATIENCE_SECONDS = 900.0  # on a machine that does much else
LOOPBACK = "127.0.0.1"
TICKS = os.sysconf("SC_CLK_TCK")
MB = 1e6


def wait_until(done: Callable[[], bool], what: str, every: float = 0.2) -> None:
    """Poll until something is so.

    Raises:
        TimeoutError: When it is not so in time.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(every)


class Running:
    """A program that runs for as long as the context lasts, and is ended by its own id."""

    def __init__(self, words: list[str], variables: Mapping[str, str], log: Path) -> None:
        self._words, self._variables, self._log = words, dict(variables), log
        self._start()

    def _start(self) -> None:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._words,
                env=self._variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Orchestrator(Running):
    """``fieldwise serve`` with a folder of its own: SQLite, and aggregators as its children.

    Args:
        folder: Where everything of it lies.
        check_in_seconds: What it tells devices.
        variables: More of its settings, as variables of the environment.
    """

    def __init__(self, folder: Path, check_in_seconds: int, **variables: str) -> None:
        ports = free_ports(3)
        self._folder = folder / "orchestrator"
        kinds = ("--device-listen", "--operator-listen", "--metrics-listen")
        options = {
            **{kind: f"{LOOPBACK}:{port}" for kind, port in zip(kinds, ports, strict=True)},
            "--advertise-hosts": LOOPBACK,
            "--check-in-seconds": str(check_in_seconds),
        }
        words = [word for option in options.items() for word in option]
        # Thousands of devices join from this one address here.
        usual = {"FIELDWISE_ADDRESS_LIMITS": "false", **variables}
        own = environment(FIELDWISE_DATA_FOLDER=str(self._folder), **usual)
        super().__init__([program("fieldwise"), "serve", *words], own, folder / "serve.log")
        wait_until(self._answers, "the start of the orchestrator", every=1.0)

    def again(self) -> None:
        """End it in order, and start it at the same ports."""
        self._end()
        self._start()
        wait_until(self._answers, "the second start of the orchestrator")

    def operate(self, *arguments: str | Path) -> Any:
        """Run an operator's command in this process, which takes nothing off the others."""
        words = [*map(str, arguments), "--json"]
        done = CliRunner(env={"FIELDWISE_DATA_FOLDER": str(self._folder)}).invoke(app, words)
        if done.exit_code:
            raise RuntimeError(f"{' '.join(words[:2])}: {done.stderr}")
        return json.loads(done.stdout)

    def ticket(self, uses: int) -> str:
        return str(self.operate("ticket", "create", "--uses", str(uses))["token"])

    def phase(self, campaign: str) -> str:
        return str(self.operate("federation", "show", campaign)["phase"])

    def _answers(self) -> bool:
        try:
            self.operate("status")
        except RuntimeError:
            return False
        return True


def processor_seconds(pid: int) -> float:
    """What a process has used, user and system."""
    return _times(pid)[0]


def processor_seconds_of_ended(pid: int) -> float:
    """What its children had used that it has waited for."""
    return _times(pid)[1]


def _times(pid: int) -> tuple[float, float]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own, ended = fields[11:13], fields[13:15]
    return sum(map(int, own)) / TICKS, sum(map(int, ended)) / TICKS


def children(pid: int) -> list[int]:
    """Processes that it started and that still run."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(each) for path in found for each in path.read_text().split()]


def memory(pid: int) -> dict[str, float]:
    """MB that are resident, the process's share where pages are shared, and the highest."""
    rolled = _kilobytes(Path(f"/proc/{pid}/smaps_rollup"))
    peak = _kilobytes(Path(f"/proc/{pid}/status"))["VmHWM"]
    sizes = {"rss_mb": rolled["Rss"], "pss_mb": rolled["Pss"], "peak_mb": peak}
    return {name: each * 1024 / MB for name, each in sizes.items()}


def memories(pids: Iterable[int]) -> Iterator[dict[str, float]]:
    """The memory of each process that did not end meanwhile."""
    for each in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            yield memory(each)


def forget_peak(pid: int) -> None:
    """Let the highest memory of a process count from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _kilobytes(path: Path) -> dict[str, int]:
    lines = (line.split() for line in path.read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines if words[-1] == "kB"}


def tree(pid: int) -> list[int]:
    """A process and all that it started, and those in turn, that still run."""
    return [pid, *(each for child in children(pid) for each in tree(child))]


def processor_seconds_of_tree(pid: int) -> float:
    """What a process and all that it started have used, also those that have ended."""
    return sum(sum(_times(each)) for each in tree(pid))
