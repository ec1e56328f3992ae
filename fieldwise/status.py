"""Faults on the wire: a gRPC status, one sentence, and the fault's name as trailing metadata.

A status code is too coarse to act on (five faults are FAILED_PRECONDITION), so the name of the
fault travels beside it and the other side raises the same ``FieldwiseError`` again. What a server
did not foresee is logged there and reaches the caller as INTERNAL with nothing of its inside.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc
import structlog

from fieldwise.calls import Call, Watcher
from fieldwise.errors import CATALOGUE, Fault, FieldwiseError

METADATA_KEY = "fieldwise-fault"
ABORT_SECONDS = 5.0  # a status waits behind what was sent before; then the call is just dropped
SENTENCE_CHARACTERS_MAX = 1000  # as much of a peer's words as is repeated to a person

# What a status means that carries no fault's name: the transport made it, or something in between.
BARE: dict[grpc.StatusCode, tuple[Fault, str]] = {
    grpc.StatusCode.UNAVAILABLE: (Fault.UNREACHABLE, "the server cannot be reached"),
    grpc.StatusCode.DEADLINE_EXCEEDED: (Fault.UNAVAILABLE, "the server did not answer in time"),
    grpc.StatusCode.CANCELLED: (Fault.UNAVAILABLE, "the call was cancelled"),
    grpc.StatusCode.UNAUTHENTICATED: (Fault.UNAUTHENTICATED, "the server does not know the caller"),
    grpc.StatusCode.PERMISSION_DENIED: (Fault.PERMISSION_DENIED, "the server refused the caller"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (Fault.BUSY, "the server or a limit of the wire refused"),
    grpc.StatusCode.UNIMPLEMENTED: (
        Fault.UNKNOWN_FIELD,
        "the server does not have this call: the two sides are of different versions",
    ),
}

_log = structlog.get_logger(__name__)


def status_code(fault: Fault) -> grpc.StatusCode:
    """Return the status that carries a fault."""
    return grpc.StatusCode[CATALOGUE[fault].status]


def trailing_metadata(fault: Fault) -> tuple[tuple[str, str], ...]:
    return ((METADATA_KEY, fault.value),)


def from_rpc_error(error: grpc.RpcError) -> FieldwiseError:
    """Return the fault that a failed call carries; total over whatever a peer may send."""
    if not isinstance(error, grpc.aio.AioRpcError | grpc.Call):
        return FieldwiseError(Fault.INTERNAL, "the call failed without a status")
    details = _clean(error.details() or "")
    fault = _named_fault(error)
    if fault is not None:
        return FieldwiseError(fault, details or fault.value)
    known, sentence = BARE.get(
        error.code(), (Fault.INTERNAL, f"the server failed with {error.code().name}")
    )
    return FieldwiseError(known, f"{sentence}: {details}" if details else sentence)


@contextmanager
def client_errors() -> Iterator[None]:
    """Raise what a call raises as ``FieldwiseError``; to be put around stub calls.

    Raises:
        FieldwiseError: What the server said, or what kept the call from it.
    """
    try:
        yield
    except grpc.RpcError as error:
        raise from_rpc_error(error) from error


class TranslateErrors:
    """A layer of a server that gives every failure its status; outside of it nothing raises."""

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[Watcher | None]:
        try:
            yield None
        except FieldwiseError as error:
            await _abort(call, error)
        except grpc.aio.AbortError:
            raise
        except Exception:  # noqa: BLE001 - the last line of defence; the caller learns nothing of it
            _log.exception("call failed", method=call.method.path)
            await _abort(call, FieldwiseError(Fault.INTERNAL, "the server met a defect of its own"))


async def _abort(call: Call, error: FieldwiseError) -> None:
    context: grpc.aio.ServicerContext[Any, Any] = call.context
    try:
        async with asyncio.timeout(ABORT_SECONDS):
            await context.abort(
                status_code(error.fault),
                error.sentence[:SENTENCE_CHARACTERS_MAX],
                trailing_metadata(error.fault),
            )
    # A response may be on its way that its caller does not take: no status can follow it.
    except (TimeoutError, grpc.aio.InternalError) as late:
        raise asyncio.CancelledError from late  # the call ends as if its caller had gone


def _named_fault(error: grpc.aio.AioRpcError | grpc.Call) -> Fault | None:
    for key, value in error.trailing_metadata() or ():
        if key == METADATA_KEY and value in set(Fault):
            return Fault(value)
    return None


def _clean(text: str) -> str:
    printable = "".join(each if each.isprintable() else " " for each in text)
    return printable[:SENTENCE_CHARACTERS_MAX]
