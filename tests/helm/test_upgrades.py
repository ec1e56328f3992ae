"""What the chart makes up once stays as it was: helm asks the cluster for it before it makes another.

The cluster is a server that answers what helm reads, over the wire that helm reads it by.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests import charts

SECRET = {"name": "secrets", "singularName": "secret", "kind": "Secret"}
ABOUT: dict[str, Any] = {
    "/version": {"major": "1", "minor": "33", "gitVersion": "v1.33.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [{**SECRET, "namespaced": True, "verbs": ["get", "list"]}],
    },
}
GONE = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound"}


class Cluster(ThreadingHTTPServer):
    """Answers for the objects that it is given; counts nothing and changes nothing."""

    def __init__(self, kept: list[charts.Manifest]) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        folder = f"/api/v1/namespaces/{charts.NAMESPACE}/secrets"
        held = {f"{folder}/{each['metadata']['name']}": each for each in kept}
        self.documents: dict[str, Any] = {**ABOUT, **held}


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Cluster)
        found = self.server.documents.get(self.path.partition("?")[0])
        content = json.dumps(found or {**GONE, "code": 404}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Helm asks a dozen questions each time, and none is news."""


@contextmanager
def cluster_with(kept: list[charts.Manifest]) -> Iterator[str]:
    """Serve until the end of the block; yields the URL."""
    with Cluster(kept) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def secrets_beside(kept: list[charts.Manifest]) -> list[charts.Manifest]:
    """The Secrets of an evaluation as they would be applied where some are already."""
    with cluster_with(kept) as url:
        done = charts.template(
            charts.values_of("evaluation"), "--dry-run=server", f"--kube-apiserver={url}"
        )
    assert done.returncode == 0, done.stderr
    found = charts.of_kind(charts.manifests(done.stdout), "Secret")
    assert len(found) == 3
    return found


def contents(secrets: list[charts.Manifest]) -> dict[str, dict[str, str]]:
    return {each["metadata"]["name"]: each["data"] for each in secrets}


def test_an_upgrade_keeps_every_secret_that_was_made_up() -> None:
    first = secrets_beside([])
    assert contents(secrets_beside(first)) == contents(first)


def test_each_installation_makes_up_its_own() -> None:
    one, other = contents(secrets_beside([])), contents(secrets_beside([]))
    for name, data in one.items():
        assert all(value != other[name][key] for key, value in data.items())
