"""Jobs, Secrets and workloads of a cluster's API, as far as the orchestrator calls it.

It holds to what the API promises: uids and moments of its own, 409 for a second object of a name,
404 for none, labels to select by, and objects that go with their owners.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]
Key = tuple[str, str, str]  # kind, namespace, name

PATH = re.compile(
    r"/(?:api/v1|apis/(?:batch|apps)/v1)/namespaces/([^/]+)/"
    r"(jobs|secrets|deployments|statefulsets)(?:/([^/]+))?"
)
CREATED = "2026-01-01T00:00:00Z"


class AnswerError(Exception):
    """An answer that is not a success."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


@dataclass(slots=True)
class Objects:
    """What there is; ``refused`` has the verbs and kinds that an account may not."""

    kept: dict[Key, Object] = field(default_factory=dict)
    refused: set[tuple[str, str]] = field(default_factory=set)
    created_at: str = CREATED
    _uids: Iterator[int] = field(default_factory=count)

    def of(self, kind: str) -> list[Object]:
        return [each for (known, _, _), each in self.kept.items() if known == kind]

    def put(self, kind: str, namespace: str, made: Object) -> Object:
        metadata = {
            **made["metadata"],
            "namespace": namespace,
            "uid": f"uid-{next(self._uids)}",
            "creationTimestamp": self.created_at,
        }
        whole = {**made, "metadata": metadata}
        self.kept[kind, namespace, metadata["name"]] = whole
        return whole

    def answer(self, method: str, path: str, body: Object) -> Object | None:
        """Answer a request; None for one that is about something else."""
        asked = urlsplit(path)
        found = PATH.fullmatch(asked.path)
        if found is None:
            return None
        namespace, kind, name = found[1], found[2], found[3] or ""
        if (method, kind) in self.refused:
            raise AnswerError(403)
        if method == "POST":
            return deepcopy(self._made(kind, namespace, body))
        if name == "":
            return self._listed(kind, namespace, asked.query)
        if (kind, namespace, name) not in self.kept:
            raise AnswerError(404)
        if method == "DELETE":
            self._drop((kind, namespace, name))
            return {"kind": "Status", "status": "Success"}
        return deepcopy(self.kept[kind, namespace, name])

    def _made(self, kind: str, namespace: str, body: Object) -> Object:
        if (kind, namespace, body["metadata"]["name"]) in self.kept:
            raise AnswerError(409)
        return self.put(kind, namespace, body)

    def _listed(self, kind: str, namespace: str, query: str) -> Object:
        selector = parse_qs(query).get("labelSelector", [""])[0]
        wanted = dict(each.split("=") for each in selector.split(",") if each)
        items = [
            each
            for (known, place, _), each in self.kept.items()
            if (known, place) == (kind, namespace)
            and wanted.items() <= each["metadata"].get("labels", {}).items()
        ]
        return {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": deepcopy(items)}

    def _drop(self, key: Key) -> None:
        gone = self.kept.pop(key)["metadata"]["uid"]
        owned = [
            known
            for known, each in self.kept.items()
            if gone in {one["uid"] for one in each["metadata"].get("ownerReferences", ())}
        ]
        for known in owned:
            self._drop(known)
