"""An orchestrator that writes down all that it is sent, as it came: ``recorder.py FILE serve ...``.

It is the program as it is installed, with one more layer in front of everything else: each message
before it is parsed, every header, the peer's certificate, of methods that there are and of those
that there are not. A line of JSON each, flushed before the call goes on.
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

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
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
        parse = handler.request_deserializer

        def record(content: bytes) -> Any:
            self._write(call=call, kind="message", method=method, content=_text_of(content))
            return parse(content)

        kind = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[handler.request_streaming, handler.response_streaming]
        behaviour = next(
            found
            for found in (
                handler.unary_unary,
                handler.unary_stream,
                handler.stream_unary,
                handler.stream_stream,
            )
            if found is not None
        )
        return kind(
            self._told(behaviour, call, streams=handler.response_streaming),
            request_deserializer=record,
            response_serializer=handler.response_serializer,
        )

    def _told(self, behaviour: Any, call: int, *, streams: bool) -> Any:
        """The method, once the certificate that it is called with is written down."""

        def tell(context: Any) -> None:
            for pem in context.auth_context().get("x509_pem_cert", ()):
                self._write(call=call, kind="certificate", content=_text_of(pem))

        async def answer(request: Any, context: Any) -> Any:
            tell(context)
            return await behaviour(request, context)

        async def answer_often(request: Any, context: Any) -> Any:
            tell(context)
            async for each in behaviour(request, context):
                yield each

        return answer_often if streams else answer

    def _write(self, **fields: Any) -> None:
        line = json.dumps({"at": time.time(), **fields})
        self._file.write(line.encode() + b"\n")
        self._file.flush()


def _text_of(content: str | bytes) -> str:
    raw = content.encode() if isinstance(content, str) else content
    return base64.b64encode(raw).decode()


def main() -> None:
    """Run the orchestrator's program behind the recorder."""
    path, *arguments = sys.argv[1:]
    file = cast("BinaryIO", Path(path).open("ab", buffering=0))  # noqa: SIM115 - for as long as it runs
    plain = grpc.aio.server

    def server(*args: Any, interceptors: Any = (), **options: Any) -> grpc.aio.Server:
        return plain(*args, interceptors=(Recorder(file), *interceptors), **options)

    grpc.aio.server = server
    from orchestrator.cli import app

    app(arguments)


if __name__ == "__main__":
    main()
