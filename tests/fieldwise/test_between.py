"""Real calls through a real proxy: they come through, or the error names what is in the way."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
import trustme

from fieldwise import identity
from fieldwise.between import Way
from fieldwise.channel import pinned_channel, proxy_of
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.status import client_errors
from orchestrator.enrolment.authority import found_authority
from tests.proxying import INSPECTOR, Connecting, Mood, proxying

AUTHORITY = trustme.CA(organization_name="The fleet", key_type=trustme.KeyType.ECDSA)
STRANGER = trustme.CA(organization_name="Another fleet", key_type=trustme.KeyType.ECDSA)
PATIENCE_SECONDS = 0.3


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """Address of a server that says what it was told."""

    async def echo(request: bytes, _context: object) -> bytes:
        return request

    made = AUTHORITY.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA)
    pair = made.private_key_pem.bytes(), made.cert_chain_pems[0].bytes()
    methods = {"Echo": grpc.unary_unary_rpc_method_handler(echo)}
    running = grpc.aio.server()
    running.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("T", methods),))
    port = running.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    await running.start()
    yield f"127.0.0.1:{port}"
    await running.stop(0)


async def call(address: str, proxy: str, authority: trustme.CA = AUTHORITY) -> bytes:
    """Call as the programs do, and explain a failure as they do."""
    roots = authority.cert_pem.bytes()
    way = Way(address, roots, proxy_of(address, proxy))
    async with pinned_channel(address, roots=roots, proxy=proxy) as opened:
        try:
            with client_errors():
                answer: bytes = await opened.unary_unary("/T/Echo")(b"hello", timeout=2)
        except FieldwiseError as error:
            raise await way.explained(error, PATIENCE_SECONDS) from error
    return answer


@asynccontextmanager
async def failing(address: str, proxy: Connecting, login: str = "") -> AsyncIterator[list[str]]:
    """Make a call that must fail; what it fails with is in the list."""
    told: list[str] = []
    named = f"http://{login}@{proxy.address}" if login else proxy.url
    with pytest.raises(FieldwiseError) as failed:
        await call(address, named)
    told += [failed.value.fault, failed.value.sentence]
    assert proxy.address in failed.value.sentence
    assert "hush" not in failed.value.sentence
    assert failed.value.sentence.isprintable()
    yield told


async def test_a_call_goes_through_a_proxy(server: str) -> None:
    async with proxying() as proxy:
        assert await call(server, proxy.url) == b"hello"
    assert proxy.asked == [server]
    assert b"hello" not in b"".join(proxy.heads)


async def test_a_call_goes_through_a_proxy_that_wants_a_password(server: str) -> None:
    async with proxying(user="ann:hu@sh") as proxy:
        assert await call(server, f"http://ann:hu%40sh@{proxy.address}") == b"hello"


async def test_the_environment_is_honoured(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxying() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        assert await call(server, "") == b"hello"
        assert len(proxy.asked) == 1
        assert await call(server, "none") == b"hello"
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert await call(server, "") == b"hello"
        assert len(proxy.asked) == 1


async def test_a_proxy_that_wants_a_password_is_named(server: str) -> None:
    async with proxying(user="ann:right") as proxy:
        async with failing(server, proxy) as (fault, sentence):
            assert fault is Fault.PROXY_FAILED
            assert "wants a user and a password" in sentence
            assert "407" in sentence
        async with failing(server, proxy, "ann:hush") as (fault, sentence):
            assert "does not take the user and the password" in sentence


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        (Mood.DENYING, "is not allowed to connect to"),
        (Mood.AWAY_BEHIND, "cannot reach"),
        (Mood.SILENT, "did not answer within"),
        (Mood.HANGING_UP, "does not answer as an HTTP proxy does"),
        (Mood.RUBBISH, "does not answer as an HTTP proxy does"),
        (Mood.ENDLESS, "does not answer as an HTTP proxy does"),
    ],
)
async def test_a_proxy_that_does_not_pass_a_call_on_is_named(
    server: str, mood: Mood, words: str
) -> None:
    async with proxying(mood) as proxy, failing(server, proxy) as (fault, sentence):
        assert fault is Fault.PROXY_FAILED
        assert words in sentence


async def test_a_proxy_that_is_away_is_named(server: str) -> None:
    async with proxying() as proxy:
        pass
    async with failing(server, proxy) as (fault, sentence):
        assert fault is Fault.PROXY_FAILED
        assert "cannot be reached" in sentence


async def test_a_proxy_that_inspects_tls_is_named_by_its_authority(server: str) -> None:
    async with proxying(Mood.INSPECTING) as proxy, failing(server, proxy) as (fault, sentence):
        assert fault is Fault.TLS_INSPECTED
        assert f"O={INSPECTOR}" in sentence
        assert f"let {server} pass through untouched" in sentence
        assert proxy.asked == [server, server]  # the call's connection, and one look


async def test_whoever_inspects_unseen_is_named_as_well(server: str) -> None:
    """Without a proxy that anybody was told of: another authority answers for the address."""
    with pytest.raises(FieldwiseError) as failed:
        await call(server, "none", STRANGER)
    assert failed.value.fault is Fault.TLS_INSPECTED
    assert "O=The fleet" in failed.value.sentence


async def test_a_server_that_is_away_is_not_looked_at_again() -> None:
    way = Way("127.0.0.1:1", AUTHORITY.cert_pem.bytes(), None)
    error = FieldwiseError(Fault.UNREACHABLE, "connection refused")
    assert await way.explained(error) is error


async def test_other_faults_are_told_as_they_are(server: str) -> None:
    async with proxying(Mood.DENYING) as proxy:
        way = Way(server, AUTHORITY.cert_pem.bytes(), proxy_of(server, proxy.url))
        error = FieldwiseError(Fault.DEVICE_REMOVED, "this device was removed")
        assert await way.explained(error) is error
    assert proxy.asked == []


async def test_a_server_that_fails_behind_a_good_proxy_keeps_its_own_words(server: str) -> None:
    async with proxying() as proxy:
        way = Way(server, AUTHORITY.cert_pem.bytes(), proxy_of(server, proxy.url))
        told = await way.explained(FieldwiseError(Fault.UNAVAILABLE, "it has no database"))
    assert told.fault is Fault.UNAVAILABLE
    assert told.sentence == f"it has no database (by the proxy {proxy.address})"


def test_a_certificate_with_a_name_that_cannot_be_read_is_none() -> None:
    """It parses as a whole, and its issuer only when that is asked for."""
    founded = found_authority("nobody", identity.generate_key(), time.time()).certificate
    shown = identity.certificate_der(founded).replace(b"nobody", b"\xff" * 6)
    assert shown != identity.certificate_der(founded)
    assert Way("127.0.0.1:1", identity.certificate_pem(founded), None)._inspected(shown) is None
