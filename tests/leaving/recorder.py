"""An orchestrator that writes down all that it is sent: ``recorder.py FILE LEDGERS serve ...``.

It is the program as it is installed, with one more layer in front of everything else: each message
before it is parsed, every header, the peer's certificate, of methods that there are and of those
that there are not. A line of JSON each, flushed before the call goes on, with the number of entries
that each ledger below LEDGERS has on disk at that moment.
"""

import base64
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

import grpc

Handler = Any


class Recorder(grpc.aio.ServerInterceptor):
    """Writes to a file that a test reads."""

    def __init__(self, file: BinaryIO, ledgers: Path) -> None:
        self._file = file
        self._ledgers = ledgers
        self._calls = itertools.count(1)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        details: grpc.HandlerCallDetails,
    ) -> Handler:
        call = next(self._calls)
        headers = [[key, _text_of(value)] for key, value in details.invocation_metadata or ()]
        self._write(call=call, kind="call", method=details.method, headers=headers)
        handler = await continuation(details)
        if handler is None:
            return None
        return self._recorded(handler, call, details.method)

    def _recorded(self, handler: Handler, call: int, method: str) -> Handler:
        """The product's own layer has made every method one that takes a stream."""
        parse = handler.request_deserializer
        behaviour = handler.stream_stream or handler.stream_unary

        def record(content: bytes) -> Any:
            noted = {str(path.parent): _entries(path) for path in self._ledgers.glob("*/ledger")}
            told = {"method": method, "content": _text_of(content), "noted": noted}
            self._write(call=call, kind="message", **told)
            return parse(content) if parse else content

        async def told(requests: Any, context: Any) -> Any:
            for pem in context.auth_context().get("x509_pem_cert", ()):
                self._write(call=call, kind="certificate", content=_text_of(pem))
            return await behaviour(requests, context)

        if handler.response_streaming:
            rebuild = grpc.stream_stream_rpc_method_handler
        else:
            rebuild = grpc.stream_unary_rpc_method_handler
        serializer = handler.response_serializer
        return rebuild(told, request_deserializer=record, response_serializer=serializer)

    def _write(self, **fields: Any) -> None:
        line = json.dumps({"at": time.time(), **fields})
        self._file.write(line.encode() + b"\n")
        self._file.flush()


def _entries(ledger: Path) -> int:
    return ledger.read_bytes().count(b"\n") - 1


def _text_of(content: str | bytes) -> str:
    raw = content.encode() if isinstance(content, str) else content
    return base64.b64encode(raw).decode()


def main() -> None:
    """Run the orchestrator's program behind the recorder."""
    path, ledgers, *arguments = sys.argv[1:]
    file = cast("BinaryIO", Path(path).open("ab", buffering=0))  # noqa: SIM115 - for as long as it runs
    plain = grpc.aio.server
    recorder = Recorder(file, Path(ledgers))  # one for both ports, so that calls have one count

    def server(*args: Any, interceptors: Any = (), **options: Any) -> grpc.aio.Server:
        return plain(*args, interceptors=(recorder, *interceptors), **options)

    grpc.aio.server = server
    from orchestrator.cli import app

    app(arguments)


if __name__ == "__main__":
    main()
