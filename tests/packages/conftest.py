"""The packages as `make packages` built them, and a machine to put them on."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packages.machine import Machine, booted

PACKAGES = Path(__file__).parents[2] / "output" / "packages"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.packages)
            item.add_marker(pytest.mark.timeout(900))


def package(pattern: str) -> Path:
    [found] = PACKAGES.glob(pattern)
    return found


@pytest.fixture(scope="session")
def deb() -> Path:
    architecture = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    return package(f"fieldwise-agent_*_{architecture}.deb")


@pytest.fixture(scope="session")
def rpm() -> Path:
    machine = subprocess.check_output(["uname", "-m"], text=True).strip()
    return package(f"fieldwise-agent-[0-9]*.{machine}.rpm")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with booted(tmp_path_factory.mktemp("machine")) as running:
        yield running
