"""What nodes would do, written down by the test: no kubelet runs here, and so does no container.

Pods that the real controllers make come to be ready, to succeed or to fail as the test says, and
claims get volumes to be bound to. All else is the controllers' own doing: how many replicas there
are, in which order they are replaced, and when a Job has failed.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.kubernetes.api import ApiServer, Object, RefusalError

COMPONENT = "app.kubernetes.io/component"
PAUSE_SECONDS = 0.2
GONE, CHANGED = 404, 409


class Fate(StrEnum):
    """What becomes of a Pod."""

    READY = "Ready"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    WAITING = "Waiting"


USUAL: Mapping[str, Fate] = {"migration": Fate.SUCCEEDED, "test": Fate.SUCCEEDED}


@dataclass(frozen=True, slots=True)
class Nodes:
    """Gives each Pod of a namespace its fate by its component; ``READY`` is the one of the rest."""

    server: ApiServer
    namespace: str
    fates: Mapping[str, Fate]

    def look(self) -> None:
        """Go once over all Pods and claims."""
        for pod in self.server.items(f"/api/v1/namespaces/{self.namespace}/pods"):
            told = status_of(self.fates.get(pod["metadata"]["labels"][COMPONENT], Fate.READY))
            if pod["status"]["phase"] == "Pending" and told:
                self._write(f"pods/{pod['metadata']['name']}/status", {"status": told})
        for claim in self.server.items(
            f"/api/v1/namespaces/{self.namespace}/persistentvolumeclaims"
        ):
            if claim["status"]["phase"] == "Pending":
                self._bring_volume(claim)

    def _write(self, path: str, change: Object) -> None:
        """Change an object; one that has gone or changed meanwhile is looked at again anyway."""
        try:
            self.server.merge(f"/api/v1/namespaces/{self.namespace}/{path}", change)
        except RefusalError as refusal:
            if refusal.code not in {GONE, CHANGED}:
                raise

    def _bring_volume(self, claim: Object) -> None:
        volume = volume_for(claim)
        if not self.server.exists(f"/api/v1/persistentvolumes/{volume['metadata']['name']}"):
            self.server.create("/api/v1/persistentvolumes", volume)


def status_of(fate: Fate) -> Object:
    """What a kubelet would write; nothing about a Pod that waits for its node."""
    if fate is Fate.WAITING:
        return {}
    if fate is Fate.READY:
        kinds = ("Initialized", "ContainersReady", "Ready")
        return {
            "phase": "Running",
            "conditions": [{"type": each, "status": "True"} for each in kinds],
        }
    return {"phase": fate.value}


def volume_for(claim: Object) -> Object:
    """A volume that is the claim's alone, named after it."""
    metadata = claim["metadata"]
    return {
        "metadata": {"name": f"{metadata['namespace']}-{metadata['uid']}"},
        "spec": {
            "capacity": claim["spec"]["resources"]["requests"],
            "accessModes": claim["spec"]["accessModes"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": claim["spec"].get("storageClassName", ""),
            "hostPath": {"path": "/nowhere"},
            "claimRef": {
                **{name: metadata[name] for name in ("namespace", "name", "uid")},
                "kind": "PersistentVolumeClaim",
            },
        },
    }


@contextmanager
def nodes(server: ApiServer, namespace: str, **fates: Fate) -> Iterator[None]:
    """Give Pods and claims of a namespace their fates until the end of the block."""
    standing = Nodes(server, namespace, {**USUAL, **fates})
    ended = threading.Event()
    failures: list[Any] = []

    def stand() -> None:
        while not ended.wait(PAUSE_SECONDS):
            try:
                standing.look()
            except Exception as failure:  # noqa: BLE001 told to the test, which is elsewhere
                failures.append(failure)
                return

    thread = threading.Thread(target=stand)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert not failures, failures
