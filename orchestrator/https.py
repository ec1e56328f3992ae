"""One question over https, to a place that is known and not trusted with more than its answer.

One question is one connection: it is made, asked and read within one time for all of it, and what
comes is bounded before it is held, so that a place that hangs, drips or floods costs whoever asks
an answer and nobody else anything. The connection is asyncio's own; only what came is read by
``http.client``, which needs no socket for that. A library for HTTP would follow redirects, keep
connections and read without an end unless told not to: there is none among the orchestrator's
dependencies.

Proxies of the environment are honoured by the rule of ``fieldwise.proxies``. The certificate is the
host's own through them as well, and nothing counts as the host's word that came before TLS began:
what a proxy sends beyond its own answer is thrown away.
"""

import asyncio
import io
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from fieldwise.between import Way
from fieldwise.channel import join_address
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.proxies import Proxy, chosen_proxy

HEAD_BYTES_MAX = 16_384
HTTPS = 443
OK = 200
CHUNKED = 8  # a document in chunks of one byte is six times as long on the way
TOLD_CHARACTERS = 400

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class HttpsDocuments:
    """Gets documents, and posts them.

    Args:
        authorities: PEM file with the authorities that certificates may be of; None for those of
            this machine.
        setting: Which setting names that file.
        seconds: How long one question may take.
        environment: Variables, which may name a proxy.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where the file cannot be used.
    """

    def __init__(
        self,
        authorities: Path | None,
        setting: str,
        seconds: float,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._context = _trusting(authorities, setting)
        self._trusted_by = setting if authorities else "this machine"
        self._seconds = seconds
        self._environment = environment

    async def get(self, url: str, bytes_max: int) -> bytes:
        """Return a document.

        Raises:
            FieldwiseError: ``UNAVAILABLE``, saying why there is none.
        """
        return await self._asked("GET", url, {}, b"", bytes_max)

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, bytes_max: int
    ) -> bytes:
        """Post a document, and return what is answered.

        Raises:
            FieldwiseError: ``UNAVAILABLE``, saying why there is no answer.
        """
        sized = {**headers, "Content-Length": str(len(body))}
        return await self._asked("POST", url, sized, body, bytes_max)

    async def _asked(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, bytes_max: int
    ) -> bytes:
        place, proxy = self._way(url)
        try:
            async with asyncio.timeout(self._seconds), self._connected(place, proxy) as streams:
                reader, writer = streams
                writer.write(_head(method, place, headers) + body)
                await writer.drain()
                return await _answer(reader, bytes_max)
        except TimeoutError as error:
            raise _away(place, f"it did not answer within {self._seconds:g} s") from error
        except ssl.SSLCertVerificationError as error:
            raise _away(place, await self._not_trusted(place, proxy, error)) from error
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError, HTTPException) as error:
            raise _away(place, f"{type(error).__name__}: {error}") from error
        except _RefusedError as error:
            raise _away(place, str(error)) from error

    def _way(self, url: str) -> tuple[SplitResult, Proxy | None]:
        """Return a place and the proxy through which it is asked.

        Raises:
            FieldwiseError: ``UNAVAILABLE`` where one of them is no address.
        """
        try:
            place = urlsplit(url)
            _ = place.port  # it is read here, and refused
            return place, chosen_proxy(place.hostname or "", "", self._environment)
        except ValueError as error:
            told = f"{_printable(url)} is no address"
            raise FieldwiseError(Fault.UNAVAILABLE, told) from error
        except FieldwiseError as error:
            raise FieldwiseError(Fault.UNAVAILABLE, error.sentence) from error

    async def _not_trusted(
        self, place: SplitResult, proxy: Proxy | None, error: ssl.SSLCertVerificationError
    ) -> str:
        way = Way(_named(place), b"", proxy)
        return await way.not_trusted(error.verify_message, self._trusted_by, self._seconds)

    @asynccontextmanager
    async def _connected(self, place: SplitResult, proxy: Proxy | None) -> AsyncIterator[Streams]:
        host = place.hostname or ""
        near = (proxy.host, proxy.port) if proxy else (host, place.port or HTTPS)
        trusting = None if proxy else self._context
        reader, first = await asyncio.open_connection(*near, ssl=trusting, limit=HEAD_BYTES_MAX)
        writer = first  # which closes the connection where nobody refers to it any more
        try:
            if proxy is not None:
                await _through(reader, first, proxy, _named(place))
                reader, writer = await _secured(first, self._context, host)
            yield reader, writer
        finally:
            writer.transport.abort()  # a goodbye would wait for the other side


