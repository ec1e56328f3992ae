"""podman on images, volumes and settings of the tests' own, in a network that nobody else has.

`make test-containers` builds the images and runs these tests in a network namespace: what the
chart listens on is free there, and nothing that is called is outside of this machine.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import charts

CACHE = charts.CACHE / "containers"
TAG = "test"
ORCHESTRATOR, AGENT, AGGREGATOR = (
    f"localhost/fieldwise/{name}:{TAG}" for name in ("orchestrator", "agent", "aggregator")
)
NETWORK = "fieldwise-test"
# Addresses for documentation (RFC 5737): whatever goes wrong, nobody has them.
SUBNET, GATEWAY = "192.0.2.0/24", "192.0.2.1"
END_SECONDS = 300
# As a pod of the standard "restricted" runs.
RESTRICTED = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges")
SETTINGS = {
    "CONTAINERS_CONF": str(CACHE / "containers.conf"),
    "CONTAINERS_STORAGE_CONF": str(CACHE / "storage.conf"),
    # Checks of health are made by the tests: podman has timers of systemd for it.
    "DISABLE_HC_SYSTEMD": "true",
}


def run(*arguments: str, given: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Run podman to its end."""
    program = shutil.which("podman")
    assert program is not None, "there is no podman here: `make test-containers` gets it"
    return subprocess.run(
        [program, *arguments],
        env={**os.environ, **SETTINGS},
        input=given,
        capture_output=True,
        text=True,
        timeout=END_SECONDS,
        check=False,
    )


def told(*arguments: str, given: str | None = None) -> str:
    """Run podman, which has to succeed; return what it printed."""
    done = run(*arguments, given=given)
    assert done.returncode == 0, f"podman {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def once(image: str, program: str, *arguments: str, options: Sequence[str] = ()) -> str:
    """Run a program of an image as restricted as in a cluster; return what it printed."""
    named = ("--rm", "--network=none", *RESTRICTED, *options, f"--entrypoint={program}", image)
    return told("run", *named, *arguments)


def inspected(kind: str, name: str) -> Any:
    [found] = json.loads(told(kind, "inspect", name))
    return found


@contextmanager
def alone() -> Iterator[None]:
    """Hold the network to be the tests' own, and leave nothing in it but images."""
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    links = {line.partition(":")[0].strip() for line in lines}
    assert links <= {"lo"}, f"run them by `make test-containers`: here are the links {links}"
    clear()
    try:
        yield
    finally:
        clear()


@contextmanager
def network() -> Iterator[None]:
    """A bridge for the containers of a test, which the test itself is on as well."""
    with alone():
        told("network", "create", f"--subnet={SUBNET}", f"--gateway={GATEWAY}", NETWORK)
        yield


def clear() -> None:
    """Remove all but images; whatever is here is of these tests, or of ones that were killed."""
    told("pod", "rm", "--all", "--force")
    told("rm", "--all", "--force")
    told("volume", "rm", "--all", "--force")
    told("secret", "rm", "--all")
    told("network", "prune", "--force")
