"""Keys of a real issuer: when they are asked for, by which way, and what is no answer."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import jwt
import pytest
import trustme
from structlog.testing import capture_logs

from fieldwise.errors import Fault
from orchestrator.oidc import (
    FRESH_SECONDS,
    KEYS_BYTES_MAX,
    KEYS_MAX,
    PAUSE_SECONDS,
    UNKNOWN_KEYS,
)
from tests.doors import ALICE, HOLD_SECONDS, SECONDS, Door
from tests.issuers import KEYS, Issuer, issuing, page, published, status
from tests.proxying import INSPECTOR, Mood, proxying


async def unknown(door: Door) -> str:
    """Ask at a door that cannot know whose tokens are; return what the server's log says."""
    with capture_logs() as logs:
        error = await door.refused(door.issuer.token())
    assert (error.fault, error.sentence) == (Fault.UNAVAILABLE, UNKNOWN_KEYS)
    (told,) = (each["reason"] for each in logs if "issuer" in each["event"])
    assert isinstance(told, str)
    return told


class TestKeys:
    async def test_keys_are_asked_for_once_and_again_when_they_are_old(self, door: Door) -> None:
        for _ in range(5):
            await door.admit(door.issuer.token())
        assert len(door.issuer.asked) == 2
        door.monotonic.pass_by(FRESH_SECONDS)
        await door.admit(door.issuer.token())
        assert len(door.issuer.asked) == 4

    async def test_a_fresh_key_is_found_and_invented_ones_cost_a_bounded_number_of_questions(
        self, door: Door
    ) -> None:
        await door.admit(door.issuer.token())
        fresh = jwt.encode(door.issuer.claims(), KEYS["RS256"], "RS256", {"kid": "fresh"})
        for number in range(50):
            invented = {"kid": f"invented-{number}"}
            token = jwt.encode(door.issuer.claims(), KEYS["RS256"], "RS256", invented)
            assert (await door.refused(token)).fault is Fault.UNAUTHENTICATED
        assert len(door.issuer.asked) == 2
        door.issuer.keys.append(published("RS256", "fresh"))
        door.monotonic.pass_by(PAUSE_SECONDS)
        assert await door.admit(fresh)
        assert len(door.issuer.asked) == 4

    async def test_a_key_that_was_taken_back_opens_nothing_once_it_is_known(
        self, door: Door
    ) -> None:
        token = door.issuer.token()
        await door.admit(token)
        door.issuer.keys = [published("ES256", "es256")]
        door.monotonic.pass_by(FRESH_SECONDS)
        assert (await door.refused(token)).fault is Fault.UNAUTHENTICATED

    async def test_while_the_issuer_is_away_keys_hold_for_the_stated_time_and_then_nobody_is_let_in(
        self, door: Door
    ) -> None:
        token = door.issuer.token(exp=int(door.clock.now()) + 10**6)
        await door.admit(token)
        door.issuer.answer = lambda _issuer, _path: status(503)
        door.monotonic.pass_by(HOLD_SECONDS - 1)
        assert await door.admit(token)
        door.monotonic.pass_by(1)
        assert (await door.refused(token)).fault is Fault.UNAVAILABLE
        door.issuer.answer = None
        door.monotonic.pass_by(PAUSE_SECONDS)
        assert await door.admit(token)

    async def test_an_issuer_that_never_answered_lets_nobody_in(self, door: Door) -> None:
        door.issuer.answer = lambda _issuer, _path: status(500)
        for _ in range(3):
            assert (await door.refused(door.issuer.token())).fault is Fault.UNAVAILABLE
        assert len(door.issuer.asked) == 1

    async def test_a_caller_who_goes_away_does_not_keep_the_keys_from_others(
        self, door: Door
    ) -> None:
        door.issuer.held = asyncio.Event()
        stranger = asyncio.ensure_future(door.admit(door.issuer.token()))
        await door.issuer.reached.wait()
        stranger.cancel()
        with suppress(asyncio.CancelledError):
            await stranger
        door.issuer.held.set()
        assert await door.admit(door.issuer.token()) == ALICE
        assert len(door.issuer.asked) == 2

    async def test_an_issuer_that_hangs_holds_nobody_up_whose_key_is_known(
        self, door: Door
    ) -> None:
        token = door.issuer.token(exp=int(door.clock.now()) + 10**6)
        await door.admit(token)
        door.issuer.held = asyncio.Event()
        door.monotonic.pass_by(FRESH_SECONDS)
        async with asyncio.timeout(SECONDS / 2):
            assert await door.admit(token) == ALICE
        door.issuer.held.set()

    BAD: dict[str, Any] = {  # noqa: RUF012 - nobody changes it
        "a redirect": lambda each, _: status(302, f"Location: {each.url}/elsewhere"),
        "no document": lambda _e, _p: status(404),
        "rubbish": lambda _e, _p: page(b"\xff{"),
        "a list": lambda _e, _p: page([]),
        "deep nesting": lambda _e, _p: page(b"[" * 60_000),
        "another issuer's": lambda _e, _p: page(
            {"issuer": "https://elsewhere", "jwks_uri": "https://127.0.0.1/keys"}
        ),
        "keys without TLS": lambda each, _: page(
            {"issuer": each.url, "jwks_uri": "http://127.0.0.1/keys"}
        ),
        "keys in a file": lambda each, _: page(
            {"issuer": each.url, "jwks_uri": "file:///etc/passwd"}
        ),
        "keys at no port": lambda each, _: page(
            {"issuer": each.url, "jwks_uri": "https://127.0.0.1:99999/keys"}
        ),
        "keys at no address": lambda each, _: page(
            {"issuer": each.url, "jwks_uri": "https://[::1/keys"}
        ),
        "keys under no name": lambda each, _: page(
            {"issuer": each.url, "jwks_uri": f"https://{'x' * 70}.example/keys"}
        ),
        "a huge set of keys": lambda each, path: (
            page(b" " * (KEYS_BYTES_MAX + 1)) if path == "/keys" else each.usual(path)
        ),
        "too many keys": lambda each, path: (
            page({"keys": [{"kty": "RSA"}] * (KEYS_MAX + 1)})
            if path == "/keys"
            else each.usual(path)
        ),
        "an endless head": lambda _e, _p: b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
        "no HTTP": lambda _e, _p: b"hello\r\n\r\n",
        "a document that was cut off": lambda _e, _p: (
            b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"
        ),
        "chunks without an end": lambda _e, _p: (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 400_000
        ),
    }

    @pytest.mark.parametrize("what", BAD)
    async def test_nobody_is_let_in_by_what_is_no_answer(self, door: Door, what: str) -> None:
        door.issuer.answer = self.BAD[what]
        assert (await door.refused(door.issuer.token())).fault is Fault.UNAVAILABLE
        assert "/elsewhere" not in door.issuer.asked

    async def test_an_issuer_with_a_certificate_of_somebody_else_is_not_asked(
        self, issuer: Issuer, tmp_path: Path
    ) -> None:
        other = tmp_path / "other.pem"
        other.write_bytes(trustme.CA().cert_pem.bytes())
        assert "not trusted" in await unknown(Door(issuer, other))
        assert issuer.asked == []

    async def test_an_issuer_under_another_name_than_its_certificate_s_is_not_asked(
        self, tmp_path: Path
    ) -> None:
        async with issuing("elsewhere.example") as issuer:
            error = await Door(issuer, issuer.ca(tmp_path)).refused(issuer.token())
            assert error.fault is Fault.UNAVAILABLE
            assert issuer.asked == []


