"""Files by link: the bucket itself gives what the orchestrator would only pass on.

A link is an offer of the orchestrator's, and whoever answers it is neither trusted nor told
anything: content is checked by its digest like any other, the request names nothing of this device,
and a link is followed only to hosts that the owner named, by https, without redirections. A proxy
that the owner or the environment names is used, as for calls. Where a link leads nowhere, the
orchestrator is asked for the content itself.

A link is as good as a key for some minutes, so no message and no log repeats it; the ledger has
the host and the file.
"""

import asyncio
import os
import re
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from agent.reporting import Piece
from fieldwise.between import Way
from fieldwise.channel import join_address
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.proxies import Proxy, chosen_proxy

if TYPE_CHECKING:
    from http.client import HTTPResponse

PIECE_BYTES = 256 * 1024  # as in a download through the orchestrator
SILENCE_SECONDS = 30.0
HTTPS = 443
PIECE_SECONDS = 60.0  # as in a download through the orchestrator; who drips is never silent
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# No more than a name or address needs: %2F or \ is a host to some readers of a URL and ends one
# to others, as to a proxy, and whoever ends it early reaches what the owner did not name.
HOST = re.compile(r"[a-z0-9:][a-z0-9.:-]{0,252}")
# How http.client tells what a proxy said.
TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b")
RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")


def allowed_host(link: str, hosts: Collection[str]) -> str:
    """Return the host of a link that may be followed.

    Args:
        link: From the orchestrator.
        hosts: Those that the owner named; one that begins with a dot stands for all below it.

    Raises:
        FieldwiseError: ``UNREACHABLE`` for any other link, which is as good as none.
    """
    try:
        parts = urlsplit(link)
        host = (parts.hostname or "").lower()
        plain = "@" not in parts.netloc and parts.port != 0
    except ValueError:
        raise _useless("an unknown place", "the link is no address") from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    named = any(host.endswith(each) if each[0] == "." else host == each for each in hosts)
    clean = link.isascii() and link.isprintable() and " " not in link
    if not (HOST.fullmatch(host) and plain and secure and named and clean):
        raise _useless(host[:253] or "an unknown place", "its owner did not allow that")
    return host


async def fetched(
    link: str,
    host: str,
    offset: int,
    total_bytes: int,
    piece_seconds: float = PIECE_SECONDS,
    proxy: str = "",
) -> AsyncGenerator[Piece]:
    """Fetch a file from a byte on by a link that may be followed.

    Raises:
        FieldwiseError: ``UNREACHABLE`` where it is not given, or not as was said.
    """
    if offset >= total_bytes:
        return
    through = chosen_proxy(host, proxy, os.environ)
    with closing(_Line()) as line:
        work = partial(_open, link, host, offset, through, line)
        try:
            answer = await _answered(work, host, piece_seconds)
        except _UntrustedError as error:
            way = Way(_place(link), b"", through)
            told = await way.not_trusted(str(error), "this device", SILENCE_SECONDS)
            raise _useless(host, told) from None
        try:
            _check_range(answer, host, offset, total_bytes)
            while content := await _next_piece(answer, host, piece_seconds):
                yield Piece(offset, content, total_bytes)
                offset += len(content)
        finally:
            line.close()
            answer.close()


