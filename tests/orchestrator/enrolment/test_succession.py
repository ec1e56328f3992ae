"""One authority after another, before a real TLS stack: who trusts whom at which step."""

import time
from dataclasses import replace

import grpc
import pytest

from fieldwise.channel import pem_of, pinned_channel
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import certificate_der, certificate_pem, generate_key, key_pem
from fieldwise.status import client_errors
from fieldwise.v1alpha1 import enrolment_pb2, enrolment_pb2_grpc
from orchestrator.enrolment.authority import Authority, found_authority
from orchestrator.enrolment.succession import (
    NONCE_BYTES,
    Authorities,
    Step,
    Succession,
    cross,
    first,
    seal,
    standing,
    unsealed,
)

NOW = float(int(time.time()))  # TLS itself knows no clock but the machine's
DAY = 86_400.0
CHANCE = bytes(range(NONCE_BYTES))


@pytest.fixture(scope="module")
def old() -> Authority:
    return found_authority("bakery", generate_key(), NOW - DAY)


@pytest.fixture(scope="module")
def new() -> Authority:
    return found_authority("bakery", generate_key(), NOW)


def kept(old: Authority, new: Authority, step: Step) -> Succession:
    root, successor = certificate_der(old.certificate), certificate_der(new.certificate)
    sealed = seal(old, new, CHANCE)
    return Succession(2, step, root, successor, cross(old, new), sealed)


def over(new: Authority, old: Authority) -> Succession:
    return Succession(4, Step.SETTLED, certificate_der(new.certificate), crossed=cross(old, new))


async def trusts(roots: tuple[bytes, ...], authorities: Authorities | Authority) -> bool:
    """Whether a device that trusts these roots comes through to a server."""
    key = generate_key()
    leaf = authorities.sign_server(key.public_key(), ("127.0.0.1",), NOW)
    chain = b"".join(map(certificate_pem, (leaf, *authorities.shown)))
    server = grpc.aio.server()
    credentials = grpc.ssl_server_credentials([(key_pem(key), chain)])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        async with pinned_channel(f"127.0.0.1:{port}", roots=pem_of(*roots)) as channel:
            stub = enrolment_pb2_grpc.EnrolmentStub(channel)
            with pytest.raises(FieldwiseError) as caught, client_errors():
                await stub.Enrol(enrolment_pb2.EnrolRequest(), timeout=30)
    finally:
        await server.stop(0)
    return caught.value.fault is Fault.UNKNOWN_FIELD  # there is a server, which has no such call


async def test_at_every_step_the_server_is_trusted_by_whoever_trusts_either_root(
    old: Authority, new: Authority
) -> None:
    stranger = found_authority("bakery", generate_key(), NOW)
    of_old, of_new = certificate_der(old.certificate), certificate_der(new.certificate)
    settled = standing(old, first(old))
    assert await trusts((of_old,), settled)
    begun = standing(old, kept(old, new, Step.BEGUN))
    for roots in ((of_old,), (of_new, of_old)):
        assert await trusts(roots, begun)
    for held in (old, new):  # by the sealed key, or by a file that has it
        switched = standing(held, kept(old, new, Step.SWITCHED))
        for roots in ((of_old,), (of_new, of_old), (of_new,)):
            assert await trusts(roots, switched)
    done = standing(new, over(new, old))
    for roots in ((of_old,), (of_new,)):  # a device that slept through it all comes over it, too
        assert await trusts(roots, done)
    for authorities in (settled, begun, done):
        assert not await trusts((certificate_der(stranger.certificate),), authorities)


def test_the_old_root_is_trusted_until_the_end_and_no_longer(
    old: Authority, new: Authority
) -> None:
    signed = old.sign_device(generate_key().public_key(), "d-1", NOW).certificate
    for step in (Step.BEGUN, Step.SWITCHED):
        assert standing(old, kept(old, new, step)).vouches_for(signed, NOW)
    done = standing(new, over(new, old))
    assert not done.vouches_for(signed, NOW)
    assert done.trusted == (new.certificate,)
    fresh = done.sign_device(generate_key().public_key(), "d-1", NOW, DAY).certificate
    assert done.vouches_for(fresh, NOW)


def test_what_signs_changes_with_the_switch(old: Authority, new: Authority) -> None:
    assert standing(old, kept(old, new, Step.BEGUN)).certificate == old.certificate
    assert standing(old, kept(old, new, Step.SWITCHED)).certificate == new.certificate
    assert standing(old, kept(old, new, Step.BEGUN)).trusted == (new.certificate, old.certificate)


def test_the_successors_key_is_read_with_the_old_key_alone(old: Authority, new: Authority) -> None:
    successor = certificate_der(new.certificate)
    sealed = seal(old, new, CHANCE)
    assert key_pem(new.key) not in sealed
    found = unsealed(old, successor, sealed)
    assert found.key.private_numbers() == new.key.private_numbers()
    stranger = found_authority("bakery", generate_key(), NOW)
    damaged = bytes([sealed[0] ^ 1]) + sealed[1:]
    for holder, certificate, content in (
        (stranger, successor, sealed),
        (old, successor, damaged),
        (old, certificate_der(stranger.certificate), sealed),
        (old, successor, b""),
    ):
        with pytest.raises(FieldwiseError) as caught:
            unsealed(holder, certificate, content)
        assert caught.value.fault is Fault.AUTHORITY_UNUSABLE


def test_a_replica_with_another_authority_or_one_that_is_over_does_not_start(
    old: Authority, new: Authority
) -> None:
    stranger = found_authority("bakery", generate_key(), NOW)
    begun, switched = (kept(old, new, step) for step in (Step.BEGUN, Step.SWITCHED))
    for held, found in (
        (stranger, first(old)),
        (stranger, begun),
        (stranger, switched),
        (new, begun),
        (old, over(new, old)),
        (old, replace(switched, sealed=b"")),
    ):
        with pytest.raises(FieldwiseError) as caught:
            standing(held, found)
        assert caught.value.fault is Fault.AUTHORITY_UNUSABLE
