"""Layers stand around all four shapes of calls of a real server on a unix socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from structlog.testing import capture_logs

from fieldwise import status
from fieldwise.calls import (
    UNKNOWN,
    Call,
    CheckMessages,
    Interceptor,
    Kind,
    Layer,
    Patience,
    Watcher,
)
from fieldwise.channel import unix_address
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.status import TranslateErrors, client_errors
from fieldwise.v1alpha1 import device_pb2 as messages

SERVICE = "fieldwise.v1alpha1.Device"
Request, Response = messages.DownloadRequest, messages.DownloadResponse


class Diary:
    """A layer that writes down what it sees."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[Watcher | None]:
        self.entries.append(f"begin {call.method.kind} {call.method.service} {call.method.name}")
        try:
            yield self
        except BaseException as error:
            self.entries.append(f"error {type(error).__name__}")
            raise
        finally:
            self.entries.append("end")

    def received(self, message: Message) -> None:
        self.entries.append("received")

    def sent(self, message: Message) -> None:
        self.entries.append("sent")


async def unary(request: Request, context: Any) -> Response:
    return Response(offset=request.offset + 1)


async def server_stream(request: Request, context: Any) -> AsyncIterator[Response]:
    for offset in range(request.offset):
        yield Response(offset=offset)


async def client_stream(requests: AsyncIterator[Request], context: Any) -> Response:
    return Response(offset=sum([each.offset async for each in requests]))


async def bidi_stream(requests: AsyncIterator[Request], context: Any) -> AsyncIterator[Response]:
    async for each in requests:
        yield Response(offset=each.offset)


async def writing_stream(request: Request, context: Any) -> None:
    await context.write(Response(offset=request.offset))


SHAPES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "Unary": (grpc.unary_unary_rpc_method_handler, unary),
    "ServerStream": (grpc.unary_stream_rpc_method_handler, server_stream),
    "ClientStream": (grpc.stream_unary_rpc_method_handler, client_stream),
    "BidiStream": (grpc.stream_stream_rpc_method_handler, bidi_stream),
    "Writing": (grpc.unary_stream_rpc_method_handler, writing_stream),
}


