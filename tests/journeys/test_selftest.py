"""The chart's own test, as a cluster would run it, against a real orchestrator."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.charts import CHART
from tests.orchestrators import Orchestrator, environment, serving

# A device changes its backbone three times: a minute on a machine that is busy.
pytestmark = pytest.mark.timeout(900)
SCRIPT = CHART / "files" / "selftest" / "selftest.py"
PACE = ("--check-in-seconds=1", "--busy-check-in-seconds=1")


def selftest(variables: Mapping[str, str], seconds: int) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, SCRIPT],
        env={**variables, "SELFTEST_SECONDS": str(seconds)},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )


def from_elsewhere(orchestrator: Orchestrator, folder: Path) -> dict[str, str]:
    """The variables of the chart's Pod: address, token and the authority's certificate."""
    root = folder / "authority.pem"
    root.write_text(orchestrator.json("authority", "show")["certificate"])
    given = {
        "FIELDWISE_ADDRESS": orchestrator.told["operator_address"],
        "FIELDWISE_TOKEN": (orchestrator.folder / "operator/token").read_text().strip(),
        "FIELDWISE_CA": str(root),
    }
    nobodys = {name: text for name, text in os.environ.items() if "FIELDWISE" not in name}
    return {**nobodys, **given}


def test_an_installation_that_works_passes_and_keeps_no_device(tmp_path: Path) -> None:
    with serving(tmp_path / "data", *PACE) as orchestrator:
        ended = selftest(from_elsewhere(orchestrator, tmp_path), 600)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        told = ended.stdout.splitlines()
        served = [each.rpartition(" ")[2] for each in told if "the device serves" in each]
        names = [f"fieldwise-selftest:{number}.0.0" for number in (1, 2, 1)]
        assert served == names
        assert told[-1] == "selftest: passed"
        assert not [each for each in told if "NOT TAKEN BACK" in each]
        assert orchestrator.json("device", "list") == []
        assert [each["revoked"] for each in orchestrator.json("ticket", "list")] == [True]
        kinds = [each["kind"] for each in orchestrator.json("rollout", "list")]
        assert kinds == ["undo", "forward", "forward"]


def test_an_installation_that_tells_devices_a_wrong_address_fails_and_keeps_no_device(
    tmp_path: Path,
) -> None:
    """As a load balancer would that passes one of the two ports only."""
    with serving(tmp_path / "data", *PACE, "--device-address=127.0.0.1:1") as orchestrator:
        ended = selftest(environment(orchestrator.folder), 45)
        assert ended.returncode == 1, ended.stdout
        assert "FAILED: rollout r1 ended with 24" in ended.stdout
        assert "The device's log:" in ended.stdout
        assert orchestrator.json("device", "list") == []


def test_without_a_server_it_fails_in_a_sentence(tmp_path: Path) -> None:
    ended = selftest(environment(tmp_path / "nowhere"), 60)
    assert ended.returncode == 1
    assert "FAILED: fieldwise ticket: " in ended.stdout
    assert "Traceback" not in ended.stderr
