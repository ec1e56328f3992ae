"""What the chart's accounts may, of all that a real API server has: what the documentation says.

For each account the server is asked for all of its rights, as ``kubectl auth can-i --list`` asks,
and then for every verb of every kind one by one. What any account may is taken off.
"""

from collections.abc import Iterator, Mapping
from itertools import product

import pytest

from tests import charts
from tests.documented_rights import Right, documented
from tests.kubernetes.accounts import PROGRAM, REVIEWS
from tests.kubernetes.api import ApiServer
from tests.kubernetes.kinds import kinds_of
from tests.kubernetes.pods import nodes
from tests.kubernetes.releases import Release, succeeded

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1800)]

ELSEWHERE = "default"
VERBS = (
    *("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"),
    *("use", "bind", "escalate", "impersonate", "approve", "sign"),
)
# Those that no client may list: they are the program's own, and only rights name them.
OWN_GROUP = "fieldwise.dev"
OF_AGGREGATORS = {"jobs.batch", "secrets", "deployments.apps"}


def full(kind: str, group: str) -> str:
    return f"{kind}.{group}" if group else kind


def told(server: ApiServer, token: str, namespace: str) -> Iterator[tuple[str, str, str]]:
    """Verb, kind and name of every right in a namespace, and in the cluster beside it."""
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    answer = server.call("POST", path, {"spec": {"namespace": namespace}}, token=token)["status"]
    assert answer["incomplete"] is False
    for rule in answer["resourceRules"]:
        for verb, group, kind in product(rule["verbs"], rule["apiGroups"], rule["resources"]):
            for name in rule.get("resourceNames", [""]):
                yield verb, full(kind, group), name


def rights_of(server: ApiServer, namespace: str, account: str) -> set[Right]:
    """All that an account may and any other may not."""
    token = server.token_of_account(namespace, account)
    nobody = server.token_of_account(ELSEWHERE, "default")
    usual = set(told(server, nobody, ELSEWHERE))
    wide = set(told(server, token, ELSEWHERE)) - usual
    near = set(told(server, token, namespace)) - usual - wide
    return {(*each, "its namespace") for each in near} | {(*each, "the cluster") for each in wide}


def allowed(server: ApiServer, namespace: str, account: str, where: str) -> set[tuple[str, str]]:
    """Verb and kind of every question that is answered with yes, asked of any name."""
    user = f"system:serviceaccount:{namespace}:{account}"
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    kinds = [(each.name, each.group) for each in kinds_of(server)]
    found = set()
    for (kind, group), verb in product([*kinds, ("*", "*"), ("rollouts", OWN_GROUP)], VERBS):
        resource, _, part = kind.partition("/")
        asked = {"namespace": where, "verb": verb, "group": group, "resource": resource}
        spec = {
            "user": user,
            "groups": groups,
            "resourceAttributes": {**asked, "subresource": part},
        }
        if server.create(REVIEWS, {"spec": spec})["status"]["allowed"]:
            found.add((verb, full(kind, group)))
    return found


def accounts_of(server: ApiServer, namespace: str) -> list[str]:
    listed = server.items(f"/api/v1/namespaces/{namespace}/serviceaccounts")
    return [each["metadata"]["name"] for each in listed]


def installed(release: Release, values: str, *settings: str) -> Mapping[str, set[Right]]:
    """The rights of each account that is there after an installation, with that of other Pods."""
    with nodes(release.server, release.namespace):
        succeeded(release.install(values, *settings, "--wait", "--timeout=10m"))
    names = accounts_of(release.server, release.namespace)
    return {name: rights_of(release.server, release.namespace, name) for name in names}


@pytest.mark.parametrize("values", [each for each in charts.value_sets() if each != "kubernetes"])
def test_no_account_may_anything_where_nothing_asks_the_cluster(
    release: Release, values: str
) -> None:
    assert set().union(*installed(release, values).values()) == set()


def test_each_account_may_what_the_documentation_says_and_no_more(release: Release) -> None:
    assert len(documented()) == 2
    assert installed(release, "kubernetes") == {"default": set(), **documented()}


def test_aggregators_in_jobs_add_what_the_documentation_says_of_an_installation_with_a_volume(
    release: Release,
) -> None:
    rights = {
        (verb, kind.replace("deployments", "statefulsets"), name, where)
        for verb, kind, name, where in documented()[PROGRAM]
        if kind in OF_AGGREGATORS
    }
    assert {kind for _, kind, _, _ in rights} == {"jobs.batch", "secrets", "statefulsets.apps"}
    jobs = "--set=federation.jobs.enabled=true"
    assert installed(release, "default", jobs) == {"default": set(), PROGRAM: rights}


def test_every_verb_of_every_kind_is_refused_but_those(release: Release) -> None:
    installed(release, "kubernetes")
    server = release.server
    for account, rights in documented().items():
        for where, namespace in (("its namespace", release.namespace), ("the cluster", ELSEWHERE)):
            expected = {
                (verb, kind)
                for verb, kind, name, place in rights
                if not name and place in {where, "the cluster"}
                if not kind.endswith(OWN_GROUP) or kind == f"rollouts.{OWN_GROUP}"
            }
            assert allowed(server, release.namespace, account, namespace) == expected
