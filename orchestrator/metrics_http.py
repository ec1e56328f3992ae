"""The HTTP port: /metrics for Prometheus, /healthz and /readyz for whoever supervises the process.

It runs in a thread of its own, so that a busy event loop delays neither, and shows nothing else.
That this thread answers says nothing of the loop, so it is told whether that moves.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from fieldwise.channel import split_address
from fieldwise.errors import Fault, FieldwiseError

IDLE_SECONDS = 10  # a caller that says nothing for so long loses its connection

Respond = Callable[[str, list[tuple[str, str]]], Any]


class MetricsServer:
    """Listens from creation to ``close``.

    Args:
        address: host:port; port 0 takes a free one.
        registry: What is shown.
        ready: Whether this orchestrator can do its work now.
        alive: Whether it moves at all.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where it cannot listen.
    """

    def __init__(
        self,
        address: str,
        registry: CollectorRegistry,
        ready: Callable[[], bool],
        alive: Callable[[], bool],
    ) -> None:
        host, port = split_address(address)
        routes = _Routes(registry, ready, alive)
        try:
            self._server = make_server(host, port, routes, ThreadingWSGIServer, _QuietHandler)
        except OSError as error:
            raise FieldwiseError(
                Fault.SETTING_INVALID,
                f"metrics_listen: cannot listen on {address}: {error.strerror}",
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="metrics", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _QuietHandler(WSGIRequestHandler):
    timeout = IDLE_SECONDS

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
        """Scrapes come every few seconds and are no news."""


class _Routes:
    def __init__(
        self, registry: CollectorRegistry, ready: Callable[[], bool], alive: Callable[[], bool]
    ) -> None:
        self._metrics = make_wsgi_app(registry)
        self._ready = ready
        self._alive = alive

    def __call__(self, environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        match environ.get("PATH_INFO"):
            case "/metrics":
                shown: Iterable[bytes] = self._metrics(environ, respond)
                return shown
            case "/healthz" if self._alive():
                return _text(respond, "200 OK", "alive")
            case "/healthz":
                return _text(respond, "503 Service Unavailable", "nothing moves")
            case "/readyz" if self._ready():
                return _text(respond, "200 OK", "ready")
            case "/readyz":
                return _text(respond, "503 Service Unavailable", "not ready")
            case _:
                return _text(respond, "404 Not Found", "there are /metrics, /healthz and /readyz")


def _text(respond: Respond, status: str, body: str) -> Iterable[bytes]:
    content = f"{body}\n".encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(content))),
    ]
    respond(status, headers)
    return [content]
