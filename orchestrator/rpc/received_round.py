"""What an aggregator sends to end a round: its result, the head's file, the strategy's state."""

from collections.abc import AsyncIterable, AsyncIterator

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import worker_pb2 as messages
from orchestrator.federation.campaign import RoundResult
from orchestrator.rpc.translate import invalid, optional_digest_from

HEAD_BYTES_MAX = 512 * 1024**2  # what devices take (fieldwise.global_head)
STATE_BYTES_MAX = 2 * HEAD_BYTES_MAX  # adaptive strategies keep two numbers for each of a head's


class ReceivedRound:
    """A stream of parts, in the one order that it may have; see ``begun``.

    Args:
        result: The first part.
        parts: Those that follow.
    """

    def __init__(
        self, result: RoundResult, parts: AsyncIterator[messages.CommitRoundRequest]
    ) -> None:
        self.result = result
        self._parts = parts
        # A store that has the content already reads none of it.
        self._left = {"head": result.head_bytes, "state": result.state_bytes}

    @classmethod
    async def begun(cls, requests: AsyncIterable[messages.CommitRoundRequest]) -> "ReceivedRound":
        """Read the first part.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` where it is no result, ``OVER_LIMIT`` where more
                than is taken is announced.
        """
        parts = aiter(requests)
        first = await anext(parts, None)
        if first is None or first.WhichOneof("part") != "result":
            raise invalid("a round that is committed begins with its result")
        return cls(_result_from(first.result), parts)

    async def head(self) -> AsyncIterator[bytes]:
        """Yield the head's file.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` where it has another length than was announced.
        """
        async for piece in self._pieces("head"):
            yield piece

    async def state(self) -> AsyncIterator[bytes]:
        """Yield what the strategy keeps; as ``head``, of which whatever was not read is skipped."""
        async for _ in self._pieces("head"):
            pass
        async for piece in self._pieces("state"):
            yield piece

    async def ended(self) -> None:
        """Skip whatever was not read, and make sure that nothing follows.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT``.
        """
        async for _ in self.state():
            pass
        if await anext(self._parts, None) is not None:
            raise invalid("more was sent of the round than was announced")

    async def _pieces(self, name: str) -> AsyncIterator[bytes]:
        while left := self._left[name]:
            part = await anext(self._parts, None)
            piece: bytes = getattr(part, name) if part is not None else b""
            if part is None or part.WhichOneof("part") != name or not piece:
                raise invalid(f"the {name} ends {left:,} bytes before its end")
            if len(piece) > left:
                raise invalid(f"the {name} is longer than was announced")
            self._left[name] = left - len(piece)
            yield piece


def _result_from(message: messages.RoundResult) -> RoundResult:
    head_digest = _check_file("head", message.head_digest, message.head_bytes, HEAD_BYTES_MAX)
    state_digest = _check_file("state", message.state_digest, message.state_bytes, STATE_BYTES_MAX)
    if state_digest and not head_digest:
        raise invalid("a state without a head")
    return RoundResult(
        round=message.round,
        head_digest=head_digest,
        head_bytes=message.head_bytes,
        classes=message.classes,
        classes_held_back=message.classes_held_back,
        rows_left_out=message.rows_left_out,
        state_digest=state_digest,
        state_bytes=message.state_bytes,
    )


def _check_file(name: str, content: bytes, size: int, limit: int) -> str:
    """Return the digest of a file that is announced, "" of none."""
    digest = optional_digest_from(content) or ""
    if bool(digest) is not bool(size):
        raise invalid(f"a {name} has a digest and bytes, or neither")
    if size > limit:
        raise FieldwiseError(
            Fault.OVER_LIMIT, f"the {name} has {size:,} bytes; the limit is {limit:,}"
        )
    return digest
