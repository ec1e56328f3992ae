"""What stands between a caller and a server, told after a call that did not come through.

gRPC says of a connection only that it failed. So, once a call has, one more connection is made, as
far as the failure went: to the proxy, by its ``CONNECT``, and, where TLS failed because nobody
trusts the authority of what was shown, up to the certificate. It is read and nothing is sent after
it; checking it is off here for that alone. Everything is bounded, in seconds and in bytes.
"""

import asyncio
import re
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fieldwise.channel import split_address
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.proxies import Proxy

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

PROBE_SECONDS = 10.0  # gRPC gives a connection 20
HEAD_BYTES_MAX = 8192
WORDS_CHARACTERS_MAX = 200
GRPC, HTTPS = "h2", "http/1.1"  # what a server may insist on before it shows anything
DENIED, UNKNOWN_CALLER = 403, 407
OPENED = range(200, 300)
BEYOND = range(500, 600)  # the proxy is well, and what lies beyond it is not
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([^\r\n]*))?\r?\n")
# How gRPC tells that it knows no authority for what was shown; a test holds it to these words.
UNTRUSTED = re.compile(r"unable to get (local )?issuer|self[ -]signed certificate")
UNTIMELY = re.compile(r"certificate is not yet valid|certificate has expired")
CONNECTION = frozenset({Fault.UNREACHABLE, Fault.UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Way:
    """How a server is reached.

    Args:
        address: host:port of the server.
        roots: Whom the caller trusts, PEM.
        proxy: What it goes through; None for nothing.
        now: This machine's clock.
    """

    address: str
    roots: bytes
    proxy: Proxy | None
    now: Callable[[], float] = time.time

    async def explained(
        self, error: FieldwiseError, seconds: float = PROBE_SECONDS
    ) -> FieldwiseError:
        """Return an error that names what is in the way, or the one that was given."""
        untimely = UNTIMELY.search(error.sentence) is not None
        if error.fault in CONNECTION and untimely and (wrong := self._clock_before_roots()):
            return wrong
        untrusted = untimely or UNTRUSTED.search(error.sentence) is not None
        if error.fault not in CONNECTION or (self.proxy is None and not untrusted):
            return error
        try:
            async with asyncio.timeout(seconds):
                found = await self._probed(untrusted=untrusted)
        except TimeoutError:
            found = _failed(f"the {self._first} did not answer within {seconds:g} s")
        if found is None and self.proxy is not None:
            return FieldwiseError(error.fault, f"{error.sentence} (by the proxy {self.proxy})")
        return found or error

    @property
    def _first(self) -> str:
        return f"proxy {self.proxy}" if self.proxy else f"server {self.address}"

    async def not_trusted(self, reason: str, who: str, seconds: float = PROBE_SECONDS) -> str:
        """Say why a certificate of a public place was not trusted, and by whom it is issued.

        Args:
            reason: In the words of OpenSSL.
            who: Does not trust it.
            seconds: How long there may be looked.
        """
        told = f"its certificate is not trusted: {reason}"
        if UNTRUSTED.search(reason) is None:
            return told
        issuer = ""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(seconds):
                issuer = await self._issuer()
        if not issuer:
            return told
        through = f" (by the proxy {self.proxy})" if self.proxy else ""
        return (
            f"{told}; it is issued by {issuer}, whom {who} does not trust: a proxy that inspects "
            f"TLS may be in between{through}, and has to let {self.address} pass through untouched"
        )

    async def _issuer(self) -> str:
        """Return who issued the certificate that is shown; empty where none can be seen."""
        reader, writer = await asyncio.open_connection(*self._near, limit=HEAD_BYTES_MAX)
        try:
            if self.proxy and await self._asked(self.proxy, reader, writer) is not None:
                return ""
            found = _certificate(await self._shown(writer, HTTPS))
        finally:
            writer.transport.abort()
        return _clean(found.issuer.rfc4514_string()) if found else ""

    async def _probed(self, *, untrusted: bool) -> FieldwiseError | None:
        try:
            reader, writer = await asyncio.open_connection(*self._near, limit=HEAD_BYTES_MAX)
        except OSError as error:
            return _failed(f"the {self._first} cannot be reached: {_reason(error)}")
        try:
            refusal = await self._asked(self.proxy, reader, writer) if self.proxy else None
            if refusal is not None or not untrusted:
                return refusal
            shown = await self._shown(writer)
            return self._inspected(shown) or self._clock_outside(shown)
        except OSError:  # TLS's own errors are such, too
            return None
        finally:
            writer.transport.abort()

    @property
    def _near(self) -> tuple[str, int]:
        return (self.proxy.host, self.proxy.port) if self.proxy else self._place

    @property
    def _place(self) -> tuple[str, int]:
        return split_address(self.address)

    async def _asked(
        self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> FieldwiseError | None:
        """Ask a proxy to connect; return what it refuses with."""
        lines = [f"CONNECT {self.address} HTTP/1.1", f"Host: {self.address}"]
        if proxy.authorization:
            lines.append(f"Proxy-Authorization: {proxy.authorization}")
        writer.write("\r\n".join([*lines, "", ""]).encode())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = b""
        told = STATUS.match(head)
        if told is None:
            return _failed(f"what listens at {proxy} does not answer as an HTTP proxy does")
        code, words = int(told[1]), _clean((told[2] or b"").decode("latin-1"))
        if code in OPENED:
            return None
        return _failed(f"{_refusal(proxy, code, self.address)} ({f'{code} {words}'.strip()})")

    async def _shown(self, writer: asyncio.StreamWriter, protocol: str = GRPC) -> bytes:
        """Return the certificate, DER, that is shown at the other end."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # only to read what is shown: nothing is sent after it
        context.set_alpn_protocols([protocol])
        await writer.start_tls(context, server_hostname=self._place[0])
        return writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b""

    def _inspected(self, shown: bytes) -> FieldwiseError | None:
        found = _certificate(shown)
        if found is None or found.issuer in [each.subject for each in _certificates(self.roots)]:
            return None
        through = f" (by the proxy {self.proxy})" if self.proxy else ""
        return FieldwiseError(
            Fault.TLS_INSPECTED,
            f"a proxy that inspects TLS is in between{through}: the certificate at {self.address} "
            f"is issued by {_clean(found.issuer.rfc4514_string()) or 'nobody'}, not by the fleet's "
            f"authority; it has to let {self.address} pass through untouched",
        )

    def _clock_before_roots(self) -> FieldwiseError | None:
        """Tell of a clock of before the fleet was founded: then no certificate can be valid yet."""
        now = datetime.fromtimestamp(self.now(), UTC)
        roots = _certificates(self.roots)
        begin = min((each.not_valid_before_utc for each in roots), default=now)
        if now >= begin:
            return None
        return _clock_wrong(now, f"the fleet's authority is valid from {_moment(begin)}")

    def _clock_outside(self, shown: bytes) -> FieldwiseError | None:
        now = datetime.fromtimestamp(self.now(), UTC)
        found = _certificate(shown)
        if found is None:
            return None
        begin, end = found.not_valid_before_utc, found.not_valid_after_utc
        if begin <= now <= end:
            return None
        return _clock_wrong(
            now,
            f"the certificate at {self.address} is valid from {_moment(begin)} to {_moment(end)}",
        )


# 9 MB of cryptography come with what is imported below: only after a call has failed.


def _certificate(der: bytes) -> "Certificate | None":
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415 - as said

    from fieldwise.identity import UNREADABLE  # noqa: PLC0415 - as said

    try:
        found = load_der_x509_certificate(der)
        # Names and times are parsed when they are asked for, and whoever shows this chose them.
        _ = found.issuer, found.not_valid_before_utc, found.not_valid_after_utc
    except UNREADABLE:
        return None
    return found


def _certificates(pem: bytes) -> "list[Certificate]":
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 - as said

    from fieldwise.identity import UNREADABLE  # noqa: PLC0415 - as said

    try:
        return load_pem_x509_certificates(pem)
    except UNREADABLE:
        return []


def _clock_wrong(now: datetime, other: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.CLOCK_WRONG, f"this machine's clock says {_moment(now)}, and {other}"
    )


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M:%SZ")


def _refusal(proxy: Proxy, code: int, address: str) -> str:
    if code == UNKNOWN_CALLER and proxy.user:
        return f"the proxy {proxy} does not take the user and the password that it is given"
    if code == UNKNOWN_CALLER:
        return f"the proxy {proxy} wants a user and a password"
    if code == DENIED:
        return f"the proxy {proxy} is not allowed to connect to {address}"
    if code in BEYOND:
        return f"the proxy {proxy} cannot reach {address}"
    return f"the proxy {proxy} does not connect to {address}"


def _failed(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.PROXY_FAILED, sentence)


def _reason(error: OSError) -> str:
    return _clean(error.strerror or type(error).__name__)


def _clean(text: str) -> str:
    printable = "".join(each if each.isprintable() else " " for each in text)
    return printable[:WORDS_CHARACTERS_MAX].strip()
