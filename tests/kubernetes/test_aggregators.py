"""Aggregators as Jobs of a real cluster: made, replaced, taken away, their tokens unread."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.rpc.client import WorkerClient, open_channel
from fieldwise.errors import Fault, FieldwiseError
from tests.kubernetes.accounts import PROGRAM, Accounts
from tests.kubernetes.aggregators import (
    ADDRESS,
    PLAN,
    SETTINGS,
    Cluster,
    orchestrator,
    token_of,
)
from tests.kubernetes.api import ApiServer, Object, RefusalError, until
from tests.kubernetes.pods import Fate, nodes
from tests.kubernetes.releases import Release, everything, lost, prepare, succeeded
from tests.kubernetes.test_uninstalling import await_left
from tests.orchestrators import Orchestrator

FORBIDDEN = 403
pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def installed(api_server: ApiServer) -> Iterator[Release]:
    """The chart with aggregators in Jobs, for all of these tests."""
    api_server.make_namespace("aggregators")
    prepare(api_server, "aggregators")
    release = Release(api_server, "aggregators")
    with nodes(api_server, "aggregators"):
        succeeded(release.install("default", *SETTINGS, "--wait", "--timeout=10m"))
    yield release
    release.uninstall()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of one fleet, so that no campaign has the number of another test's."""
    return tmp_path_factory.mktemp("fleet")


@pytest.fixture
def running(installed: Release, folder: Path) -> Iterator[Orchestrator]:
    with orchestrator(installed, folder) as started:
        yield started


@pytest.fixture
def cluster(installed: Release) -> Cluster:
    return Cluster(installed.server, installed.namespace)


def started(running: Orchestrator) -> str:
    return str(running.json("federation", "start", *PLAN, "--continuous")["id"])


def owner(thing: Object) -> tuple[str, str, str]:
    [found] = thing["metadata"]["ownerReferences"]
    return found["kind"], found["name"], found["uid"]


def pod_of(cluster: Cluster, campaign: str) -> Object:
    """Wait for the Pod that the controllers make of a campaign's Job."""
    until(lambda: len(cluster.of("pods", campaign)) == 1, "a Pod", lambda: cluster.told(campaign))
    [pod] = cluster.of("pods", campaign).values()
    return pod


def test_a_campaign_has_a_job_and_a_secret_that_go_with_their_owners(
    installed: Release, running: Orchestrator, cluster: Cluster
) -> None:
    campaign = started(running)
    job, secret = cluster.made(campaign)
    path = f"/apis/apps/v1/namespaces/{installed.namespace}/statefulsets/{PROGRAM}"
    workload = installed.server.get(path)
    assert owner(job) == ("StatefulSet", PROGRAM, workload["metadata"]["uid"])
    assert owner(secret) == ("Job", job["metadata"]["name"], job["metadata"]["uid"])
    assert secret["immutable"] is True


def test_the_cluster_takes_every_field_of_a_job_and_makes_its_pod(
    running: Orchestrator, cluster: Cluster
) -> None:
    campaign = started(running)
    _, secret = cluster.made(campaign)
    form = json.loads((running.folder.parent / "job.json").read_text())["spec"]["template"]
    pod = pod_of(cluster, campaign)
    [volume] = [each for each in pod["spec"]["volumes"] if "secret" in each]
    assert volume["secret"]["secretName"] == secret["metadata"]["name"]
    [sent], [stored] = form["spec"].pop("containers"), pod["spec"]["containers"]
    told = {each["name"]: each["value"] for each in stored["env"]}
    assert told["FIELDWISE_AGGREGATOR_ADDRESS"] == ADDRESS
    for name in ("env", "volumeMounts"):
        assert [each for each in sent.pop(name) if each not in stored[name]] == []
    assert list(lost(sent, stored)) == []
    volumes = form["spec"].pop("volumes")
    assert [each for each in volumes if each not in pod["spec"]["volumes"]] == []
    assert list(lost(form, pod)) == []


def test_the_token_of_a_secret_opens_one_campaign(running: Orchestrator, cluster: Cluster) -> None:
    for each in ("low", "high"):
        campaign = str(running.json("federation", "start", PLAN[0], f"--class={each}")["id"])
        _, secret = cluster.made(campaign)
        roots = base64.b64decode(secret["data"]["authority.pem"])
        with open_channel(running.told["operator_address"], roots) as channel:
            assert WorkerClient(channel, token_of(secret)).campaign().id == campaign


