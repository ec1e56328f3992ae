"""The chart on a real API server: what has to be there before it, and what is there after it."""

import base64
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests import charts
from tests.kubernetes.api import ApiServer, Beside, Done, Object, until
from tests.kubernetes.kinds import kinds_of
from tests.kubernetes.pods import nodes

# Kinds of others that values ask for. A cluster has them from whoever defines them; these stand-ins
# take every field, so nothing is said here about the fields (tests/helm looks at those by hand).
DEFINED_BY_OTHERS = (
    ("cert-manager.io", "v1", "Certificate", "certificates"),
    ("gateway.networking.k8s.io", "v1", "TLSRoute", "tlsroutes"),
    ("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
    ("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
)
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SECRETS = {
    "fleet-authority": ("authority.json", "authority.pem"),
    "fleet-bucket": ("accessKey", "secretKey"),
    "fleet-database": ("url", "uri"),
    "fleet-token": ("token",),
}
CLAIMS = ("data", "bundles")
# Written by the cluster about everything, for a while.
HISTORY = frozenset({"events"})

Name = tuple[str, str, str]  # resource, namespace or nothing, name


@dataclass(frozen=True, slots=True)
class Release:
    """The chart under the name that all tests use, in a namespace of a test."""

    server: ApiServer
    namespace: str

    def install(self, values: str, *arguments: str) -> Done:
        return self._changed("install", values, *arguments)

    def upgrade(self, values: str, *arguments: str) -> Done:
        return self._changed("upgrade", values, *arguments)

    def _changed(self, verb: str, values: str, *arguments: str) -> Done:
        named = (verb, charts.RELEASE, str(charts.CHART), charts.values_of(values))
        return self.helm(*named, *arguments)

    def helm(self, *arguments: str) -> Done:
        return self.server.helm(*arguments, f"--namespace={self.namespace}")

    @contextmanager
    def being(self, verb: str, values: str, *arguments: str) -> Iterator[Beside]:
        """Install or upgrade beside the block, which has to bring it to its end."""
        command = (verb, charts.RELEASE, str(charts.CHART), charts.values_of(values))
        with self.server.helm_beside(*command, *arguments, f"--namespace={self.namespace}") as helm:
            yield helm

    def uninstall(self) -> None:
        succeeded(self.helm("uninstall", charts.RELEASE, "--wait", "--timeout=10m"))

    def objects(self) -> dict[Name, Object]:
        """All of the namespace but what helm and the cluster write about it."""
        return {
            name: each
            for name, each in everything(self.server).items()
            if name[1] == self.namespace and each.get("type") != "helm.sh/release.v1"
        }

    def sent(self) -> list[Object]:
        """The objects of the newest revision as helm sent them."""
        return charts.manifests(succeeded(self.helm("get", "manifest", charts.RELEASE)))

    def stored(self, thing: Object) -> Object:
        """What the server has under the name of an object."""
        name = f"{kind_of(thing)}/{thing['metadata']['name']}"
        found = self.server.kubectl("get", name, f"--namespace={self.namespace}", "--output=json")
        return dict(json.loads(succeeded(found)))

    def secret(self, suffix: str) -> dict[str, str]:
        path = f"/api/v1/namespaces/{self.namespace}/secrets"
        found = self.server.get(f"{path}/{charts.RELEASE}-fieldwise-{suffix}")
        return dict(found["data"])


def succeeded(done: Done) -> str:
    """What a command printed, which has to have done what it was asked to."""
    assert done.returncode == 0, done.stderr
    return done.stdout


def kind_of(thing: Object) -> str:
    """As kubectl tells kinds apart whose names two groups may have: Kind.version.group."""
    group, _, version = thing["apiVersion"].rpartition("/")
    return f"{thing['kind']}.{version}.{group}" if group else str(thing["kind"])


def prepare(server: ApiServer, namespace: str) -> None:
    """Bring what the sets of values name and the chart does not: others' kinds, Secrets, claims."""
    for group, version, kind, plural in DEFINED_BY_OTHERS:
        if not server.exists(f"{DEFINITIONS}/{plural}.{group}"):
            server.create(DEFINITIONS, definition(group, version, kind, plural))
    classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
    if not server.exists(f"{classes}/business"):
        server.create(classes, {"metadata": {"name": "business"}, "value": 1000})
    for name, keys in SECRETS.items():
        data = {key: base64.b64encode(f"the {key}".encode()).decode() for key in keys}
        server.create(
            f"/api/v1/namespaces/{namespace}/secrets", {"metadata": {"name": name}, "data": data}
        )
    for name in CLAIMS:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        server.create(
            f"/api/v1/namespaces/{namespace}/persistentvolumeclaims",
            {"metadata": {"name": name}, "spec": spec},
        )
    claims = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    with nodes(server, namespace):
        until(
            lambda: all(each["status"]["phase"] == "Bound" for each in server.items(claims)),
            "the claims are bound",
        )


def definition(group: str, version: str, kind: str, plural: str) -> Object:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    of_version = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    # Without the mark of an approval the server takes no definition of a group of Kubernetes's own.
    approved = {"api-approved.kubernetes.io": "https://github.com/kubernetes/enhancements"}
    return {
        "metadata": {"name": f"{plural}.{group}", "annotations": approved},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [of_version],
        },
    }


def everything(server: ApiServer) -> dict[Name, Object]:
    """Every object of every kind that the server lists, of all namespaces and of none."""
    found: dict[Name, Object] = {}
    for kind in kinds_of(server):
        if "list" in kind.verbs and kind.name not in HISTORY:
            for each in server.items(kind.path):
                metadata = each["metadata"]
                found[kind.name, metadata.get("namespace", ""), metadata["name"]] = each
    assert {"secrets", "clusterroles"} <= {name for name, _, _ in found}
    return found


def lost(sent: Any, stored: Any, where: str = "") -> Iterable[str]:
    """The places at which what is stored is not what was sent; what the server adds is no loss."""
    if isinstance(sent, dict) and isinstance(stored, dict):
        for key, value in sent.items():
            if value is not None:
                yield from lost(value, stored.get(key), f"{where}.{key}")
    elif isinstance(sent, list) and isinstance(stored, list) and len(sent) == len(stored):
        for number, (one, other) in enumerate(zip(in_order(sent), in_order(stored), strict=True)):
            yield from lost(one, other, f"{where}[{number}]")
    elif sent != stored and sent not in ({}, []):
        yield f"{where}: {sent!r} became {stored!r}"


def in_order(things: list[Any]) -> list[Any]:
    """Things with names by name: for the server they have no order, and an upgrade leaves it."""
    if all(isinstance(each, dict) and "name" in each for each in things):
        return sorted(things, key=lambda each: str(each["name"]))
    return things
