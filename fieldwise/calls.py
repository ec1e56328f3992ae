"""Standing around every call of a server: one interceptor, any number of layers.

A layer sees a call begin and end as a context manager, and each message as it passes. Layers are
entered in their order, so the first is outermost: it also sees what the later ones raise. All four
shapes of gRPC calls pass through the same few lines, and streams are closed where the call ends.
A caller that stops reading a stream holds whatever the method holds, so each response has a time
in which it must be taken. Nor may anybody hold a place by calling and then saying nothing: layers
are entered when a call's headers are there, and its messages have a time in which they must come.
So gRPC is told that every method takes a stream, and the one message of most is read here.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import grpc
from google.protobuf.message import DecodeError, Message

from fieldwise import wire
from fieldwise.errors import Fault, FieldwiseError

# A piece of 256 KiB at 4 KiB/s, slower than any network that a bundle is fetched over.
RESPONSE_SECONDS = 60.0
# The one message of a call has 64 KiB at most in all but the streams of large things.
REQUEST_SECONDS = 60.0
# 2 MiB at 4 KiB/s; who sends a stream also prepares its next piece meanwhile.
PIECE_SECONDS = 600.0

# gRPC takes no status while the first response of a stream, with its head, is not taken.
SETTLING_SECONDS = 5.0

# What layers see of every method that a server does not have: callers make up any number of names.
UNKNOWN = "/unknown/unknown"

Context = grpc.aio.ServicerContext[Any, Any]
# Quoted: at run time gRPC's handlers take no type arguments.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation = Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]]


class Kind(StrEnum):
    """The shape of a method."""

    UNARY = "unary"
    CLIENT_STREAM = "client_stream"
    SERVER_STREAM = "server_stream"
    BIDI_STREAM = "bidi_stream"


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a service: "/fieldwise.v1alpha1.Device/CheckIn"."""

    path: str
    kind: Kind

    @property
    def service(self) -> str:
        return self.path.strip("/").rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Call:
    """One call under way."""

    method: Method
    context: Context

    @cached_property
    def certificate(self) -> bytes:
        """The caller's, as PEM, whose chain the transport has checked; empty without one."""
        for pem in self.context.auth_context().get("x509_pem_cert", ()):
            return pem
        return b""


class Watcher(Protocol):
    """What a layer does with the messages of a call."""

    def received(self, message: Message) -> None:
        """Look at a request before the method does."""

    def sent(self, message: Message) -> None:
        """Look at a response before it leaves."""


class Beginning:
    """A watcher that has something to do once the request is there, before the method has it."""

    def received(self, message: Message) -> None:
        """Look at a request, which keeps its bounds."""

    def sent(self, message: Message) -> None:
        """Look at a response before it leaves."""

    async def begin(self) -> None:
        """Do it; what it raises is the answer of the call. Of a stream no message is there yet."""


class Layer(Protocol):
    """What stands around every call; it may raise to refuse one."""

    def around(self, call: Call) -> AbstractAsyncContextManager[Watcher | None]:
        """Enter when a call begins, leave when it ends."""