def test_nobody_of_the_release_reads_a_token_not_even_who_made_it(
    installed: Release, running: Orchestrator, cluster: Cluster
) -> None:
    campaign = started(running)
    _, secret = cluster.made(campaign)
    path = f"/api/v1/namespaces/{installed.namespace}/secrets"
    for account in (PROGRAM, "default"):
        token = installed.server.token_of_account(installed.namespace, account)
        for asked in (path, f"{path}/{secret['metadata']['name']}"):
            with pytest.raises(RefusalError) as refusal:
                installed.server.call("GET", asked, token=token)
            assert refusal.value.code == FORBIDDEN


def test_where_a_job_fails_another_is_made_and_of_the_first_nothing_is_left_in_force(
    installed: Release, running: Orchestrator, cluster: Cluster
) -> None:
    campaign = started(running)
    first, secret = cluster.made(campaign)
    with nodes(installed.server, installed.namespace, aggregator=Fate.FAILED):
        cluster.made(campaign, first["metadata"]["name"])
    cluster.await_gone(campaign, first["metadata"]["name"])
    taken = token_of(secret)
    roots = base64.b64decode(secret["data"]["authority.pem"])
    with (
        open_channel(running.told["operator_address"], roots) as channel,
        pytest.raises(FieldwiseError) as refused,
    ):
        WorkerClient(channel, taken).campaign()
    assert refused.value.fault is Fault.UNAUTHENTICATED


def test_a_job_that_somebody_deletes_is_made_again(
    installed: Release, running: Orchestrator, cluster: Cluster
) -> None:
    campaign = started(running)
    first, _ = cluster.made(campaign)
    Accounts(installed.server, installed.namespace).take("job", first["metadata"]["name"])
    second, _ = cluster.made(campaign, first["metadata"]["name"])
    assert second["metadata"]["uid"] != first["metadata"]["uid"]


def test_what_a_leader_made_outlives_it_and_is_the_next_one_s(
    installed: Release, cluster: Cluster, folder: Path
) -> None:
    with orchestrator(installed, folder) as running:
        campaign = started(running)
        job, secret = cluster.made(campaign)
        assert running.stop() == 0
    with orchestrator(installed, folder) as running:
        other = started(running)
        cluster.made(other)  # it has looked at what there is
        assert list(cluster.of("jobs", campaign)) == [job["metadata"]["name"]]
        roots = base64.b64decode(secret["data"]["authority.pem"])
        with open_channel(running.told["operator_address"], roots) as channel:
            assert WorkerClient(channel, token_of(secret)).campaign().id == campaign
        running.json("federation", "stop", campaign)
        cluster.await_gone(campaign)


def test_a_campaign_that_stops_leaves_nothing_and_the_others_stay(
    running: Orchestrator, cluster: Cluster
) -> None:
    stopped, other = started(running), started(running)
    cluster.made(stopped)
    job, _ = cluster.made(other)
    running.json("federation", "stop", stopped)
    cluster.await_gone(stopped)
    assert list(cluster.of("jobs", other)) == [job["metadata"]["name"]]


def test_a_right_that_is_taken_away_is_named_in_the_log_and_mended_without_a_restart(
    installed: Release, running: Orchestrator, cluster: Cluster
) -> None:
    rights = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{installed.namespace}/roles"
    path = f"{rights}/{PROGRAM}-aggregators"
    role = installed.server.get(path)
    rules = [each for each in role["rules"] if each["resources"] != ["secrets"]]
    installed.server.merge(path, {"rules": rules})
    try:
        campaign = started(running)
        until(lambda: "create Secrets" in running.log.read_text(), "it says what it lacks")
    finally:
        installed.server.merge(path, {"rules": role["rules"]})
    cluster.made(campaign)


def test_what_is_uninstalled_takes_the_jobs_of_campaigns_along(
    release: Release, tmp_path: Path
) -> None:
    before = everything(release.server)
    with nodes(release.server, release.namespace):
        succeeded(release.install("default", *SETTINGS, "--wait", "--timeout=10m"))
        with orchestrator(release, tmp_path) as running:
            campaign = started(running)
            Cluster(release.server, release.namespace).made(campaign)
        release.uninstall()
        await_left(release, before, ("persistentvolumeclaims", f"{PROGRAM}-data"))
