"""The files for Prometheus and Alertmanager outside a cluster are what these programs take."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.services.test_alerts import ALERTS

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deploy" / "monitoring"

pytestmark = pytest.mark.services


def test_prometheus_takes_its_file_with_the_rules_of_the_chart(tmp_path: Path) -> None:
    file = shutil.copy(MONITORING / "prometheus.yml", tmp_path)
    shutil.copytree(ROOT / "helm" / "fieldwise" / "files" / "rules", tmp_path / "rules")
    done = subprocess.run(
        ["promtool", "check", "config", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 rule files found" in done.stdout


def test_alertmanager_takes_its_file() -> None:
    file = MONITORING / "alertmanager.yml"
    done = subprocess.run(
        ["amtool", "check-config", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_that_are_silenced_are_alerts() -> None:
    told = yaml.safe_load((MONITORING / "alertmanager.yml").read_text())
    for rule in told["inhibit_rules"]:
        [source], [target] = rule["source_matchers"], rule["target_matchers"]
        assert source.removeprefix("alertname = ") in ALERTS
        start, names = re.fullmatch(r'alertname =~ "(\w+)\((.+)\)"', target).groups()
        assert {f"{start}{name}" for name in names.split("|")} <= set(ALERTS)


def test_alerts_that_are_silenced_together_are_of_one_job() -> None:
    """Else an outage of one installation would silence another."""
    told = yaml.safe_load((MONITORING / "alertmanager.yml").read_text())
    assert all(rule["equal"] == ["job"] for rule in told["inhibit_rules"])
