"""Every set of values on a real API server: each object is taken, whole, and every Pod is made."""

import pytest

from tests import charts
from tests.kubernetes.pods import nodes
from tests.kubernetes.releases import Release, kind_of, lost, succeeded

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("values", charts.value_sets())
def test_every_object_is_taken_with_every_field_and_every_pod_is_made(
    release: Release, values: str
) -> None:
    with nodes(release.server, release.namespace):
        succeeded(release.install(values, "--wait", "--timeout=10m"))
    sent = release.sent()
    assert {each["kind"] for each in sent} >= {"ConfigMap", "Service"}
    for each in sent:
        assert list(lost(each, release.stored(each))) == [], kind_of(each)


def test_a_cluster_without_the_kinds_gets_no_budget_and_no_scaler_but_all_replicas(
    release: Release,
) -> None:
    """1.20 has neither policy/v1 nor autoscaling/v2, which this set of values asks for.

    Nor do its kubelets ask by gRPC.
    """
    with nodes(release.server, release.namespace):
        succeeded(release.install("replicas", "--wait", "--timeout=10m"))
    sent = release.sent()
    assert charts.of_kind(sent, "PodDisruptionBudget", "HorizontalPodAutoscaler") == []
    assert charts.of_kind(charts.rendered("replicas"), "PodDisruptionBudget") != []
    assert charts.of_kind(charts.rendered("replicas"), "HorizontalPodAutoscaler") != []
    assert "httpGet" in charts.the_container(sent)["livenessProbe"]
    assert "grpc" in charts.the_container(charts.rendered("replicas"))["livenessProbe"]
    assert release.stored(charts.workload(sent))["status"]["readyReplicas"] == 3


def test_a_field_that_the_server_drops_is_noticed() -> None:
    stored = {"spec": {"ports": [{"port": 1, "protocol": "TCP"}], "added": True}}
    assert list(lost({"spec": {"ports": [{"port": 1}]}}, stored)) == []
    for sent in ({"port": 2}, {"port": 1, "hostPort": 1}):
        assert len(list(lost({"spec": {"ports": [sent]}}, stored))) == 1
