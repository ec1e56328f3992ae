"""What all tests share: one thread for each numeric library, and a reason for what is left out."""

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests.databases import PostgreSql, running_postgresql
from tests.object_stores import SeaweedFs, running_seaweedfs

# Two workers share two cores; libraries that start a thread for each core would fight over them.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# As agent and bundler say it; a test may load the runtime before them.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# A change is held to the same examples wherever it is tested; `make explore` draws new ones. How
# long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", print_blob=True, deadline=None)
settings.load_profile(os.environ.get("FIELDWISE_EXAMPLES", "repeatable"))

# Where `make services` unpacks what Debian ships; what is installed comes first.
SERVICES = ("prometheus", "promtool", "prometheus-alertmanager", "amtool")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
os.environ["PATH"] += f"{os.pathsep}{CACHE / 'fieldwise' / 'services' / 'usr' / 'bin'}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    lacking = [name for name in SERVICES if shutil.which(name) is None]
    if lacking:
        reason = f"no {' and no '.join(lacking)} here (`make services` gets it where there is apt)"
        for item in items:
            if item.get_closest_marker("services") is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def _logs_restored() -> Iterator[None]:
    """Whatever a command in this process has settled about logs, the next test finds as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    """A real PostgreSQL that every test of the session shares, each in databases of its own."""
    with running_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def seaweedfs() -> Iterator[SeaweedFs]:
    """A real server that speaks S3, shared by every test of the session."""
    with running_seaweedfs() as server:
        yield server