class _Line:
    """The connection of a request, which can be ended while a thread waits for what comes of it.

    Whoever closes an answer waits for its reader, and nobody has an answer while its head drips.
    What is held here is a second descriptor of the same connection, so it can be shut for both.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: socket.socket | None = None
        self._is_over = False

    def opened(self, *place: Any, **how: Any) -> socket.socket:
        """Open a connection, as ``socket.create_connection``."""
        made = socket.create_connection(*place, **how)
        with self._lock:
            if self._is_over:
                made.close()
                raise OSError("it was given up")
            self._held = socket.socket(fileno=os.dup(made.fileno()))
        return made

    def close(self) -> None:
        """End it; a thread that reads sees its end."""
        with self._lock:
            held, self._held, self._is_over = self._held, None, True
        if held is not None:
            with held, suppress(OSError):  # where the other side has gone, it is shut already
                held.shutdown(socket.SHUT_RDWR)


async def _answered(
    work: "Callable[[], HTTPResponse]", host: str, seconds: float
) -> "HTTPResponse":
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.to_thread(work)
    except TimeoutError:
        raise _useless(host, f"no answer came within {seconds:g} s") from None


class _UntrustedError(Exception):
    """Nobody whom this machine trusts has issued the certificate that was shown."""


def _place(link: str) -> str:
    parts = urlsplit(link)
    return join_address(parts.hostname or "", parts.port or HTTPS)


async def _next_piece(answer: "HTTPResponse", host: str, seconds: float) -> bytes:
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.to_thread(_read, answer, host)
    except TimeoutError:
        raise _useless(host, f"no piece of it came within {seconds:g} s") from None


def _open(link: str, host: str, offset: int, proxy: Proxy | None, line: _Line) -> "HTTPResponse":
    # Imported late: with what it brings along it takes megabytes that few devices have a use for.
    from http.client import (  # noqa: PLC0415 - see above
        HTTPConnection,
        HTTPException,
        HTTPSConnection,
    )
    from ssl import SSLCertVerificationError  # noqa: PLC0415 - as above
    from urllib.request import (  # noqa: PLC0415 - as above
        HTTPHandler,
        HTTPRedirectHandler,
        HTTPSHandler,
        ProxyHandler,
        Request,
        build_opener,
    )

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            """Follow nothing: another host was not allowed."""

    def on_the_line(kind: type[HTTPConnection]) -> Callable[..., HTTPConnection]:
        def made(*arguments: Any, **named: Any) -> HTTPConnection:
            connection: Any = kind(*arguments, **named)
            connection._create_connection = line.opened  # noqa: SLF001 - there is no other way in
            return cast("HTTPConnection", connection)

        return made

    class Plain(HTTPHandler):
        def http_open(self, req: Request) -> "HTTPResponse":
            return self.do_open(on_the_line(HTTPConnection), req)

    class Secure(HTTPSHandler):
        def https_open(self, req: Request) -> "HTTPResponse":
            return self.do_open(on_the_line(HTTPSConnection), req)

    headers = {"Range": f"bytes={offset}-", "User-Agent": "fieldwise-agent"}
    request = Request(link, headers=headers)  # noqa: S310 - the scheme was checked with the host
    proxies = dict.fromkeys(("http", "https"), proxy.url) if proxy else {}
    opener = build_opener(Stay, Plain, Secure, ProxyHandler(proxies))
    try:
        answer: HTTPResponse = opener.open(request, timeout=SILENCE_SECONDS)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None)
        if isinstance(reason, SSLCertVerificationError):
            raise _UntrustedError(reason.verify_message) from None
        by = f" (by the proxy {proxy})" if proxy else ""
        raise _useless(host, _told(error) + by) from None
    return answer


def _read(answer: "HTTPResponse", host: str) -> bytes:
    from http.client import HTTPException  # noqa: PLC0415 - as in _open

    try:
        return answer.read(PIECE_BYTES)
    except (OSError, HTTPException, ValueError) as error:
        raise _useless(host, _told(error)) from None


def _check_range(answer: "HTTPResponse", host: str, offset: int, total_bytes: int) -> None:
    told = RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    whole = answer.status == 200 and offset == 0  # noqa: PLR2004 - HTTP's own number
    if whole and answer.headers.get("Content-Length") == str(total_bytes):
        return
    if told is None or (int(told[1]), int(told[3])) != (offset, total_bytes):
        raise _useless(host, "it gives another part than was asked for")


def _told(error: Exception) -> str:
    """What kind of failure it was; its text might repeat the link."""
    if refusal := TUNNEL.match(str(getattr(error, "reason", error))):
        return f"the proxy answers CONNECT with {refusal[1]}"
    code = getattr(error, "code", None)
    if not isinstance(code, int):
        return type(error).__name__
    getattr(error, "close", lambda: None)()  # it holds the connection that refused
    return f"status {code}"


def _useless(host: str, reason: str) -> FieldwiseError:
    return FieldwiseError(Fault.UNREACHABLE, f"no file by a link to {host}: {reason}")