class _RefusedError(Exception):
    """What came is no document."""


class _Received:
    """What ``HTTPResponse`` wants to be a socket."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._raw)


def _trusting(authorities: Path | None, setting: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=authorities)
    except (OSError, ssl.SSLError) as error:
        raise FieldwiseError(
            Fault.SETTING_INVALID, f"{setting}: {authorities} cannot be used"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _head(method: str, place: SplitResult, headers: Mapping[str, str]) -> bytes:
    path = place.path or "/"
    query = f"?{place.query}" if place.query else ""
    usual = {
        "Host": place.netloc,
        "Accept": "application/json",
        "User-Agent": "fieldwise",
        "Connection": "close",
    }
    told = {**usual, **headers}
    lines = [f"{method} {path}{query} HTTP/1.1", *(f"{name}: {told[name]}" for name in told)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", errors="replace")


async def _through(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, proxy: Proxy, place: str
) -> None:
    known = proxy.authorization
    login = f"Proxy-Authorization: {known}\r\n" if known else ""
    writer.write(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{login}\r\n".encode("latin-1"))
    await writer.drain()
    response = _read(await reader.readuntil(b"\r\n\r\n"))
    if response.status != OK:
        raise _RefusedError(f"the proxy {proxy} answers CONNECT with {response.status}")


async def _secured(plain: asyncio.StreamWriter, context: ssl.SSLContext, host: str) -> Streams:
    """Begin TLS on a connection, with a reader of its own.

    ``StreamWriter.start_tls`` goes on with the old reader, and what that holds already, in the
    clear, would be read as if the host had said it.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=HEAD_BYTES_MAX)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport = await loop.start_tls(plain.transport, protocol, context, server_hostname=host)
    if transport is None:  # it ended meanwhile
        raise EOFError
    protocol.connection_made(transport)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def _answer(reader: asyncio.StreamReader, bytes_max: int) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    response = _read(head)
    if response.status != OK:
        raise _RefusedError(f"it answers with status {response.status}")
    size, body = response.length, b""
    if size is not None and size <= bytes_max:
        body = await reader.readexactly(size)
    elif size is None:
        body = await _rest(reader, CHUNKED * bytes_max)
    content = _read(head + body).read(bytes_max + 1) if body else b""
    if (size or 0) > bytes_max or len(content) > bytes_max:
        raise _RefusedError(f"its answer has more than {bytes_max:,} bytes")
    return content


async def _rest(reader: asyncio.StreamReader, bytes_max: int) -> bytes:
    body = b""
    while piece := await reader.read(HEAD_BYTES_MAX):
        body += piece
        if len(body) > bytes_max:
            raise _RefusedError(f"its answer has more than {bytes_max:,} bytes")
    return body


def _read(raw: bytes) -> HTTPResponse:
    response = HTTPResponse(cast("Any", _Received(raw)))
    try:
        response.begin()
    except ValueError as error:
        raise _RefusedError("its answer is no HTTP") from error
    return response


def _named(place: SplitResult) -> str:
    return join_address(place.hostname or "", place.port or HTTPS)


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)[:TOLD_CHARACTERS]


def _away(place: SplitResult, reason: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.UNAVAILABLE,
        f"{_named(place)} cannot be asked for {place.path[:200]}: {_printable(reason)}",
    )
