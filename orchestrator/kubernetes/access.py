"""The way to a cluster's API: whose account, over which connection, and for how long at most.

The official client is synchronous, so each call has a thread. No call lasts longer than it is told
to, connecting and every read included, and nothing is tried twice behind the caller's back. What
goes wrong is told by its status alone: the body of an answer may repeat what was asked, and what
was asked may be a token.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import kubernetes
import urllib3
from kubernetes.config.config_exception import ConfigException

from fieldwise.errors import Fault, FieldwiseError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")  # where a Pod finds its own
DEFAULT_NAMESPACE = "default"
NAMESPACE_BYTES_MAX = 253

AnswerT = TypeVar("AnswerT")


class RefusedError(Exception):
    """The API answered with an error.

    Args:
        status: Of HTTP.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"it answered with status {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Place:
    """A cluster as an account sees it: settings of the client, and the account's namespace."""

    configuration: Any
    namespace: str


def find_cluster(kubeconfig: Path | None) -> Place:
    """Find the cluster: by a kubeconfig that is named, as a Pod of it, or by the user's kubeconfig.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where none is found.
    """
    configuration = kubernetes.client.Configuration()
    try:
        namespace = _load(configuration, kubeconfig)
    except Exception as error:  # anything may be in the file, and its readers raise as much
        named = f"kubernetes_config = {kubeconfig}" if kubeconfig else "no kubeconfig and no Pod"
        raise FieldwiseError(
            Fault.SETTING_INVALID, f"{named} leads to no cluster: {type(error).__name__}"
        ) from error
    configuration.retries = False
    configuration.debug = False
    # The client writes whole answers at DEBUG, and those of reviews have tokens in them.
    logging.getLogger("kubernetes").setLevel(logging.WARNING)
    return Place(configuration, namespace)


def _load(configuration: Any, kubeconfig: Path | None) -> str:
    if kubeconfig is None and (ACCOUNT / "token").exists():
        kubernetes.config.load_incluster_config(client_configuration=configuration)
        with (ACCOUNT / "namespace").open(encoding="ascii") as file:
            return file.read(NAMESPACE_BYTES_MAX).strip()
    file_name = str(kubeconfig) if kubeconfig else None
    kubernetes.config.load_kube_config(file_name, client_configuration=configuration)
    _, active = kubernetes.config.list_kube_config_contexts(file_name)
    return str(active["context"].get("namespace") or DEFAULT_NAMESPACE)


class Access:
    """Calls of one kind, with threads and a connection pool of their own.

    Args:
        place: The cluster.
        seconds: How long a call may take.
        calls_max: Calls at the same time; more wait, within their own time.
    """

    def __init__(self, place: Place, seconds: float, calls_max: int) -> None:
        self.namespace = place.namespace
        self._seconds = seconds
        self.client = kubernetes.client.ApiClient(place.configuration, pool_threads=calls_max)
        self._threads = ThreadPoolExecutor(calls_max, thread_name_prefix="kubernetes")

    async def ask(self, call: Callable[..., AnswerT], *given: object) -> AnswerT:
        """Make a call of the client.

        Raises:
            RefusedError: The API said no.
            FieldwiseError: ``UNAVAILABLE`` where it said nothing in time.
        """
        timed = partial(call, *given, _request_timeout=self._seconds)
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.get_running_loop().run_in_executor(self._threads, timed)
        except TimeoutError as error:
            raise _away(f"it said nothing for {self._seconds:g} s") from error
        except kubernetes.client.ApiException as error:
            if not error.status:
                raise _away("the connection broke") from None
            raise RefusedError(int(error.status)) from None  # its text has the answer's body
        except (urllib3.exceptions.HTTPError, OSError, ConfigException) as error:
            raise _away(type(error).__name__) from error

    def close(self) -> None:
        """Wait for no call; those under way end within their time."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.client.close()


def _away(how: str) -> FieldwiseError:
    return FieldwiseError(Fault.UNAVAILABLE, f"the cluster's API cannot be asked: {how}")
