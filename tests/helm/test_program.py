"""What the chart tells the program is what the program takes, and means what the chart says."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from fieldwise import __version__, channel
from fieldwise.settings import describe
from orchestrator import addresses
from orchestrator.cli import app
from orchestrator.config import OrchestratorSettings, load_settings
from orchestrator.rpc import health
from tests import charts
from tools import chart

EVERY = pytest.mark.parametrize("values", charts.value_sets())
GIVEN = {
    "FIELDWISE_OPERATOR_TOKEN": "t" * 43,
    "FIELDWISE_DATABASE_URL": "postgresql://fieldwise:x@db/fieldwise",
    "FIELDWISE_BUNDLE_ACCESS_KEY": "reader",
    "FIELDWISE_BUNDLE_SECRET_KEY": "hush-hush-hush",
}


def started_with(objects: list[charts.Manifest], folder: Path) -> OrchestratorSettings:
    """The settings with which the container would start, by the program's own reading."""
    file = folder / "fieldwise.toml"
    file.write_text(charts.settings_file(objects))
    container = charts.the_container(objects)
    told = charts.environment(container)
    assert told.pop("FIELDWISE_CONFIG") == "/etc/fieldwise/fieldwise.toml"
    own = {name: GIVEN[name] for name in told if name.startswith("FIELDWISE_")}
    return load_settings(file, own, {}).settings


@EVERY
def test_the_program_starts_with_the_settings_of_the_chart(values: str, tmp_path: Path) -> None:
    objects = charts.rendered(values)
    found = started_with(objects, tmp_path)
    given = yaml.safe_load((charts.VALUE_SETS / f"{values}.yaml").read_text())
    for name, value in given.get("settings", {}).items():
        assert getattr(found, name) == value
    assert found.log_form == "json"
    ports = {each["name"]: each["containerPort"] for each in charts.the_container(objects)["ports"]}
    assert found.device_listen == f"0.0.0.0:{ports['devices']}"
    assert found.operator_listen == f"0.0.0.0:{ports['operators']}"
    assert found.metrics_listen == f"0.0.0.0:{ports['metrics']}"
    assert found.health_listen == (f"0.0.0.0:{ports['health']}" if "health" in ports else "")


@EVERY
def test_everything_that_is_kept_lies_on_a_volume(values: str, tmp_path: Path) -> None:
    """In a folder of the program's own making: the root of a volume belongs to somebody else."""
    objects = charts.rendered(values)
    found = started_with(objects, tmp_path)
    mounts = [each["mountPath"] for each in charts.the_container(objects)["volumeMounts"]]
    kept = [found.folder, found.bundle_folder, found.authority_file, found.publisher_file]
    for path in (each for each in kept if each is not None):
        assert any(path.is_relative_to(mount) for mount in mounts), path
    assert found.folder != Path("/var/lib/fieldwise")
    assert "/var/lib/fieldwise" in mounts


@EVERY
def test_the_server_s_certificate_names_every_host_that_is_told(
    values: str, tmp_path: Path
) -> None:
    objects = charts.rendered(values)
    found = started_with(objects, tmp_path)
    named = addresses.certified(found.advertise_hosts, (found.device_listen, found.operator_listen))
    told = [each.rpartition(":")[0] for each in (found.device_address, found.operator_address)]
    rules = [
        rule["host"]
        for each in charts.of_kind(objects, "Ingress")
        if not each["metadata"]["name"].endswith("-public")
        for rule in each["spec"]["rules"]
    ]
    routed = [
        host for each in charts.of_kind(objects, "TLSRoute") for host in each["spec"]["hostnames"]
    ]
    services = [
        f"{each['metadata']['name']}.{charts.NAMESPACE}.svc"
        for each in charts.of_kind(objects, "Service")
        if each["metadata"]["name"].endswith(("-devices", "-operators"))
    ]
    assert {*told, *rules, *routed, *services} <= set(named)


@EVERY
def test_the_token_the_database_and_the_bucket_come_from_secrets(values: str) -> None:
    objects = charts.rendered(values)
    made = {
        each["metadata"]["name"]: {*each.get("data", {})}
        for each in charts.of_kind(objects, "Secret")
    }
    for _, container in charts.containers(objects):
        for name, source in charts.environment(container).items():
            if name not in GIVEN and name != "FIELDWISE_TOKEN":
                continue
            wanted = source["secretKeyRef"]
            own = wanted["name"].startswith(charts.RELEASE)
            assert not own or wanted["key"] in made[wanted["name"]]


def test_a_secret_of_one_s_own_is_taken_by_its_own_key_and_none_is_made() -> None:
    objects = charts.rendered("replicas")
    assert charts.of_kind(objects, "Secret") == []
    told = charts.environment(charts.the_container(objects))
    wanted = {name: source["secretKeyRef"] for name, source in told.items() if name in GIVEN}
    assert wanted == {
        "FIELDWISE_OPERATOR_TOKEN": {"name": "fleet-token", "key": "token"},
        "FIELDWISE_DATABASE_URL": {"name": "fleet-database", "key": "uri"},
        "FIELDWISE_BUNDLE_ACCESS_KEY": {"name": "fleet-bucket", "key": "accessKey"},
        "FIELDWISE_BUNDLE_SECRET_KEY": {"name": "fleet-bucket", "key": "secretKey"},
    }
    [authority] = [
        each["secret"]
        for each in charts.workload(objects)["spec"]["template"]["spec"]["volumes"]
        if each["name"] == "authority"
    ]
    assert (authority["secretName"], authority["items"][0]["key"]) == (
        "fleet-authority",
        "authority.json",
    )


