"""Probes by gRPC are answered as those by HTTP are, and a loop that hangs answers none."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from fieldwise.v1alpha1 import device_pb2, device_pb2_grpc
from orchestrator.rpc import health

STATES = health_pb2.HealthCheckResponse
EVERY = ("liveness", "readiness", "")
# Else channels to one address share one, and with it the calls that it may carry.
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


@dataclass
class Probed:
    """A port of health whose truths the test chooses."""

    channel: grpc.aio.Channel
    address: str = ""
    ready: bool = True
    alive: bool = True

    async def check(self, service: str) -> int:
        stub = health_pb2_grpc.HealthStub(self.channel)
        return int((await stub.Check(asking(service), timeout=60)).status)

    def watch(self, service: str) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        return aiter(health_pb2_grpc.HealthStub(self.channel).Watch(asking(service), timeout=60))


def asking(service: str) -> health_pb2.HealthCheckRequest:
    return health_pb2.HealthCheckRequest(service=service)


@pytest.fixture
async def probed(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Probed]:
    monkeypatch.setattr(health, "WATCH_SECONDS", 0.01)
    truth = {"ready": lambda: made.ready, "alive": lambda: made.alive}
    async with health.health_served("127.0.0.1:0", **truth) as port:
        address = f"127.0.0.1:{port}"
        async with grpc.aio.insecure_channel(address) as channel:
            made = Probed(channel, address)
            yield made


async def test_what_ends_is_alive_and_ready_no_more(probed: Probed) -> None:
    assert [await probed.check(each) for each in EVERY] == [STATES.SERVING] * 3
    probed.ready = False
    assert [await probed.check(each) for each in EVERY] == [
        STATES.SERVING,
        STATES.NOT_SERVING,
        STATES.NOT_SERVING,
    ]
    probed.alive = False
    assert await probed.check("liveness") == STATES.NOT_SERVING


async def test_who_watches_is_told_what_changes_and_nothing_else(probed: Probed) -> None:
    seen = probed.watch("readiness")
    assert (await anext(seen)).status == STATES.SERVING
    probed.ready = False
    assert (await anext(seen)).status == STATES.NOT_SERVING
    probed.ready = True
    assert (await anext(seen)).status == STATES.SERVING


async def test_a_service_that_is_not_there_is_said_not_to_be(probed: Probed) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await probed.check("fieldwise.v1alpha1.Device")
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert (await anext(probed.watch("other"))).status == STATES.SERVICE_UNKNOWN


async def test_a_loop_that_hangs_answers_no_probe(probed: Probed) -> None:
    """Asked from the loop's own thread, which waits for the answer and so gives none."""

    def ask(seconds: float) -> int:
        with grpc.insecure_channel(probed.address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            return int(stub.Check(asking("liveness"), timeout=seconds).status)

    assert await asyncio.to_thread(ask, 60) == STATES.SERVING
    with pytest.raises(grpc.RpcError) as late:
        ask(0.5)
    assert isinstance(late.value, grpc.Call)
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert await asyncio.to_thread(ask, 60) == STATES.SERVING


async def test_nothing_else_is_served_there(probed: Probed) -> None:
    device = device_pb2_grpc.DeviceStub(probed.channel)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await device.CheckIn(device_pb2.CheckInRequest(), timeout=60)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    stub = reflection_pb2_grpc.ServerReflectionStub(probed.channel)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await anext(aiter(stub.ServerReflectionInfo(iter([asked]), timeout=60)))
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_who_watches_takes_no_place_from_who_checks(probed: Probed) -> None:
    async with grpc.aio.insecure_channel(probed.address, options=OWN_CONNECTION) as other:
        stub = health_pb2_grpc.HealthStub(other)
        watching = [stub.Watch(asking("")) for _ in range(health.WATCHERS_MAX)]
        for each in watching:
            await each.read()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await anext(probed.watch(""))
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await probed.check("liveness") == STATES.SERVING
    for _ in range(600):
        if await is_watched(probed):
            return
        await asyncio.sleep(0.1)
    pytest.fail("places of those who have gone are still taken")


async def is_watched(probed: Probed) -> bool:
    try:
        return bool((await anext(probed.watch(""))).status == STATES.SERVING)
    except grpc.aio.AioRpcError:
        return False


async def test_a_name_that_is_longer_than_any_is_not_read(probed: Probed) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await probed.check("x" * 300)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
