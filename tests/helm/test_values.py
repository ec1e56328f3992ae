"""Values are described, bounded by a schema, and refused with a sentence where they cannot work."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests import charts
from tools import chart

SCHEMA = json.loads(chart.SCHEMA.read_text())
DEFAULTS = yaml.safe_load(chart.VALUES.read_text())


def resolved(node: Any) -> Any:
    while "$ref" in node:
        node = SCHEMA["definitions"][node["$ref"].removeprefix("#/definitions/")]
    return node


def described_by(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path to a value that the schema describes one by one."""
    node = resolved(node)
    if "properties" not in node:
        yield path
    for name, below in node.get("properties", {}).items():
        yield from described_by(below, (*path, name))


def mappings(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path to a mapping whose keys the schema knows."""
    node = resolved(node)
    if "properties" in node:
        yield path
    for name, below in node.get("properties", {}).items():
        yield from mappings(below, (*path, name))


def has(tree: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(tree, dict) or name not in tree:
            return False
        tree = tree[name]
    return True


def test_every_value_is_explained() -> None:
    assert chart.undescribed() == []


def test_a_value_without_a_word_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("# -- Told.\ntold: {below: 1}\nuntold:\n  # no word\n  below: 1\n")
    monkeypatch.setattr(chart, "VALUES", values)
    assert chart.undescribed() == ["untold.below"]


def test_names_of_values_are_in_camel_case_but_for_the_program_s_own_settings() -> None:
    for path in described_by(SCHEMA):
        names = path[1:] if path[0] == "settings" else path
        own = names if path[0] != "settings" else ()
        assert all(re.fullmatch(r"[a-z][a-zA-Z0-9]*", name) for name in own), path


def test_the_schema_and_the_defaults_know_the_same_values() -> None:
    """What a default leaves out is optional in Kubernetes's own forms, or a setting."""
    free = {"settings", "global"}
    probes = {"startupProbe", "livenessProbe", "readinessProbe"}
    known = {path for path in described_by(SCHEMA) if path[0] not in free | probes}
    lacking = {path for path in known if not has(DEFAULTS, path)}
    assert {path for path in lacking if "issuerRef" not in path} == set()


def objects_of(node: Any) -> list[Any]:
    """Nodes of the schema that describe a mapping by its keys."""
    return [each for each in charts.nodes(node) if isinstance(each, dict) and "properties" in each]


def test_no_mapping_takes_a_key_that_the_schema_does_not_know() -> None:
    described = [each for each in objects_of(SCHEMA) if each.get("type") == "object"]
    assert len(described) > 30
    for each in described:
        assert each["additionalProperties"] is False


@pytest.mark.parametrize("path", [each for each in mappings(SCHEMA) if len(each) < 3], ids=".".join)
def test_an_unknown_key_is_refused_wherever_it_stands(path: tuple[str, ...]) -> None:
    value: Any = {"misspelled": 1}
    for name in reversed(path[1:]):
        value = {name: value}
    told = charts.refusal("default", f"{path[0] if path else 'misspelled'}={json.dumps(value)}")
    assert "misspelled" in told


WRONG = {
    "replicaCount=0": "replicaCount",
    'image.pullPolicy="Sometimes"': "pullPolicy",
    'image.digest="latest"': "digest",
    'devices.address="fleet.example.org"': "address",
    'devices.ingress.host="*.example.org"': "host",
    'persistence.accessModes=["ReadOnlyMany"]': "accessModes",
    'persistence.size="ten"': "size",
    "settings.check_in_seconds=0": "check_in_seconds",
    'settings.log_level="loud"': "log_level",
    'settings.operator_token="hush-hush-hush-hush"': "operator_token",
    'settings.database_url="sqlite:///x"': "database_url",
    "podAnnotations.number=1": "podAnnotations",
    'fleetName="Plant 7"': "fleetName",
    'extraHosts=["two words"]': "extraHosts",
    "test.timeoutSeconds=1": "timeoutSeconds",
    'updateStrategy.type="Recreate"': "updateStrategy",
    'probes.kind="exec"': "kind",
}


@pytest.mark.parametrize("setting", WRONG)
def test_a_value_out_of_its_bounds_is_refused(setting: str) -> None:
    assert WRONG[setting] in charts.refusal("default", setting)


MANY = json.dumps([f"devices-{number}.example.org" for number in range(17)])
BESIDE = {
    ("default", "replicaCount=2"): [
        "replicaCount = 2: a data folder on a volume is one process's",
        "replicaCount = 2: SQLite lives in the data folder",
        "replicaCount = 2: the fleet's authority would be lost",
        "replicaCount = 2: bundles live in the data folder",
    ],
    ("default", "autoscaling.enabled=true"): [
        "autoscaling.enabled: a data folder on a volume is one process's",
        "set resources.requests.cpu",
    ],
    ("default", "persistence.enabled=false"): ["persistence.enabled = false: SQLite lives in"],
    ("replicas", 'database.existingSecret=""'): ["name a PostgreSQL with database.existingSecret"],
    ("replicas", 'authority.existingSecret=""'): ["fieldwise authority create"],
    ("replicas", 'publisher.existingSecret=""'): ["fieldwise trust init"],
    (
        "replicas",
        'bundles.s3={"url":"","endpoint":"","publicEndpoint":"","region":"","existingSecret":""}',
    ): ["name a bucket with bundles.s3.url"],
    ("replicas", 'bundles.s3.url=""'): ["and bundles.s3.url not which"],
    ("replicas", 'bundles.existingClaim="b"'): ["both say where bundles are"],
    ("replicas", "autoscaling.minReplicas=9"): ["minReplicas = 9 is above"],
    ("replicas", "persistence.enabled=true"): ["need persistence.enabled = false"],
    ("evaluation", 'database.existingSecret="d"'): ["database.existingSecret names another"],
    ("evaluation", 'bundles.s3.url="s3://bucket"'): ["names another place"],
    ("default", 'podDisruptionBudget={"enabled":true,"minAvailable":1}'): ["ever be drained"],
    ("default", 'podDisruptionBudget={"enabled":true,"minAvailable":2}'): ["ever be drained"],
    ("default", 'podDisruptionBudget={"enabled":true,"minAvailable":"100%"}'): ["be drained"],
    ("default", 'podDisruptionBudget={"enabled":true,"maxUnavailable":0}'): ["be drained"],
    ("default", 'podDisruptionBudget={"enabled":true,"maxUnavailable":null}'): ["needs podDis"],
    ("replicas", "podDisruptionBudget.minAvailable=5"): ["5 of 5 replicas"],
    ("default", "devices.ingress.enabled=true"): ["needs devices.ingress.host"],
    ("default", "operators.route.enabled=true"): ["needs operators.route.hostnames"],
    ("outside", 'operators.ingress.host="devices.example.org"'): ["told apart by host name"],
    ("replicas", 'operators.route.hostnames=["devices.example.org"]'): ["both hold devices.ex"],
    ("outside", 'operators.publicIngress.host="fleet.example.org"'): ["take another host"],
    ("outside", 'operators.publicIngress.host=""'): ["needs operators.publicIngress.host"],
    ("outside", "operators.publicIngress.certificate.issuerRef=null"): ["certificate.issuerRef"],
    ("outside", "operators.publicIngress.certificate.enabled=false"): ["needs a certificate"],
    ("replicas", f"devices.route.hostnames={MANY}"): ["would name 23 hosts, and has room for 16"],
    ("default", 'persistence.accessModes=["ReadWriteOncePod"]'): ["forbids a second Pod"],
    ("default", "terminationGracePeriodSeconds=10"): ["kills the Pod before"],
}


@pytest.mark.parametrize(("values", "setting"), BESIDE)
def test_values_that_cannot_go_together_are_refused_in_a_sentence(
    values: str, setting: str
) -> None:
    told = charts.refusal(values, setting)
    for each in BESIDE[values, setting]:
        assert each in told


@pytest.mark.parametrize(
    ("values", "setting"),
    [
        ("default", 'podDisruptionBudget={"enabled":true}'),
        ("replicas", "podDisruptionBudget.minAvailable=4"),
        ("replicas", 'podDisruptionBudget.minAvailable="50%"'),
        (
            "replicas",
            'operators.route={"hostnames":["devices.example.org"],"parentRefs":[{"name":"other"}]}',
        ),
        ("default", 'extraHosts=["*.example.org","fleet","192.0.2.7","2001:db8::7"]'),
    ],
)
def test_values_beside_those_that_are_refused_are_taken(values: str, setting: str) -> None:
    assert charts.rendered_with(values, setting)


def test_the_chart_is_linted_strictly_with_every_set() -> None:
    for name in charts.value_sets():
        done = charts.run("lint", "--strict", str(charts.CHART), charts.values_of(name))
        assert done.returncode == 0, done.stdout + done.stderr
