"""A real https service that says which devices are let in, or misbehaves."""

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import trustme

HOST = "127.0.0.1"


@cache
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


def answer(content: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A whole response as a well-behaved server makes it."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


@dataclass
class Service:
    """What it answers, as raw bytes, and what it was asked; with ``hangs`` it says no more.

    ``drips`` are sent one after another until whoever asks has had enough.
    """

    says: bytes = answer(b'{"decision": "accept"}')
    hangs: bool = False
    drips: bytes = b""
    port: int = 0
    heads: list[str] = field(default_factory=list)
    bodies: list[Mapping[str, Any]] = field(default_factory=list)
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}/admit?by=us"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        finally:
            writer.transport.abort()
            self.tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
        self.bodies.append(json.loads(await reader.readexactly(size)))
        self.heads.append(head)
        writer.write(self.says)
        while self.drips:
            writer.write(self.drips)
            await writer.drain()
            await asyncio.sleep(0)
        await writer.drain()
        if self.hangs:
            await reader.read()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def served(service: Service, *, name: str = HOST) -> AsyncIterator[Service]:
    """Serve under a certificate of that name for as long as the context lasts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert(name, key_type=trustme.KeyType.ECDSA).configure_cert(context)
    server = await asyncio.start_server(service.take, HOST, 0, ssl=context)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()
        for each in list(service.tasks):
            each.cancel()
        await asyncio.gather(*service.tasks, return_exceptions=True)


@contextmanager
def served_beside(service: Service) -> Iterator[Service]:
    """Serve in a thread, for tests of other processes."""
    up, down = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async with served(service):
            loops.append(asyncio.get_running_loop())
            up.set()
            await down.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert up.wait(60)
    try:
        yield service
    finally:
        loops[0].call_soon_threadsafe(down.set)
        thread.join(60)


def authority_file(folder: Path) -> Path:
    path = folder / "webhook-ca.pem"
    path.write_bytes(authority().cert_pem.bytes())
    return path