@asynccontextmanager
async def served(
    folder: Path,
    *layers: Layer,
    patience: Patience | None = None,
    **replaced: Callable[..., Any],
) -> AsyncIterator[grpc.aio.Channel]:
    """A server of one method of each shape behind layers, and a channel to it."""
    server = grpc.aio.server(interceptors=[Interceptor(layers, patience)])
    handlers = {
        name: shape(
            replaced.get(name, behaviour),
            request_deserializer=Request.FromString,
            response_serializer=Response.SerializeToString,
        )
        for name, (shape, behaviour) in SHAPES.items()
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(unix_address(folder / "socket"))
    await server.start()
    try:
        address = unix_address(folder / "socket")
        async with grpc.aio.insecure_channel(address) as channel:
            yield channel
    finally:
        await server.stop(None)


def method(channel: grpc.aio.Channel, shape: str, name: str) -> Any:
    return getattr(channel, shape)(
        f"/{SERVICE}/{name}",
        request_serializer=Request.SerializeToString,
        response_deserializer=Response.FromString,
    )


async def test_a_layer_sees_each_message_of_every_shape(tmp_path: Path) -> None:
    diary = Diary()
    async with served(tmp_path, diary) as channel:
        answer = await method(channel, "unary_unary", "Unary")(Request(offset=1))
        assert answer.offset == 2
        assert diary.entries == [f"begin unary {SERVICE} Unary", "received", "sent", "end"]
        diary.entries.clear()
        found = method(channel, "unary_stream", "ServerStream")(Request(offset=2))
        assert [each.offset async for each in found] == [0, 1]
        assert diary.entries[1:] == ["received", "sent", "sent", "end"]
        diary.entries.clear()
        three = [Request(offset=offset) for offset in (1, 2, 3)]
        assert (await method(channel, "stream_unary", "ClientStream")(iter(three))).offset == 6
        assert diary.entries[1:] == ["received"] * 3 + ["sent", "end"]
        diary.entries.clear()
        both = method(channel, "stream_stream", "BidiStream")(iter(three))
        assert [each.offset async for each in both] == [1, 2, 3]
        assert diary.entries[1:] == ["received", "sent"] * 3 + ["end"]
        assert Kind.BIDI_STREAM in diary.entries[0]


async def test_a_method_that_writes_by_itself_is_served(tmp_path: Path) -> None:
    async with served(tmp_path, Diary()) as channel:
        found = method(channel, "unary_stream", "Writing")(Request(offset=5))
        assert [each.offset async for each in found] == [5]


async def test_the_first_layer_is_outermost(tmp_path: Path) -> None:
    outer, inner = Diary(), Diary()

    async def failing(request: Request, context: Any) -> Response:
        raise FieldwiseError(Fault.NOT_FOUND, "nothing there")

    async with served(tmp_path, outer, TranslateErrors(), inner, Unary=failing) as channel:
        with pytest.raises(FieldwiseError) as raised, client_errors():
            await method(channel, "unary_unary", "Unary")(Request())
    assert (raised.value.fault, raised.value.sentence) == (Fault.NOT_FOUND, "nothing there")
    assert outer.entries[2:] == ["error AbortError", "end"]
    assert inner.entries[2:] == ["error FieldwiseError", "end"]


async def test_what_a_server_did_not_foresee_is_logged_and_not_told(tmp_path: Path) -> None:
    async def broken(request: Request, context: Any) -> Response:
        raise RuntimeError("the secret is 42")

    with capture_logs() as logs:
        async with served(tmp_path, TranslateErrors(), Unary=broken) as channel:
            with pytest.raises(FieldwiseError) as raised, client_errors():
                await method(channel, "unary_unary", "Unary")(Request())
    assert raised.value.fault is Fault.INTERNAL
    assert "42" not in raised.value.sentence
    assert [each["event"] for each in logs] == ["call failed"]


async def test_a_stream_that_fails_half_way_ends_with_its_fault(tmp_path: Path) -> None:
    async def failing(request: Request, context: Any) -> AsyncIterator[Response]:
        yield Response(offset=1)
        raise FieldwiseError(Fault.DISK_FULL, "no room")

    async with served(tmp_path, TranslateErrors(), ServerStream=failing) as channel:
        found = method(channel, "unary_stream", "ServerStream")(Request())
        with pytest.raises(FieldwiseError) as raised, client_errors():
            assert [each.offset async for each in found] == [1]
    assert raised.value.fault is Fault.DISK_FULL


async def test_a_message_over_its_bounds_is_refused_both_ways(tmp_path: Path) -> None:
    async def too_much(request: Request, context: Any) -> Response:
        return Response(content=b"x" * 300_000)

    async with served(tmp_path, TranslateErrors(), CheckMessages(), Unary=too_much) as channel:
        call = method(channel, "unary_unary", "Unary")
        with pytest.raises(FieldwiseError) as refused, client_errors():
            await call(Request(digest=b"x" * 33))
        assert refused.value.fault is Fault.OVER_LIMIT
        assert "DownloadRequest.digest is 33 bytes" in refused.value.sentence
        with pytest.raises(FieldwiseError) as refused, client_errors():
            await call(Request())
        assert "DownloadResponse" in refused.value.sentence


async def test_a_caller_that_goes_away_ends_the_call_and_closes_the_stream(
    tmp_path: Path,
) -> None:
    diary = Diary()
    closed: list[bool] = []

    async def endless(request: Request, context: Any) -> AsyncIterator[Response]:
        try:
            while True:
                yield Response(content=b"x" * 1000)
        finally:
            closed.append(True)

    async with served(tmp_path, diary, ServerStream=endless) as channel:
        found = method(channel, "unary_stream", "ServerStream")(Request())
        await found.read()
        found.cancel()
        await method(channel, "unary_unary", "Unary")(Request())
    assert closed == [True]
    assert "error CancelledError" in diary.entries


async def test_methods_that_are_not_there_pass_the_layers_under_one_name(tmp_path: Path) -> None:
    """Else whoever makes up names is neither bounded nor counted."""
    diary, silent = Diary(), "/made.up/Silent"
    async with served(tmp_path, diary) as channel:
        for number in range(3):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await channel.unary_unary(f"/made.up/Method{number}")(b"whatever")
            assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
        # Nor is anything waited for that such a caller might say.
        assert await channel.stream_stream(silent)().code() is grpc.StatusCode.UNIMPLEMENTED
    begun = [each for each in diary.entries if each.startswith("begin")]
    assert begun == ["begin client_stream unknown unknown"] * 4


async def test_names_of_methods_that_are_not_there_are_not_remembered() -> None:
    interceptor = Interceptor([])

    async def nothing(details: grpc.HandlerCallDetails) -> None:
        return None

    class Details:
        invocation_metadata = ()

        def __init__(self, number: int) -> None:
            self.method = f"/made.up/Method{number}"

    for number in range(3):
        assert await interceptor.intercept_service(nothing, Details(number)) is not None
    assert list(interceptor._wrapped) == [UNKNOWN]


async def read_to_end(stream: Any) -> None:
    while await stream.read() is not grpc.aio.EOF:
        pass


async def test_a_stream_that_nobody_reads_is_ended_and_lets_go_of_what_it_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, diary = asyncio.Event(), Diary()

    async def endless(request: Request, context: Any) -> AsyncIterator[Response]:
        try:
            while True:
                yield Response(content=bytes(262_144))
        finally:
            let_go.set()

    monkeypatch.setattr(status, "ABORT_SECONDS", 0.1)
    layers = (diary, TranslateErrors())
    patience = Patience(response=0.2)
    async with served(tmp_path, *layers, patience=patience, ServerStream=endless) as channel:
        stream = method(channel, "unary_stream", "ServerStream")(Request())
        await stream.read()
        await asyncio.wait_for(let_go.wait(), 20)
        for _ in range(2000):
            if diary.entries[-1] == "end":
                break
            await asyncio.sleep(0.01)
        assert diary.entries[-2:] == ["error CancelledError", "end"]
        with pytest.raises(FieldwiseError) as ended, client_errors():
            await read_to_end(stream)
        assert ended.value.fault in {Fault.TOO_SLOW, Fault.UNREACHABLE}


async def raw(channel: grpc.aio.Channel, name: str) -> Any:
    """A call of any method that sends bytes, when and as often as the test likes."""
    return channel.stream_stream(f"/{SERVICE}/{name}")()


@pytest.mark.parametrize("name", ["Unary", "ServerStream", "Writing"])
async def test_who_calls_and_then_says_nothing_keeps_no_place(tmp_path: Path, name: str) -> None:
    diary, patience = Diary(), Patience(request=0.1)
    async with served(tmp_path, diary, TranslateErrors(), patience=patience) as channel:
        call = await raw(channel, name)
        assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert "nothing came from the caller" in await call.details()
    assert diary.entries[0].startswith("begin")
    assert diary.entries[-1] == "end"


@pytest.mark.parametrize("name", ["ClientStream", "BidiStream"])
async def test_a_stream_that_goes_silent_is_ended(tmp_path: Path, name: str) -> None:
    diary, patience = Diary(), Patience(piece=0.2)
    async with served(tmp_path, diary, TranslateErrors(), patience=patience) as channel:
        call = await raw(channel, name)
        await call.write(Request(offset=1).SerializeToString())
        with pytest.raises(grpc.aio.AioRpcError):
            await read_to_end(call)
        assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "received" in diary.entries
    assert diary.entries[-1] == "end"


@pytest.mark.parametrize("name", sorted(SHAPES))
async def test_bytes_that_are_no_message_are_refused_without_a_word_in_the_log(
    tmp_path: Path, name: str
) -> None:
    with capture_logs() as logs:
        async with served(tmp_path, TranslateErrors()) as channel:
            call = await raw(channel, name)
            await call.write(b"\xff\xff\xff\xff")
            await call.done_writing()
            assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert logs == []


@pytest.mark.parametrize("name", ["Unary", "ServerStream"])
async def test_a_call_without_its_message_is_refused(tmp_path: Path, name: str) -> None:
    async with served(tmp_path, TranslateErrors()) as channel:
        call = await raw(channel, name)
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert await call.details() == "the call came without a message"


async def test_a_layer_refuses_before_the_message_is_there(tmp_path: Path) -> None:
    class Nobody:
        @asynccontextmanager
        async def around(self, call: Call) -> AsyncIterator[Watcher | None]:
            raise FieldwiseError(Fault.PERMISSION_DENIED, "nobody is let in")
            yield None

    async with served(tmp_path, TranslateErrors(), Nobody()) as channel:
        call = await raw(channel, "Unary")
        assert await call.code() is grpc.StatusCode.PERMISSION_DENIED
