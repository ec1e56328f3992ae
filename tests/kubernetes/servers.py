"""A real Kubernetes API server with etcd and its controllers, for one session of tests.

There is no kubelet and no scheduler. Deployments, StatefulSets and Jobs get their Pods, and no Pod
ever runs: what becomes of one is written into its status by the test (``pods.py``).
"""

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests import charts
from tests.installations import quiet_ports
from tests.kubernetes.api import ApiServer, RefusalError

VERSION = re.search(
    r"^version=(.+)$", (charts.ROOT / "tools/install_kubernetes.sh").read_text(), re.MULTILINE
)
START_SECONDS, PAUSE_SECONDS = 300, 0.1
# Who may call it, and the groups they are in: the first may do everything, the others nothing.
USERS: Mapping[str, str] = {
    "admin": "system:masters",
    "operator": "fleet-operators",
    "visitor": "visitors",
}


def program(name: str) -> str:
    """A program that `make test-kubernetes` builds; without it the test fails, and says so."""
    assert VERSION is not None
    path = charts.CACHE / f"kubernetes-{VERSION[1]}" / name
    assert path.exists(), f"there is no {name} here: tools/install_kubernetes.sh builds it"
    return str(path)


@contextmanager
def running_api_server(*names: str) -> Iterator[ApiServer]:
    """Run all three until the end of the block, on the loopback, in a folder that is then gone.

    Args:
        names: Under which it is reached from elsewhere; its certificate has them as well.
    """
    folder = Path(tempfile.mkdtemp(prefix="fw-k8s-"))
    try:
        with ExitStack() as stack:
            etcd, peers, serving, controlling = quiet_ports(4)
            _write_credentials(folder, names)
            server = ApiServer(f"https://127.0.0.1:{serving}", folder, _tokens())
            store = f"http://127.0.0.1:{etcd}"
            stack.enter_context(_running(_etcd(folder, store, peers), folder / "etcd.log"))
            started = stack.enter_context(
                _running(_api_server(folder, store, serving), folder / "api.log")
            )
            started(lambda: _is_ready(server))
            started = stack.enter_context(
                _running(_controllers(server, controlling), folder / "controllers.log")
            )
            started(lambda: _has_accounts(server))
            yield server
    finally:
        shutil.rmtree(folder)


def _tokens() -> dict[str, str]:
    return {user: f"the-token-of-{user}" for user in USERS}


def _write_credentials(folder: Path, names: Sequence[str]) -> None:
    """A certificate of the server by an authority of its own, the key of accounts, the users."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    leaf = authority.issue_cert("127.0.0.1", "localhost", *names)
    leaf.private_key_pem.write_to_path(folder / "server.key")
    with (folder / "server.pem").open("wb") as file:
        file.writelines(each.bytes() for each in leaf.cert_chain_pems)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    (folder / "accounts.key").write_bytes(key.private_bytes(*private))
    lines = [f'{_tokens()[user]},{user},{user},"{group}"\n' for user, group in USERS.items()]
    (folder / "tokens.csv").write_text("".join(lines))


def _etcd(folder: Path, url: str, peers: int) -> list[str]:
    return [
        program("etcd"),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls=http://127.0.0.1:{peers}",
        "--unsafe-no-fsync=true",
    ]


def _api_server(folder: Path, etcd: str, port: int) -> list[str]:
    return [
        program("kube-apiserver"),
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'certificates'}",
        f"--tls-cert-file={folder / 'server.pem'}",
        f"--tls-private-key-file={folder / 'server.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'accounts.key'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
        # On in every version that is still supported, and not yet in this one.
        "--feature-gates=TTLAfterFinished=true",
    ]


def _controllers(server: ApiServer, port: int) -> list[str]:
    return [
        program("kube-controller-manager"),
        f"--kubeconfig={server.kubeconfig()}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--port=0",
        f"--cert-dir={server.folder / 'certificates'}",
        f"--service-account-private-key-file={server.folder / 'accounts.key'}",
        f"--root-ca-file={server.folder / 'authority.pem'}",
        "--leader-elect=false",
        "--feature-gates=TTLAfterFinished=true",
    ]


def _is_ready(server: ApiServer) -> bool:
    try:
        return bool(server.text("/readyz") == "ok")
    except (OSError, RefusalError):
        return False


def _has_accounts(server: ApiServer) -> bool:
    """Whether the controllers have begun: they make the account that Pods have by default."""
    return bool(server.items("/api/v1/namespaces/default/serviceaccounts"))


@contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[Callable[[Callable[[], bool]], None]]:
    """Run a program until the end of the block; yields what waits until a condition is true."""
    with log.open("wb") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, stdin=subprocess.DEVNULL)

    def await_condition(is_true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if is_true():
                return
            time.sleep(PAUSE_SECONDS)
        raise AssertionError(f"{command[0]} did not start:\n{log.read_text()[-4000:]}")

    try:
        yield await_condition
    finally:
        process.kill()
        process.wait()
