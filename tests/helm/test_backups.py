"""The nightly backup of docs/backup.md is one that a cluster takes and that the program makes."""

import re
import shlex
from typing import TYPE_CHECKING

import kubernetes_validate
import pytest
from typer.testing import CliRunner

from orchestrator.cli import app
from tests import charts

if TYPE_CHECKING:
    from pathlib import Path

PAGE = charts.ROOT / "docs" / "backup.md"


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[charts.Manifest]:
    """What the chart makes of several replicas with the values of the page."""
    [block] = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    file: Path = tmp_path_factory.mktemp("values") / "backup.yaml"
    file.write_text(block)
    done = charts.template(charts.values_of("replicas"), f"--values={file}")
    assert done.returncode == 0, done.stderr
    return charts.manifests(done.stdout)


@pytest.fixture(scope="module")
def spec(objects: list[charts.Manifest]) -> charts.Manifest:
    """The Pod that makes a backup."""
    [job] = charts.of_kind(objects, "CronJob")
    found: charts.Manifest = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("version", ["1.29", "1.37"])
def test_kubernetes_knows_every_field(objects: list[charts.Manifest], version: str) -> None:
    [job] = charts.of_kind(objects, "CronJob")
    kubernetes_validate.validate(job, version, strict=True)


def test_it_is_as_restricted_as_the_replicas(
    objects: list[charts.Manifest], spec: charts.Manifest
) -> None:
    own = charts.workload(objects)["spec"]["template"]["spec"]
    for key in ("runAsNonRoot", "runAsUser", "fsGroup", "seccompProfile"):
        assert spec["securityContext"][key] == own["securityContext"][key]
    [container] = spec["containers"]
    assert container["securityContext"] == own["containers"][0]["securityContext"]
    assert container["image"] == own["containers"][0]["image"]


def test_it_has_what_the_replicas_have(
    objects: list[charts.Manifest], spec: charts.Manifest
) -> None:
    [container] = spec["containers"]
    given = charts.environment(container)
    own = charts.environment(charts.the_container(objects))
    token = own["FIELDWISE_OPERATOR_TOKEN"]["secretKeyRef"]
    assert given["FIELDWISE_OPERATOR_TOKEN"]["secretKeyRef"] == token
    assert "FIELDWISE_DATABASE_URL" in given
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert given["FIELDWISE_AUTHORITY_FILE"].startswith(mounts["authority"])
    assert {each["name"] for each in spec["volumes"]} == set(mounts)


def test_its_command_is_the_program_s(spec: charts.Manifest) -> None:
    [container] = spec["containers"]
    program, *arguments = shlex.split(container["args"][0])
    assert (container["command"], program) == (["sh", "-c"], "fieldwise")
    options, file = arguments[:4], " ".join(arguments[4:])
    assert file == "/backups/fleet-$(date -u +%Y%m%dT%H%M%SZ).backup"
    shown = CliRunner().invoke(app, [*options, file, "--help"])
    assert shown.exit_code == 0, shown.stderr
