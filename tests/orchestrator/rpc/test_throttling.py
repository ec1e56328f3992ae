"""Callers that call too often are told when to come back; nobody else notices."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from fieldwise import identity
from fieldwise.calls import Call, Kind, Method, Watcher
from fieldwise.channel import device_channel, pinned_channel
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.status import client_errors
from fieldwise.v1alpha1 import device_pb2, enrolment_pb2, enrolment_pb2_grpc
from fieldwise.wire import PACKAGE
from orchestrator.metrics import FleetMetrics
from orchestrator.rates import CHECK_IN_BURST, DEVICE_RATES, OTHERWISE
from orchestrator.rpc import throttling
from orchestrator.rpc.throttling import CHECK_IN, PerAddress
from tests.sites import TOKEN, Site

ELSEWHERE = "ipv4:192.0.2.7:1"


class Caller:
    """A call's context: its address and its token."""

    def __init__(self, peer: str, token: str = "") -> None:
        self._peer, self._token = peer, token

    def peer(self) -> str:
        return self._peer

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self._token}"),)


def call(name: str, peer: str, token: str = "", service: str = "Operator") -> Call:
    context: Any = Caller(peer, token)
    full = f"{PACKAGE}.{service}" if service != "Health" else "grpc.health.v1.Health"
    return Call(Method(f"/{full}/{name}", Kind.UNARY), context)


@asynccontextmanager
async def admitting(layer: PerAddress, made: Call) -> AsyncIterator[Watcher | None]:
    """The layer with one inside of it that knows a single token."""
    async with layer.around(made) as watcher:
        if made.method.service.endswith("Operator"):
            token = throttling.bearer(made.context)
            if token != TOKEN:
                raise FieldwiseError(Fault.UNAUTHENTICATED, "not the right one")
        yield watcher


async def outcome(layer: PerAddress, made: Call) -> str:
    try:
        async with admitting(layer, made):
            return "ok"
    except FieldwiseError as error:
        return error.fault.value


class Now:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def now() -> Now:
    return Now()


def throttled(metrics: FleetMetrics) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["method"], sample.labels["reason"]): sample.value
        for family in metrics.registry.collect()
        if family.name == "fieldwise_calls_throttled"
        for sample in family.samples
    }


async def test_a_device_over_its_rate_is_put_off_and_counted_while_another_is_served(
    site: Site, key: identity.PrivateKey
) -> None:
    report = device_pb2.CheckInRequest(incarnation=1, sequence=1)
    other = identity.generate_key()
    certificate, second = await site.join(key), await site.join(other)
    faults: list[FieldwiseError] = []
    async with site.device(key, certificate) as stub:
        for _ in range(CHECK_IN_BURST + 40):
            try:
                with client_errors():
                    await stub.CheckIn(report)
            except FieldwiseError as error:
                faults.append(error)
    busy = [error for error in faults if error.fault is Fault.BUSY]
    assert busy
    assert "this device may have 120 at once and 2 a second; try again in" in busy[0].sentence
    assert throttled(site.metrics)["CheckIn", "device-rate"] == len(busy)
    async with site.device(other, second) as stub:
        with client_errors():
            await stub.CheckIn(report)


async def test_every_method_of_a_device_has_a_rate_of_its_own() -> None:
    service = device_pb2.DESCRIPTOR.services_by_name["Device"]
    assert {method.name for method in service.methods} == {*DEVICE_RATES, CHECK_IN}


async def test_wrong_tokens_are_looked_at_seldom_and_the_right_one_passes_all_the_while(
    now: Now,
) -> None:
    metrics = FleetMetrics("0.1.0")
    layer = PerAddress(by_address=True, metrics=metrics, monotonic=now)
    assert await outcome(layer, call("ListDevices", ELSEWHERE, TOKEN)) == "ok"
    outcomes = [
        await outcome(layer, call("ListDevices", ELSEWHERE, f"guess {number}"))
        for number in range(100)
    ]
    assert outcomes.count("unauthenticated") < 21
    assert outcomes[-1] == "busy"
    assert await outcome(layer, call("ListDevices", ELSEWHERE, TOKEN)) == "ok"
    assert await outcome(layer, call("ListDevices", "ipv4:192.0.2.8:1", "x")) == "unauthenticated"
    now.at += 3.0
    assert await outcome(layer, call("ListDevices", ELSEWHERE, "one more")) == "unauthenticated"
    assert throttled(metrics)["ListDevices", "guesses"] > 70


async def test_right_tokens_that_are_new_each_time_cost_nobody_a_guess(now: Now) -> None:
    """A program that asks its issuer for a token at each command."""
    layer = PerAddress(by_address=True, metrics=FleetMetrics("0.1.0"), monotonic=now)
    for number in range(100):
        async with layer.around(call("ListDevices", ELSEWHERE, f"right {number}")):
            pass
    guesses = [await outcome(layer, call("ListDevices", ELSEWHERE, f"no {n}")) for n in range(30)]
    assert guesses.count("unauthenticated") == 20


