"""Upgrades and ways back on a real API server: what changes, and what was made up and stays."""

from itertools import pairwise

import pytest

from tests import charts
from tests.kubernetes.api import Object, until
from tests.kubernetes.kinds import kinds_of
from tests.kubernetes.pods import COMPONENT, Fate, nodes
from tests.kubernetes.releases import Release, everything, kind_of, lost, succeeded

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(3600)]

WAIT = ("--wait", "--timeout=10m")
OTHER_SETTINGS = "--set=settings.check_in_seconds=77"
KEPT = ("persistentvolumeclaims", "edge-fieldwise-data")
# Every set once, so that all that can be switched is switched on and off: a volume, hooks, a
# database of the release's own, ways in, monitors, other names of all objects.
ROUND = ("default", "outside", "kubernetes", "replicas", "evaluation", "gitops", "default")


def made(release: Release) -> set[tuple[str, str]]:
    """What there is as helm's, the cluster's own too, of this revision or left by another."""
    return {
        (kind, name)
        for (kind, place, name), each in everything(release.server).items()
        if place == release.namespace or name.startswith(f"{release.namespace}-")
        if each["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") == "Helm"
        and "ownerReferences" not in each["metadata"]
        and kind not in {"endpoints", "endpointslices"}
    }


def listed(release: Release) -> set[tuple[str, str]]:
    """What the newest revision holds."""
    kinds = [each for each in kinds_of(release.server) if "/" not in each.name]
    plurals = {(each.group, each.kind): each.name for each in kinds}
    return {
        (plurals[each["apiVersion"].rpartition("/")[0], each["kind"]], each["metadata"]["name"])
        for each in release.sent()
    }


def orchestrators(release: Release) -> list[Object]:
    pods = release.server.items(f"/api/v1/namespaces/{release.namespace}/pods")
    return [each for each in pods if each["metadata"]["labels"][COMPONENT] == "orchestrator"]


def test_all_that_can_be_switched_comes_and_goes_with_the_values(release: Release) -> None:
    with nodes(release.server, release.namespace):
        succeeded(release.install(ROUND[0], *WAIT))
        for before, values in pairwise(ROUND):
            succeeded(release.upgrade(values, *WAIT))
            expected = listed(release)
            until(
                lambda expected=expected: made(release) - {KEPT} == expected - {KEPT},
                f"from {before} to {values}, all that goes is gone",
                lambda expected=expected: made(release) ^ expected,
            )
            assert KEPT in made(release)
            for each in release.sent():
                assert list(lost(each, release.stored(each))) == [], kind_of(each)


def test_an_upgrade_keeps_what_was_made_up_and_replaces_the_pod(release: Release) -> None:
    with nodes(release.server, release.namespace):
        succeeded(release.install("default", *WAIT))
        token, [first] = release.secret("operator-token"), orchestrators(release)
        succeeded(release.upgrade("default", *WAIT, OTHER_SETTINGS))
        [second] = orchestrators(release)
    assert release.secret("operator-token") == token
    assert len(token["token"]) > 40
    assert second["metadata"]["uid"] != first["metadata"]["uid"]


def test_an_evaluation_keeps_the_keys_that_its_servers_know(release: Release) -> None:
    names = ("operator-token", "postgresql", "objects")
    authority = f"/api/v1/namespaces/{release.namespace}/secrets/fleet-authority"
    with nodes(release.server, release.namespace):
        succeeded(release.install("evaluation", *WAIT))
        kept = [release.secret(name) for name in names], release.server.get(authority)
        succeeded(release.upgrade("evaluation", *WAIT, OTHER_SETTINGS))
        succeeded(release.helm("rollback", charts.RELEASE, "1", *WAIT))
    assert ([release.secret(name) for name in names], release.server.get(authority)) == kept


def test_the_same_again_replaces_nothing(release: Release) -> None:
    with nodes(release.server, release.namespace):
        succeeded(release.install("evaluation", *WAIT))
        first = {each["metadata"]["uid"] for each in orchestrators(release)}
        succeeded(release.upgrade("evaluation", *WAIT))
        assert {each["metadata"]["uid"] for each in orchestrators(release)} == first


def test_a_way_back_leads_to_what_was_there(release: Release) -> None:
    with nodes(release.server, release.namespace):
        succeeded(release.install("default", *WAIT))
        first, token = release.sent(), release.secret("operator-token")
        succeeded(release.upgrade("outside", *WAIT))
        assert release.sent() != first
        succeeded(release.helm("rollback", charts.RELEASE, "1", *WAIT))
    assert release.sent() == first
    for each in first:
        assert list(lost(each, release.stored(each))) == [], kind_of(each)
    until(lambda: made(release) == listed(release), "what the first revision had not is gone")
    assert release.secret("operator-token") == token


def test_replicas_that_never_get_ready_replace_none_that_are(release: Release) -> None:
    with nodes(release.server, release.namespace):
        succeeded(release.install("evaluation", *WAIT))
        before = {each["metadata"]["uid"] for each in orchestrators(release)}
    with nodes(release.server, release.namespace, orchestrator=Fate.WAITING):
        done = release.upgrade("evaluation", OTHER_SETTINGS, "--wait", "--timeout=20s")
        assert done.returncode != 0
        until(lambda: len(orchestrators(release)) == 3, "one of the new ones is made")
        assert before < {each["metadata"]["uid"] for each in orchestrators(release)}
        succeeded(release.helm("rollback", charts.RELEASE, "1", *WAIT))
        until(lambda: len(orchestrators(release)) == 2, "the one that never got ready goes")
    assert {each["metadata"]["uid"] for each in orchestrators(release)} == before


def test_a_way_back_replaces_the_one_replica_that_never_got_ready(release: Release) -> None:
    with nodes(release.server, release.namespace):
        succeeded(release.install("default", *WAIT))
    first = the_one_after(release, "")
    with nodes(release.server, release.namespace, orchestrator=Fate.WAITING):
        done = release.upgrade("default", OTHER_SETTINGS, "--wait", "--timeout=20s")
        assert done.returncode != 0
        waiting = the_one_after(release, first)
        succeeded(release.helm("rollback", charts.RELEASE, "1"))
        the_one_after(release, waiting)
    with nodes(release.server, release.namespace):
        path = f"/apis/apps/v1/namespaces/{release.namespace}/statefulsets/edge-fieldwise"
        until(lambda: release.server.get(path)["status"].get("readyReplicas") == 1, "it gets ready")


def the_one_after(release: Release, before: str) -> str:
    """Wait for the one Pod to be another than before; return which it is."""

    def found() -> list[str]:
        return [str(each["metadata"]["uid"]) for each in orchestrators(release)]

    until(lambda: len(found()) == 1 and before not in found(), f"another than {before!r}", found)
    return found()[0]
