"""Both ports over real TLS in this process, with a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from fieldwise import channel, identity
from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.status import client_errors
from fieldwise.v1alpha1 import device_pb2, device_pb2_grpc
from orchestrator.enrolment.authority import found_authority
from orchestrator.rpc.client import connect
from orchestrator.rpc.credentials import ServerCertificate
from orchestrator.storage.blobs import folder_bundles
from tests.sites import NOW, TOKEN, Site

DAY = 86_400


async def refused(stub: device_pb2_grpc.DeviceStub, sequence: int = 1) -> FieldwiseError:
    with pytest.raises(FieldwiseError) as raised, client_errors():
        await stub.CheckIn(device_pb2.CheckInRequest(incarnation=1, sequence=sequence))
    return raised.value


async def test_validity_is_looked_at_on_every_call_of_an_open_connection(
    site: Site, key: identity.PrivateKey
) -> None:
    certificate = await site.join(key)
    async with site.device(key, certificate) as stub:
        answer = await stub.CheckIn(device_pb2.CheckInRequest(incarnation=1, sequence=1))
        assert answer.unix_seconds == NOW
        site.clock.pass_by(30 * DAY + 1)
        error = await refused(stub, 2)
        assert error.fault is Fault.CERTIFICATE_INVALID
        assert "expired at" in error.sentence
        site.clock.pass_by(-31 * DAY)
        assert "is valid from" in (await refused(stub, 3)).sentence


async def test_a_removal_reaches_an_open_connection(site: Site, key: identity.PrivateKey) -> None:
    certificate = await site.join(key)
    named = identity.identity_of(identity.load_pem_certificate(certificate))
    async with site.device(key, certificate) as stub, site.operator() as operator:
        await stub.CheckIn(device_pb2.CheckInRequest(incarnation=1, sequence=1))
        await operator.remove_device(named.device_id)
        assert (await refused(stub, 2)).fault is Fault.DEVICE_REMOVED
        with pytest.raises(FieldwiseError) as raised, client_errors():
            await stub.Renew(device_pb2.RenewRequest())
        assert raised.value.fault is Fault.DEVICE_REMOVED


async def test_a_certificate_of_the_authority_for_another_fleet_or_none_is_refused(
    site: Site, key: identity.PrivateKey
) -> None:
    other = replace(site.authority, fleet="plant-8")
    issued = other.sign_device(key.public_key(), "d-1", NOW)
    async with site.device(key, identity.certificate_pem(issued.certificate)) as stub:
        assert "of the fleet plant-8" in (await refused(stub)).sentence
    server = site.authority.sign_server(key.public_key(), ("127.0.0.1",), NOW)
    async with site.device(key, identity.certificate_pem(server)) as stub:
        assert (await refused(stub)).fault in {Fault.CERTIFICATE_INVALID, Fault.UNREACHABLE}


@pytest.mark.parametrize(
    ("member", "fault"), [(True, Fault.CERTIFICATE_INVALID), (False, Fault.DEVICE_UNKNOWN)]
)
async def test_a_key_that_the_fleet_never_admitted_is_refused_whatever_it_calls(
    site: Site, key: identity.PrivateKey, member: bool, fault: Fault
) -> None:
    joined = await site.join(identity.generate_key())
    named = identity.identity_of(identity.load_pem_certificate(joined))
    device_id = named.device_id if member else "d-unknown"
    issued = site.authority.sign_device(key.public_key(), device_id, NOW)
    async with site.device(key, identity.certificate_pem(issued.certificate)) as stub:
        with pytest.raises(FieldwiseError) as raised, client_errors():
            await stub.Download(device_pb2.DownloadRequest(digest=b"x" * 32)).read()
        assert raised.value.fault is fault
        assert (await refused(stub)).fault is fault


async def test_one_download_more_than_allowed_is_put_off(
    site: Site, key: identity.PrivateKey
) -> None:
    certificate = await site.join(key)
    content = b"x" * 8_000_000
    digest = await put(site.folder, content)
    request = device_pb2.DownloadRequest(digest=bytes.fromhex(digest))
    other = identity.generate_key()
    async with (
        site.device(key, certificate) as stub,
        site.device(other, await site.join(other)) as others,
    ):
        first, second, third = (
            stub.Download(request),
            stub.Download(request),
            others.Download(request),
        )
        for each in (first, second):
            await each.read()
        assert "this device has 2 downloads" in await put_off(stub, request)
        await third.read()
        assert "as many downloads as are allowed" in await put_off(others, request)
        first.cancel()
        second.cancel()
        pieces = [each async for each in retried(stub, request)]
        third.cancel()
    assert b"".join(each.content for each in pieces) == content
    assert [each.offset for each in pieces] == list(range(0, len(content), 262_144))


async def put_off(stub: device_pb2_grpc.DeviceStub, request: device_pb2.DownloadRequest) -> str:
    with pytest.raises(FieldwiseError) as raised, client_errors():
        await stub.Download(request, timeout=60).read()
    assert raised.value.fault is Fault.BUSY
    return raised.value.sentence


async def retried(
    stub: device_pb2_grpc.DeviceStub, request: device_pb2.DownloadRequest
) -> AsyncIterator[device_pb2.DownloadResponse]:
    """Download as soon as the server has seen that the other one was given up."""
    for _ in range(200):
        try:
            with client_errors():
                async for each in stub.Download(request):
                    yield each
        except FieldwiseError as error:
            if error.fault is not Fault.BUSY:
                raise
        else:
            return
    pytest.fail("the given-up download still counts")


async def put(folder: Path, content: bytes) -> str:
    async def once() -> AsyncIterator[bytes]:
        yield content

    await folder_bundles(folder / "bundles").put(digest_of(content), once())
    return digest_of(content)


async def test_stopping_lets_a_download_under_way_come_to_its_end(
    site: Site, key: identity.PrivateKey
) -> None:
    certificate = await site.join(key)
    content = bytes(range(256)) * 40_000
    request = device_pb2.DownloadRequest(digest=bytes.fromhex(await put(site.folder, content)))
    async with site.device(key, certificate) as stub:
        answers = aiter(stub.Download(request))
        first = await anext(answers)
        stopping = asyncio.create_task(site.servers.stop(60))
        await asyncio.sleep(0)
        pieces = [first, *[each async for each in answers]]
        await stopping
        assert b"".join(each.content for each in pieces) == content
        assert (await refused(stub)).fault is Fault.UNREACHABLE


async def test_only_the_right_token_operates(site: Site) -> None:
    for token in ("", "wrong", TOKEN[:-1], f"{TOKEN}x"):
        async with site.operator(token) as operator:
            with pytest.raises(FieldwiseError) as raised:
                await operator.fleet()
        assert raised.value.fault is Fault.UNAUTHENTICATED
    async with site.operator() as operator:
        assert (await operator.fleet()).fleet == "plant-7"


async def test_a_token_that_no_header_can_carry_is_a_sentence(site: Site) -> None:
    with pytest.raises(FieldwiseError) as raised:
        async with site.operator("tökén\n"):
            pytest.fail("connected")
    assert raised.value.fault is Fault.INVALID_ARGUMENT


async def test_a_server_of_another_authority_is_not_talked_to(site: Site) -> None:
    foreign = found_authority("x", identity.generate_key(), NOW)
    roots = identity.certificate_pem(foreign.certificate)
    async with connect(site.operator_address, roots, TOKEN) as client:
        with pytest.raises(FieldwiseError) as raised:
            await client.fleet()
    assert raised.value.fault is Fault.UNREACHABLE


async def test_the_server_s_certificate_is_renewed_before_it_ends(site: Site) -> None:
    made = ServerCertificate(site.authority, ("127.0.0.1",), site.clock)
    first = made.pair()
    site.clock.pass_by(59 * DAY)
    assert made.pair() == first
    site.clock.pass_by(2 * DAY)
    second = made.pair()
    assert second != first
    ends = identity.load_pem_certificate(second[1]).not_valid_after_utc.timestamp()
    assert ends == pytest.approx(site.clock.now() + 90 * DAY, abs=2)


async def test_every_call_is_counted_with_its_status(site: Site, key: identity.PrivateKey) -> None:
    certificate = await site.join(key)
    async with site.device(key, certificate) as stub:
        await stub.CheckIn(device_pb2.CheckInRequest(incarnation=1, sequence=1))
        with pytest.raises(FieldwiseError), client_errors():
            await stub.CheckIn(device_pb2.CheckInRequest(agent_version="x" * 33))
    value = site.metrics.registry.get_sample_value
    names = {
        "grpc_type": "unary",
        "grpc_service": "fieldwise.v1alpha1.Device",
        "grpc_method": "CheckIn",
    }
    refused = {**names, "grpc_code": "InvalidArgument"}
    for _ in range(6000):  # a caller has its answer before the call has ended here
        if value("grpc_server_handled_total", refused):
            break
        await asyncio.sleep(0.01)
    assert value("fieldwise_check_ins_total", {"result": "ok"}) == 1
    assert value("fieldwise_check_ins_total", {"result": "invalid"}) == 1
    assert value("grpc_server_started_total", names) == 2
    assert value("grpc_server_msg_received_total", names) == 2
    assert value("grpc_server_msg_sent_total", names) == 1
    assert value("grpc_server_handled_total", refused) == 1


async def test_reflection_names_the_services_of_the_operator_port(site: Site) -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async with channel.pinned_channel(site.operator_address, roots=site.roots) as opened:
        stub = reflection_pb2_grpc.ServerReflectionStub(opened)
        answers = [each async for each in stub.ServerReflectionInfo(iter([request]))]
    names = {each.name for each in answers[0].list_services_response.service}
    assert {"fieldwise.v1alpha1.Operator", "fieldwise.v1alpha1.Enrolment"} <= names
    assert "fieldwise.v1alpha1.Device" not in names


async def test_a_call_without_a_device_certificate_dies_in_the_handshake(site: Site) -> None:
    async with channel.pinned_channel(site.device_address, roots=site.roots) as opened:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await device_pb2_grpc.DeviceStub(opened).CheckIn(device_pb2.CheckInRequest())
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("site", [1], indirect=True)
async def test_a_connection_of_a_certain_age_is_ended_and_the_next_call_opens_another(
    site: Site,
) -> None:
    async with channel.pinned_channel(site.operator_address, roots=site.roots) as opened:
        stub = health_pb2_grpc.HealthStub(opened)
        await stub.Check(health_pb2.HealthCheckRequest())
        assert opened.get_state() is grpc.ChannelConnectivity.READY
        async with asyncio.timeout(60):
            while opened.get_state() is grpc.ChannelConnectivity.READY:
                await opened.wait_for_state_change(grpc.ChannelConnectivity.READY)
        await stub.Check(health_pb2.HealthCheckRequest())
