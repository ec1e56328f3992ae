"""An operator's own service that says which devices are let in, asked over https.

One question is one connection: it is made, asked and read within one time for all of it, and what
comes is bounded, so that a service that hangs, drips or floods costs a device its answer and nobody
else anything. The connection is asyncio's own; only what came is read by ``http.client``, which
needs no socket for that. A library for HTTP would follow redirects, keep connections and read
without an end unless told not to: there is none among the orchestrator's dependencies, and this is
one POST. Only so many questions are asked at a time, and who comes then hears that there is none.

Proxies of the environment are honoured by the rule of ``fieldwise.proxies``. The certificate is
checked against the host that is asked, through the proxy as well.
"""

import asyncio
import io
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from fieldwise.between import Way
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.proxies import Proxy, chosen_proxy
from orchestrator.applicant_ports import Question
from orchestrator.enrolment.admission_rules import Decision, Judged
from orchestrator.enrolment.applicant import REASON_CHARACTERS_MAX
from orchestrator.fleet.tags import TAGS_MAX, check_tags

HEAD_BYTES_MAX = 16_384
BODY_BYTES_MAX = 65_536
SECRET_BYTES_MAX = 4096
TOLD_CHARACTERS_MAX = 400
ASKED_AT_ONCE = 8
HTTPS = 443
OK = 200


class Answer(msgspec.Struct, frozen=True):
    """What a service may say; what else it says is not read."""

    decision: Decision
    tags: Annotated[dict[str, str], Meta(max_length=TAGS_MAX)] = {}
    reason: Annotated[str, Meta(max_length=REASON_CHARACTERS_MAX)] = ""


@dataclass(frozen=True, slots=True)
class WebhookPlace:
    """Where it is, and how it is asked."""

    url: str
    authorities: Path | None = None
    secret: Path | None = None
    seconds: float = 5.0


