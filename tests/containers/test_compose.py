"""compose.yaml as podman-compose runs it: a fleet of three devices, and Prometheus over them.

Prometheus and Alertmanager are Debian's, in images of Debian's base. There is no Grafana to run
here: what it is given is held to what is there, and the queries of the dashboards to a Prometheus
by `tests/services`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import pytest
import yaml

from tests.charts import ROOT
from tests.containers import engine
from tests.fakes.agent_process import wait_until
from tools.dashboards.boards import BOARDS

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]

FILE = ROOT / "compose.yaml"
DEVICES = ("north", "east", "south")
OURS = ("orchestrator", "opening", *DEVICES)
RUN = (*OURS, "prometheus", "alertmanager")
IMAGES = {
    "ORCHESTRATOR_IMAGE": engine.ORCHESTRATOR,
    "AGENT_IMAGE": engine.AGENT,
    "PROMETHEUS_IMAGE": "localhost/fieldwise-prometheus:bookworm",
    "ALERTMANAGER_IMAGE": "localhost/fieldwise-alertmanager:bookworm",
}
COMPOSE = engine.CACHE / "podman-compose-1.6.0"
PROMETHEUS = "http://127.0.0.1:9090"
SERVICES = yaml.safe_load(FILE.read_text())["services"]


def compose(*arguments: str) -> None:
    """Give podman-compose a command, which has to succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "podman_compose", f"--file={FILE}", *arguments],
        env={**os.environ, **engine.SETTINGS, **IMAGES, "PYTHONPATH": str(COMPOSE)},
        capture_output=True,
        text=True,
        timeout=engine.END_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def fleet() -> Iterator[None]:
    with engine.alone():
        compose("up", "--detach", "--no-build", *RUN)
        try:
            yield
        finally:
            compose("down", "--volumes")


def status(device: str) -> Any:
    done = engine.run("exec", container(device), "fieldwise-agent", "status", "--json")
    return json.loads(done.stdout) if done.returncode == 0 else {}


def classes(device: str) -> Any:
    """What it has learned to tell apart; nothing while its agent does not answer."""
    return status(device).get("classes", {})


def container(service: str) -> str:
    return f"fieldwise_{service}_1"


def asked(path: str, **parameters: str) -> Any:
    """What Prometheus says, asked at the port that is published to this machine."""
    with urlopen(f"{PROMETHEUS}/api/v1/{path}?{urlencode(parameters)}", timeout=60) as answer:
        return json.load(answer)["data"]


def test_three_devices_join_get_a_backbone_and_learn(fleet: None) -> None:
    for device in DEVICES:
        wait_until(lambda device=device: len(classes(device)) == 2)
        assert status(device)["backbone"] == "fieldwise-selftest:1.0.0"
    listed = engine.told("exec", container("orchestrator"), "fieldwise", "device", "list", "--json")
    assert len(json.loads(listed)) == len(DEVICES)


def test_prometheus_counts_the_devices_and_knows_the_rules_and_where_alerts_go(
    fleet: None,
) -> None:
    query = {"query": 'sum(fieldwise_devices{job="fieldwise"})'}
    wait_until(lambda: [each["value"][1] for each in asked("query", **query)["result"]] == ["3"])
    rules = {each["name"] for each in asked("rules")["groups"]}
    files = (ROOT / "helm" / "fieldwise" / "files" / "rules").glob("*.yaml")
    assert rules == {
        group["name"] for file in files for group in yaml.safe_load(file.read_text())["groups"]
    }
    wait_until(lambda: len(asked("alertmanagers")["activeAlertmanagers"]) == 1)
    with urlopen("http://127.0.0.1:9093/api/v2/status", timeout=60) as answer:
        assert "receiver: people" in json.load(answer)["config"]["original"]


def test_every_check_of_health_passes(fleet: None) -> None:
    for service in ("orchestrator", *DEVICES):
        wait_until(
            lambda service=service: (
                engine.run("healthcheck", "run", container(service)).returncode == 0
            )
        )


@pytest.mark.parametrize("service", OURS)
def test_our_own_run_without_rights_on_a_root_that_is_read_only(fleet: None, service: str) -> None:
    told = engine.inspected("container", container(service))
    assert told["HostConfig"]["ReadonlyRootfs"]
    assert told["EffectiveCaps"] in (None, [])
    assert told["Config"]["User"] == "65532:65532"


def test_nothing_but_this_machine_reaches_a_published_port() -> None:
    ports = [port for each in SERVICES.values() for port in each.get("ports", ())]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_every_file_that_is_mounted_is_there() -> None:
    mounts = [mount for each in SERVICES.values() for mount in each.get("volumes", ())]
    named = [Path(mount.split(":")[0]) for mount in mounts if mount.startswith("./")]
    assert named
    assert [str(path) for path in named if not (ROOT / path).exists()] == []


def test_grafana_finds_prometheus_and_the_dashboards_where_they_are() -> None:
    mounts = dict(mount.removesuffix(":ro").split(":") for mount in SERVICES["grafana"]["volumes"])
    told = {target: ROOT / source for source, target in mounts.items()}
    provisioning = "/etc/grafana/provisioning"
    source = yaml.safe_load(told[f"{provisioning}/datasources/fieldwise.yaml"].read_text())
    [url] = [each["url"] for each in source["datasources"]]
    assert urlsplit(url).hostname in SERVICES
    provider = yaml.safe_load(told[f"{provisioning}/dashboards/fieldwise.yaml"].read_text())
    [folder] = [each["options"]["path"] for each in provider["providers"]]
    assert {file.stem for file in told[folder].glob("*.json")} == {each.name for each in BOARDS}