class CheckMessages:
    """A layer that enforces the bounds of the proto files, both ways."""

    def around(self, call: Call) -> AbstractAsyncContextManager[Watcher | None]:
        return _Always(_Bounds() if call.method.path.startswith(f"/{wire.PACKAGE}.") else None)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a caller is waited for, in seconds.

    Args:
        response: Until it has taken one response of a stream.
        request: Until the message of a call is there that has one.
        piece: Until the next message of a stream is there.
    """

    response: float = RESPONSE_SECONDS
    request: float = REQUEST_SECONDS
    piece: float = PIECE_SECONDS


class Interceptor(grpc.aio.ServerInterceptor):
    """Puts layers around every method that the server has.

    Args:
        layers: Outermost first.
        patience: How long callers are waited for.
    """

    def __init__(self, layers: Sequence[Layer], patience: Patience | None = None) -> None:
        self._layers = tuple(layers)
        self._patience = patience or Patience()
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> "Handler | None":
        path = handler_call_details.method
        if path not in self._wrapped:
            handler = await continuation(handler_call_details)
            if handler is None:  # then the layers bound and count it like any other call
                handler, path = _ABSENT, UNKNOWN
            self._wrapped[path] = _wrap(handler, path, self._layers, self._patience)
        return self._wrapped[path]


class _Bounds:
    def received(self, message: Message) -> None:
        wire.check(message)

    def sent(self, message: Message) -> None:
        wire.check(message)


class _Always(AbstractAsyncContextManager[Watcher | None]):
    def __init__(self, watcher: Watcher | None) -> None:
        self._watcher = watcher

    async def __aenter__(self) -> Watcher | None:
        return self._watcher

    async def __aexit__(self, *_: object) -> None:
        return None


@dataclass(frozen=True, slots=True)
class _Wrapping:
    """A method with its layers: makes the behaviour that gRPC calls."""

    method: Method
    layers: tuple[Layer, ...]
    patience: Patience
    behaviour: Callable[[Any, Context], Any]

    async def unary(self, requests: AsyncIterator[Message], context: Context) -> Any:
        async def answer(watchers: Sequence[Watcher]) -> Any:
            incoming = await self._incoming(requests, watchers)
            await _begin(watchers)
            response: Any = await self.behaviour(incoming, context)
            _tell_sent(watchers, response)
            return response

        return await self._inside(Call(self.method, context), answer)

    async def stream(self, requests: AsyncIterator[Message], context: Context) -> None:
        async def answer(watchers: Sequence[Watcher]) -> None:
            incoming = await self._incoming(requests, watchers)
            await _begin(watchers)
            outcome = self.behaviour(incoming, context)
            if not inspect.isasyncgen(outcome):
                await outcome  # it writes to the context itself, as gRPC's health service does
                return
            async with aclosing(outcome) as responses:
                each: Any
                settling = SETTLING_SECONDS
                async for each in responses:
                    _tell_sent(watchers, each)
                    await self._write(context, each, settling)
                    settling = 0.0

        await self._inside(Call(self.method, context), answer)

    async def _inside(
        self,
        call: Call,
        answer: Callable[[Sequence[Watcher]], Awaitable[Any]],
        watchers: tuple[Watcher, ...] = (),
        depth: int = 0,
    ) -> Any:
        """Answer inside of all layers from a depth on."""
        if depth == len(self.layers):
            return await answer(watchers)
        async with self.layers[depth].around(call) as watcher:
            seen = watchers if watcher is None else (*watchers, watcher)
            return await self._inside(call, answer, seen, depth + 1)
        raise AssertionError("a layer swallowed an error")

    async def _write(self, context: Context, response: Any, settling: float) -> None:
        writing = asyncio.ensure_future(context.write(response))
        try:
            async with asyncio.timeout(self.patience.response), _settled(writing, settling):
                await asyncio.shield(writing)
        except TimeoutError as error:
            raise FieldwiseError(
                Fault.TOO_SLOW, f"nothing was read for {self.patience.response:g} s"
            ) from error

    async def _incoming(self, requests: AsyncIterator[Message], watchers: Sequence[Watcher]) -> Any:
        """Return what the method takes: its message, or a stream of them."""
        if self.method.kind in {Kind.CLIENT_STREAM, Kind.BIDI_STREAM}:
            return _watched(requests, watchers, self.patience.piece)
        request = await _next(requests, self.patience.request)
        if request is None:
            raise FieldwiseError(Fault.INVALID_ARGUMENT, "the call came without a message")
        _tell_received(watchers, request)
        return request


async def _refuse_unknown(_requests: Any, context: Context) -> None:
    """Answer what gRPC itself answers, without reading what the caller brings."""
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")


_ABSENT: Handler = grpc.stream_unary_rpc_method_handler(_refuse_unknown)


async def _begin(watchers: Sequence[Watcher]) -> None:
    for watcher in watchers:
        if isinstance(watcher, Beginning):
            await watcher.begin()


@asynccontextmanager
async def _settled(writing: "asyncio.Future[None]", seconds: float) -> AsyncIterator[None]:
    """Give a response that is on its way a moment, where the call is to end under it."""
    try:
        yield
    except asyncio.CancelledError:
        await asyncio.wait((writing,), timeout=seconds)
        writing.cancel()
        raise


async def _watched(
    requests: AsyncIterator[Message], watchers: Sequence[Watcher], seconds: float
) -> AsyncIterator[Message]:
    while (request := await _next(requests, seconds)) is not None:
        _tell_received(watchers, request)
        yield request


async def _next(requests: AsyncIterator[Message], seconds: float) -> Message | None:
    """Return the next message, None at the end of the stream."""
    try:
        async with asyncio.timeout(seconds):
            return await anext(requests, None)
    except TimeoutError as error:
        raise FieldwiseError(
            Fault.TOO_SLOW, f"nothing came from the caller for {seconds:g} s"
        ) from error
    except DecodeError as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, "what the call brought is not the message that it takes"
        ) from error


def _tell_received(watchers: Sequence[Watcher], message: Message) -> None:
    for watcher in watchers:
        watcher.received(message)


def _tell_sent(watchers: Sequence[Watcher], message: Message) -> None:
    for watcher in watchers:
        watcher.sent(message)


def _wrap(handler: Handler, path: str, layers: tuple[Layer, ...], patience: Patience) -> Handler:
    kind, behaviour = _shape(handler)
    wrapping = _Wrapping(Method(path, kind), layers, patience, behaviour)
    streaming = handler.response_streaming
    rebuild: Callable[..., Any] = (
        grpc.stream_stream_rpc_method_handler if streaming else grpc.stream_unary_rpc_method_handler
    )
    wrapped: Any = wrapping.stream if streaming else wrapping.unary
    made: Handler = rebuild(
        wrapped,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )
    return made


def _shape(handler: Handler) -> tuple[Kind, Any]:
    if handler.request_streaming and handler.response_streaming:
        return Kind.BIDI_STREAM, handler.stream_stream
    if handler.request_streaming:
        return Kind.CLIENT_STREAM, handler.stream_unary
    if handler.response_streaming:
        return Kind.SERVER_STREAM, handler.unary_stream
    return Kind.UNARY, handler.unary_unary
