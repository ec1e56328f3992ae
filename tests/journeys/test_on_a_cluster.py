"""A real orchestrator that a cluster elects and that knows its operators from it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster_api import ACCOUNT, Cluster, running_cluster
from tests.orchestrators import Finished, Orchestrator, serving
from tests.replicas import leads, wait_until

pytestmark = pytest.mark.timeout(600)
ALICE = {"username": "alice", "groups": ["fleet"]}
TOKEN = "the-token-that-alice-was-given"
LEASE = ("fleet", "plant-7")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with running_cluster() as running:
        running.people[TOKEN] = (ALICE, ("fieldwise",))
        for right in ("create tickets", "list tickets", "get fleets"):
            running.rights.add(("fleet", "alice", *right.split()))
        yield running


@pytest.fixture
def orchestrator(cluster: Cluster, tmp_path: Path) -> Iterator[Orchestrator]:
    flags = (
        f"--kubernetes-config={cluster.kubeconfig(tmp_path)}",
        "--kubernetes-lease=plant-7",
        "--leader-election=kubernetes",
        "--operator-login=kubernetes",
        "--operator-login-seconds=0",
        "--reconcile-seconds=0.2",
        "--log-level=debug",
        "--log-form=json",
    )
    with serving(tmp_path / "a", *flags) as running:
        yield running


def asked(running: Orchestrator, token: str, *command: str) -> Finished:
    return running.told_json(*command, *([f"--token={token}"] if token else []))


def fault(finished: Finished) -> tuple[str, str]:
    error = json.loads(finished.stderr)["error"]
    return error["fault"], error["message"]


def test_operators_are_whom_the_cluster_knows_and_may_what_it_lets_them(
    orchestrator: Orchestrator, cluster: Cluster, tmp_path: Path
) -> None:
    made = asked(orchestrator, TOKEN, "ticket", "create")
    assert made.status == 0, made.stderr
    assert fault(asked(orchestrator, TOKEN, "device", "list")) == (
        "permission-denied",
        "alice may not list devices of fieldwise.dev",
    )
    name, told = fault(asked(orchestrator, "not-a-token-of-anybody", "status"))
    assert name == "unauthenticated"
    assert "kubectl create token NAME --audience fieldwise" in told
    assert fault(asked(orchestrator, "", "status"))[0] == "unauthenticated"
    cluster.rights.clear()
    assert fault(asked(orchestrator, TOKEN, "ticket", "list"))[0] == "permission-denied"
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    cluster.rights.add(("fleet", "alice", "get", "fleets"))
    assert orchestrator.told_json("status", f"--token-file={file}").status == 0
    cluster.refuses = 503
    name, told = fault(asked(orchestrator, TOKEN, "status"))
    assert name == "unavailable"
    assert "the cluster did not tell whose token it is" in told
    assert orchestrator.stop() == 0
    log = orchestrator.log.read_text()
    [event] = [json.loads(each) for each in log.splitlines() if '"ticket created"' in each]
    assert event["operator"] == "alice"
    assert TOKEN not in log
    assert ACCOUNT not in log
    assert not (orchestrator.folder / "operator" / "token").exists()


def test_a_leader_is_who_holds_the_lease_and_gives_it_back_as_it_stops(
    orchestrator: Orchestrator, cluster: Cluster
) -> None:
    wait_until(lambda: leads(orchestrator), "it leads")
    spec = cluster.leases[LEASE]["spec"]
    assert (spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (10, 0)
    place = (orchestrator.folder / "replica").read_text().strip()
    assert f"_{place}_" in spec["holderIdentity"]
    assert orchestrator.stop() == 0
    assert cluster.leases[LEASE]["spec"]["holderIdentity"] == ""


def test_a_cluster_that_is_away_keeps_nobody_from_starting_and_nobody_leads(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.refuses = 503
    config = f"--kubernetes-config={cluster.kubeconfig(tmp_path)}"
    quick = ("--leader-election=kubernetes", "--lease-seconds=3", "--reconcile-seconds=0.2")
    with serving(tmp_path / "a", config, *quick) as running:
        assert not leads(running)
        running.json("ticket", "create")
        cluster.refuses = None
        wait_until(lambda: leads(running), "it leads")
        cluster.goes_on.clear()
        wait_until(lambda: not leads(running), "it steps down")
        assert running.json("status")["fleet"], "operators are served all the same"
        assert running.stop() == 0, "and it stops all the same"


def test_settings_that_lead_to_no_cluster_are_a_sentence(tmp_path: Path) -> None:
    from tests.orchestrators import run

    missing = tmp_path / "missing"
    refused = run(
        tmp_path / "a",
        "serve",
        "--json",
        "--operator-login=kubernetes",
        f"--kubernetes-config={missing}",
    )
    assert fault(refused)[0] == "setting-invalid"
    assert str(missing) in fault(refused)[1]
