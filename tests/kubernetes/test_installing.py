"""Every set of values on a real API server: each object is taken whole, and none is left behind."""

import pytest

from tests import charts
from tests.kubernetes.api import ApiServer
from tests.kubernetes.pods import nodes
from tests.kubernetes.releases import (
    Release,
    kind_of,
    lost,
    prepare,
    succeeded,
)

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1800)]

# What `keep` says: the volume with the fleet's authority.
KEPT = {
    "default": {("persistentvolumeclaims", "edge-fieldwise-data")},
    "outside": {("persistentvolumeclaims", "edge-fieldwise-data")},
}


@pytest.fixture
def release(api_server: ApiServer, namespace: str) -> Release:
    prepare(api_server, namespace)
    return Release(api_server, namespace)


@pytest.mark.parametrize("values", charts.value_sets())
def test_every_object_is_taken_with_every_field_and_every_pod_is_made(
    release: Release, values: str
) -> None:
    with nodes(release.server, release.namespace):
        succeeded(release.install(values, "--wait", "--timeout=10m"))
    sent = release.sent()
    assert {each["kind"] for each in sent} >= {"ConfigMap", "Service"}
    for each in sent:
        assert list(lost(each, release.stored(each))) == [], kind_of(each)
