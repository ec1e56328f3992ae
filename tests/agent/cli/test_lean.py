"""What a daemon must not load, since it would hold it for as long as it lives."""

import subprocess
import sys

import pytest

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
