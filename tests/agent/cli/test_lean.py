"""What a daemon must not load, since it would hold it for as long as it lives."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.publishing import Repository

DAEMON = "import sys, agent.cli.root, agent.app; print(*sys.modules)"  # as ``run`` loads them
NEEDLESS = {
    "cryptography": "only members of a fleet need it",
    "cv2": "only cameras need it",
    "numpy.random": "only the head that trains in torch needs it",
    "prometheus_client": "only who shows metrics needs it",
    "rich.console": "a daemon draws no tables",
    "securesystemslib": "only devices that hear of new metadata need it",
    "torch": "only heads that train in it need it",
    "tuf": "only devices that hear of new metadata need it",
    "watchfiles": "a daemon watches no folder",
}


@pytest.fixture(scope="module")
def loaded() -> frozenset[str]:
    command = [sys.executable, "-c", DAEMON]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return frozenset(said.stdout.split())


@pytest.mark.parametrize("module", NEEDLESS)
def test_a_daemon_leaves_out_what_others_need(loaded: frozenset[str], module: str) -> None:
    assert "agent.daemon" in loaded
    assert module not in loaded, NEEDLESS[module]


REFRESH = """
import sys
from pathlib import Path
from agent.device.clock import SystemClock
from agent.device.database import Database
from agent.device.trust import DatabasePublisher
from fieldwise.errors import Fault, FieldwiseError

folder = Path(sys.argv[1])
kept = DatabasePublisher(Database(folder / "state.sqlite"), folder / "work", SystemClock())

def fetch(name):
    if not (folder / name).exists():
        raise FieldwiseError(Fault.NOT_FOUND, name)
    return (folder / name).read_bytes()

kept.begin((folder / "1.root.json").read_bytes())
kept.refresh(fetch)
print(kept.trusted().version("targets"), *sys.modules)
"""


def test_a_device_that_hears_of_metadata_loads_no_http_client_for_it(tmp_path: Path) -> None:
    repository = Repository()
    repository.publish()
    for name, content in repository.files.items():
        (tmp_path / name).write_bytes(content)
    command = [sys.executable, "-c", REFRESH, str(tmp_path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    version, *loaded = said.stdout.split()
    assert version == "1"
    assert "tuf.ngclient.updater" in loaded
    assert not {"urllib3", "requests"} & set(loaded)
