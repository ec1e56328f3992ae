"""What holds of every object of every set of values, whatever the set is for."""

import json
from typing import Any

import kubernetes_validate
import pytest

from tests import charts
from tests.charts import Manifest

# The oldest that is still seen in the field and the newest whose schemas are known.
KUBERNETES = ("1.29", "1.37")
# Resources that others define; test_exposure.py and test_monitoring.py look at them by hand.
FOREIGN = frozenset({"Certificate", "PrometheusRule", "ServiceMonitor", "TLSRoute"})
RECOMMENDED = frozenset(
    f"app.kubernetes.io/{name}"
    for name in ("name", "instance", "version", "component", "part-of", "managed-by")
) | {"helm.sh/chart"}
LASTING = frozenset(f"app.kubernetes.io/{name}" for name in ("name", "instance", "component"))
SECRET_WORDS = ("password", "token", "secret", "private")

pytestmark = pytest.mark.parametrize("values", charts.value_sets())


def own(values: str) -> list[Manifest]:
    """The objects of a set that the chart describes itself."""
    return [each for each in charts.rendered(values) if "labels" in each["metadata"]]


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_knows_every_field(values: str, version: str) -> None:
    looked_at = [each for each in charts.rendered(values) if each["kind"] not in FOREIGN]
    assert looked_at
    for each in looked_at:
        kubernetes_validate.validate(each, version, strict=True)


def test_no_object_is_named_twice(values: str) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in charts.rendered(values)]
    assert len(names) == len(set(names))


def test_every_object_has_the_recommended_labels(values: str) -> None:
    for each in own(values):
        labels = each["metadata"]["labels"]
        assert labels.keys() >= RECOMMENDED
        assert labels["app.kubernetes.io/instance"] == charts.RELEASE
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
    for _, metadata, _ in charts.pods(own(values)):
        assert metadata["labels"].keys() >= RECOMMENDED


def selectors(tree: Any) -> list[dict[str, str]]:
    """The labels that every selector in an object asks for."""
    maps = [node for node in charts.nodes(tree) if isinstance(node, dict)]
    return [node["matchLabels"] for node in maps if isinstance(node.get("matchLabels"), dict)]


def test_what_selects_holds_nothing_that_an_upgrade_changes(values: str) -> None:
    for each in charts.of_kind(own(values), *charts.LONG_RUNNING):
        assert each["spec"]["selector"]["matchLabels"].keys() == LASTING
    for each in charts.of_kind(own(values), "Service"):
        assert each["spec"]["selector"].keys() == LASTING
    for labels in selectors(own(values)):
        assert not labels.keys() & (RECOMMENDED - LASTING)


def of_jobs_to_come(objects: list[charts.Manifest]) -> list[dict[str, str]]:
    """Labels of the Pods of Jobs that the program makes from what the chart says of them."""
    written = [
        each.get("data", {}).get("job.json") for each in charts.of_kind(objects, "ConfigMap")
    ]
    specs = [json.loads(each)["spec"]["template"] for each in written if each]
    return [each["metadata"]["labels"] for each in specs]


def test_what_selects_finds_something(values: str) -> None:
    objects = charts.rendered(values)
    made = [metadata["labels"].items() for _, metadata, _ in charts.pods(objects)]
    made += [labels.items() for labels in of_jobs_to_come(objects)]
    for each in charts.of_kind(objects, "Service"):
        wanted = each["spec"]["selector"].items()
        assert any(wanted <= labels for labels in made), each["metadata"]["name"]
    for each in charts.of_kind(objects, "NetworkPolicy", "PodDisruptionBudget"):
        wanted = each["spec"]["podSelector" if each["kind"] == "NetworkPolicy" else "selector"]
        assert any(wanted["matchLabels"].items() <= labels for labels in made)
    monitored = [each["metadata"]["labels"].items() for each in charts.of_kind(objects, "Service")]
    for each in charts.of_kind(objects, "ServiceMonitor"):
        assert sum(each["spec"]["selector"]["matchLabels"].items() <= one for one in monitored) == 1