class Webhook:
    """``AdmissionHook`` over https.

    Args:
        place: Where it is.
        environment: Variables, which may name a proxy.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where a file cannot be read.
    """

    def __init__(self, place: WebhookPlace, environment: Mapping[str, str] = os.environ) -> None:
        self._place = place
        self._url = urlsplit(place.url)
        self._environment = environment
        self._context = _trusting(place.authorities)
        self._under_way = 0
        self._secret()

    async def ask(self, question: Question) -> Judged:
        if self._under_way >= ASKED_AT_ONCE:
            raise _away(f"{ASKED_AT_ONCE} questions are under way")
        self._under_way += 1
        try:
            async with asyncio.timeout(self._place.seconds):
                return _judged(await self._post(_body(question)))
        except FieldwiseError as error:
            if error.fault is Fault.UNAVAILABLE:
                raise
            raise _away(error.sentence) from error  # a file that was there at the start
        except TimeoutError as error:
            raise _away(f"it did not answer within {self._place.seconds:g} s") from error
        except ssl.SSLCertVerificationError as error:
            raise _away(await self._not_trusted(error)) from error
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise _away(f"{type(error).__name__}: {error}") from error
        finally:
            self._under_way -= 1

    async def _not_trusted(self, error: ssl.SSLCertVerificationError) -> str:
        host, port = self._host_port
        way = Way(_named(host, port), b"", chosen_proxy(host, "", self._environment))
        who = "admission_webhook_ca" if self._place.authorities else "this machine"
        return await way.not_trusted(error.verify_message, who, self._place.seconds)

    @property
    def _host_port(self) -> tuple[str, int]:
        return self._url.hostname or "", self._url.port or HTTPS

    async def _post(self, body: bytes) -> bytes:
        async with self._connected() as (reader, writer):
            writer.write(self._request(body))
            await writer.drain()
            return await _answer(reader)

    @asynccontextmanager
    async def _connected(
        self,
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        host, port = self._host_port
        proxy = chosen_proxy(host, "", self._environment)
        near = (proxy.host, proxy.port) if proxy else (host, port)
        trusting = None if proxy else self._context
        reader, writer = await asyncio.open_connection(*near, ssl=trusting, limit=HEAD_BYTES_MAX)
        try:
            if proxy is not None:
                await _through(reader, writer, proxy, _named(host, port))
                await writer.start_tls(self._context, server_hostname=host)
            yield reader, writer
        finally:
            writer.transport.abort()  # a goodbye would wait for the other side

    def _request(self, body: bytes) -> bytes:
        path = self._url.path or "/"
        query = f"?{self._url.query}" if self._url.query else ""
        headers = {
            "Host": self._url.netloc,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "fieldwise",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        if secret := self._secret():
            headers["Authorization"] = f"Bearer {secret}"
        lines = [f"POST {path}{query} HTTP/1.1", *(f"{name}: {headers[name]}" for name in headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def _secret(self) -> str:
        if self._place.secret is None:
            return ""
        try:
            with self._place.secret.open("rb") as file:
                text = file.read(SECRET_BYTES_MAX).strip().decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable("admission_webhook_secret_file", self._place.secret) from error
        if not text.isprintable() or not text or " " in text:
            raise _unreadable("admission_webhook_secret_file", self._place.secret)
        return text


def _trusting(authorities: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=authorities)
    except (OSError, ssl.SSLError) as error:
        raise _unreadable("admission_webhook_ca", authorities) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def _through(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, proxy: Proxy, place: str
) -> None:
    """Have a proxy connect to a place.

    Raises:
        FieldwiseError: ``UNAVAILABLE`` where it does not.
    """
    known = proxy.authorization
    login = f"Proxy-Authorization: {known}\r\n" if known else ""
    writer.write(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{login}\r\n".encode("latin-1"))
    await writer.drain()
    response = _read_head(await reader.readuntil(b"\r\n\r\n"))
    if response.status != OK:
        raise _away(f"the proxy {proxy} answers CONNECT with {response.status}")


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """Read a response; return what it holds.

    Raises:
        FieldwiseError: ``UNAVAILABLE`` for any but a plain success, or one that is too large.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    response = _read_head(head)
    if response.status != OK:
        raise _away(f"it answers with status {response.status}")
    size = response.length
    if size is not None and size > BODY_BYTES_MAX:
        raise _away(f"its answer has {size:,} bytes; the limit is {BODY_BYTES_MAX:,}")
    body = await reader.readexactly(size) if size is not None else await _rest(reader)
    return _content(head + body)


async def _rest(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while piece := await reader.read(BODY_BYTES_MAX):
        body += piece
        if len(body) > BODY_BYTES_MAX:
            raise _away(f"its answer has more than {BODY_BYTES_MAX:,} bytes")
    return body


def _content(raw: bytes) -> bytes:
    try:
        return _read_head(raw).read()
    except HTTPException as error:
        raise _away(f"its answer is no HTTP: {type(error).__name__}") from error


class _Received:
    """What ``HTTPResponse`` wants to be a socket."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._raw)


def _read_head(raw: bytes) -> HTTPResponse:
    response = HTTPResponse(cast("Any", _Received(raw)), method="POST")
    try:
        response.begin()
    except (HTTPException, ValueError) as error:
        raise _away(f"its answer is no HTTP: {type(error).__name__}") from error
    return response


def _judged(body: bytes) -> Judged:
    try:
        answer = msgspec.json.decode(body, type=Answer)
        return Judged(answer.decision, check_tags(answer.tags), _line(answer.reason))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, FieldwiseError) as error:
        raise _away(f"its answer means nothing: {error}") from error


def _body(question: Question) -> bytes:
    told = {
        "fleet": question.fleet,
        "ticket_id": question.ticket,
        "key_fingerprint": question.fingerprint,
        "facts": asdict(question.facts),
        "tags": dict(question.tags),
    }
    return msgspec.json.encode(told)


def _named(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _line(text: str, most: int = REASON_CHARACTERS_MAX) -> str:
    return "".join(each if each.isprintable() else " " for each in text)[:most]


def _away(reason: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.UNAVAILABLE,
        f"the admission webhook gives no answer: {_line(reason, TOLD_CHARACTERS_MAX)}",
    )


def _unreadable(setting: str, path: Path | None) -> FieldwiseError:
    return FieldwiseError(Fault.SETTING_INVALID, f"{setting}: {path} cannot be used")
