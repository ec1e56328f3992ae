"""Leaders by a Lease in a real API server: the contract, the rights, and what a kill does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.storage.memory import memory_stores
from orchestrator.storage.stores import Stores
from tests.contracts.test_leadership import TestFence, TestLeadership, with_a_lease
from tests.databases import PostgreSql, running_postgresql
from tests.killing import kill_over_and_over
from tests.kubernetes.accounts import PROGRAM, Accounts, rendered_rights, rights_of_chart
from tests.kubernetes.api import ApiServer
from tests.object_stores import SeaweedFs
from tests.replicas import Replicas, replicas, wait_until

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(3600)]
ELECTED = "kubernetes.leaderElection.enabled=true"
LEASE_SECONDS = 6  # in which another is to lead
ROLLOUTS = 10  # with two kills in each

# The promises of every election, here to be kept over the real API: pytest finds them by name.
__all__ = ["TestFence", "TestLeadership"]


@pytest.fixture
def accounts(api_server: ApiServer, namespace: str) -> Accounts:
    return rights_of_chart(api_server, namespace, ELECTED)


@pytest.fixture
def replicated(api_server: ApiServer, namespace: str) -> Iterator[Stores]:
    with with_a_lease(memory_stores(), api_server.kubeconfig(), namespace) as found:
        yield found


@pytest.fixture(scope="module")
def lasting() -> Iterator[PostgreSql]:
    with running_postgresql(lasting=True) as server:
        yield server


@contextmanager
def elected(
    accounts: Accounts, folder: Path, lasting: PostgreSql, seaweedfs: SeaweedFs
) -> Iterator[Replicas]:
    """Three replicas with the rights that the chart gives."""
    flags = ("--leader-election=kubernetes", *accounts.flags())
    with replicas(
        folder, lasting, seaweedfs, *flags, names="abc", lease_seconds=LEASE_SECONDS
    ) as started:
        wait_until(lambda: bool(started.leader()), "one of them leads")
        yield started


@pytest.fixture
def three(
    accounts: Accounts, tmp_path: Path, lasting: PostgreSql, seaweedfs: SeaweedFs
) -> Iterator[Replicas]:
    with elected(accounts, tmp_path, lasting, seaweedfs) as started:
        yield started


def spec_of(accounts: Accounts) -> Any:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{accounts.namespace}/leases/{PROGRAM}"
    return accounts.server.get(path)["spec"]


def place_of(three: Replicas, name: str) -> str:
    return (three.running[name].folder / "replica").read_text().strip()


MAY = {
    ("get", "coordination.k8s.io", "leases", PROGRAM): True,
    ("update", "coordination.k8s.io", "leases", PROGRAM): True,
    ("create", "coordination.k8s.io", "leases", ""): True,
    ("get", "coordination.k8s.io", "leases", "another"): False,
    ("update", "coordination.k8s.io", "leases", "another"): False,
    ("delete", "coordination.k8s.io", "leases", PROGRAM): False,
    ("list", "coordination.k8s.io", "leases", ""): False,
    ("get", "", "secrets", ""): False,
    ("create", "", "pods", ""): False,
    ("create", "authentication.k8s.io", "tokenreviews", ""): False,
    ("get", "fieldwise.dev", "rollouts", ""): False,
}


def test_an_election_has_the_rights_that_it_needs_and_no_others(accounts: Accounts) -> None:
    assert {asked: accounts.may(PROGRAM, *asked) for asked in MAY} == MAY


def test_the_lease_names_the_leader_and_is_given_back_as_it_stops(
    three: Replicas, accounts: Accounts
) -> None:
    first = three.leader()
    assert f"_{place_of(three, first)}_" in spec_of(accounts)["holderIdentity"]
    assert spec_of(accounts)["leaseDurationSeconds"] == 4
    changes = spec_of(accounts)["leaseTransitions"]
    assert three.running[first].stop() == 0
    three.kill(first)
    wait_until(lambda: bool(three.leader()), "another leads")
    assert f"_{place_of(three, three.leader())}_" in spec_of(accounts)["holderIdentity"]
    assert spec_of(accounts)["leaseTransitions"] == changes + 1


def test_a_leader_that_may_not_renew_steps_down_and_leads_again_once_it_may(
    three: Replicas, accounts: Accounts
) -> None:
    accounts.take("rolebinding", f"{PROGRAM}-election")
    wait_until(lambda: not three.leader(), "nobody leads")
    for replica in three.running.values():
        assert replica.json("status")["fleet"], "operators are served all the same"
    bindings = rendered_rights(accounts.namespace, ELECTED)
    accounts.give(*(each for each in bindings if each["kind"] == "RoleBinding"))
    wait_until(lambda: bool(three.leader()), "one leads again")


def test_a_lease_that_is_deleted_is_made_anew_and_one_leads(
    three: Replicas, accounts: Accounts
) -> None:
    accounts.take("lease", PROGRAM)
    wait_until(
        lambda: bool(accounts.server.exists(_path(accounts)) and three.leader()), "one leads again"
    )
    wait_until(
        lambda: f"_{place_of(three, three.leader() or 'a')}_" in _holder(accounts), "it holds it"
    )


def _path(accounts: Accounts) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{accounts.namespace}/leases/{PROGRAM}"


def _holder(accounts: Accounts) -> str:
    return str(spec_of(accounts).get("holderIdentity", ""))


def test_no_order_is_lost_or_doubled_over_twenty_kills(
    three: Replicas,
    lasting: PostgreSql,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    took = kill_over_and_over(three, lasting, tmp_path, ROLLOUTS)
    record_property("failover seconds", [round(each, 1) for each in took])
