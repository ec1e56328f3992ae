"""Operators whom a real API server knows, by tokens and roles as people are given them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from orchestrator.kubernetes.access import Access, find_cluster
from orchestrator.kubernetes.reviews import KubernetesPeople
from orchestrator.people.roles import Role, has
from orchestrator.rights import GROUP, RIGHTS, Resource, Right, Verb
from tests.kubernetes.accounts import PROGRAM, Accounts, rights_of_chart
from tests.kubernetes.api import WAIT_SECONDS, ApiServer, until
from tests.orchestrators import Finished, Orchestrator, serving

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1800)]
KNOWN = "kubernetes.login.enabled=true"


@pytest.fixture
def accounts(api_server: ApiServer, namespace: str) -> Accounts:
    made = rights_of_chart(api_server, namespace, KNOWN)
    made.person("vera", "viewer")
    made.person("olga", "operator")
    made.person("ada", "admin")
    made.person("nobody")
    return made


@pytest.fixture
async def people(accounts: Accounts) -> AsyncIterator[KubernetesPeople]:
    access = Access(find_cluster(accounts.kubeconfig()), 60, 4)
    yield KubernetesPeople(access, accounts.namespace, "fieldwise")
    access.close()


@pytest.fixture
def orchestrator(accounts: Accounts, tmp_path: Path) -> Iterator[Orchestrator]:
    flags = ("--operator-login=kubernetes", "--operator-login-seconds=0.5", *accounts.flags())
    with serving(tmp_path / "a", *flags) as running:
        yield running


def asked(running: Orchestrator, token: str, *command: str) -> Finished:
    return running.told_json(*command, f"--token={token}")


def fault(finished: Finished) -> str:
    return str(json.loads(finished.stderr)["error"]["fault"]) if finished.status else ""


async def test_every_method_is_open_to_the_roles_that_the_chart_makes_for_it(
    people: KubernetesPeople, accounts: Accounts
) -> None:
    for name, role in (
        ("vera", Role.VIEWER),
        ("olga", Role.OPERATOR),
        ("ada", Role.ADMIN),
        ("nobody", None),
    ):
        person = await people.identify(accounts.token(name))
        assert person is not None
        assert person.name == f"system:serviceaccount:{accounts.namespace}:{name}"
        for method, right in RIGHTS.items():
            may = role is not None and has(role, right)
            assert await people.may(person, right) is may, (name, method)


async def test_rights_of_one_namespace_open_no_other_fleet(
    people: KubernetesPeople, accounts: Accounts
) -> None:
    person = await people.identify(accounts.token("olga"))
    assert person is not None
    access = Access(find_cluster(accounts.kubeconfig()), 60, 4)
    elsewhere = KubernetesPeople(access, "default", "fieldwise")
    assert not [right for right in RIGHTS.values() if await elsewhere.may(person, right)]
    access.close()


async def test_a_token_for_the_cluster_itself_or_for_others_is_nobody_s(
    people: KubernetesPeople, accounts: Accounts, api_server: ApiServer
) -> None:
    for token in (
        accounts.token("olga", "https://kubernetes.default.svc"),
        accounts.token("olga", "vault"),
        api_server.tokens["admin"],
        accounts.token("olga")[:-4] + "AAAA",
        "rubbish",
    ):
        assert await people.identify(token) is None


async def test_a_token_ends_with_its_account(people: KubernetesPeople, accounts: Accounts) -> None:
    token = accounts.token("olga")
    assert await people.identify(token) is not None
    accounts.take("serviceaccount", "olga")
    for _ in range(WAIT_SECONDS):  # the server itself remembers tokens for some seconds
        if await people.identify(token) is None:
            return
        await asyncio.sleep(1)
    pytest.fail("a token outlives its account")


def test_people_operate_by_their_own_tokens_and_roles(
    orchestrator: Orchestrator, accounts: Accounts
) -> None:
    vera, olga, nobody = (accounts.token(name) for name in ("vera", "olga", "nobody"))
    for command in (("status",), ("device", "list"), ("rollout", "list"), ("ticket", "list")):
        assert fault(asked(orchestrator, vera, *command)) == ""
        assert fault(asked(orchestrator, nobody, *command)) == "permission-denied"
    assert fault(asked(orchestrator, vera, "ticket", "create")) == "permission-denied"
    assert fault(asked(orchestrator, olga, "ticket", "create")) == ""
    assert fault(asked(orchestrator, "the-token-of-operator", "status")) == "unauthenticated"
    log = orchestrator.log.read_text()
    assert f"system:serviceaccount:{accounts.namespace}:olga" in log
    assert not [each for each in (vera, olga, nobody) if each in log]


def test_a_role_that_is_taken_away_ends_soon_and_without_a_restart(
    orchestrator: Orchestrator, accounts: Accounts
) -> None:
    olga = accounts.token("olga")
    assert fault(asked(orchestrator, olga, "status")) == ""
    accounts.take("rolebinding", "olga")
    until(
        lambda: fault(asked(orchestrator, olga, "status")) == "permission-denied", "she may no more"
    )


def test_a_program_that_may_not_ask_lets_nobody_in_and_says_what_it_lacks(
    orchestrator: Orchestrator, accounts: Accounts
) -> None:
    olga = accounts.token("olga")
    accounts.take("clusterrolebinding", f"{accounts.namespace}-{PROGRAM}-login")
    until(lambda: fault(asked(orchestrator, olga, "status")) == "unavailable", "it cannot ask")
    told = asked(orchestrator, olga, "status").stderr
    assert "needs the right to create tokenreviews" in told


MAY = {
    ("create", "authentication.k8s.io", "tokenreviews", ""): True,
    ("create", "authorization.k8s.io", "subjectaccessreviews", ""): True,
    ("create", "coordination.k8s.io", "leases", ""): False,
    ("get", "", "secrets", ""): False,
    ("create", "", "serviceaccounts/token", ""): False,
    ("impersonate", "", "users", ""): False,
    ("create", "", "pods", ""): False,
    ("list", "fieldwise.dev", "rollouts", ""): False,
}


def test_a_login_has_the_rights_that_it_needs_and_no_others(accounts: Accounts) -> None:
    assert {asked: accounts.may(PROGRAM, *asked) for asked in MAY} == MAY


def test_the_account_of_the_test_of_an_installation_operates_this_fleet_alone(
    accounts: Accounts,
) -> None:
    name = f"{PROGRAM}-selftest"
    for right in RIGHTS.values():
        may = has(Role.OPERATOR, right) or right == Right(Verb.DELETE, Resource.DEVICES)
        assert accounts.may(name, right.verb, GROUP, right.resource) is may, right
    assert not accounts.may(name, "get", "", "secrets")
    assert not accounts.may(name, "create", "authentication.k8s.io", "tokenreviews")
