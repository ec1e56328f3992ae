"""A device: it joins with the ticket, runs the agent, and an application teaches it its machine.

The machine is made up, a temperature and a vibration that its state follows, and each device's is
set differently: what one learns is of no use to another. Every second the application asks what
the readings mean, and then teaches it what was right.
"""

import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from fieldwise.client import Device
from fieldwise.errors import FieldwiseError

TICKET = Path("/welcome/ticket")
JOINED = Path.home() / "joined"
PAUSE_SECONDS = 1.0
SPAN = 8  # readings go from 0 to 7


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    join()
    agent = subprocess.Popen(["fieldwise-agent", "run"])
    try:
        live(Machine(socket.gethostname()), agent)
    finally:
        agent.terminate()
        agent.wait()
    return agent.returncode


def join() -> None:
    """Wait for a ticket and join with it, once."""
    while not JOINED.exists():
        if TICKET.exists():
            done = subprocess.run(["fieldwise-agent", "join", TICKET.read_text()], check=False)
            if done.returncode == 0:
                JOINED.touch()
                return
        time.sleep(PAUSE_SECONDS)


class Machine:
    """Readings and the state that goes with them; which states they mean depends on its name."""

    def __init__(self, name: str) -> None:
        self._chance = random.Random(name)  # noqa: S311 - it makes up a machine
        self._limit = self._chance.uniform(5, 9)

    def look(self) -> tuple[np.ndarray, str]:
        """A temperature and a vibration, float32[2], and the state that they mean."""
        readings = np.array([self._chance.uniform(0, SPAN - 1) for _ in range(2)], np.float32)
        noise = self._chance.gauss(0, 0.3)
        return readings, "high" if float(readings.sum()) + noise > self._limit else "low"


def live(machine: Machine, agent: "subprocess.Popen[bytes]") -> None:
    """Ask and teach for as long as the agent runs; without a backbone it answers nothing yet."""
    with Device(wait_seconds=60) as device:
        while agent.poll() is None:
            readings, state = machine.look()
            try:
                device.predict(readings)
                device.teach(readings, state, burst=f"cycle {time.time_ns()}")
            except FieldwiseError as error:
                print(error, flush=True)
            time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
