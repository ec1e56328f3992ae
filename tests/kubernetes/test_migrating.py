"""The migration as helm's hook on a real API server: first it, and without it nothing else."""

import pytest

from tests import charts
from tests.kubernetes.api import Object, until
from tests.kubernetes.pods import COMPONENT, Fate, nodes
from tests.kubernetes.releases import Name, Release, succeeded

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1800)]

WAIT = ("--wait", "--timeout=10m")
ONE_TRY = "--set=migration.backoffLimit=0"
OTHER_SETTINGS = "--set=settings.check_in_seconds=77"
JOB = ("jobs", "edge-fieldwise-migration")


def components(release: Release) -> set[str]:
    pods = release.server.items(f"/api/v1/namespaces/{release.namespace}/pods")
    return {each["metadata"]["labels"][COMPONENT] for each in pods}


def written(release: Release) -> dict[Name, Object]:
    """All that somebody else than the migration and the controllers of Services writes."""
    return {
        name: without_news(each)
        for name, each in release.objects().items()
        if each["metadata"].get("labels", {}).get(COMPONENT) != "migration"
        and name[0] not in {"endpoints", "endpointslices"}
    }


def without_news(thing: Object) -> Object:
    """An object without what controllers tell of it."""
    told = ("resourceVersion", "managedFields")
    metadata = {name: each for name, each in thing["metadata"].items() if name not in told}
    return {**thing, "metadata": metadata, "status": None}


def test_nothing_is_made_until_the_migration_has_succeeded_and_then_all_is(
    release: Release,
) -> None:
    before = written(release)
    with (
        nodes(release.server, release.namespace, migration=Fate.WAITING),
        release.being("install", "replicas", *WAIT) as helm,
    ):
        until(lambda: components(release) == {"migration"}, "the migration's Pod is made")
        assert written(release) == before
        assert helm.poll() is None
        with nodes(release.server, release.namespace):
            told = helm.communicate(timeout=900)
        assert helm.returncode == 0, told
    made = {(kind, name) for kind, _, name in release.objects()}
    assert ("deployments", "edge-fieldwise") in made
    assert JOB not in made


def test_an_installation_whose_migration_fails_makes_nothing(release: Release) -> None:
    before = written(release)
    with nodes(release.server, release.namespace, migration=Fate.FAILED):
        done = release.install("replicas", *WAIT, ONE_TRY)
    assert done.returncode != 0
    assert "pre-install" in done.stderr
    assert written(release) == before


def test_an_upgrade_whose_migration_fails_changes_nothing_and_the_next_one_may_succeed(
    release: Release,
) -> None:
    with nodes(release.server, release.namespace):
        succeeded(release.install("replicas", *WAIT))
    before = written(release)
    with nodes(release.server, release.namespace, migration=Fate.FAILED):
        done = release.upgrade("replicas", *WAIT, ONE_TRY, OTHER_SETTINGS)
    assert done.returncode != 0
    assert "pre-upgrade" in done.stderr
    assert written(release) == before
    [job] = [each for name, each in release.objects().items() if name[0] == "jobs"]
    assert job["status"]["failed"] == 1
    with nodes(release.server, release.namespace):
        succeeded(release.upgrade("replicas", *WAIT, OTHER_SETTINGS))
    assert written(release) != before


def test_a_rollback_leaves_the_tables_as_they_are(release: Release) -> None:
    with nodes(release.server, release.namespace):
        succeeded(release.install("replicas", *WAIT))
        succeeded(release.upgrade("replicas", *WAIT, OTHER_SETTINGS))
    with nodes(release.server, release.namespace, migration=Fate.FAILED):
        succeeded(release.helm("rollback", charts.RELEASE, "1", *WAIT))
    assert JOB not in {(kind, name) for kind, _, name in release.objects()}


def test_plain_jobs_come_with_each_revision_and_go_by_themselves(release: Release) -> None:
    soon = "--set=migration.ttlSecondsAfterFinished=1"
    jobs = f"/apis/batch/v1/namespaces/{release.namespace}/jobs"
    with nodes(release.server, release.namespace, migration=Fate.WAITING):
        succeeded(release.install("gitops", soon))
        succeeded(release.upgrade("gitops", soon, OTHER_SETTINGS))
        names = {each["metadata"]["name"] for each in release.server.items(jobs)}
    assert names == {"edge-field-migration-2"}
    with nodes(release.server, release.namespace):
        until(lambda: not release.server.items(jobs), "the Job that succeeded goes")
