"""The webhook against a real https service, as it should be and as an attacker would have it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.applicant_ports import Question
from orchestrator.enrolment.admission_rules import Decision, Judged
from orchestrator.fleet.device import Facts
from orchestrator.webhook import ASKED_AT_ONCE, BODY_BYTES_MAX, Webhook, WebhookPlace
from tests.proxying import INSPECTOR, Mood, proxying
from tests.webhooks import Service, answer, authority_file, served

QUESTION = Question(
    "bakery", "t1", "ab" * 32, Facts("0.2.0", "aarch64", 1 << 30, 4), {"site": "berlin"}
)
ACCEPT = b'{"decision": "accept"}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def webhook(service: Service, folder: Path, seconds: float = 30, **changes: object) -> Webhook:
    """The adapter; thirty seconds are what a busy machine needs at most, not what is tested."""
    place = WebhookPlace(service.url, authority_file(folder), None, seconds)
    environment = changes.pop("environment", {})
    return Webhook(replace(place, **changes), environment)  # type: ignore[arg-type]  # by name


async def away(asked: Webhook) -> str:
    with pytest.raises(FieldwiseError) as caught:
        await asked.ask(QUESTION)
    assert caught.value.fault is Fault.UNAVAILABLE
    assert "webhook" in caught.value.sentence
    return caught.value.sentence


async def test_it_is_told_who_asks_and_its_word_comes_back(tmp_path: Path) -> None:
    says = b'{"decision": "reject", "reason": "stolen", "tags": {"rack": "7"}, "more": [1]}'
    async with served(Service(answer(says))) as service:
        judged = await webhook(service, tmp_path).ask(QUESTION)
    assert judged == Judged(Decision.REJECT, {"rack": "7"}, "stolen")
    assert service.bodies == [
        {
            "fleet": "bakery",
            "ticket_id": "t1",
            "key_fingerprint": "ab" * 32,
            "facts": {
                "agent_version": "0.2.0",
                "architecture": "aarch64",
                "memory_bytes": 1 << 30,
                "processors": 4,
            },
            "tags": {"site": "berlin"},
        }
    ]
    [head] = service.heads
    assert head.startswith("POST /admit?by=us HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{service.port}\r\n" in head
    assert "Authorization" not in head


@pytest.mark.parametrize(
    "says",
    [
        answer(ACCEPT, "200 OK", "Connection: keep-alive"),
        b"HTTP/1.1 200 OK\r\n\r\n" + ACCEPT,
        b"HTTP/1.0 200 OK\r\n\r\n" + ACCEPT,
        CHUNKED + b"16\r\n" + ACCEPT + b"\r\n0\r\n\r\n",
        CHUNKED + b"6\r\n" + ACCEPT[:6] + b"\r\n10\r\n" + ACCEPT[6:] + b"\r\n0\r\n\r\n",
    ],
)
async def test_an_answer_is_read_in_every_form_that_servers_give_it(
    says: bytes, tmp_path: Path
) -> None:
    async with served(Service(says)) as service:
        assert (await webhook(service, tmp_path).ask(QUESTION)).decision is Decision.ACCEPT


RUBBISH = {
    "nothing": b"",
    "no HTTP": b"\x00\xff rubbish\r\n\r\n",
    "redirect": answer(b"", "302 Found", "Location: https://127.0.0.1:1/"),
    "redirect with a word": answer(ACCEPT, "307 Temporary Redirect", "Location: /"),
    "refusal": answer(ACCEPT, "403 Forbidden"),
    "failure": answer(ACCEPT, "500 Internal Server Error"),
    "other success": answer(ACCEPT, "204 No Content"),
    "no JSON": answer(b"accept"),
    "no object": answer(b'["accept"]'),
    "no decision": answer(b"{}"),
    "another decision": answer(b'{"decision": "Accept"}'),
    "true": answer(b'{"decision": true}'),
    "two": answer(b'{"decision": "accept"}{"decision": "reject"}'),
    "bad tag": answer(b'{"decision": "accept", "tags": {"": "x"}}'),
    "tags of numbers": answer(b'{"decision": "accept", "tags": {"a": 1}}'),
    "many tags": answer(
        b'{"decision": "accept", "tags": {'
        + b",".join(b'"k%d": "v"' % number for number in range(33))
        + b"}}"
    ),
    "long reason": answer(b'{"decision": "accept", "reason": "' + b"x" * 300 + b'"}'),
    "deep": answer(b'{"decision": "accept", "more": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "no UTF-8": answer(b'{"decision": "accept", "reason": "\xff"}'),
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + ACCEPT,
    "a length that is too large": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + b"x",
    "more than is read": b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (BODY_BYTES_MAX + 1) + ACCEPT,
    "chunks that are none": CHUNKED + b"zz\r\n" + ACCEPT,
    "a chunk that is cut off": CHUNKED + b"ff\r\n" + ACCEPT,
    "a head without an end": b"HTTP/1.1 200 OK\r\n" + b"X-Filler: y\r\n" * 5000,
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"a:b\r\n" * 500 + b"\r\n" + ACCEPT,
}


@pytest.mark.parametrize("name", RUBBISH)
async def test_rubbish_lets_nobody_in(name: str, tmp_path: Path) -> None:
    async with served(Service(RUBBISH[name])) as service:
        assert (await away(webhook(service, tmp_path))).isprintable()
    assert len(service.heads) == 1, "and is not asked for twice"


async def test_one_that_says_nothing_is_waited_for_no_longer_than_its_time(
    tmp_path: Path,
) -> None:
    async with served(Service(b"HTTP/1.1 200", hangs=True)) as service:
        assert "within 0.2 s" in await away(webhook(service, tmp_path, 0.2))


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_one_that_drips_gets_no_further_time(begin: bytes, tmp_path: Path) -> None:
    async with served(Service(begin, drips=b" ")) as service:
        await away(webhook(service, tmp_path, 1))


async def test_only_so_many_are_asked_at_a_time(tmp_path: Path) -> None:
    async with served(Service(hangs=True, says=b"")) as service:
        asked = webhook(service, tmp_path, 2)
        found = await asyncio.gather(*(away(asked) for _ in range(ASKED_AT_ONCE + 2)))
        assert sum("under way" in each for each in found) == 2
        service.hangs, service.says = False, answer(ACCEPT)
        assert (await asked.ask(QUESTION)).decision is Decision.ACCEPT


async def test_it_has_to_be_whom_it_says_it_is(tmp_path: Path) -> None:
    async with served(Service(), name="elsewhere.example") as service:
        assert "certificate" in await away(webhook(service, tmp_path))
    async with served(Service()) as service:
        stranger = tmp_path / "stranger.pem"
        stranger.write_bytes(trustme.CA().cert_pem.bytes())
        assert "certificate" in await away(webhook(service, tmp_path, authorities=stranger))
        assert "certificate" in await away(webhook(service, tmp_path, authorities=None))
    assert service.heads == []


async def test_nobody_is_asked_without_tls(tmp_path: Path) -> None:
    heard = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(10))
        writer.write(answer(ACCEPT))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        plain = Service(port=server.sockets[0].getsockname()[1])
        await away(webhook(plain, tmp_path))
    assert b"POST" not in b"".join(heard)


async def test_one_that_is_gone_is_away(tmp_path: Path) -> None:
    async with served(Service()) as service:
        pass
    await away(webhook(service, tmp_path))


async def test_the_secret_goes_along_as_the_file_has_it_now(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("first-secret\n")
    async with served(Service()) as service:
        asked = webhook(service, tmp_path, secret=secret)
        await asked.ask(QUESTION)
        secret.write_text("second-secret")
        await asked.ask(QUESTION)
        secret.unlink()
        told = await away(asked)
    first, second = service.heads
    assert "Authorization: Bearer first-secret\r\n" in first
    assert "Authorization: Bearer second-secret\r\n" in second
    assert "second-secret" not in told


@pytest.mark.parametrize("text", ["", "two words", "a\r\nX-Evil: 1", "\x00", "\xe9"])
def test_a_secret_that_is_none_is_found_at_the_start(text: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(text, newline="")
    with pytest.raises(FieldwiseError) as caught:
        webhook(Service(port=1), tmp_path, secret=secret)
    assert caught.value.fault is Fault.SETTING_INVALID


@pytest.mark.parametrize("content", [None, b"no PEM"])
def test_authorities_that_are_none_are_found_at_the_start(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "ca"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FieldwiseError) as caught:
        webhook(Service(port=1), tmp_path, authorities=path)
    assert caught.value.fault is Fault.SETTING_INVALID


async def test_it_is_asked_through_a_proxy_by_connect_alone(tmp_path: Path) -> None:
    async with served(Service()) as service, proxying(user="us:secret") as proxy:
        url = proxy.url.replace("//", "//us:secret@")
        asked = webhook(service, tmp_path, environment={"HTTPS_PROXY": url})
        assert (await asked.ask(QUESTION)).decision is Decision.ACCEPT
        assert proxy.asked == [f"127.0.0.1:{service.port}"]
        past = {"HTTPS_PROXY": url, "NO_PROXY": "127.0.0.1"}
        await webhook(service, tmp_path, environment=past).ask(QUESTION)
        assert len(proxy.asked) == 1


async def test_what_a_proxy_says_before_tls_is_not_the_webhook_s_word(tmp_path: Path) -> None:
    says = answer(b'{"decision": "reject"}')
    async with served(Service(says)) as service, proxying() as proxy:
        proxy.beyond = answer(ACCEPT)
        asked = webhook(service, tmp_path, environment={"HTTPS_PROXY": proxy.url})
        assert (await asked.ask(QUESTION)).decision is Decision.REJECT


async def test_neither_login_nor_query_of_its_address_is_told_in_errors(tmp_path: Path) -> None:
    place = WebhookPlace("https://us:secret@127.0.0.1:1/admit?key=secret", authority_file(tmp_path))
    told = await away(Webhook(place, {}))
    assert "127.0.0.1:1 cannot be asked for /admit:" in told
    assert "secret" not in told


async def test_a_proxy_that_shows_a_certificate_of_its_own_lets_nobody_in(tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(trustme.CA().cert_pem.bytes())
    async with served(Service()) as service, proxying() as proxy:
        environment = {"HTTPS_PROXY": proxy.url}
        asked = webhook(service, tmp_path, authorities=stranger, environment=environment)
        assert "certificate" in await away(asked)
    assert service.heads == []


async def test_a_proxy_that_inspects_tls_is_named(tmp_path: Path) -> None:
    async with served(Service()) as service, proxying(Mood.INSPECTING, "us:secret") as proxy:
        url = proxy.url.replace("//", "//us:secret@")
        told = await away(webhook(service, tmp_path, environment={"HTTPS_PROXY": url}))
    assert f"O={INSPECTOR}" in told
    assert f"by the proxy {proxy.address}" in told
    assert f"let 127.0.0.1:{service.port} pass" in told
    assert "secret" not in told
    assert service.heads == []


@pytest.mark.parametrize(
    "mood", [each for each in Mood if each not in {Mood.PASSING, Mood.INSPECTING}]
)
async def test_a_proxy_that_does_otherwise_lets_nobody_in(mood: Mood, tmp_path: Path) -> None:
    async with served(Service()) as service, proxying(mood) as proxy:
        environment = {"HTTPS_PROXY": proxy.url}
        told = await away(webhook(service, tmp_path, 1, environment=environment))
    assert told.isprintable()
    assert service.heads == []
