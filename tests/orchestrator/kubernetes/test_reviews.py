from collections.abc import Callable

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.kubernetes.access import Access
from orchestrator.kubernetes.reviews import KubernetesPeople
from orchestrator.operator_ports import Person
from orchestrator.rights import Resource, Right, Verb
from tests.cluster_api import RIGHTS, TOKENS, Cluster

Reach = Callable[..., Access]
USER = {
    "username": "alice",
    "uid": "1",
    "groups": ["fleet", "system:authenticated"],
    "extra": {"scopes": ["a", "b"]},
}
ALICE = Person("alice", "1", ("fleet", "system:authenticated"), (("scopes", ("a", "b")),))
LOOK = Right(Verb.LIST, Resource.DEVICES)


@pytest.fixture
def people(reach: Reach, cluster: Cluster) -> KubernetesPeople:
    cluster.people["hers"] = (USER, ("fieldwise", "elsewhere"))
    cluster.rights.add(("fleet", "alice", "list", "devices"))
    return KubernetesPeople(reach(), "fleet", "fieldwise")


async def test_a_token_for_this_audience_says_who_it_is(
    people: KubernetesPeople, cluster: Cluster
) -> None:
    assert await people.identify("hers") == ALICE
    [(method, path, body)] = cluster.asked
    assert (method, path) == ("POST", TOKENS)
    assert body["spec"] == {"token": "hers", "audiences": ["fieldwise"]}


async def test_a_token_that_nobody_knows_or_for_another_audience_is_nobody_s(
    people: KubernetesPeople, cluster: Cluster
) -> None:
    cluster.people["for the cluster"] = (USER, ("https://kubernetes.default.svc",))
    for token in ("unknown", "for the cluster"):
        assert await people.identify(token) is None


async def test_a_cluster_that_does_not_say_for_whom_a_token_is_is_not_believed(
    people: KubernetesPeople, cluster: Cluster
) -> None:
    cluster.tells_audiences = False
    assert await people.identify("hers") is None


async def test_a_token_without_a_name_is_nobody_s(
    people: KubernetesPeople, cluster: Cluster
) -> None:
    cluster.people["nameless"] = ({"uid": "1"}, ("fieldwise",))
    assert await people.identify("nameless") is None


async def test_a_right_is_asked_for_with_all_that_is_known_of_the_person(
    people: KubernetesPeople, cluster: Cluster
) -> None:
    assert await people.may(ALICE, LOOK)
    [(_, path, body)] = cluster.asked
    assert path == RIGHTS
    assert body["spec"] == {
        "user": "alice",
        "uid": "1",
        "groups": ["fleet", "system:authenticated"],
        "extra": {"scopes": ["a", "b"]},
        "resourceAttributes": {
            "namespace": "fleet",
            "verb": "list",
            "group": "fieldwise.dev",
            "resource": "devices",
        },
    }


async def test_another_right_person_or_namespace_is_another_answer(
    people: KubernetesPeople, reach: Reach
) -> None:
    assert not await people.may(ALICE, Right(Verb.DELETE, Resource.DEVICES))
    assert not await people.may(Person("bob"), LOOK)
    assert not await KubernetesPeople(reach(), "other", "fieldwise").may(ALICE, LOOK)


async def test_a_right_that_somebody_denies_is_none_whoever_else_allows_it(
    people: KubernetesPeople, cluster: Cluster
) -> None:
    cluster.denied = True
    assert not await people.may(ALICE, LOOK)


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503])
async def test_a_cluster_that_refuses_to_say_lets_nobody_in(
    people: KubernetesPeople, cluster: Cluster, status: int
) -> None:
    cluster.refuses = status
    for asked, resource in (
        (people.identify("hers"), "tokenreviews"),
        (people.may(ALICE, LOOK), "subjectaccessreviews"),
    ):
        with pytest.raises(FieldwiseError) as raised:
            await asked
        assert raised.value.fault is Fault.UNAVAILABLE
        assert f"status {status}" in raised.value.sentence
        assert f"right to create {resource}" in raised.value.sentence
        assert "hers" not in raised.value.sentence
