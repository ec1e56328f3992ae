"""A Kubernetes API server as tests call it: by its wire, by kubectl and by helm."""

import json
import os
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests import charts

CALL_SECONDS, PROGRAM_SECONDS = 60, 600
WAIT_SECONDS, PAUSE_SECONDS = 300, 0.2
MERGE = "application/merge-patch+json"

Object = dict[str, Any]
Done = subprocess.CompletedProcess[str]
Beside = subprocess.Popen[str]


class RefusalError(Exception):
    """The server's answer was not a success."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True)
class ApiServer:
    """A running server.

    Attributes:
        url: https://HOST:PORT.
        folder: ``authority.pem``, of its certificate, is in it, and the files of callers.
        tokens: The bearer token of each user; ``admin`` may do everything.
    """

    url: str
    folder: Path
    tokens: Mapping[str, str] = field(repr=False)

    @property
    def authority(self) -> Path:
        return self.folder / "authority.pem"

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority))

    def call(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        token: str | None = None,
        kind: str = "application/json",
    ) -> Any:
        """Send a request as JSON, as the admin or whose token it is; returns the answer.

        Raises:
            RefusalError: the server did not do it.
        """
        return json.loads(self._sent(method, path, body, token, kind))

    def text(self, path: str) -> str:
        return self._sent("GET", path, None, None, "application/json").decode()

    def _sent(
        self, method: str, path: str, body: Object | None, token: str | None, kind: str
    ) -> bytes:
        headers = {"Authorization": f"Bearer {token or self.tokens['admin']}", "Content-Type": kind}
        content = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, content, headers, method=method)
        try:
            with urlopen(request, timeout=CALL_SECONDS, context=self._trust) as answer:
                return bytes(answer.read())
        except HTTPError as refusal:
            with refusal:
                raise RefusalError(refusal.code, refusal.read().decode()) from None

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def create(self, path: str, thing: Object) -> Any:
        return self.call("POST", path, thing)

    def merge(self, path: str, change: Object) -> Any:
        return self.call("PATCH", path, change, kind=MERGE)

    def items(self, path: str) -> list[Object]:
        found: list[Object] = self.get(path)["items"]
        return found

    def exists(self, path: str) -> bool:
        try:
            self.get(path)
        except RefusalError as refusal:
            if refusal.code == 404:
                return False
            raise
        return True

    def make_namespace(self, name: str) -> None:
        """Make one, and wait until Pods may be made in it."""
        self.create("/api/v1/namespaces", {"metadata": {"name": name}})
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        until(lambda: self.exists(account) and bool(self.get(account).get("secrets")), account)

    def token_of_account(self, namespace: str, account: str, audience: str | None = None) -> str:
        """Ask for a token that says to be a service account, as a Pod of it has."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        audiences = {"audiences": [audience]} if audience else {}
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600, **audiences},
        }
        return str(self.create(path, request)["status"]["token"])

    def kubeconfig(self, user: str = "admin", token: str | None = None) -> Path:
        """A file for kubectl, helm and clients of any language; of a user or of whose token it is.

        Made once for each name.
        """
        file = self.folder / f"{user}.kubeconfig"
        if not file.exists():
            cluster = {"server": self.url, "certificate-authority": str(self.authority)}
            context = {"cluster": "test", "user": user}
            told = {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "test", "cluster": cluster}],
                "users": [{"name": user, "user": {"token": token or self.tokens[user]}}],
                "contexts": [{"name": "test", "context": context}],
                "current-context": "test",
            }
            file.write_text(json.dumps(told))  # JSON is YAML
        return file

    def kubectl(self, *arguments: str, user: str = "admin", given: str | None = None) -> Done:
        program = Path(charts.helm()).with_name("kubectl")
        assert program.exists(), "there is no kubectl here: `make services` gets it"
        return self._run([str(program), *arguments], user, given)

    def helm(self, *arguments: str, user: str = "admin") -> Done:
        return self._run([charts.helm(), *arguments], user)

    @contextmanager
    def helm_beside(self, *arguments: str) -> Iterator[Beside]:
        """Run helm beside the block, which waits for it; at the end of the block it is ended."""
        pipe = subprocess.PIPE
        command = [charts.helm(), *arguments]
        process = subprocess.Popen(
            command, stdout=pipe, stderr=pipe, text=True, env=self._environment("admin")
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def _run(self, command: list[str], user: str, given: str | None = None) -> Done:
        return subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            timeout=PROGRAM_SECONDS,
            check=False,
            env=self._environment(user),
        )

    def _environment(self, user: str) -> dict[str, str]:
        """This server alone, and nobody's settings of either program."""
        kept = {
            name: text
            for name, text in os.environ.items()
            if not name.startswith(("HELM_", "KUBE"))
        }
        home = {"HOME": str(self.folder / "home"), "KUBECONFIG": str(self.kubeconfig(user))}
        return {**kept, **home}


def until(is_true: Callable[[], bool], promise: str, look: Callable[[], object] = str) -> None:
    """Wait for a condition.

    Args:
        is_true: Asked again and again.
        promise: What is waited for.
        look: What is told beside it where it did not come.

    Raises:
        AssertionError: it did not come true in a generous time.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_true():
        assert time.monotonic() < deadline, f"not in {WAIT_SECONDS} s: {promise} {look()}"
        time.sleep(PAUSE_SECONDS)
