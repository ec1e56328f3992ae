"""Files by link, from a real HTTP server that is told how to misbehave."""

import asyncio
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme

from agent.rpc.links import PIECE_BYTES, allowed_host, fetched
from fieldwise.errors import Fault, FieldwiseError
from tests.proxying import INSPECTOR, Mood, proxying

CONTENT = bytes(range(256)) * 4096
SECRET = "X-Amz-Signature=hush"
DRIPS, DRIP_SECONDS = 600, 0.05  # together far less than a piece, in half a minute


class Bucket(BaseHTTPRequestHandler):
    """Gives a file by parts, as buckets do, or whatever ``mood`` says."""

    def __init__(self, mood: dict[str, str], asked: list[str], *rest: Any) -> None:
        self.mood, self.asked = mood, asked
        super().__init__(*rest)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
        """Tests print nothing."""

    def do_GET(self) -> None:
        self.asked.append(f"{self.path} {self.headers['Range']} {sorted(self.headers.keys())}")
        match self.mood.get("is", ""):
            case "refusing":
                self.send_error(403)
            case "moving":
                self.send_response(302)
                self.send_header("Location", "https://elsewhere.example/")
                self.end_headers()
            case "dripping":
                self._drip()
            case "dripping a head":
                self._drip_head()
            case "silent about parts":
                self._give(200, CONTENT, None)
            case mood:
                self._part(mood)

    def _part(self, mood: str) -> None:
        start = int(re.fullmatch(r"bytes=(\d+)-", self.headers["Range"])[1])  # type: ignore[index]  # ours ask so
        shift = 1 if mood == "shifted" else 0
        told = f"bytes {start + shift}-{len(CONTENT) - 1}/{len(CONTENT) + 5 * (mood == 'longer')}"
        rest = CONTENT[start:]
        self._give(206, rest[: len(rest) // 2] if mood == "short" else rest, told)

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self._drop_by_drop(CONTENT[:DRIPS])

    def _drip_head(self) -> None:
        self._drop_by_drop(b"HTTP/1.1 200 OK\r\nX-More: ".ljust(DRIPS, b"."))

    def _drop_by_drop(self, content: bytes) -> None:
        try:
            for byte in content:
                self.wfile.write(bytes([byte]))
                self.mood["dripping"] = "on"
                time.sleep(DRIP_SECONDS)
        except OSError:
            self.mood["dripping"] = "broken off"
        else:
            self.mood["dripping"] = "to the end"

    def _give(self, status: int, content: bytes, part: str | None) -> None:
        self.send_response(status)
        if part is not None:
            self.send_header("Content-Range", part)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with suppress(OSError):  # who was given the wrong part does not wait for the rest
            self.wfile.write(content)


class Place:
    def __init__(self, port: int, mood: dict[str, str], asked: list[str]) -> None:
        self.link = f"http://127.0.0.1:{port}/fleet/file?{SECRET}"
        self.mood, self.asked = mood, asked

    async def fetch(self, offset: int = 0, total: int = len(CONTENT)) -> bytes:
        host = allowed_host(self.link, ["127.0.0.1"])
        pieces = [piece async for piece in fetched(self.link, host, offset, total)]
        assert all(0 < len(piece.content) <= PIECE_BYTES for piece in pieces)
        assert all(piece.total_bytes == total for piece in pieces)
        return b"".join(piece.content for piece in pieces)


@contextmanager
def serving(
    mood: dict[str, str], asked: list[str], tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Bucket, mood, asked))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def place() -> Iterator[Place]:
    mood: dict[str, str] = {}
    asked: list[str] = []
    with serving(mood, asked) as port:
        yield Place(port, mood, asked)


@pytest.mark.parametrize("offset", [0, 1, PIECE_BYTES, len(CONTENT) - 1])
async def test_a_file_comes_from_any_byte_on(place: Place, offset: int) -> None:
    assert await place.fetch(offset) == CONTENT[offset:]


async def test_of_a_file_that_is_here_already_nothing_is_asked_for(place: Place) -> None:
    assert await place.fetch(len(CONTENT)) == b""
    assert place.asked == []


async def test_a_request_says_nothing_of_the_device(place: Place) -> None:
    await place.fetch(7)
    [asked] = place.asked
    names = ["Accept-Encoding", "Connection", "Host", "Range", "User-Agent"]
    assert asked == f"/fleet/file?{SECRET} bytes=7- {names}"


@pytest.mark.parametrize("mood", ["refusing", "moving", "silent about parts", "shifted", "longer"])
async def test_what_is_not_the_part_that_was_asked_for_is_refused_and_the_link_not_repeated(
    place: Place, mood: str
) -> None:
    place.mood["is"] = mood
    with pytest.raises(FieldwiseError) as caught:
        await place.fetch(5)
    assert caught.value.fault is Fault.UNREACHABLE
    assert "127.0.0.1" in caught.value.sentence
    assert SECRET not in caught.value.sentence


async def test_a_server_that_knows_no_parts_may_give_the_whole(place: Place) -> None:
    place.mood["is"] = "silent about parts"
    assert await place.fetch() == CONTENT


async def test_a_file_that_ends_early_is_told_by_what_did_come(place: Place) -> None:
    place.mood["is"] = "short"
    assert await place.fetch() == CONTENT[: len(CONTENT) // 2]


async def test_who_stops_does_not_wait_for_a_bucket_that_drips(place: Place) -> None:
    place.mood["is"] = "dripping"
    fetching = asyncio.create_task(place.fetch())
    await _until(place, "on")
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert await _until(place, "broken off", "to the end") == "broken off"


async def test_a_piece_that_only_drips_is_given_up(place: Place) -> None:
    place.mood["is"] = "dripping"
    with pytest.raises(FieldwiseError, match=r"no piece of it came within 0\.5 s") as caught:
        _ = [piece async for piece in fetched(place.link, "127.0.0.1", 0, len(CONTENT), 0.5)]
    assert caught.value.fault is Fault.UNREACHABLE
    assert await _until(place, "broken off", "to the end") == "broken off"


async def test_an_answer_that_only_drips_is_given_up_and_keeps_no_thread(place: Place) -> None:
    place.mood["is"] = "dripping a head"
    with pytest.raises(FieldwiseError, match=r"no answer came within 0\.5 s") as caught:
        _ = [piece async for piece in fetched(place.link, "127.0.0.1", 0, len(CONTENT), 0.5)]
    assert caught.value.fault is Fault.UNREACHABLE
    assert await _until(place, "broken off", "to the end") == "broken off"


async def test_who_stops_does_not_wait_for_an_answer_that_drips(place: Place) -> None:
    place.mood["is"] = "dripping a head"
    fetching = asyncio.create_task(place.fetch())
    await _until(place, "on")
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert await _until(place, "broken off", "to the end") == "broken off"


async def _until(place: Place, *states: str) -> str:
    for _ in range(10 * DRIPS):
        if (state := place.mood.get("dripping", "")) in states:
            return state
        await asyncio.sleep(DRIP_SECONDS)
    raise AssertionError(f"the bucket never was at {states}")


async def test_nobody_there_is_told_without_the_link() -> None:
    link = f"http://127.0.0.1:1/x?{SECRET}"
    with pytest.raises(FieldwiseError) as caught:
        _ = [piece async for piece in fetched(link, "127.0.0.1", 0, 5)]
    assert caught.value.fault is Fault.UNREACHABLE
    assert SECRET not in caught.value.sentence


@pytest.mark.parametrize(
    ("link", "hosts"),
    [
        ("https://s3.example/x?y=z", ["s3.example"]),
        ("https://S3.Example:8333/x", ["s3.example"]),
        ("https://fleet.s3.example/x", [".s3.example"]),
        ("http://127.0.0.1:1/x", ["other", "127.0.0.1"]),
    ],
)
def test_a_link_to_a_named_host_is_followed(link: str, hosts: list[str]) -> None:
    assert allowed_host(link, hosts)


@pytest.mark.parametrize(
    "link",
    [
        "",
        "x",
        "https://",
        "https://other.example/",
        "https://xs3.example/",
        "https://s3.example.evil/",
        "https://sub.s3.example/",
        "http://s3.example/",
        "ftp://s3.example/",
        "file:///etc/passwd",
        "https://user@s3.example/",
        "https://s3.example:0/",
        "https://s3.example:99999/",
        "https://s3.example/a b",
        "https://s3.example/\n",
        "https://s3.example/\u00e9",
        "https://[::1",
    ],
)
def test_any_other_is_not(link: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        allowed_host(link, ["s3.example", "127.0.0.1"])
    assert caught.value.fault is Fault.UNREACHABLE


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1%2f.s3.example",
        "10.0.0.1%23.s3.example",
        "10.0.0.1%3a443%2f.s3.example",
        "10.0.0.1%00.s3.example",
        "10.0.0.1\\.s3.example",
        "10.0.0.1;.s3.example",
        "[::1%25.s3.example]",
        "[::1%5D.s3.example]",
        ".s3.example",
    ],
)
def test_no_host_passes_for_one_below_another_by_signs_that_others_read_as_its_end(
    host: str,
) -> None:
    with pytest.raises(FieldwiseError) as caught:
        allowed_host(f"https://{host}/x", [".s3.example"])
    assert caught.value.fault is Fault.UNREACHABLE


async def test_a_link_goes_through_the_owners_proxy_to_a_bucket_with_tls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA).configure_cert(context)
    with serving({}, [], context) as port:
        link, login = f"https://127.0.0.1:{port}/file?{SECRET}", "ann:hu@sh"
        async with proxying(user=login) as proxy:
            named = f"http://ann:hu%40sh@{proxy.address}"
            pieces = fetched(link, "127.0.0.1", 0, len(CONTENT), proxy=named)
            assert b"".join([piece.content async for piece in pieces]) == CONTENT
            assert proxy.asked == [f"127.0.0.1:{port}"]
            with pytest.raises(FieldwiseError) as refused:
                [piece async for piece in fetched(link, "127.0.0.1", 0, 9, proxy=proxy.url)]
        assert f"CONNECT with 407 (by the proxy {proxy.address}" in refused.value.sentence
        assert SECRET not in refused.value.sentence


@pytest.mark.parametrize("by_proxy", [True, False])
async def test_whoever_inspects_tls_is_named(by_proxy: bool) -> None:
    """By a proxy that is named, or by somebody who answers for the address."""
    authority = trustme.CA(organization_name=INSPECTOR, key_type=trustme.KeyType.ECDSA)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA).configure_cert(context)
    asked: list[str] = []
    with serving({}, asked, context) as port:
        link = f"https://127.0.0.1:{port}/file?{SECRET}"
        async with proxying(Mood.INSPECTING) as proxy:
            named = proxy.url if by_proxy else "none"
            with pytest.raises(FieldwiseError) as caught:
                [piece async for piece in fetched(link, "127.0.0.1", 0, 9, proxy=named)]
    assert caught.value.fault is Fault.UNREACHABLE
    assert f"O={INSPECTOR}" in caught.value.sentence
    assert f"let 127.0.0.1:{port} pass" in caught.value.sentence
    assert (proxy.address in caught.value.sentence) is by_proxy
    assert SECRET not in caught.value.sentence
    assert asked == []
