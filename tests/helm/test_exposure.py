"""Who reaches which port, and by which way."""

from typing import Any

import pytest

from tests import charts

SIDES = ("devices", "operators")


def backends(ingress: charts.Manifest) -> list[tuple[str, str, str]]:
    """Path, Service and port of every rule."""
    [rule] = ingress["spec"]["rules"]
    return [
        (
            each["path"],
            each["backend"]["service"]["name"],
            each["backend"]["service"]["port"]["name"],
        )
        for each in rule["http"]["paths"]
    ]


def test_devices_operators_and_metrics_have_services_of_their_own() -> None:
    objects = charts.rendered("default")
    for side, port in (("devices", 8443), ("operators", 8444), ("metrics", 9464)):
        service = charts.named(objects, "Service", f"-{side}")
        assert service["spec"]["type"] == "ClusterIP"
        [told] = service["spec"]["ports"]
        assert (told["name"], told["port"], told["targetPort"]) == (side, port, side)
    assert charts.named(objects, "Service", "-metrics")["spec"]["clusterIP"] == "None"


def test_only_the_device_port_is_given_a_load_balancer() -> None:
    objects = charts.rendered("replicas")
    types = {
        each["metadata"]["name"].rpartition("-")[2]: each["spec"]["type"]
        for each in charts.of_kind(objects, "Service")
    }
    assert types == {"devices": "LoadBalancer", "operators": "ClusterIP", "metrics": "ClusterIP"}
    spec = charts.named(objects, "Service", "-devices")["spec"]
    assert spec["loadBalancerSourceRanges"] == ["203.0.113.0/24"]
    assert spec["externalTrafficPolicy"] == "Local"
    assert spec["ports"][0]["port"] == 443


def test_a_port_of_the_nodes_is_fixed_where_it_is_asked_for() -> None:
    setting = 'devices.service={"type":"NodePort","nodePort":30443}'
    service = charts.named(charts.rendered_with("default", setting), "Service", "-devices")
    assert service["spec"]["ports"][0]["nodePort"] == 30443


@pytest.mark.parametrize("side", SIDES)
def test_tls_goes_through_an_ingress_unopened_by_host_name(side: str) -> None:
    """Behind one port of the controller: the host name (SNI) tells the two apart."""
    ingress = charts.named(charts.rendered("outside"), "Ingress", f"-{side}")
    annotations = ingress["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/ssl-passthrough"] == "true"
    assert annotations["nginx.ingress.kubernetes.io/backend-protocol"] == "GRPCS"
    [tls] = ingress["spec"]["tls"]
    assert "secretName" not in tls, "no certificate but the program's own may answer"
    assert backends(ingress) == [("/", f"edge-fieldwise-{side}", side)]


