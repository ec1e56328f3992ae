"""What runs on this machine for the tests, on ports that containers reach.

A database that listens on a socket of the file system and an object store on the loopback are told
of by an address of the bridge; what comes there is passed on, byte by byte.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress

PIECE_BYTES = 65_536
WAIT_SECONDS = 60

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Ends]]


@contextmanager
def forwarded(places: Mapping[int, Connect]) -> Iterator[None]:
    """Pass on what comes to ports of this machine, on all its addresses, while the block lasts.

    Args:
        places: By the port that is listened on, what opens a connection to who answers.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    forwarding = _Forwarding()

    def do(deed: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(deed, loop).result(WAIT_SECONDS)

    try:
        for port, connect in places.items():
            do(forwarding.listen(port, connect))
        yield
    finally:
        do(forwarding.end())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Forwarding:
    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.StreamWriter] = set()

    async def listen(self, port: int, connect: Connect) -> None:
        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                far_reader, far_writer = await connect()
            except OSError:
                writer.close()
                return
            await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))

        self._servers.append(await asyncio.start_server(pass_on, "0.0.0.0", port))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError):
            while piece := await reader.read(PIECE_BYTES):
                writer.write(piece)
                await writer.drain()
        self._open.discard(writer)
        writer.close()

    async def end(self) -> None:
        for server in self._servers:
            server.close()
        for writer in tuple(self._open):
            writer.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
