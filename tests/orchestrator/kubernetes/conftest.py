"""A cluster's API in this process, and the way of the orchestrator to it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.kubernetes.access import Access, find_cluster
from tests.cluster_api import Cluster, running_cluster

SECONDS = 30.0  # of a call that is to be answered, on a busy machine


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with running_cluster() as running:
        yield running


@pytest.fixture
def reach(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[[float], Access]]:
    """Open a way to the cluster on which a call may take so many seconds."""
    opened: list[Access] = []

    def open_one(seconds: float = SECONDS) -> Access:
        opened.append(Access(find_cluster(cluster.kubeconfig(tmp_path)), seconds, 4))
        return opened[-1]

    yield open_one
    cluster.goes_on.set()
    for each in opened:
        each.close()
