"""Seconds of a round of three devices through Flower's own SuperLink and SuperNodes.

Everything is as Flower ships it, on loopback and without TLS, which favours it: ours has mutual
TLS. The first note of the app is before the first round; what starting it takes is not counted.
"""

import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import federation_flower_app
from benchmarks.federation_programs import (
    PATIENCE_SECONDS,
    Running,
    memories,
    processor_seconds_of_tree,
    tree,
    wait_until,
)
from demonstration.processes import free_ports, program

DEVICES, ROUNDS = 3, 3
CLASSES, WIDTH = 20, 1280  # as large a head as ours
APP = """[project]
name = "rows"
version = "1.0.0"
dependencies = []

[tool.flwr.app]
publisher = "fieldwise"

[tool.flwr.app.components]
serverapp = "rows:server"
clientapp = "rows:client"

[tool.flwr.app.config]
rounds = {rounds}
classes = {classes}
width = {width}
times = "{times}"
"""
LINK = """[superlink]
default = "here"

[superlink.here]
address = "127.0.0.1:{port}"
insecure = true
"""
QUIET = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
    "FLWR_LOG_LEVEL": "WARNING",
}


def figures() -> dict[str, float]:
    """Seconds of a round, by the clock and of processors, and what a device's programs hold."""
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        times = folder / "times"
        link, *nodes = free_ports(1 + DEVICES)
        _write(folder, link, times)
        running = [stack.enter_context(_superlink(folder, link))]
        wait_until(lambda: _listens(link), "the start of Flower's SuperLink", every=1.0)
        running += [stack.enter_context(_supernode(folder, link, port)) for port in nodes]
        _run(folder)
        wait_until(lambda: _noted(times) >= 1, "the start of Flower's run")
        before = sum(processor_seconds_of_tree(each.pid) for each in running)
        wait_until(lambda: _noted(times) > ROUNDS, "Flower's rounds")
        after = sum(processor_seconds_of_tree(each.pid) for each in running)
        noted = [float(each) for each in times.read_text().split()]
        device = list(memories(tree(running[1].pid)))
        return {
            "s_a_round": (noted[ROUNDS] - noted[0]) / ROUNDS,
            "processor_s_a_round": (after - before) / ROUNDS,
            "device_pss_mb": sum(each["pss_mb"] for each in device),
            "device_rss_mb": sum(each["rss_mb"] for each in device),
        }


def _write(folder: Path, link: int, times: Path) -> None:
    app = folder / "app"
    app.mkdir()
    about = APP.format(rounds=ROUNDS, classes=CLASSES, width=WIDTH, times=times)
    (app / "pyproject.toml").write_text(about)
    shutil.copy(Path(federation_flower_app.__file__), app / "rows.py")
    home = folder / "home"
    home.mkdir()
    (home / "config.toml").write_text(LINK.format(port=link))


def _variables(folder: Path, home: str) -> dict[str, str]:
    path = f"{Path(program('flwr')).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, **QUIET, "FLWR_HOME": str(folder / home), "PATH": path}


def _superlink(folder: Path, port: int) -> Running:
    words = [program("flower-superlink"), "--insecure", "--host", "127.0.0.1"]
    words += ["--port", str(port), "--disable-runtime-dependency-installation"]
    return Running(words, _variables(folder, "link"), folder / "link.log")


def _supernode(folder: Path, link: int, port: int) -> Running:
    words = [program("flower-supernode"), "--insecure", "--superlink", f"127.0.0.1:{link}"]
    words += ["--host", "127.0.0.1", "--port", str(port)]
    return Running(words, _variables(folder, f"node-{port}"), folder / f"node-{port}.log")


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def _run(folder: Path) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    words = [program("flwr"), "run", str(folder / "app"), "here"]
    while time.monotonic() < end:
        done = subprocess.run(
            words, env=_variables(folder, "home"), capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return
        time.sleep(1)
    message = f"Flower's run did not start: {done.stdout}{done.stderr}"
    raise TimeoutError(message)


def _noted(times: Path) -> int:
    return len(times.read_text().split()) if times.exists() else 0
