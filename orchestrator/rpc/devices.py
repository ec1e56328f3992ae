"""What devices call over mutual TLS; who calls was found out by ``rpc.interceptors``."""

import asyncio
from collections.abc import AsyncIterator, Callable

from fieldwise.calls import Context
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import device_pb2, device_pb2_grpc
from orchestrator.enrolment.service import Enrolment
from orchestrator.fleet.check_in import CheckIns, Orders, StartPermit
from orchestrator.ports import BundleStore
from orchestrator.rpc import translate
from orchestrator.rpc.enrolment import credentials_to
from orchestrator.rpc.interceptors import calling_device


class DeviceServicer(device_pb2_grpc.DeviceServicer):
    """The device API.

    Args:
        check_ins: Reports and orders.
        enrolment: Membership.
        bundles: Content by digest.
        device_address: host:port of this API as devices are told it.
        downloads_max: Downloads at the same time.
        downloaded: Told the size of every piece that is sent.
    """

    def __init__(
        self,
        check_ins: CheckIns,
        enrolment: Enrolment,
        bundles: BundleStore,
        *,
        device_address: str,
        downloads_max: int,
        downloaded: Callable[[int], None],
    ) -> None:
        self._check_ins = check_ins
        self._enrolment = enrolment
        self._bundles = bundles
        self._device_address = device_address
        self._downloads = asyncio.Semaphore(downloads_max)
        self._downloaded = downloaded

    async def CheckIn(
        self, request: device_pb2.CheckInRequest, context: Context
    ) -> device_pb2.CheckInResponse:
        report = translate.report_from(request)
        return orders_to(await self._check_ins.check_in(calling_device(), report))

    async def Download(
        self, request: device_pb2.DownloadRequest, context: Context
    ) -> AsyncIterator[device_pb2.DownloadResponse]:
        digest = translate.digest_from(request.digest)
        offset = translate.whole(request.offset, "offset")
        if self._downloads.locked():
            raise FieldwiseError(Fault.BUSY, "as many downloads as are allowed are under way")
        async with self._downloads:
            total = await self._bundles.size(digest)
            if total is None:
                raise FieldwiseError(Fault.NOT_FOUND, f"there is no content {digest[:12]} here")
            async for piece in self._bundles.read(digest, offset):
                yield device_pb2.DownloadResponse(offset=offset, content=piece, total_bytes=total)
                offset += len(piece)
                self._downloaded(len(piece))

    async def Renew(
        self, request: device_pb2.RenewRequest, context: Context
    ) -> device_pb2.RenewResponse:
        credentials = await self._enrolment.renew(calling_device(), request.certificate_request)
        return device_pb2.RenewResponse(
            credentials=credentials_to(credentials, self._device_address)
        )

    async def Leave(
        self, request: device_pb2.LeaveRequest, context: Context
    ) -> device_pb2.LeaveResponse:
        await self._enrolment.leave(calling_device())
        return device_pb2.LeaveResponse()


def orders_to(orders: Orders) -> device_pb2.CheckInResponse:
    return device_pb2.CheckInResponse(
        target=translate.target_to(orders.target) if orders.target else None,
        permit=_permit_to(orders.permit) if orders.permit else None,
        settings=translate.revision_to(orders.settings) if orders.settings else None,
        next_seconds=orders.next_seconds,
        unix_seconds=orders.unix_seconds,
    )


def _permit_to(permit: StartPermit) -> device_pb2.StartPermit:
    return device_pb2.StartPermit(generation=permit.generation, seconds=permit.seconds)
