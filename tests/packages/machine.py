"""A Debian with a systemd of its own, in namespaces on this machine: units run there as elsewhere.

It has no network but a loopback that is down, and its control groups bound nothing where the
machine under it has handed out the controllers: how much memory a unit may take is read, not tried.
"""

import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fieldwise"
BASE = CACHE / "debian-bookworm-systemd.tar"
BOOT = Path(__file__).with_name("boot.sh")
PATIENCE_SECONDS = 120.0
NAMESPACES = ("--mount", "--pid", "--ipc", "--uts", "--net", "--cgroup")


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.2)


class Machine:
    """Args: root: its file system as seen from here. pid: its first process, likewise."""

    def __init__(self, root: Path, pid: int) -> None:
        self.root = root
        self._pid = pid

    def run(
        self, *command: str, user: str = "", check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in it, as root or another user."""
        asked = ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups") if user else ()
        done = subprocess.run(
            ["nsenter", f"--target={self._pid}", "--all", *asked, *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        )
        if check:
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done

    def shown(self, unit: str, name: str) -> str:
        """A property of a unit, as systemd shows it."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def await_active(self, unit: str) -> None:
        def active() -> bool:
            return self.shown(unit, "ActiveState") == "active"

        try:
            wait_for(active, f"{unit} does not run")
        except AssertionError as error:
            raise AssertionError(self.run("journalctl", "--no-pager", "-n", "50").stdout) from error


@contextmanager
def booted(folder: Path) -> Iterator[Machine]:
    """A machine in a folder; every process of it is gone afterwards."""
    assert BASE.exists(), f"{BASE} is missing: `make test-packages` makes it"
    root = folder / "root"
    root.mkdir()
    with tarfile.open(BASE) as base:
        base.extractall(root, filter="fully_trusted")
    group = _control_groups() / f"fieldwise-{os.getpid()}-{folder.name}"
    group.mkdir()
    # The group first, so that the machine's own control groups begin there.
    apart = " ".join((*NAMESPACES, "--fork", "--kill-child"))
    shell = f"echo $$ >{group}/cgroup.procs && exec unshare {apart} sh {BOOT} {root}"
    with subprocess.Popen(["sh", "-c", shell], start_new_session=True) as outer:
        try:
            wait_for(lambda: bool(_children(outer.pid)), "the machine does not boot")
            machine = Machine(root, _children(outer.pid)[0])
            wait_for(lambda: _is_up(machine), "systemd does not come up")
            yield machine
        finally:
            for child in _children(outer.pid):
                os.kill(child, signal.SIGKILL)  # with it goes everything that it started
            outer.wait(PATIENCE_SECONDS)
            _remove(group)


def _is_up(machine: Machine) -> bool:
    state = machine.run("systemctl", "is-system-running", check=False).stdout.strip()
    return state in {"running", "degraded"}


def _control_groups() -> Path:
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return next(Path(line.split()[1]) for line in mounts if line.split()[2] == "cgroup2")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _remove(group: Path) -> None:
    wait_for(lambda: not (group / "cgroup.procs").read_text(), "a process stayed behind")
    for folder, _, _ in os.walk(group, topdown=False):
        Path(folder).rmdir()
