"""The orchestrator's service for aggregators, with the token of one campaign."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from aggregator.ports import Unreadable
from aggregator.rpc import translate
from aggregator.work import Campaign, Opening, RoundPhase, RoundResult
from fieldwise import wire
from fieldwise.bundle import Digest
from fieldwise.channel import CLIENT_OPTIONS, check_address
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Update
from fieldwise.status import client_errors
from fieldwise.v1alpha1 import worker_pb2, worker_pb2_grpc

CALL_SECONDS = 60.0  # six megabytes of class names at 100 kB/s
STREAM_SECONDS = 3600.0  # a thousand scatters, 6.6 GB, at 2 MB/s
FILE_BYTES_MAX = 1024**3  # the largest of what is written here (``aggregator.keeping``)

MessageT = TypeVar("MessageT", bound=Message)


def open_channel(address: str, roots: bytes) -> grpc.Channel:
    """Open a channel to a server that one of ``roots`` (PEM) vouches for.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a malformed address.
    """
    credentials = grpc.ssl_channel_credentials(root_certificates=roots)
    return grpc.secure_channel(check_address(address), credentials, options=CLIENT_OPTIONS)


class WorkerClient:
    """``Orchestrator`` over a channel.

    Args:
        channel: To the port of the operator's service.
        token: Of the campaign.
    """

    def __init__(self, channel: grpc.Channel, token: str) -> None:
        self._stub = worker_pb2_grpc.WorkerStub(channel)
        self._metadata = (("authorization", f"Bearer {token}"),)

    def campaign(self) -> Campaign:
        return translate.campaign(self._ask(self._stub.GetWork, worker_pb2.GetWorkRequest()))

    def open_round(self) -> Opening:
        return translate.opening(self._ask(self._stub.OpenRound, worker_pb2.OpenRoundRequest()))

    def await_round(self, number: int, seconds: int) -> RoundPhase:
        request = worker_pb2.AwaitRoundRequest(round=number, seconds=seconds)
        return translate.phase(self._ask(self._stub.AwaitRound, request, seconds + CALL_SECONDS))

    def updates(self, number: int) -> Iterator[tuple[int, Update | Unreadable]]:
        request = worker_pb2.FetchUpdatesRequest(round=number)
        return translate.updates(self._stream(self._stub.FetchUpdates, request))

    def fetch(self, digest: Digest) -> bytes:
        request = worker_pb2.FetchWorkRequest(digest=bytes.fromhex(digest))
        content = bytearray()
        for piece in self._stream(self._stub.FetchWork, request):
            if piece.offset != len(content) or piece.total_bytes > FILE_BYTES_MAX:
                break
            content += piece.content
            if len(content) > FILE_BYTES_MAX:
                break
        if hashlib.sha256(content).hexdigest() != digest:
            raise FieldwiseError(
                Fault.DIGEST_MISMATCH, f"{len(content):,} bytes that are not file {digest[:12]}"
            )
        return bytes(content)

    def commit(self, result: RoundResult) -> int:
        with client_errors():
            answer: worker_pb2.CommitRoundResponse = self._stub.CommitRound(
                _checked(translate.committing(result)),
                metadata=self._metadata,
                timeout=STREAM_SECONDS,
            )
        wire.check(answer)
        return answer.version

    def give_up(self, reason: str) -> None:
        self._ask(self._stub.GiveUp, worker_pb2.GiveUpRequest(reason=reason))

    def _ask(
        self, method: Callable[..., MessageT], request: Message, seconds: float = CALL_SECONDS
    ) -> MessageT:
        wire.check(request)
        with client_errors():
            answer = method(request, metadata=self._metadata, timeout=seconds)
        wire.check(answer)
        return answer

    def _stream(
        self, method: Callable[..., Iterable[MessageT]], request: Message
    ) -> Iterator[MessageT]:
        wire.check(request)
        call: Any = method(request, metadata=self._metadata, timeout=STREAM_SECONDS)
        try:
            with client_errors():
                for message in call:
                    wire.check(message)
                    yield message
        finally:
            call.cancel()


def _checked(messages: Iterable[MessageT]) -> Iterator[MessageT]:
    for each in messages:
        wire.check(each)
        yield each
