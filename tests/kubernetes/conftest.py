"""What tests on a real Kubernetes API server share: the server, and each its own namespace."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.kubernetes.api import ApiServer
from tests.kubernetes.releases import Release, prepare
from tests.kubernetes.servers import running_api_server

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def api_server() -> Iterator[ApiServer]:
    """A real API server with its controllers, that every test of the session shares."""
    with running_api_server() as server:
        yield server


@pytest.fixture
def namespace(api_server: ApiServer) -> str:
    """A namespace of the test's own, in which Pods may be made."""
    name = f"test-{next(_NUMBERS)}"
    api_server.make_namespace(name)
    return name


@pytest.fixture
def release(api_server: ApiServer, namespace: str) -> Release:
    """The chart, not installed yet, where all is there that the sets of values name."""
    prepare(api_server, namespace)
    return Release(api_server, namespace)
