"""The part of a cluster's API that the orchestrator calls, in this process and over real HTTP.

It holds to what the API promises of Leases: a version for each object that every write changes,
409 for a write to another version or for a second object of a name, 404 for none, 422 and 400 for
what is no Lease. A test may let it refuse, hang, or do what it was told and never say so. Tokens
and rights are a test's own.
"""

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

from tests.cluster_objects import AnswerError, Objects

LEASE_PATH = re.compile(r"/apis/coordination\.k8s\.io/v1/namespaces/([^/]+)/leases(?:/([^/]+))?")
TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"
RIGHTS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")
ACCOUNT = "the-token-of-the-program"
DRIP_SECONDS = 0.05

Object = dict[str, Any]


@dataclass(slots=True)
class Cluster:
    """What it knows, and how it behaves.

    Attributes:
        people: The user and the audiences of each token.
        rights: Namespace, user, verb and resource of whatever is allowed.
        refuses: Status that it answers with, whatever is asked; None for none.
        refuses_writes: The same of whatever would change something.
        goes_on: Cleared while it answers nothing.
        keeps_quiet: Whether it does what it is told and answers only once it goes on.
        hangs_up: Whether it ends the connection in place of an answer.
        drips: Whether answers come byte by byte, none of them late.
        denied: Rights that somebody denies, whoever else allows them.
        asked: Method and path of every request, and what it brought along.
    """

    address: str = ""
    people: dict[str, tuple[Object, tuple[str, ...]]] = field(default_factory=dict)
    rights: set[tuple[str, str, str, str]] = field(default_factory=set)
    tells_audiences: bool = True
    refuses: int | None = None
    refuses_writes: int | None = None
    goes_on: threading.Event = field(default_factory=threading.Event)
    keeps_quiet: bool = False
    hangs_up: bool = False
    drips: bool = False
    denied: bool = False
    asked: list[tuple[str, str, Object]] = field(default_factory=list)
    leases: dict[tuple[str, str], Object] = field(default_factory=dict)
    namespaces: tuple[str, ...] = ("fleet",)
    objects: Objects = field(default_factory=Objects)
    _versions: Iterator[int] = field(default_factory=lambda: count(100))
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def kubeconfig(self, folder: Path) -> Path:
        path = folder / "kubeconfig"
        context = {"cluster": "c", "user": "u", "namespace": "fleet"}
        told = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "x",
            "clusters": [{"name": "c", "cluster": {"server": self.address}}],
            "users": [{"name": "u", "user": {"token": ACCOUNT}}],
            "contexts": [{"name": "x", "context": context}],
        }
        path.write_text(json.dumps(told))  # JSON is YAML
        return path

    def answer(self, method: str, path: str, caller: str, body: Object) -> Object:
        if caller != f"Bearer {ACCOUNT}":
            raise AnswerError(401)
        self.asked.append((method, path, deepcopy(body)))
        if self.refuses is not None:
            raise AnswerError(self.refuses)
        if method != "GET" and self.refuses_writes is not None:
            raise AnswerError(self.refuses_writes)
        if path == TOKENS:
            return {**body, "status": self._token(body["spec"])}
        if path == RIGHTS:
            allowed = self._allows(body["spec"])
            return {**body, "status": {"allowed": allowed, "denied": self.denied}}
        with self._turn:
            if (told := self.objects.answer(method, path, body)) is not None:
                return told
        if (found := LEASE_PATH.fullmatch(path)) is None:
            raise AnswerError(404)
        with self._turn:
            return deepcopy(self._lease(method, found[1], found[2], body))

    def _token(self, spec: Object) -> Object:
        user, audiences = self.people.get(spec["token"], ({}, ()))
        common = [each for each in spec.get("audiences") or () if each in audiences]
        if not user or (self.tells_audiences and not common):
            return {"authenticated": False, "error": "unknown"}
        told = {"audiences": common} if self.tells_audiences else {}
        return {"authenticated": True, "user": user, **told}

    def _allows(self, spec: Object) -> bool:
        asked = spec["resourceAttributes"]
        assert asked["group"] == "fieldwise.dev"
        return (asked["namespace"], spec["user"], asked["verb"], asked["resource"]) in self.rights

    def _lease(self, method: str, namespace: str, name: str | None, body: Object) -> Object:
        if method == "GET" and name:
            if (namespace, name) not in self.leases:
                raise AnswerError(404)
            return self.leases[namespace, name]
        _check(body)
        key = (namespace, body["metadata"]["name"])
        known = self.leases.get(key)
        if method == "POST" and name is None:
            if namespace not in self.namespaces:
                raise AnswerError(404)
            if known is not None:
                raise AnswerError(409)
        elif method == "PUT" and name == key[1]:
            if known is None:
                raise AnswerError(404)
            if body["metadata"].get("resourceVersion") != known["metadata"]["resourceVersion"]:
                raise AnswerError(409)
        else:
            raise AnswerError(405)
        metadata = {**body["metadata"], "namespace": namespace}
        metadata["resourceVersion"] = str(next(self._versions))
        self.leases[key] = {**body, "metadata": metadata}
        return self.leases[key]


def _check(lease: Mapping[str, Any]) -> None:
    spec = lease.get("spec", {})
    for name in ("acquireTime", "renewTime"):
        if name in spec and not MOMENT.fullmatch(spec[name]):
            raise AnswerError(400)
    if spec.get("leaseDurationSeconds", 1) <= 0 or spec.get("leaseTransitions", 0) < 0:
        raise AnswerError(422)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Serve one on the loopback."""
    cluster = Cluster()
    cluster.goes_on.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            if not cluster.keeps_quiet:
                cluster.goes_on.wait()
            try:
                caller = self.headers.get("Authorization", "")
                code, told = 200, cluster.answer(self.command, self.path, caller, body)
            except AnswerError as error:
                code, told = error.code, {"kind": "Status", "code": error.code, "echo": body}
            cluster.goes_on.wait()
            if cluster.hangs_up:
                self.close_connection = True
                return
            content = json.dumps(told).encode()
            try:
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                while content and cluster.drips:
                    self.wfile.write(content[:1])
                    content = content[1:]
                    time.sleep(DRIP_SECONDS)
                self.wfile.write(content)
            except OSError:  # whoever asked has given up
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = _do  # noqa: N815 - the names that the base class calls

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    cluster.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield cluster
    finally:
        cluster.goes_on.set()
        cluster.drips = False
        server.shutdown()
        thread.join()
        server.server_close()
