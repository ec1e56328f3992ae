"""The port that a cluster probes: gRPC's health service without TLS, and nothing else.

A kubelet asks gRPC without TLS or not at all, and both other ports demand TLS. What is told here is
what the port of metrics tells by HTTP: "liveness" as /healthz, "readiness" and the whole as
/readyz. But this port stands in the event loop that serves devices, where that one has a thread of
its own: a loop that hangs answers no probe, and need not be told so.

Nobody logs in, so all is bounded: whoever watches takes no place from whoever checks.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from fieldwise.calls import Context, Interceptor
from fieldwise.channel import ServerLimits, server_options
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.status import TranslateErrors
from orchestrator.rpc.server import listen

LIVENESS, READINESS, WHOLE = "liveness", "readiness", ""
# A name; a kubelet asks one by one.
LIMITS = ServerLimits(request_bytes_max=256, streams_max=10, connections_max=100)
CALLS_MAX = 100  # a check ends at once, so many come together only from somebody who means ill
WATCHERS_MAX = 10
WATCH_SECONDS = 1.0  # nothing tells that nothing moves: who watches is told by looking

Status = health_pb2.HealthCheckResponse


@asynccontextmanager
async def health_served(
    address: str, ready: Callable[[], bool], alive: Callable[[], bool]
) -> AsyncIterator[int]:
    """Answer probes for as long as the context lasts, and give the port.

    Args:
        address: host:port; port 0 takes a free one.
        ready: Whether this orchestrator can do its work now.
        alive: Whether it moves at all.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where it cannot listen.
    """
    server = grpc.aio.server(
        interceptors=[Interceptor((TranslateErrors(),))],
        options=server_options(LIMITS),
        maximum_concurrent_rpcs=CALLS_MAX,
    )
    health_pb2_grpc.add_HealthServicer_to_server(_Health(ready, alive), server)
    port = listen("health_listen", address, server.add_insecure_port)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


class _Health(health_pb2_grpc.HealthServicer):
    def __init__(self, ready: Callable[[], bool], alive: Callable[[], bool]) -> None:
        self._truths = {LIVENESS: alive, READINESS: ready, WHOLE: ready}
        self._places = asyncio.Semaphore(WATCHERS_MAX)

    async def Check(self, request: health_pb2.HealthCheckRequest, _context: Context) -> Status:
        status = self._status(request.service)
        if status == Status.SERVICE_UNKNOWN:
            raise FieldwiseError(Fault.NOT_FOUND, "there are liveness and readiness")
        return Status(status=status)

    async def Watch(
        self, request: health_pb2.HealthCheckRequest, _context: Context
    ) -> AsyncIterator[Status]:
        if self._places.locked():
            raise FieldwiseError(Fault.BUSY, f"{WATCHERS_MAX} are watching already")
        async with self._places:
            told = None
            while True:
                status = self._status(request.service)
                if status != told:
                    yield Status(status=status)
                told = status
                await asyncio.sleep(WATCH_SECONDS)

    def _status(self, service: str) -> int:
        holds = self._truths.get(service)
        if holds is None:
            return Status.SERVICE_UNKNOWN
        return Status.SERVING if holds() else Status.NOT_SERVING
