"""A clock that is wrong is told as what it is, with both times, and with a way on."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from fieldwise.between import Way
from fieldwise.channel import pinned_channel
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import certificate_pem, generate_key, key_pem
from fieldwise.status import client_errors
from fieldwise.v1alpha1 import enrolment_pb2, enrolment_pb2_grpc
from orchestrator.enrolment.authority import Authority, found_authority

DAY = 86_400.0
NOW = float(int(time.time()))  # TLS itself knows no clock but the machine's


@asynccontextmanager
async def listening(authority: Authority, signed_at: float) -> AsyncIterator[str]:
    """A server whose certificate was signed at a moment."""
    key = generate_key()
    certificate = authority.sign_server(key.public_key(), ("127.0.0.1",), signed_at)
    pair = (key_pem(key), certificate_pem(certificate))
    server = grpc.aio.server()
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


async def told(authority: Authority, signed_at: float, now: Callable[[], float]) -> FieldwiseError:
    """What a caller hears that cannot come through."""
    roots = certificate_pem(authority.certificate)
    async with listening(authority, signed_at) as address:
        async with pinned_channel(address, roots=roots) as channel:
            stub = enrolment_pb2_grpc.EnrolmentStub(channel)
            with pytest.raises(FieldwiseError) as caught, client_errors():
                await stub.Enrol(enrolment_pb2.EnrolRequest(), timeout=30)
        return await Way(address, roots, None, now).explained(caught.value)


def shown(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


async def test_a_clock_of_before_the_fleet_is_named_with_both_times() -> None:
    authority = found_authority("bakery", generate_key(), NOW + 30 * DAY)
    error = await told(authority, NOW + 30 * DAY, lambda: NOW)
    assert error.fault is Fault.CLOCK_WRONG
    assert shown(NOW) in error.sentence
    begin = authority.certificate.not_valid_before_utc
    assert f"{begin:%Y-%m-%d %H:%M}" in error.sentence
    assert "docs/identity.md" in error.entry.advice


async def test_a_clock_that_is_ahead_is_named_with_both_times() -> None:
    signed_at = NOW - 100 * DAY  # ten days over, or a clock that is ten days ahead
    authority = found_authority("bakery", generate_key(), NOW - 200 * DAY)
    error = await told(authority, signed_at, lambda: NOW)
    assert error.fault is Fault.CLOCK_WRONG
    assert shown(NOW) in error.sentence
    assert shown(signed_at + 90 * DAY)[:10] in error.sentence


async def test_a_clock_of_1970_is_told_apart_from_a_certificate_that_is_over() -> None:
    authority = found_authority("bakery", generate_key(), NOW + 30 * DAY)
    error = await told(authority, NOW + 30 * DAY, lambda: 60.0)
    assert "1970-01-01 00:01:00Z" in error.sentence


async def test_once_the_clock_is_right_the_call_comes_through() -> None:
    authority = found_authority("bakery", generate_key(), NOW)
    error = await told(authority, NOW, lambda: NOW)
    assert error.fault is Fault.UNKNOWN_FIELD  # there is a server, which has no such call


@pytest.mark.parametrize("years", [1, 9])
async def test_a_clock_that_is_years_behind_comes_through_while_the_fleet_was_there(
    years: int,
) -> None:
    """The machine's clock is that much behind the server's, which signed in its own present."""
    server_now = NOW + years * 365 * DAY
    authority = found_authority("bakery", generate_key(), NOW - DAY)
    error = await told(authority, server_now, lambda: NOW)
    assert error.fault is Fault.UNKNOWN_FIELD


async def test_an_error_that_has_nothing_to_do_with_clocks_stays_what_it_is() -> None:
    authority = found_authority("bakery", generate_key(), NOW + timedelta(days=30).total_seconds())
    way = Way("127.0.0.1:1", certificate_pem(authority.certificate), None, lambda: 0.0)
    error = FieldwiseError(Fault.UNREACHABLE, "the server cannot be reached: connection refused")
    assert await way.explained(error) is error
