"""How Pods are made, replaced, spread, scaled and brought up to date."""

import json

import pytest

from tests import charts


def pod(objects: list[charts.Manifest]) -> charts.Manifest:
    found: charts.Manifest = charts.workload(objects)["spec"]["template"]["spec"]
    return found


def test_one_replica_with_a_volume_ends_before_the_next_begins() -> None:
    """A second process could not have the data folder, and would wait for the first for ever."""
    found = charts.workload(charts.rendered("default"))
    assert (found["kind"], found["spec"]["replicas"]) == ("StatefulSet", 1)
    assert found["spec"]["podManagementPolicy"] == "Parallel", "else no rollback ends a bad upgrade"
    service = charts.named(charts.rendered("default"), "Service", "-metrics")
    assert found["spec"]["serviceName"] == service["metadata"]["name"]


def test_the_volume_stays_when_the_release_goes() -> None:
    claim = charts.named(charts.rendered("default"), "PersistentVolumeClaim", "-data")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    [data] = [each for each in pod(charts.rendered("default"))["volumes"] if each["name"] == "data"]
    assert data["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_a_claim_of_one_s_own_is_used_and_none_is_made() -> None:
    objects = charts.rendered("gitops")
    assert charts.of_kind(objects, "PersistentVolumeClaim") == []
    claims = {
        each["name"]: each["persistentVolumeClaim"]["claimName"]
        for each in pod(objects)["volumes"]
        if "persistentVolumeClaim" in each
    }
    assert claims == {"data": "data", "bundles": "bundles"}


def test_several_replicas_are_replaced_one_more_before_one_less() -> None:
    found = charts.workload(charts.rendered("replicas"))
    assert found["kind"] == "Deployment"
    assert found["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
    }


def test_the_number_of_replicas_is_left_to_the_autoscaler_where_there_is_one() -> None:
    objects = charts.rendered("replicas")
    assert "replicas" not in charts.workload(objects)["spec"]
    scaler = charts.named(objects, "HorizontalPodAutoscaler")
    assert scaler["apiVersion"] == "autoscaling/v2"
    target = scaler["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "edge-fieldwise")
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (2, 5)
    assert scaler["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 600
    fixed = charts.rendered_with("replicas", "autoscaling.enabled=false")
    assert charts.workload(fixed)["spec"]["replicas"] == 3
    assert charts.of_kind(fixed, "HorizontalPodAutoscaler") == []


def test_a_disruption_budget_keeps_all_but_one_or_as_many_as_are_asked_for() -> None:
    budget = charts.named(charts.rendered("replicas"), "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1
    asked = charts.rendered_with("replicas", "podDisruptionBudget.minAvailable=2")
    spec = charts.named(asked, "PodDisruptionBudget")["spec"]
    assert (spec["minAvailable"], "maxUnavailable" in spec) == (2, False)


def test_an_older_cluster_gets_no_object_that_it_does_not_know() -> None:
    named = ("template", charts.RELEASE, str(charts.CHART), charts.values_of("replicas"))
    old = charts.run(*named, "--kube-version=1.20.2")
    assert old.returncode == 0, old.stderr
    too_old = charts.run(*named, "--kube-version=1.19.0")
    assert "1.19" in too_old.stderr


def test_pods_are_spread_by_the_labels_of_their_own_kind() -> None:
    objects = charts.rendered("replicas")
    labels = charts.workload(objects)["spec"]["selector"]["matchLabels"]
    spread = pod(objects)["topologySpreadConstraints"]
    assert {each["topologyKey"] for each in spread} == {
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    }
    assert all(each["labelSelector"]["matchLabels"] == labels for each in spread)
    own = {**spread[0], "labelSelector": {"matchLabels": {"a": "b"}}}
    setting = f"topologySpreadConstraints=[{json.dumps(own)}]"
    assert pod(charts.rendered_with("replicas", setting))["topologySpreadConstraints"] == [own]


def test_where_pods_run_is_the_operator_s_choice() -> None:
    found = pod(charts.rendered("gitops"))
    assert found["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
    assert found["tolerations"] == [{"key": "edge", "operator": "Exists"}]
    assert "podAntiAffinity" in found["affinity"]
    assert pod(charts.rendered("replicas"))["priorityClassName"] == "business"
    assert pod(charts.rendered("replicas"))["containers"][0]["resources"]["limits"] == {
        "memory": "1Gi"
    }


@pytest.mark.parametrize(
    ("setting", "seconds"),
    [
        ("replicaCount=1", 30),
        ("settings.drain_seconds=60", 80),
        ("settings.drain_seconds=0.5", 21),
        ("preStopSeconds=0", 25),
        ("terminationGracePeriodSeconds=300", 300),
    ],
)
def test_calls_under_way_end_before_the_pod_is_killed(setting: str, seconds: int) -> None:
    found = pod(charts.rendered_with("default", setting))
    assert found["terminationGracePeriodSeconds"] == seconds


def test_the_signal_to_stop_waits_until_load_balancers_know() -> None:
    command = ["sleep", "5"]
    container = charts.the_container(charts.rendered("default"))
    assert container["lifecycle"]["preStop"]["exec"]["command"] == command
    assert "lifecycle" not in charts.the_container(charts.rendered("gitops"))


def test_tables_are_brought_up_to_date_by_a_hook_before_anything_new_starts() -> None:
    job = charts.named(charts.rendered("replicas"), "Job", "-migration")
    annotations = job["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
    assert "ttlSecondsAfterFinished" not in job["spec"], "helm still has to see how it ended"
    assert (job["spec"]["backoffLimit"], job["spec"]["activeDeadlineSeconds"]) == (3, 600)
    spec = job["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == "default", "the release's own is not there yet"
    [container] = spec["containers"]
    assert set(charts.environment(container)) == {"FIELDWISE_DATABASE_URL", "FIELDWISE_DATA_FOLDER"}


def test_a_tool_without_hooks_gets_a_job_of_each_revision_that_goes_by_itself() -> None:
    [job] = charts.of_kind(charts.rendered("gitops"), "Job")
    assert job["metadata"]["name"] == "edge-field-migration-1"
    assert "helm.sh/hook" not in job["metadata"]["annotations"]
    assert job["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "PreSync"
    assert job["spec"]["ttlSecondsAfterFinished"] == 3600
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert {each["name"] for each in container["volumeMounts"]} == {"scratch", "database-authority"}


@pytest.mark.parametrize("values", ["default", "evaluation"])
def test_without_a_database_of_one_s_own_the_server_does_it(values: str) -> None:
    assert charts.of_kind(charts.rendered(values), "Job") == []


def test_the_database_and_the_bucket_of_an_evaluation_are_reached_by_the_keys_it_made() -> None:
    objects = charts.rendered("evaluation")
    for suffix in ("-postgresql", "-objects"):
        assert charts.named(objects, "StatefulSet", suffix)["spec"]["replicas"] == 1
        claim = charts.named(objects, "PersistentVolumeClaim", suffix)
        assert "annotations" not in claim["metadata"], "it goes with the release"
    secret = charts.named(objects, "Secret", "-postgresql")["data"]
    [container] = charts.named(objects, "StatefulSet", "-postgresql")["spec"]["template"]["spec"][
        "containers"
    ]
    password = charts.environment(container)["POSTGRES_PASSWORD"]["secretKeyRef"]
    assert password == {"name": "edge-fieldwise-postgresql", "key": "password"}
    assert secret.keys() == {"password", "url"}


def test_extras_are_added_and_their_templates_filled_in() -> None:
    objects = charts.rendered("gitops")
    container = charts.the_container(objects)
    assert charts.environment(container)["PGSSLROOTCERT"] == "/etc/edge/ca.crt"
    assert container["envFrom"] == [{"configMapRef": {"name": "edge-proxy"}}]
    assert {"name": "database-authority", "mountPath": "/etc/edge", "readOnly": True} in container[
        "volumeMounts"
    ]
    names = {each["metadata"]["name"] for each in charts.of_kind(objects, "ConfigMap")}
    assert {"edge-proxy", "edge-text"} <= names
    metadata = charts.workload(objects)["spec"]["template"]["metadata"]
    assert metadata["annotations"]["example.org/from"] == "gitops"
    assert metadata["labels"]["example.org/tier"] == "control"
    assert metadata["labels"]["team"] == "edge"
    assert charts.workload(objects)["metadata"]["annotations"] == {"contact": "edge@example.org"}


def test_images_are_pulled_from_where_and_with_what_the_operator_says() -> None:
    found = pod(charts.rendered("gitops"))
    image, _, digest = found["containers"][0]["image"].partition("@")
    assert image == "registry.example.org/edge/orchestrator:0.1.0"
    assert digest.startswith("sha256:")
    assert found["imagePullSecrets"] == [{"name": "registry"}]
    plain = charts.the_container(charts.rendered("default"))["image"]
    assert plain == "fieldwise/orchestrator:0.1.0"


def test_an_account_is_made_with_its_annotations_or_another_is_used() -> None:
    account = charts.named(charts.rendered("replicas"), "ServiceAccount")
    assert "eks.amazonaws.com/role-arn" in account["metadata"]["annotations"]
    assert pod(charts.rendered("replicas"))["serviceAccountName"] == account["metadata"]["name"]
    assert pod(charts.rendered("gitops"))["serviceAccountName"] == "default"
    named = charts.rendered_with("gitops", 'serviceAccount.name="own"')
    assert pod(named)["serviceAccountName"] == "own"


def test_a_cluster_that_gives_out_user_ids_itself_is_left_to_it() -> None:
    names = ("runAsUser", "runAsGroup", "fsGroup")
    settings = [f"podSecurityContext.{name}=null" for name in names]
    found = pod(charts.rendered_with("default", *settings))
    assert not found["securityContext"].keys() & set(names)
    assert found["securityContext"]["runAsNonRoot"] is True