class TestProxies:
    async def test_the_issuer_is_asked_through_a_proxy_that_wants_a_password(
        self, issuer: Issuer, tmp_path: Path
    ) -> None:
        async with proxying(user="us:hu@sh") as proxy:
            url = proxy.url.replace("//", "//us:hu%40sh@")
            door = Door(issuer, issuer.ca(tmp_path), {"HTTPS_PROXY": url})
            assert await door.admit(issuer.token()) == ALICE
            assert set(proxy.asked) == {issuer.url.removeprefix("https://")}
            past = {"HTTPS_PROXY": url, "NO_PROXY": "127.0.0.0/8"}
            assert await Door(issuer, issuer.ca(tmp_path), past).admit(issuer.token()) == ALICE
            assert len(proxy.asked) == 2

    async def test_a_proxy_that_inspects_tls_is_named(self, issuer: Issuer, tmp_path: Path) -> None:
        async with proxying(Mood.INSPECTING) as proxy:
            told = await unknown(Door(issuer, issuer.ca(tmp_path), {"HTTPS_PROXY": proxy.url}))
        for word in (f"O={INSPECTOR}", proxy.address, "oidc_ca", issuer.url[len("https://") :]):
            assert word in told

    @pytest.mark.parametrize("proxy", ["socks5://us:hush@127.0.0.1:1", "http://us:hush@[::1"])
    async def test_a_proxy_that_is_none_lets_nobody_in(
        self, issuer: Issuer, tmp_path: Path, proxy: str
    ) -> None:
        told = await unknown(Door(issuer, issuer.ca(tmp_path), {"HTTPS_PROXY": proxy}))
        assert "hush" not in told
        assert issuer.asked == []