def test_every_pod_satisfies_the_restricted_standard(values: str) -> None:
    """Of https://kubernetes.io/docs/concepts/security/pod-security-standards/, line by line."""
    seen = 0
    for name, _, spec in charts.pods(charts.rendered(values)):
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        kinds = {kind for volume in spec["volumes"] for kind in volume if kind != "name"}
        allowed = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
        assert kinds <= allowed, name
        seen += 1
    for name, container in charts.containers(charts.rendered(values)):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["capabilities"] == {"drop": ["ALL"]}, name
        assert not {"privileged", "runAsUser", "procMount"} & context.keys(), name
        assert all("hostPort" not in port for port in container.get("ports", ())), name
    assert seen


def test_no_container_writes_to_its_image(values: str) -> None:
    for name, _, spec in charts.pods(charts.rendered(values)):
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
            mounted = {each["mountPath"] for each in container["volumeMounts"]}
            assert "/tmp" in mounted, name
            given = {each["name"] for each in spec["volumes"]}
            assert {each["name"] for each in container["volumeMounts"]} <= given, name


def test_no_pod_holds_a_token_of_the_cluster_or_variables_of_services(values: str) -> None:
    """But for the program's own token where it calls the cluster, as in ``test_cluster.py``.

    FIELDWISE_SERVICE_HOST would pass for a setting, and stop the program.
    """
    calls = values == "kubernetes"
    for name, _, spec in charts.pods(charts.rendered(values)):
        own = name == f"Deployment/{charts.RELEASE}-fieldwise"
        assert spec["automountServiceAccountToken"] is (calls and own), name
        assert spec["enableServiceLinks"] is False, name
    for account in charts.of_kind(charts.rendered(values), "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False
    kinds = {each["kind"] for each in charts.rendered(values)}
    assert calls or not kinds & {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}


def test_what_runs_for_long_is_probed_without_a_long_wait(values: str) -> None:
    for each in charts.of_kind(charts.rendered(values), *charts.LONG_RUNNING):
        for container in each["spec"]["template"]["spec"]["containers"]:
            for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
                probe = container[kind]
                assert probe.get("initialDelaySeconds", 0) <= 30
                assert {"grpc", "httpGet", "tcpSocket", "exec"} & probe.keys()


def test_images_are_named_whole_and_never_float(values: str) -> None:
    for name, container in charts.containers(charts.rendered(values)):
        image, _, digest = container["image"].partition("@")
        assert digest == "" or digest.startswith("sha256:"), name
        tag = image.rpartition("/")[2].partition(":")[2]
        assert tag not in {"", "latest", "main"}, name
        assert container["imagePullPolicy"] in {"Always", "IfNotPresent", "Never"}, name


def test_every_port_says_its_protocol(values: str) -> None:
    """Server-side apply tells ports apart by it."""
    objects = charts.rendered(values)
    ports = [port for each in charts.of_kind(objects, "Service") for port in each["spec"]["ports"]]
    ports += [port for _, each in charts.containers(objects) for port in each.get("ports", ())]
    assert ports
    assert all(port["protocol"] == "TCP" for port in ports)


def test_every_port_that_is_named_is_a_container_s(values: str) -> None:
    objects = charts.rendered(values)
    for each in charts.of_kind(objects, "Service"):
        wanted = each["spec"]["selector"].items()
        offered = {
            port["name"]
            for _, metadata, spec in charts.pods(objects)
            if wanted <= metadata["labels"].items()
            for container in spec["containers"]
            for port in container.get("ports", ())
        }
        assert {port["targetPort"] for port in each["spec"]["ports"]} <= offered


def test_secrets_are_in_secrets_alone(values: str) -> None:
    objects = charts.rendered(values)
    for each in charts.of_kind(objects, "ConfigMap"):
        settings = each.get("data", {}).get("fieldwise.toml", "")
        assert not any(word in settings.lower() for word in SECRET_WORDS)
    for name, container in charts.containers(objects):
        for variable in container.get("env", ()):
            told = any(word.upper() in variable["name"] for word in (*SECRET_WORDS, "URL", "KEY"))
            where = variable["name"].endswith("_FILE")  # what is there comes by a volume
            assert "valueFrom" in variable or where or not told, (name, variable["name"])


def test_no_definition_of_resources_is_brought_along(values: str) -> None:
    """Helm would never upgrade it."""
    assert not (charts.CHART / "crds").exists()
    assert not charts.of_kind(charts.rendered(values), "CustomResourceDefinition")
