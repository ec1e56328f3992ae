"""What we run has no rights that it does not need, as far as the files that start it can say."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy" / "packages").glob("*.service"))
EXPOSURE_MAX = 2.0  # of 10; up to 2 systemd calls it OK
HARDENING = re.compile(
    r"^(?:Ambient|Capability|Device|Keyring|Lock|Memory|NoNew|Private|Protect|Restrict|System).*\n",
    re.MULTILINE,
)

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd; the tests of packages have one"
)


def exposure(unit: Path) -> float:
    """How much a unit leaves open, by systemd's own account, 0 to 10."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)
    assert found is not None, told
    return float(found[1])


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_leaves_little_that_a_service_could_reach(unit: Path) -> None:
    assert exposure(unit) <= EXPOSURE_MAX


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_without_its_hardening_would_be_noticed(unit: Path, tmp_path: Path) -> None:
    bare = tmp_path / unit.name
    bare.write_text(HARDENING.sub("", unit.read_text()))
    assert exposure(bare) > EXPOSURE_MAX


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return found


def test_compose_runs_programs_of_ours_and_what_watches_them() -> None:
    assert {"orchestrator", "opening", "prometheus", "alertmanager", "grafana"} < set(services())


@pytest.mark.parametrize("name", services())
def test_a_service_of_compose_has_no_rights_and_a_root_that_is_read_only(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges"]
    assert {"privileged", "cap_add", "devices", "pid", "network_mode", "user"} & set(
        service
    ) == set()
    assert not [each for each in service.get("volumes", ()) if "docker.sock" in str(each)]
