"""Updates as they come from devices, part by part.

An update is put together in memory before anything of it is kept, so what is under way is bounded:
one update of a device, and so many bytes of all, each for as long as they take on a slow link. How
long an update will be follows from its header, which has to fit a round that asks the device before
any more of it is read.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Update, UpdateReceipt
from fieldwise.federation_messages import UpdateReader
from fieldwise.v1alpha1 import device_pb2
from orchestrator.federation.receiving import Receiving
from orchestrator.rpc.translate import invalid
from orchestrator.rpc.translate_federation import submission_from

BYTES_MAX = 256 * 1024 * 1024  # of updates under way; the largest that a plan may ask for has 64
UPLOAD_SECONDS = 60.0  # for any update; whoever holds room for longer keeps others out
BYTES_PER_SECOND = 75 * 1024  # and so much more for its bytes; a device that is slower tries again
RUBBISH = frozenset({Fault.INVALID_ARGUMENT, Fault.OVER_LIMIT, Fault.UNKNOWN_FIELD})

Requests = AsyncIterator[device_pb2.SubmitUpdateRequest]


class Submissions:
    """Takes updates from streams.

    Args:
        receiving: What becomes of them.
        bytes_max: Of all that are under way.
    """

    def __init__(self, receiving: Receiving, bytes_max: int = BYTES_MAX) -> None:
        self._receiving = receiving
        self._bytes_max = bytes_max
        self._under_way: dict[str, int] = {}

    async def receive(self, device: str, requests: Requests) -> UpdateReceipt:
        """Take one update.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` where it does not begin with a header, ``BUSY``
                where others are under way, ``UNAVAILABLE`` where it takes too long, or as
                ``Receiving``.
        """
        first = await anext(requests, None)
        if first is None or first.WhichOneof("part") != "header":
            raise invalid("an update begins with its header")
        sent = submission_from(first.header)
        with self._alone(device):
            receipt = await self._receiving.expect(device, sent)
            if receipt is not None:
                return receipt
            self._take_room(device, sent.update.bytes)
            try:
                seconds = upload_seconds(sent.update.bytes)
                update = await _put_together(UpdateReader(first.header), requests, seconds)
            except FieldwiseError as error:
                if error.fault not in RUBBISH:
                    raise
                return await self._receiving.refuse(device, sent, UpdateReceipt.MALFORMED)
            return await self._receiving.take(device, sent, update)

    @contextmanager
    def _alone(self, device: str) -> Iterator[None]:
        """Keep other calls of a device out: what it announces next ends what it did before."""
        if device in self._under_way:
            raise FieldwiseError(Fault.BUSY, "this device has an update under way already")
        self._under_way[device] = 0
        try:
            yield
        finally:
            del self._under_way[device]

    def _take_room(self, device: str, size: int) -> None:
        others = sum(self._under_way.values())
        if others and others + size > self._bytes_max:
            raise FieldwiseError(Fault.BUSY, "as many updates as are allowed are under way")
        self._under_way[device] = size


def upload_seconds(size: int) -> float:
    """Return how long an update of so many bytes may hold its room."""
    return UPLOAD_SECONDS + size / BYTES_PER_SECOND


async def _put_together(reader: UpdateReader, requests: Requests, seconds: float) -> Update:
    try:
        async with asyncio.timeout(seconds):
            async for request in requests:
                part = request.WhichOneof("part")
                if part == "rows":
                    reader.rows(request.rows)
                elif part == "scatter":
                    reader.scatter(request.scatter)
                else:
                    raise invalid("an update has one header, and then rows and scatter")
    except TimeoutError as error:
        raise FieldwiseError(
            Fault.UNAVAILABLE, f"an update took more than {seconds:.0f} s"
        ) from error
    return reader.finish()
