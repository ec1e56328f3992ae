"""The HTTP port: /metrics for Prometheus, /healthz and /readyz for whoever supervises the process.

It runs in a thread of its own, so that a busy event loop delays neither, and shows nothing else.
That this thread answers says nothing of the loop, so it is told whether that moves.

Nobody logs in here, so all is bounded: a caller has some seconds for all that it says and hears,
and where as many are connected as may be, the one that came first makes room for the next. So who
keeps connections open and drips keeps no scrape out.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from fieldwise.channel import split_address
from fieldwise.errors import Fault, FieldwiseError

IDLE_SECONDS = 10  # a caller that says nothing for so long loses its connection
CALL_SECONDS = 20  # and any caller after so long; a scrape takes milliseconds
CONNECTIONS_MAX = 32  # at a time; a thread each

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
            self._server = make_server(host, port, routes, _BoundedServer, _QuietHandler)
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


class _BoundedServer(ThreadingWSGIServer):
    """Ends connections that are too many or too old."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._begun: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        super().__init__(*arguments, **named)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            if len(self._begun) >= CONNECTIONS_MAX:
                oldest = next(iter(self._begun))
                del self._begun[oldest]
                _end(oldest)
            self._begun[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._begun.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Look for old ones; called every half second while the server listens."""
        latest = time.monotonic() - CALL_SECONDS
        with self._lock:
            for each in [each for each, begun in self._begun.items() if begun < latest]:
                _end(each)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever went away, or was ended, is no news."""


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # it has gone by itself
        connection.shutdown(socket.SHUT_RDWR)


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
