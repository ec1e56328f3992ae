"""What an installation leaves behind on a real API server: nothing but what `keep` says."""

from collections.abc import Mapping

import pytest

from tests import charts
from tests.kubernetes.api import Object, until
from tests.kubernetes.pods import Fate, nodes
from tests.kubernetes.releases import Name, Release, everything, succeeded

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1800)]

KEPT = "edge-fieldwise-data"
# What keeps the fleet's authority on a volume of the release's own keeps that.
LEAVES: Mapping[str, tuple[str, ...]] = dict.fromkeys(("default", "outside", "oidc"), (KEPT,))


def left(release: Release, before: Mapping[Name, Object]) -> set[Name]:
    """What is there and was not before, but the volumes that the test itself brought."""
    found = everything(release.server).keys() - before.keys()
    return {each for each in found if each[0] != "persistentvolumes"}


def await_left(release: Release, before: Mapping[Name, Object], *names: tuple[str, str]) -> None:
    """Wait until no more than this is left: controllers clear away what belonged to the rest."""
    expected = {(kind, release.namespace, name) for kind, name in names}
    until(
        lambda: left(release, before) <= expected,
        f"nothing but {expected} is left",
        lambda: left(release, before) - expected,
    )
    assert left(release, before) == expected


@pytest.mark.parametrize("values", charts.value_sets())
def test_what_is_uninstalled_leaves_only_the_volume_that_is_kept(
    release: Release, values: str
) -> None:
    before = everything(release.server)
    with nodes(release.server, release.namespace):
        succeeded(release.install(values, "--wait", "--timeout=10m"))
        assert len(left(release, before)) > 10
        release.uninstall()
        kept = [("persistentvolumeclaims", name) for name in LEAVES.get(values, ())]
        await_left(release, before, *kept)
    after = everything(release.server)
    for name in before.keys() & after.keys():
        kind, place, _ = name
        if place == release.namespace and kind in {"secrets", "persistentvolumeclaims"}:
            assert after[name].get("data") == before[name].get("data"), name


def test_the_volume_that_was_kept_is_taken_again_by_the_next_installation(
    release: Release,
) -> None:
    claim = f"/api/v1/namespaces/{release.namespace}/persistentvolumeclaims/{KEPT}"
    with nodes(release.server, release.namespace):
        succeeded(release.install("default", "--wait", "--timeout=10m"))
        first = release.server.get(claim)
        release.uninstall()
        succeeded(release.install("default", "--wait", "--timeout=10m"))
    second = release.server.get(claim)
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    assert second["spec"]["volumeName"] == first["spec"]["volumeName"]


def test_a_test_that_passes_leaves_nothing(release: Release) -> None:
    with nodes(release.server, release.namespace):
        succeeded(release.install("default", "--wait", "--timeout=10m"))
        installed = everything(release.server)
        succeeded(release.helm("test", charts.RELEASE, "--timeout=10m"))
        await_left(release, installed)


def test_a_test_that_fails_stays_to_be_read_and_goes_by_the_label_of_the_release(
    release: Release,
) -> None:
    before = everything(release.server)
    with nodes(release.server, release.namespace, test=Fate.FAILED):
        succeeded(release.install("default", "--wait", "--timeout=10m"))
        assert release.helm("test", charts.RELEASE, "--timeout=10m").returncode != 0
        release.uninstall()
        volume, pod = ("persistentvolumeclaims", KEPT), ("pods", "edge-fieldwise-selftest")
        await_left(release, before, volume, pod)
        clear_away(release)
        await_left(release, before, volume)


def clear_away(release: Release) -> None:
    """What docs/kubernetes.md says about what a hook that failed leaves."""
    succeeded(
        release.server.kubectl(
            "delete",
            "pod,job",
            f"--selector=app.kubernetes.io/instance={charts.RELEASE}",
            f"--namespace={release.namespace}",
        )
    )
