"""Targets of what other programs answer: proxies, webhooks, whoever shows a certificate."""

import asyncio
from collections.abc import Sequence

from fieldwise import identity, proxies
from fieldwise.between import HEAD_BYTES_MAX, Way
from fieldwise.proxies import Proxy
from orchestrator import webhook
from tests.fuzz.choices import Choices
from tests.fuzz.login_targets import read_answer
from tests.fuzz.spoiling import spoiled_json
from tests.fuzz.target import Target
from tests.fuzz.text_targets import authority, device_certificate, text_of, texts

OK = b"HTTP/1.1 200 OK\r\n"


class Silent:
    """A writer whose words go nowhere."""

    def write(self, content: bytes) -> None:
        """Drop it."""


def proxy_answer(content: bytes) -> object:
    way = Way("127.0.0.1:1", authority().certificate.encode(), Proxy("127.0.0.1", 3128))

    async def asked() -> object:
        reader = asyncio.StreamReader(limit=HEAD_BYTES_MAX)
        reader.feed_data(content)
        reader.feed_eof()
        assert way.proxy is not None
        return await way._asked(way.proxy, reader, Silent())  # type: ignore[arg-type]  # no socket

    return asyncio.run(asked())


def shown(content: bytes) -> object:
    roots = authority().certificate.encode()
    return Way("127.0.0.1:1", roots, None)._inspected(content)


def certificates() -> Sequence[bytes]:
    root = identity.load_pem_certificate(authority().certificate.encode())
    return [identity.certificate_der(root), device_certificate()]


def named_proxy(content: bytes) -> None:
    text = text_of(content)
    proxies.is_excepted("host.example", text)
    proxies.parse_proxy(text)


def webhook_answer(content: bytes) -> object:
    return webhook._judged(read_answer(content, webhook.BODY_BYTES_MAX))


def answers() -> Sequence[bytes]:
    body = b'{"decision":"accept","tags":{"site":"berlin"}}'
    length = f"Content-Length: {len(body)}\r\n\r\n".encode()
    chunked = f"Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode()
    return [OK + length + body, OK + chunked + body + b"\r\n0\r\n\r\n", OK + b"\r\n" + body]


def judged(seed: bytes, choices: Choices) -> bytes:
    """A right answer around a body that is not."""
    body = spoiled_json(seed.rpartition(b"\r\n\r\n")[2] or b"{}", choices)
    return OK + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


TARGETS = (
    Target(
        "proxy-answer",
        proxy_answer,
        lambda: [OK + b"\r\n", b"HTTP/1.1 407 Who\r\nX: y\r\n\r\n"],
        ("fieldwise.between",),
    ),
    Target("shown-certificate", shown, certificates, ("fieldwise.between",)),
    Target(
        "proxy-named",
        named_proxy,
        texts("http://user:pass@proxy:3128", "10.0.0.0/8"),
        ("fieldwise.proxies",),
    ),
    Target(
        "webhook-answer",
        webhook_answer,
        lambda: [answers()[0], answers()[2]],
        ("orchestrator.webhook",),
        (judged,),
    ),
    Target("webhook-chunks", webhook_answer, lambda: [answers()[1]], ("orchestrator.webhook",)),
)
