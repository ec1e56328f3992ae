"""What an installation is for, once through, by a device that is thrown away afterwards.

It joins with a ticket of its own, gets a tiny backbone, learns a few readings, gets another
backbone, is taken back to the first, and is removed, whatever happened before. Both programs are
used as people use them; where the server is comes from the environment, as for any operator. What
stays is the history: three rollouts, and two backbones of 5 KB that no other device is offered.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
READINGS, LABEL, CLASSES = HERE / "readings.csv", "state", ("high", "low")
BACKBONES = ("fieldwise-selftest:1.0.0", "fieldwise-selftest:2.0.0")
# The programs that belong to this interpreter, wherever an image keeps them.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
PAUSE_SECONDS = 0.5
START_SECONDS = 120.0  # of a command, on a node that is busy
LIMIT_SECONDS = float(os.environ.get("SELFTEST_SECONDS", "600"))
DEADLINE = time.monotonic() + LIMIT_SECONDS


class FailedError(Exception):
    """The installation does not do what it is for."""


def main() -> int:
    """Return 0 where all of it went well."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was made is still taken back
    try:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fw-"))
            device = Device(Path(folder))
            cohort = join(device, stack)
            first = roll_out(BACKBONES[0], cohort)
            stack.enter_context(device.running())
            complete(first)
            device.serves(BACKBONES[0])
            device.learns()
            second = roll_out(BACKBONES[1], cohort)
            complete(second)
            device.serves(BACKBONES[1])
            complete(fieldwise("rollout", "undo", second, "--yes")["rollout"]["id"])
            device.serves(BACKBONES[0])
            say("it is back, and leaves")
    except FailedError as error:
        say(f"FAILED: {error}")
        return 1
    say("passed")
    return 0


class Device:
    """An agent with a state of its own.

    Args:
        folder: For its state; short, as the path of a socket is.
    """

    def __init__(self, folder: Path) -> None:
        self._state = folder / "device"
        own = {"STATE_FOLDER": str(self._state), "PROBATION_MINUTES": "0", "CPU_SHARE": "1"}
        settings = {f"FIELDWISE_AGENT_{name}": value for name, value in own.items()}
        self._environment = {**os.environ, **settings}

    def ask(self, *arguments: str) -> Any:
        return answer("fieldwise-agent", *arguments, environment=self._environment)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the daemon until the end of the block."""
        log = self._state.with_suffix(".log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["fieldwise-agent", "run"], env=self._environment, stderr=output
            )
        try:
            yield
        except FailedError as error:
            raise FailedError(f"{error}\nThe device's log:\n{log.read_text()[-4000:]}") from error
        finally:
            process.terminate()
            process.wait()

    def serves(self, backbone: str) -> None:
        """Wait until applications on the device are answered with a backbone."""
        while (found := self.ask("status")["backbone"]) != backbone:
            if time.monotonic() > DEADLINE:
                raise FailedError(f"the device serves {found}, not {backbone}")
            time.sleep(PAUSE_SECONDS)
        say(f"the device serves {backbone}")

    def learns(self) -> None:
        """Teach it what the readings show, and ask."""
        for name in CLASSES:
            self.ask("teach", name, str(READINGS), "--label", LABEL, "--independent")
        said = [
            each["classes"][0]["name"]
            for each in self.ask("predict", str(READINGS), "--label", LABEL)
        ]
        if set(said) != set(CLASSES):
            raise FailedError(f"taught {CLASSES}, the device says {sorted(set(said))}")
        say(f"the device learned {len(said)} readings")


def join(device: Device, stack: ExitStack) -> str:
    """Let the device join with a tag that no other has; return the selector."""
    tag = f"selftest={secrets.token_hex(4)}"
    ticket = fieldwise("ticket", "create", "--uses=1", "--lifetime=1h", f"--tag={tag}")
    stack.callback(take_back, "ticket", "revoke", ticket["ticket"]["id"])
    joined = device.ask("join", ticket["token"])["device_id"]
    stack.callback(take_back, "device", "remove", joined, "--yes")
    say(f"the device {joined} joined")
    return tag


def roll_out(backbone: str, cohort: str) -> str:
    """Publish a backbone and start a rollout of it; return its id."""
    number = BACKBONES.index(backbone) + 1
    fieldwise("backbone", "push", str(HERE / f"selftest-{number}.bundle"))
    return str(fieldwise("rollout", "start", backbone, f"--cohort={cohort}")["id"])


def complete(rollout: str) -> None:
    """Wait for the end of a rollout, which has to be a good one."""
    left = max(1, int(DEADLINE - time.monotonic()))
    ended = run("fieldwise", "rollout", "watch", rollout, f"--within={left}s", "--json")
    if ended.returncode:
        last = ended.stdout.splitlines()[-1:] or [ended.stderr]
        raise FailedError(f"rollout {rollout} ended with {ended.returncode}: {last[0]}")
    say(f"rollout {rollout} is complete")


def fieldwise(*arguments: str) -> Any:
    return answer("fieldwise", *arguments)


def take_back(*arguments: str) -> None:
    """Undo what was made; a failure is told, and what else there is to undo is undone."""
    ended = run("fieldwise", *arguments, "--json")
    if ended.returncode:
        say(f"NOT TAKEN BACK: fieldwise {' '.join(arguments)}: {ended.stderr.strip()}")


def answer(program: str, *arguments: str, environment: dict[str, str] | None = None) -> Any:
    """Run a command that has to succeed; return its JSON."""
    ended = run(program, *arguments, "--json", environment=environment)
    if ended.returncode:
        raise FailedError(f"{program} {arguments[0]}: {ended.stderr.strip()}")
    return json.loads(ended.stdout)


def run(
    program: str, *arguments: str, environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [program, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS + START_SECONDS,
        check=False,
    )


def say(text: str) -> None:
    print(f"selftest: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