async def test_a_token_that_is_right_no_more_is_a_guess_again(now: Now) -> None:
    layer = PerAddress(by_address=True, metrics=FleetMetrics("0.1.0"), monotonic=now)
    revoked = call("ListDevices", ELSEWHERE, "revoked")

    async with layer.around(revoked):
        pass
    assert [await outcome(layer, revoked) for _ in range(30)][-1] == "busy"


async def test_tokens_are_kept_as_digests_and_no_more_than_some(
    now: Now, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttling, "TOKENS_KEPT", 5)
    layer = PerAddress(by_address=True, metrics=FleetMetrics("0.1.0"), monotonic=now)
    for number in range(20):
        now.at += 10
        async with layer.around(call("ListDevices", ELSEWHERE, f"right {number}")):
            pass
    assert len(layer._right) == 5
    assert all(len(kept) == 32 for kept in layer._right)


async def test_strangers_of_one_address_are_put_off_and_those_of_others_are_not(now: Now) -> None:
    layer = PerAddress(by_address=True, metrics=FleetMetrics("0.1.0"), monotonic=now)
    made = call("Enrol", ELSEWHERE, service="Enrolment")
    outcomes = [await outcome(layer, made) for _ in range(400)]
    assert outcomes.count("ok") == 300
    assert await outcome(layer, call("Enrol", "ipv4:192.0.2.8:1", service="Enrolment")) == "ok"


async def test_methods_that_are_not_there_are_bounded_and_counted_on_both_ports(
    site: Site, key: identity.PrivateKey
) -> None:
    async def codes(channel: grpc.aio.Channel, service: str, calls: int) -> set[grpc.StatusCode]:
        names = [f"/{PACKAGE}.{service}/MadeUp{number}" for number in range(calls)]
        return {await channel.unary_unary(name)(b"").code() for name in names}

    both = {grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.RESOURCE_EXHAUSTED}
    async with pinned_channel(site.operator_address, roots=site.roots) as channel:
        assert await codes(channel, "Operator", throttling.ADDRESS_RATE.burst + 50) == both
    opened = device_channel(
        site.device_address,
        key=identity.key_pem(key),
        certificate=await site.join(key),
        roots=site.roots,
    )
    async with opened as channel:
        assert await codes(channel, "Device", OTHERWISE.burst + 20) == both
    counted = throttled(site.metrics)
    assert counted["unknown", "address-rate"] > 0
    assert counted["unknown", "device-rate"] > 0


async def test_where_addresses_are_hidden_only_all_together_are_limited(now: Now) -> None:
    layer = PerAddress(by_address=False, metrics=FleetMetrics("0.1.0"), monotonic=now)
    made = call("Enrol", ELSEWHERE, service="Enrolment")
    outcomes = [await outcome(layer, made) for _ in range(2100)]
    assert outcomes.count("ok") == 2000


async def test_whoever_only_watches_health_takes_no_place_from_those_who_work(site: Site) -> None:
    """Forty who watch from one address, on connections of their own."""
    channels = [pinned_channel(site.operator_address, roots=site.roots) for _ in range(4)]
    request = health_pb2.HealthCheckRequest()
    watching = [
        health_pb2_grpc.HealthStub(each).Watch(request) for each in channels for _ in range(10)
    ]

    async def first(watch: Any) -> str:
        try:
            await watch.read()
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "OK"

    outcomes = await asyncio.gather(*map(first, watching))
    assert outcomes.count("OK") == throttling.STRANGERS_PER_ADDRESS
    assert outcomes.count("RESOURCE_EXHAUSTED") == 20
    async with site.operator() as client:
        await client.list_tickets()
    for each in watching:
        each.cancel()
    for channel in channels:
        await channel.close()


async def test_who_opens_calls_without_a_message_keeps_nobody_out(site: Site) -> None:
    """The server takes 50 calls at a time; 120 that never say anything do not fill it."""
    channels = [pinned_channel(site.operator_address, roots=site.roots) for _ in range(2)]
    path, most = f"/{PACKAGE}.Enrolment/Enrol", 120 - throttling.STRANGERS_PER_ADDRESS
    silent = [each.stream_stream(path)() for each in channels for _ in range(60)]
    ended = asyncio.as_completed([asyncio.ensure_future(each.code()) for each in silent])
    codes = [await next(ended) for _ in range(most)]
    assert set(codes) == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    async with site.operator() as client:
        await client.list_tickets()
    for channel in channels:
        await channel.close()
    async with pinned_channel(site.operator_address, roots=site.roots) as channel:
        stub = enrolment_pb2_grpc.EnrolmentStub(channel)
        with pytest.raises(FieldwiseError) as raised, client_errors():
            await stub.Enrol(enrolment_pb2.EnrolRequest(ticket_id="0" * 16, ticket_secret=b"x"))
        assert raised.value.fault is not Fault.BUSY
