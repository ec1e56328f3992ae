"""A real HTTP proxy on loopback that passes on what ``CONNECT`` asks for, or misbehaves."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Thread

import trustme

INSPECTOR = "Watchful Networks"


class Mood(StrEnum):
    """What the proxy does with those who ask."""

    PASSING = "passing"
    DENYING = "denying"
    AWAY_BEHIND = "away behind"
    SILENT = "silent"
    HANGING_UP = "hanging up"
    RUBBISH = "rubbish"
    ENDLESS = "endless"
    INSPECTING = "inspecting"


ANSWERS = {
    Mood.DENYING: b"HTTP/1.1 403 Forbidden \x1b[31m\r\nContent-Length: 0\r\n\r\n",
    Mood.AWAY_BEHIND: b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
    Mood.HANGING_UP: b"",
    Mood.RUBBISH: b"\x00\xff not HTTP\r\n\r\n",
    Mood.ENDLESS: b"HTTP/1.1 200 OK\r\n" + b"X-Filler: y\r\n" * 2000,
}


@dataclass
class Connecting:
    """The proxy; ``asked`` are the addresses that it was asked for.

    Args:
        user: Who may ask, "USER:PASSWORD"; empty for everybody.
        beyond: What it says in the clear after its answer, as if the other end had.
    """

    mood: Mood = Mood.PASSING
    user: str = ""
    beyond: bytes = b""
    port: int = 0
    asked: list[str] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        finally:
            await _close(writer)
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        method, target, *_ = head.decode().split()
        assert method == "CONNECT"
        self.asked.append(target)
        if self.mood is Mood.SILENT:
            await reader.read()  # until whoever asked has had enough
            return
        if self.user and base64.b64encode(self.user.encode()) not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        if self.mood in ANSWERS:
            writer.write(ANSWERS[self.mood])
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n" + self.beyond)
        if self.mood is Mood.INSPECTING:
            await writer.start_tls(_inspecting())
            await reader.read()
            return
        host, _, port = target.rpartition(":")
        beyond, back = await asyncio.open_connection(host, int(port))
        try:
            await asyncio.gather(_pump(reader, back), _pump(beyond, writer))
        finally:
            await _close(back)

    async def hang_up(self) -> None:
        """End all that is under way."""
        for each in self._tasks:
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()


async def _close(writer: asyncio.StreamWriter) -> None:
    try:
        await writer.drain()
    except OSError:
        writer.transport.abort()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def _inspecting() -> ssl.SSLContext:
    authority = trustme.CA(organization_name=INSPECTOR, key_type=trustme.KeyType.ECDSA)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA).configure_cert(context)
    context.set_alpn_protocols(["h2"])
    return context


@asynccontextmanager
async def proxying(mood: Mood = Mood.PASSING, user: str = "") -> AsyncIterator[Connecting]:
    """Run a proxy for as long as the context lasts."""
    made = Connecting(mood, user)
    server = await asyncio.start_server(made.take, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.hang_up()
        await server.wait_closed()


class ProxyThread:
    """A proxy with a loop of its own, for tests that run programs and wait for them."""

    def __init__(self, mood: Mood = Mood.PASSING, user: str = "") -> None:
        self.proxy = Connecting(mood, user)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Connecting:
        server = asyncio.start_server(self.proxy.take, "127.0.0.1", 0)
        self._server = self._loop.run_until_complete(server)
        self.proxy.port = self._server.sockets[0].getsockname()[1]
        self._thread.start()
        return self.proxy

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        self._loop.run_until_complete(self.proxy.hang_up())
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