@pytest.mark.parametrize("side", SIDES)
def test_tls_goes_through_a_gateway_unopened_by_host_name(side: str) -> None:
    route = charts.named(charts.rendered("replicas"), "TLSRoute", f"-{side}")
    assert route["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert route["spec"]["parentRefs"] == [{"name": "edge", "sectionName": "tls"}]
    [rule] = route["spec"]["rules"]
    service = charts.named(charts.rendered("replicas"), "Service", f"-{side}")
    port = service["spec"]["ports"][0]["port"]
    assert rule["backendRefs"] == [{"name": f"edge-fieldwise-{side}", "port": port}]


def test_the_version_of_a_route_is_the_newest_that_the_cluster_has() -> None:
    named = ("template", charts.RELEASE, str(charts.CHART), charts.values_of("replicas"))
    without = charts.run(*named)
    assert without.returncode == 0, without.stderr
    [*routes] = charts.of_kind(charts.manifests(without.stdout), "TLSRoute")
    assert {each["apiVersion"] for each in routes} == {"gateway.networking.k8s.io/v1alpha2"}
    chosen = 'devices.route.apiVersion="gateway.networking.k8s.io/v1alpha3"'
    route = charts.named(charts.rendered_with("replicas", chosen), "TLSRoute", "-devices")
    assert route["apiVersion"] == "gateway.networking.k8s.io/v1alpha3"


def test_a_public_certificate_is_for_operators_alone() -> None:
    objects = charts.rendered("outside")
    ingress = charts.named(objects, "Ingress", "-operators-public")
    annotations = ingress["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/backend-protocol"] == "GRPCS"
    assert "nginx.ingress.kubernetes.io/ssl-passthrough" not in annotations
    paths = {
        path for path, service, _ in backends(ingress) if service == "edge-fieldwise-operators"
    }
    assert paths == {"/fieldwise.v1alpha1.Operator", "/grpc.health.v1.Health"}
    assert len(backends(ingress)) == len(paths)


def test_the_certificate_that_is_asked_for_fills_the_secret_that_the_ingress_reads() -> None:
    """The controller reads a renewed one by itself; nothing of ours has to."""
    objects = charts.rendered("outside")
    certificate = charts.named(objects, "Certificate", "-operators")
    ingress = charts.named(objects, "Ingress", "-operators-public")
    [tls] = ingress["spec"]["tls"]
    assert certificate["spec"]["secretName"] == tls["secretName"]
    assert certificate["spec"]["dnsNames"] == tls["hosts"] == ["console.example.org"]
    assert certificate["spec"]["issuerRef"] == {"name": "letsencrypt", "kind": "ClusterIssuer"}


def test_a_certificate_of_one_s_own_is_taken_and_none_asked_for() -> None:
    settings = ('{name}.existingSecret="own"', "{name}.certificate.enabled=false")
    named = [each.format(name="operators.publicIngress") for each in settings]
    objects = charts.rendered_with("outside", *named)
    assert charts.of_kind(objects, "Certificate") == []
    ingress = charts.named(objects, "Ingress", "-operators-public")
    assert ingress["spec"]["tls"][0]["secretName"] == "own"


def admitted(objects: list[charts.Manifest]) -> dict[str, Any]:
    """Who may reach each port: None is everybody."""
    policy = charts.named(objects, "NetworkPolicy")
    rules = policy["spec"]["ingress"]
    assert all(len(each["ports"]) == 1 for each in rules)
    return {each["ports"][0]["port"]: each.get("from") for each in rules}


def test_each_port_is_open_to_its_own_callers_and_metrics_to_nobody_outside() -> None:
    assert admitted(charts.rendered("default")) == {
        "devices": None,
        "operators": None,
        "metrics": [{"namespaceSelector": {}}],
    }


def test_the_port_that_the_node_probes_is_open_to_no_pod_and_part_of_no_service() -> None:
    """A policy leaves the way from a node to its own Pods open, whatever it says."""
    objects = charts.rendered_with("default", 'probes.kind="grpc"')
    assert "health" in {each["name"] for each in charts.the_container(objects)["ports"]}
    assert admitted(objects).keys() == {"devices", "operators", "metrics"}
    services = charts.of_kind(objects, "Service")
    led = {port["targetPort"] for each in services for port in each["spec"]["ports"]}
    assert led == {"devices", "operators", "metrics"}


def test_a_list_of_callers_closes_a_port_to_all_others_but_the_test() -> None:
    found = admitted(charts.rendered("replicas"))
    assert found["devices"] is None
    operators = [each for each in found["operators"] if "namespaceSelector" in each]
    [test] = [each for each in found["operators"] if each not in operators]
    assert test["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "test"
    assert found["metrics"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    ]


def test_the_way_out_is_bounded_to_names_and_what_is_listed() -> None:
    policy = charts.named(charts.rendered("replicas"), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [[port["port"] for port in each["ports"]] for each in policy["egress"]] == [
        [53, 53],
        [5432],
    ]
    assert "egress" not in charts.named(charts.rendered("default"), "NetworkPolicy")["spec"]


def test_the_database_of_an_evaluation_answers_the_orchestrator_alone() -> None:
    objects = charts.rendered("evaluation")
    for suffix in ("-postgresql", "-objects"):
        policy = charts.named(objects, "NetworkPolicy", suffix)["spec"]
        [rule] = policy["ingress"]
        [peer] = rule["from"]
        labels = peer["podSelector"]["matchLabels"]
        assert labels["app.kubernetes.io/component"] == "orchestrator"
    egress = charts.named(objects, "NetworkPolicy")["spec"]["egress"]
    assert sorted(port["port"] for each in egress for port in each["ports"]) == [53, 53, 5432, 8333]


def test_what_needs_something_of_the_cluster_is_off_by_default() -> None:
    kinds = {each["kind"] for each in charts.rendered("default")}
    wanted = {"ConfigMap", "NetworkPolicy", "PersistentVolumeClaim", "Pod", "Secret", "Service"}
    assert kinds == {*wanted, "ServiceAccount", "StatefulSet"}
