"""Metadata over mutual TLS: only for devices, and new fields only for agents that know them."""

import pytest

from fieldwise import identity
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.status import client_errors
from fieldwise.trust import Role
from fieldwise.v1alpha1 import device_pb2
from orchestrator.trust_ports import Kept
from tests.sites import Site


@pytest.fixture
async def signed(site: Site) -> Site:
    await site.stores.trust.keep([Kept(role, 7, f'"{role}"'.encode()) for role in Role])
    return site


async def test_a_device_gets_metadata_and_hears_where_there_is_none(
    signed: Site, key: identity.PrivateKey
) -> None:
    async with signed.device(key, await signed.join(key)) as stub:
        for name in ("timestamp.json", "7.root.json", "7.snapshot.json", "7.targets.json"):
            answer = await stub.GetMetadata(device_pb2.GetMetadataRequest(name=name))
            assert answer.content.decode().strip('"') in name
        for name, fault in (
            ("8.root.json", Fault.NOT_FOUND),
            ("../authority.json", Fault.INVALID_ARGUMENT),
            ("x" * 41, Fault.OVER_LIMIT),
        ):
            with pytest.raises(FieldwiseError) as raised, client_errors():
                await stub.GetMetadata(device_pb2.GetMetadataRequest(name=name))
            assert raised.value.fault is fault


async def test_only_agents_that_know_it_hear_of_metadata(
    signed: Site, key: identity.PrivateKey
) -> None:
    async with signed.device(key, await signed.join(key)) as stub:
        older = device_pb2.CheckInRequest(incarnation=1, sequence=1)
        assert (await stub.CheckIn(older)).metadata_version == 0
        newer = device_pb2.CheckInRequest(
            incarnation=1, sequence=2, publisher=device_pb2.PublisherReport()
        )
        assert (await stub.CheckIn(newer)).metadata_version == 7
        request = identity.certificate_request(identity.generate_key())
        asked = device_pb2.RenewRequest(certificate_request=request)
        assert (await stub.Renew(asked)).credentials.publisher_root == b""
        asked.knows_publisher = True
        assert (await stub.Renew(asked)).credentials.publisher_root == b'"root"'
