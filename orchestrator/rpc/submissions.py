"""Updates as they come from devices, part by part.

An update is put together in memory before anything of it is kept, so what is under way is bounded:
one update of a device, and so many bytes of all. How long an update will be follows from its
header, which has to fit a round that asks the device before any more of it is read.
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
UPLOAD_SECONDS = 900.0  # the largest at 75 KiB/s; a device that is slower tries again
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
        receipt = await self._receiving.expect(device, sent)
        if receipt is not None:
            return receipt
        with self._room(device, sent.update.bytes):
            try:
                update = await _put_together(UpdateReader(first.header), requests)
            except FieldwiseError as error:
                if error.fault not in RUBBISH:
                    raise
                return await self._receiving.refuse(device, sent, UpdateReceipt.MALFORMED)
            return await self._receiving.take(device, sent, update)

    @contextmanager
    def _room(self, device: str, size: int) -> Iterator[None]:
        if device in self._under_way:
            raise FieldwiseError(Fault.BUSY, "this device has an update under way already")
        if self._under_way and sum(self._under_way.values()) + size > self._bytes_max:
            raise FieldwiseError(Fault.BUSY, "as many updates as are allowed are under way")
        self._under_way[device] = size
        try:
            yield
        finally:
            del self._under_way[device]


async def _put_together(reader: UpdateReader, requests: Requests) -> Update:
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
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
            Fault.UNAVAILABLE, f"an update took more than {UPLOAD_SECONDS:g} s"
        ) from error
    return reader.finish()
