"""What devices call over mutual TLS; who calls was found out by ``rpc.interceptors``."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from fieldwise.calls import Context
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation_messages import RECEIPTS
from fieldwise.v1alpha1 import device_pb2, device_pb2_grpc
from orchestrator.enrolment.service import Enrolment
from orchestrator.federation.receiving import Receiving
from orchestrator.fleet.answering import Answering
from orchestrator.fleet.check_in import DiagnosisAsked, Orders, StartPermit
from orchestrator.fleet.diagnosing import Diagnosing
from orchestrator.ports import BundleStore
from orchestrator.rollout.withholding import Withholding
from orchestrator.rpc import translate, translate_diagnoses, translate_federation
from orchestrator.rpc.enrolment import credentials_to
from orchestrator.rpc.interceptors import calling, calling_device
from orchestrator.rpc.submissions import Submissions
from orchestrator.trust.serving import Serving

# A device fetches the files of one bundle one after the other; a second stream is a resumed one,
# while the server has not noticed yet that the first is dead.
DOWNLOADS_PER_DEVICE = 2


class DeviceServicer(device_pb2_grpc.DeviceServicer):
    """The device API.

    Args:
        check_ins: Reports and orders.
        enrolment: Membership.
        bundles: Content by digest.
        withholding: What of it may not be had any more.
        diagnosing: What operators ask devices for.
        receiving: What campaigns ask devices for.
        metadata: What publishers signed.
        device_address: host:port of this API as devices are told it.
        downloads_max: Downloads at the same time.
        downloaded: Told the size of every piece that is sent.
        trust_hint: Told a device's trust revision; returns the one that it should have, 0 for none.
    """

    def __init__(
        self,
        check_ins: Answering,
        enrolment: Enrolment,
        bundles: BundleStore,
        withholding: Withholding,
        diagnosing: Diagnosing,
        receiving: Receiving,
        metadata: Serving,
        *,
        device_address: str,
        downloads_max: int,
        downloaded: Callable[[int], None],
        trust_hint: Callable[[int], int] = lambda _: 0,
    ) -> None:
        self._check_ins = check_ins
        self._enrolment = enrolment
        self._bundles = bundles
        self._withholding = withholding
        self._diagnosing = diagnosing
        self._receiving = receiving
        self._metadata = metadata
        self._submissions = Submissions(receiving)
        self._device_address = device_address
        self._downloads = _Downloads(downloads_max)
        self._downloaded = downloaded
        self._trust_hint = trust_hint

    async def CheckIn(
        self, request: device_pb2.CheckInRequest, context: Context
    ) -> device_pb2.CheckInResponse:
        report = translate.report_from(request)
        response = orders_to(await self._check_ins.check_in(calling(), report))
        if report.publisher is not None:
            response.metadata_version = await self._metadata.hint()
        if report.trust_revision is not None:
            response.trust_revision = self._trust_hint(report.trust_revision)
        return response

    async def Download(
        self, request: device_pb2.DownloadRequest, context: Context
    ) -> AsyncIterator[device_pb2.DownloadResponse]:
        digest = translate.digest_from(request.digest)
        await self._withholding.check(digest)
        offset = translate.whole(request.offset, "offset")
        with self._downloads.one_of(calling_device()):
            total = await self._bundles.size(digest)
            if total is None:
                raise await self._withholding.lacking(digest)
            link = await self._bundles.link(digest) if request.takes_link else None
            if link is not None:
                yield device_pb2.DownloadResponse(offset=offset, total_bytes=total, link=link)
                return
            async for piece in self._pieces(digest, offset):
                yield device_pb2.DownloadResponse(offset=offset, content=piece, total_bytes=total)
                offset += len(piece)
                self._downloaded(len(piece))

    async def _pieces(self, digest: str, offset: int) -> AsyncIterator[bytes]:
        try:
            async for piece in self._bundles.read(digest, offset):
                yield piece
        except FieldwiseError as error:
            if error.fault is not Fault.NOT_FOUND:
                raise
            raise await self._withholding.lacking(digest) from error

    async def Renew(
        self, request: device_pb2.RenewRequest, context: Context
    ) -> device_pb2.RenewResponse:
        credentials = await self._enrolment.renew(calling(), request.certificate_request)
        root = await self._metadata.root() if request.knows_publisher else b""
        return device_pb2.RenewResponse(
            credentials=credentials_to(
                credentials,
                self._device_address,
                root,
                tells_revision=request.knows_trust_revision,
            )
        )

    async def GetMetadata(
        self, request: device_pb2.GetMetadataRequest, context: Context
    ) -> device_pb2.GetMetadataResponse:
        return device_pb2.GetMetadataResponse(content=await self._metadata.get(request.name))

    async def Leave(
        self, request: device_pb2.LeaveRequest, context: Context
    ) -> device_pb2.LeaveResponse:
        await self._enrolment.leave(calling_device())
        return device_pb2.LeaveResponse()

    async def AnswerDiagnosis(
        self, request: device_pb2.AnswerDiagnosisRequest, context: Context
    ) -> device_pb2.AnswerDiagnosisResponse:
        answer = translate_diagnoses.answer_from(request)
        await self._diagnosing.answer(calling_device(), request.id, answer)
        return device_pb2.AnswerDiagnosisResponse()

    async def FetchTask(
        self, request: device_pb2.FetchTaskRequest, context: Context
    ) -> device_pb2.FetchTaskResponse:
        task = await self._receiving.task(calling_device(), request.campaign_id, request.round)
        return translate_federation.task_to(task)

    async def SubmitUpdate(
        self, request_iterator: AsyncIterator[device_pb2.SubmitUpdateRequest], context: Context
    ) -> device_pb2.SubmitUpdateResponse:
        receipt = await self._submissions.receive(calling_device(), request_iterator)
        return device_pb2.SubmitUpdateResponse(receipt=RECEIPTS[receipt])


class _Downloads:
    """Those under way, by device; whoever is over a limit is put off."""

    def __init__(self, downloads_max: int) -> None:
        self._max = downloads_max
        self._running: Counter[str] = Counter()

    @contextmanager
    def one_of(self, device: str) -> Iterator[None]:
        if self._running[device] >= DOWNLOADS_PER_DEVICE:
            raise FieldwiseError(
                Fault.BUSY, f"this device has {DOWNLOADS_PER_DEVICE} downloads under way already"
            )
        if self._running.total() >= self._max:
            raise FieldwiseError(Fault.BUSY, "as many downloads as are allowed are under way")
        self._running[device] += 1
        try:
            yield
        finally:
            self._running[device] -= 1
            if not self._running[device]:
                del self._running[device]


def orders_to(orders: Orders) -> device_pb2.CheckInResponse:
    offers = orders.offers
    return device_pb2.CheckInResponse(
        target=translate.target_to(orders.target) if orders.target else None,
        permit=_permit_to(orders.permit) if orders.permit else None,
        settings=translate.revision_to(orders.settings) if orders.settings else None,
        next_seconds=orders.next_seconds,
        unix_seconds=orders.unix_seconds,
        diagnosis=_asked_to(orders.diagnosis) if orders.diagnosis else None,
        round=translate_federation.round_to(offers.round) if offers.round else None,
        head=translate_federation.head_to(offers.head) if offers.head else None,
    )


def _asked_to(asked: DiagnosisAsked) -> device_pb2.DiagnosisRequest:
    return device_pb2.DiagnosisRequest(id=asked.id, seconds=asked.seconds)


def _permit_to(permit: StartPermit) -> device_pb2.StartPermit:
    return device_pb2.StartPermit(
        generation=permit.generation,
        seconds=permit.seconds,
        bytes_per_second=permit.bytes_per_second,
    )
