"""What the chart makes up once stays as it was: helm asks the cluster before it makes another.

The cluster is a server that answers what helm reads, over the wire that helm reads it by.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests import charts

VERSION = {"major": "1", "minor": "33", "gitVersion": "v1.33.0"}
GONE = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound"}


class Cluster(ThreadingHTTPServer):
    """Answers for the objects that it is given; counts nothing and changes nothing."""

    def __init__(self, kept: list[charts.Manifest]) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        folder = f"/api/v1/namespaces/{charts.NAMESPACE}/secrets"
        held = {f"{folder}/{each['metadata']['name']}": each for each in kept}
        self.documents = {**discovery(charts.rendered("evaluation")), **held}


def discovery(objects: list[charts.Manifest]) -> dict[str, Any]:
    """What a cluster says of the kinds of these objects, and of itself."""
    kinds: dict[str, set[str]] = {}
    for each in objects:
        kinds.setdefault(each["apiVersion"], set()).add(each["kind"])
    found: dict[str, Any] = {"/version": VERSION, "/api": {"versions": ["v1"]}}
    groups = []
    for version, names in kinds.items():
        place = f"/apis/{version}" if "/" in version else f"/api/{version}"
        resources = [
            {"name": f"{name.lower()}s", "kind": name, "namespaced": True, "verbs": ["get"]}
            for name in sorted(names)
        ]
        found[place] = {"groupVersion": version, "resources": resources}
        if "/" in version:
            one = {"groupVersion": version, "version": version.partition("/")[2]}
            group = {"name": version.partition("/")[0], "versions": [one]}
            groups.append({**group, "preferredVersion": one})
    return {**found, "/apis": {"groups": groups}}


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
            charts.values_of("evaluation"),
            "--dry-run=server",
            "--disable-openapi-validation",
            f"--kube-apiserver={url}",
        )
    assert done.returncode == 0, done.stderr
    found = charts.of_kind(charts.manifests(done.stdout), "Secret")
    assert len(found) == 3
    return found


def applied(made: list[charts.Manifest]) -> list[charts.Manifest]:
    """As helm leaves them in a cluster: marked as its release's own."""
    owner = {
        "meta.helm.sh/release-name": charts.RELEASE,
        "meta.helm.sh/release-namespace": charts.NAMESPACE,
    }
    return [{**each, "metadata": {**each["metadata"], "annotations": owner}} for each in made]


def contents(secrets: list[charts.Manifest]) -> dict[str, dict[str, str]]:
    return {each["metadata"]["name"]: each["data"] for each in secrets}


def test_an_upgrade_keeps_every_secret_that_was_made_up() -> None:
    first = secrets_beside([])
    assert contents(secrets_beside(applied(first))) == contents(first)


def test_each_installation_makes_up_its_own() -> None:
    one, other = contents(secrets_beside([])), contents(secrets_beside([]))
    for name, data in one.items():
        assert all(value != other[name][key] for key, value in data.items())
