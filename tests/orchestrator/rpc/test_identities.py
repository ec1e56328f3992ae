"""Denials over real TLS in this process."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from fieldwise import identity
from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.status import client_errors
from fieldwise.v1alpha1 import device_pb2, device_pb2_grpc
from orchestrator.storage.blobs import folder_bundles
from tests.sites import Site


def name_in(certificate: bytes) -> str:
    return identity.identity_of(identity.load_pem_certificate(certificate)).device_id


async def put(site: Site, content: bytes) -> bytes:
    async def pieces() -> AsyncIterator[bytes]:
        yield content

    digest = digest_of(content)
    await folder_bundles(site.folder / "bundles").put(digest, pieces())
    return bytes.fromhex(digest)


async def fault_of(call: object) -> Fault | None:
    try:
        with client_errors():
            await call  # type: ignore[misc]  # whatever it is
    except FieldwiseError as error:
        return error.fault
    return None


async def read_all(call: Any, pieces: list[object]) -> None:
    while (piece := await call.read()) is not grpc.aio.EOF:
        pieces.append(piece)


async def every_call(stub: device_pb2_grpc.DeviceStub, sequence: int) -> set[Fault | None]:
    report = device_pb2.CheckInRequest(incarnation=1, sequence=sequence)
    asked = (
        stub.CheckIn(report),
        stub.Renew(device_pb2.RenewRequest()),
        stub.Leave(device_pb2.LeaveRequest()),
        stub.Download(device_pb2.DownloadRequest(digest=b"x" * 32)).read(),
        stub.FetchTask(device_pb2.FetchTaskRequest(campaign_id="c1", round=1)),
        stub.SubmitUpdate(iter([device_pb2.SubmitUpdateRequest()])),
    )
    return {await fault_of(each) for each in asked}


async def test_a_denied_device_is_refused_whatever_it_calls_and_comes_back_allowed(
    site: Site, key: identity.PrivateKey
) -> None:
    certificate = await site.join(key)
    device = name_in(certificate)
    async with site.device(key, certificate) as stub, site.operator() as operator:
        assert (await operator.identities.deny(device)).device == device
        assert await every_call(stub, 1) == {Fault.DEVICE_DENIED}
        assert [each.device for each in await operator.identities.denials()] == [device]
        assert (await operator.get_device(device)).denied_at is not None
        assert await operator.identities.allow(device)
        report = device_pb2.CheckInRequest(incarnation=1, sequence=2)
        assert (await stub.CheckIn(report)).next_seconds > 0
        assert (await operator.get_device(device)).denied_at is None


async def test_a_denied_device_does_not_join_again_with_its_key(
    site: Site, key: identity.PrivateKey
) -> None:
    device = name_in(await site.join(key))
    await site.denying.deny(device)
    with pytest.raises(FieldwiseError) as caught:
        await site.join(key)
    assert caught.value.fault is Fault.DEVICE_DENIED


async def test_a_download_under_way_ends_when_another_replica_denies_its_device(
    site: Site, key: identity.PrivateKey
) -> None:
    certificate = await site.join(key)
    request = device_pb2.DownloadRequest(digest=await put(site, b"x" * 40_000_000))
    async with site.device(key, certificate) as stub:
        call = stub.Download(request)
        await call.read()  # and no more: the server waits until it is read
        await site.stores.denials.deny(name_in(certificate), site.clock.now())
        assert await site.denying.look() == 1
        pieces: list[object] = []
        assert await fault_of(read_all(call, pieces)) in {Fault.DEVICE_DENIED, Fault.UNAVAILABLE}
        assert len(pieces) < 40
        assert await site.denying.look() == 0


async def test_an_update_under_way_ends_when_its_device_is_denied(
    site: Site, key: identity.PrivateKey
) -> None:
    certificate = await site.join(key)
    async with site.device(key, certificate) as stub:
        call = stub.SubmitUpdate()
        await call.wait_for_connection()  # and then it says nothing
        while not site.denying._calls._calls:  # noqa: ASYNC110 - nobody tells when it is there
            await asyncio.sleep(0.01)
        await site.denying.deny(name_in(certificate))
        assert await fault_of(call) is Fault.DEVICE_DENIED