def test_a_token_that_the_chart_makes_is_one_that_the_program_takes(tmp_path: Path) -> None:
    objects = charts.rendered("default")
    token = charts.named(objects, "Secret", "-operator-token")["data"]["token"]
    text = base64.b64decode(token).decode()
    assert load_settings(None, {"FIELDWISE_OPERATOR_TOKEN": text}, {}).settings.operator_token
    assert len(text) == 43


def test_other_settings_are_other_pods() -> None:
    def checksum(objects: list[charts.Manifest]) -> str:
        metadata: Any = charts.workload(objects)["spec"]["template"]["metadata"]
        return str(metadata["annotations"]["checksum/settings"])

    before = charts.rendered("default")
    after = charts.rendered_with("default", "settings.check_in_seconds=90")
    assert checksum(before) != checksum(after)
    file = charts.settings_file(before).removesuffix("\n")
    assert checksum(before) == hashlib.sha256(file.encode()).hexdigest()


@pytest.mark.parametrize("values", ["default", "replicas"])
def test_commands_are_the_program_s(values: str) -> None:
    for name, container in charts.containers(charts.rendered(values)):
        if container["command"] == ["fieldwise"]:
            shown = CliRunner().invoke(app, [*container["args"], "--help"])
            assert shown.exit_code == 0, name


def probes(container: charts.Manifest, way: str) -> list[Any]:
    """What is asked at start, and then for liveness and readiness."""
    return [container[f"{kind}Probe"][way] for kind in ("startup", "liveness", "readiness")]


def test_probes_by_grpc_ask_what_the_program_answers(tmp_path: Path) -> None:
    objects = charts.rendered_with("default", 'probes.kind="grpc"')
    port = channel.split_address(started_with(objects, tmp_path).health_listen)[1]
    assert probes(charts.the_container(objects), "grpc") == [
        {"port": port, "service": health.LIVENESS},
        {"port": port, "service": health.LIVENESS},
        {"port": port, "service": health.READINESS},
    ]


def test_probes_by_http_ask_what_the_program_answers_and_open_no_port_for_it(
    tmp_path: Path,
) -> None:
    objects = charts.rendered_with("default", 'probes.kind="http"')
    container = charts.the_container(objects)
    assert probes(container, "httpGet") == [
        {"path": "/healthz", "port": "metrics"},
        {"path": "/healthz", "port": "metrics"},
        {"path": "/readyz", "port": "metrics"},
    ]
    assert started_with(objects, tmp_path).health_listen == ""
    assert "health" not in {each["name"] for each in container["ports"]}


@pytest.mark.parametrize(
    ("kind", "cluster", "way"),
    [
        ("auto", "v1.20.2", "httpGet"),
        ("auto", "v1.23.17", "httpGet"),
        ("auto", "v1.24.0", "grpc"),
        ("auto", "v1.37.1-eks-1234", "grpc"),
        ("grpc", "v1.23.17", "grpc"),
        ("http", "v1.37.0", "httpGet"),
    ],
)
def test_a_cluster_asks_by_grpc_where_it_can_and_otherwise_as_it_is_told(
    kind: str, cluster: str, way: str
) -> None:
    told = (f"--kube-version={cluster}", f"--set=probes.kind={kind}")
    done = charts.template(charts.values_of("default"), *told)
    assert done.returncode == 0, done.stderr
    assert len(probes(charts.the_container(charts.manifests(done.stdout)), way)) == 3


def test_every_setting_of_the_program_is_the_operator_s_or_the_chart_s() -> None:
    own = set(OrchestratorSettings.__struct_fields__)
    chosen = chart.settings_schema()["properties"]
    assert set(chosen) | chart.OF_THE_CHART == own
    assert not set(chosen) & chart.OF_THE_CHART
    for name, bounds in chosen.items():
        assert bounds["description"] == describe(OrchestratorSettings, name)


def test_the_chart_is_of_the_program_s_version() -> None:
    about = yaml.safe_load((charts.CHART / "Chart.yaml").read_text())
    assert (about["apiVersion"], about["appVersion"]) == ("v2", __version__)


def test_the_readings_and_backbones_of_the_selftest_come_whole_through_the_template() -> None:
    made = charts.named(charts.rendered("default"), "ConfigMap", "-selftest")
    folder = charts.CHART / "files" / "selftest"
    for name, content in made["binaryData"].items():
        assert base64.b64decode(content) == (folder / name).read_bytes()
    assert made["data"]["selftest.py"].strip() == (folder / "selftest.py").read_text().strip()
    assert made["data"]["readings.csv"].split() == (folder / "readings.csv").read_text().split()


def test_the_values_of_the_readme_are_those_of_the_file() -> None:
    told = (charts.CHART / "README.md").read_text()
    assert "\n".join(chart.values()).strip() in told
    assert chart.SCHEMA.read_text() == chart.schema()
    assert json.loads(chart.schema())["additionalProperties"] is False


def test_a_bucket_is_reached_as_the_values_say(tmp_path: Path) -> None:
    found = started_with(charts.rendered("replicas"), tmp_path)
    assert (found.bundle_url, found.bundle_region) == ("s3://plant-7/bundles", "eu-central-1")
    assert found.bundle_endpoint == "https://s3.internal.example.org"
    assert found.bundle_public_endpoint == "https://s3.example.org"
