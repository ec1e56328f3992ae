"""What the chart says of itself, before and after it is installed."""

import re
import shlex
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.version import Version
from typer.testing import CliRunner

from agent.cli import app as agent_app
from orchestrator.cli import app
from tests import charts

ABOUT = yaml.safe_load((charts.CHART / "Chart.yaml").read_text())
PROGRAMS: dict[str, Any] = {"fieldwise": app, "fieldwise-agent": agent_app}
COMMAND = re.compile(r"\b(fieldwise(?:-agent)?) ([a-z][a-z ]*[a-z])(?= [A-Z>]| &&|$)", re.MULTILINE)


def notes(values: str) -> str:
    """What helm prints after installing, from what would be installed."""
    named = ("install", charts.RELEASE, str(charts.CHART), f"--namespace={charts.NAMESPACE}")
    done = charts.run(*named, "--dry-run=client", charts.values_of(values))
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("NOTES:\n")[2]


def test_the_chart_says_what_it_is() -> None:
    assert ABOUT["apiVersion"] == "v2"
    assert ABOUT["type"] == "application"
    assert re.fullmatch(r"\d+\.\d+\.\d+", ABOUT["version"])
    assert ABOUT["kubeVersion"].startswith(">=")
    assert ABOUT["description"]
    assert ABOUT["maintainers"]
    assert ABOUT["annotations"]["artifacthub.io/license"] == "Apache-2.0"
    changes = yaml.safe_load(ABOUT["annotations"]["artifacthub.io/changes"])
    assert all(each.keys() == {"kind", "description"} for each in changes)


def test_every_major_version_says_how_to_come_to_it() -> None:
    """And before 1.0.0 every minor one that breaks something, which none has."""
    told = (charts.CHART / "README.md").read_text()
    assert "## Upgrading" in told
    for major in range(1, Version(ABOUT["version"]).major + 1):
        assert f"### To {major}.0.0" in told


def test_a_package_holds_the_chart_and_nothing_else(tmp_path: Path) -> None:
    done = charts.run("package", str(charts.CHART), f"--destination={tmp_path}")
    assert done.returncode == 0, done.stderr
    [package] = tmp_path.glob("*.tgz")
    assert package.name == f"fieldwise-{ABOUT['version']}.tgz"
    assert package.stat().st_size < 500_000, "a release's Secret has a mebibyte for all"
    with tarfile.open(package) as opened:
        held = {each.name.removeprefix("fieldwise/") for each in opened.getmembers()}
    assert {"Chart.yaml", "README.md", "values.schema.json", "templates/NOTES.txt"} <= held
    assert not [each for each in held if each.endswith((".orig", ".pyc"))]


@pytest.mark.parametrize("values", charts.value_sets())
def test_the_commands_that_are_told_next_are_there(values: str) -> None:
    told = notes(values)
    found = COMMAND.findall(told)
    assert {" ".join(each) for each in found} >= {
        "fieldwise authority show",
        "fieldwise status",
        "fieldwise ticket create",
        "fieldwise-agent join",
        "fieldwise-agent run",
    }
    for program, words in found:
        shown = CliRunner().invoke(PROGRAMS[program], [*words.split(), "--help"])
        assert shown.exit_code == 0, words


@pytest.mark.parametrize("values", charts.value_sets())
def test_the_objects_that_are_told_next_are_there(values: str) -> None:
    objects = charts.rendered(values)
    told = notes(values)
    found = charts.workload(objects)
    place = f"{found['kind'].lower()}/{found['metadata']['name']}"
    known = not charts.environment(charts.the_container(objects)).get("FIELDWISE_OPERATOR_TOKEN")
    assert told.count(place) == (2 if known else 3)
    for line in told.splitlines():
        if "kubectl" in line:
            words = shlex.split(line.replace("$(", " ").replace(")", " "))
            assert words[words.index("--namespace") + 1] == charts.NAMESPACE
    if values == "oidc":  # an issuer gives tokens, and the cluster has no roles for it
        assert "https://login.example.com/realms/plant" in told
        return
    if known:
        roles = {each["metadata"]["name"] for each in charts.of_kind(objects, "ClusterRole")}
        assert re.findall(r"--clusterrole=(\S+)", told)[0] in roles
        assert "--audience fieldwise)" in told
        return
    secrets = {each["metadata"]["name"] for each in charts.of_kind(objects, "Secret")}
    [(secret, key)] = re.findall(r"get secret (\S+) -o jsonpath='\{\.data\.(\S+?)\}'", told)
    assert secret in secrets | {"fleet-token"}
    assert key == "token"


def test_devices_that_could_not_reach_the_server_are_told_of() -> None:
    assert "cannot reach these names" in notes("default")
    assert "cannot reach these names" not in notes("outside")
    assert "devices.example.org:443" in notes("outside")


def test_what_is_kept_lost_or_open_is_told() -> None:
    assert "The claim edge-fieldwise-data holds the fleet's authority" in notes("default")
    assert "go with the release" in notes("evaluation")
    assert "networkPolicy.enabled = false" in notes("gitops")
    assert "helm test edge --namespace fleet --timeout 600s" in notes("default")
    assert "helm test" not in notes("gitops")


CONVENTION = re.compile(r"^\| (\d+) \| [^|]+\| ([^|]*)\| ([^|]+)\|$", re.MULTILINE)


def test_every_convention_names_its_place_and_a_test_that_is_there() -> None:
    found = CONVENTION.findall((charts.ROOT / "docs" / "chart.md").read_text())
    assert [int(number) for number, _, _ in found] == list(range(1, 26))
    for number, places, tests in found:
        for place in re.findall(r"`([^`]+)`", places):
            assert (charts.CHART / place).exists() or (charts.ROOT / place).exists(), place
        named = re.findall(r"`([^`]+)::(\w+)`", tests)
        assert named, number
        for file, test in named:
            assert f"def {test}(" in (charts.ROOT / "tests" / file).read_text(), test
