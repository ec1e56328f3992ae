"""The orchestrator over mutual TLS. Each message is checked and in the ledger before it leaves."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import grpc
import structlog
from google.protobuf.message import Message

from agent.federation.standing import Task
from agent.federation_ports import MayLeave
from agent.ledger_ports import Ledger
from agent.ports import Clock
from agent.reporting import (
    Credentials,
    DeviceFacts,
    DiagnosisAnswer,
    Membership,
    Orders,
    Pending,
    Piece,
    Report,
)
from agent.rpc import summaries, translate, translate_federation
from agent.rpc.links import allowed_host, fetched
from fieldwise import wire
from fieldwise.between import Way
from fieldwise.channel import device_channel, pem_of, pinned_channel, proxy_of
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Update, UpdateReceipt
from fieldwise.federation_messages import RECEIPTS, word_of
from fieldwise.status import client_errors
from fieldwise.ticket import Ticket
from fieldwise.v1alpha1 import device_pb2, device_pb2_grpc, enrolment_pb2, enrolment_pb2_grpc

CALL_SECONDS = 30.0  # a check-in over a bad cellular link takes under ten
UPDATE_SECONDS = 900.0  # seven megabytes at 8 kB/s
AGREED_SECONDS = 0.25  # between two looks whether an update that is on its way still may leave
PIECE_SECONDS = 60.0  # a quarter of a mebibyte at 4 kB/s; slower than that counts as broken off

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Departures:
    """The one gate through which messages leave: bounds first, then the ledger."""

    ledger: Ledger
    clock: Clock

    async def note(self, kind: str, message: Message, summary: str) -> None:
        """Write down what is about to leave.

        Raises:
            FieldwiseError: ``OVER_LIMIT``, ``UNKNOWN_FIELD`` or ``DISK_FULL``: it must not leave.
        """
        wire.check(message)
        await asyncio.to_thread(
            self.ledger.append, kind, message.ByteSize(), summary, self.clock.wall()
        )

    async def note_stream(self, kind: str, messages: Iterable[Message], summary: str) -> int:
        """Write down a stream that is about to leave; returns its bytes.

        Raises:
            FieldwiseError: As ``note``: none of it may leave.
        """
        size = await asyncio.to_thread(_checked_bytes, messages)
        await asyncio.to_thread(self.ledger.append, kind, size, summary, self.clock.wall())
        return size

    async def note_link(self, host: str, size_bytes: int, digest: str, offset: int) -> None:
        """Write down what another host is about to be asked for.

        Raises:
            FieldwiseError: ``DISK_FULL``: it must not be asked.
        """
        summary = f"asks {host} for file {digest} from byte {offset:,} on"
        await asyncio.to_thread(
            self.ledger.append, "download by link", size_bytes, summary, self.clock.wall()
        )


class OrchestratorClient:
    """The orchestrator port over one channel.

    Args:
        address: host:port of the device API.
        key: The device's private key, PEM.
        certificate: Its certificate, DER.
        roots: Certificates of the authorities to trust, DER.
        departures: Where everything that leaves passes.
        link_hosts: Hosts from which files may be fetched by link; none without any.
        proxy: The owner's; empty for what the environment says.
    """

    def __init__(
        self,
        address: str,
        key: bytes,
        certificate: bytes,
        roots: tuple[bytes, ...],
        departures: Departures,
        link_hosts: tuple[str, ...] = (),
        proxy: str = "",
    ) -> None:
        trusted = pem_of(*roots)
        self._channel = device_channel(
            address, key=key, certificate=pem_of(certificate), roots=trusted, proxy=proxy
        )
        self._way = Way(address, trusted, proxy_of(address, proxy))
        self._stub = device_pb2_grpc.DeviceStub(self._channel)
        self._departures = departures
        self._link_hosts = link_hosts
        self._proxy = proxy

    async def check_in(self, report: Report) -> Orders:
        request = translate.check_in_request(report)
        await self._departures.note("check-in", request, summaries.check_in(report))
        try:
            response = await _call(self._stub.CheckIn, request)
        except FieldwiseError as error:
            raise await self._way.explained(error) from error
        return translate.orders(response)

    async def download(self, digest: str, offset: int) -> AsyncGenerator[Piece]:
        first: device_pb2.DownloadResponse | None = None
        takes_link = bool(self._link_hosts)
        async with aclosing(self._asked(digest, offset, takes_link=takes_link)) as answers:
            async for first in answers:
                if first.link:
                    break
                yield translate.piece(first)
        if first is None or not first.link:
            return
        begun = False
        try:
            async with aclosing(self._by_link(first, digest)) as pieces:
                async for piece in pieces:
                    begun = True
                    yield piece
        except FieldwiseError as error:
            if begun or error.fault is not Fault.UNREACHABLE:
                raise
            _log.warning("no file by link", reason=error.sentence)
        else:
            return
        async with aclosing(self._asked(digest, offset, takes_link=False)) as answers:
            async for answer in answers:
                yield translate.piece(answer)

    async def _by_link(
        self, told: device_pb2.DownloadResponse, digest: str
    ) -> AsyncGenerator[Piece]:
        host = allowed_host(told.link, self._link_hosts)
        await self._departures.note_link(host, len(told.link), digest, told.offset)
        async with aclosing(
            fetched(told.link, host, told.offset, told.total_bytes, proxy=self._proxy)
        ) as pieces:
            async for piece in pieces:
                yield piece

    async def _asked(
        self, digest: str, offset: int, *, takes_link: bool
    ) -> AsyncGenerator[device_pb2.DownloadResponse]:
        request = device_pb2.DownloadRequest(
            digest=bytes.fromhex(digest), offset=offset, takes_link=takes_link
        )
        await self._departures.note(
            "download request", request, f"asks for file {digest} from byte {offset:,} on"
        )
        with _wire_errors():
            call = self._stub.Download(request)
            try:
                while (message := await _next_message(call)) is not None:
                    yield message
            finally:
                call.cancel()

    async def renew(self, certificate_request: bytes) -> Credentials:
        request = device_pb2.RenewRequest(
            certificate_request=certificate_request,
            knows_publisher=True,
            knows_trust_revision=True,
        )
        await self._departures.note("renewal", request, "asks for a certificate for a fresh key")
        response = await _call(self._stub.Renew, request)
        return translate.credentials(response.credentials)

    async def metadata(self, name: str) -> bytes:
        request = device_pb2.GetMetadataRequest(name=name)
        await self._departures.note("metadata request", request, f"asks for the publisher's {name}")
        response = await _call(self._stub.GetMetadata, request)
        return bytes(response.content)

    async def leave(self) -> None:
        request = device_pb2.LeaveRequest()
        await self._departures.note("leave", request, "leaves the fleet")
        await _call(self._stub.Leave, request)

    async def answer_diagnosis(self, answer: DiagnosisAnswer) -> None:
        request = translate.diagnosis_request(answer)
        await self._departures.note("diagnosis", request, summaries.diagnosis(answer))
        await _call(self._stub.AnswerDiagnosis, request)

    async def fetch_task(self, campaign: str, round_number: int) -> Task:
        request = device_pb2.FetchTaskRequest(campaign_id=campaign, round=round_number)
        summary = f"asks what round {round_number} of campaign {campaign} wants"
        await self._departures.note("task request", request, summary)
        return translate_federation.task_of(await _call(self._stub.FetchTask, request))

    async def submit_update(
        self, update: Update, words: str, may_leave: MayLeave
    ) -> tuple[UpdateReceipt, int] | None:
        parts = translate_federation.submissions(update)
        size = await self._departures.note_stream("federation update", parts, words)
        if not may_leave():  # it takes a while to write down
            return None
        try:
            with _wire_errors():
                again = translate_federation.submissions(update)
                leaving = _while_agreed(again, may_leave)
                call = self._stub.SubmitUpdate(leaving, timeout=UPDATE_SECONDS)
                answer = await _answer_while_agreed(call, may_leave)
        except FieldwiseError:
            if may_leave():
                raise
            return None
        wire.check(answer)
        return word_of(RECEIPTS, answer.receipt), size

    async def close(self) -> None:
        await self._channel.close()


def connected(
    departures: Departures, member: Membership, *, link_hosts: tuple[str, ...] = (), proxy: str = ""
) -> OrchestratorClient:
    """Return a client that calls as a member of a fleet."""
    return OrchestratorClient(
        member.device_address,
        member.key,
        member.certificate,
        member.trust_roots,
        departures,
        link_hosts,
        proxy,
    )


async def enrol(
    ticket: Ticket,
    certificate_request: bytes,
    facts: DeviceFacts,
    departures: Departures,
    proxy: str = "",
) -> Credentials | Pending:
    """Trade a ticket for credentials, or for a wait.

    An orchestrator that does not know of waiting refuses what it does not know, and is asked as it
    was before there was any.

    Raises:
        FieldwiseError: ``TICKET_INVALID`` and what else the orchestrator says, ``UNREACHABLE``,
            ``PROXY_FAILED``, ``TLS_INSPECTED``.
    """
    request: enrolment_pb2.EnrolRequest = translate.enrol_request(
        ticket, certificate_request, facts
    )
    summary, roots = summaries.enrolment(facts, ticket.fleet), pem_of(ticket.authority)
    way = Way(ticket.address, roots, proxy_of(ticket.address, proxy))
    async with pinned_channel(ticket.address, roots=roots, proxy=proxy) as channel:
        method = enrolment_pb2_grpc.EnrolmentStub(channel).Enrol
        await departures.note("enrolment", request, summary)
        try:
            response = await _call(method, request)
        except FieldwiseError as error:
            if error.fault is not Fault.UNKNOWN_FIELD:
                raise await way.explained(error) from error
            request.ClearField("knows_pending")
            await departures.note("enrolment", request, summary)
            response = await _call(method, request)
    return translate.enrolled(response)


@contextmanager
def _wire_errors() -> Iterator[None]:
    """Raise what a call raises as a fault, also when its connection is closed under it.

    A renewed certificate takes effect by a new connection. gRPC tells the calls on the old one that
    they were cancelled, which a task must not take for its own end; a call that was about to begin
    hears that it uses the channel wrongly.
    """
    try:
        with client_errors():
            yield
    except (asyncio.CancelledError, grpc.aio.UsageError) as error:
        task = asyncio.current_task()
        cancelled = isinstance(error, asyncio.CancelledError)
        if cancelled and (task is None or task.cancelling()):
            raise
        raise FieldwiseError(Fault.UNREACHABLE, "the connection was closed under a call") from error


def _checked_bytes(messages: Iterable[Message]) -> int:
    size = 0
    for message in messages:
        wire.check(message)
        size += message.ByteSize()
    return size


def _while_agreed(
    parts: Iterable[device_pb2.SubmitUpdateRequest], may_leave: MayLeave
) -> Iterator[device_pb2.SubmitUpdateRequest]:
    """Parts of an update; gRPC cancels a call whose parts raise something."""
    for part in parts:
        if not may_leave():
            raise FieldwiseError(Fault.CONFLICT, "the owner agrees to this no more")
        yield part


async def _answer_while_agreed(call: Any, may_leave: MayLeave) -> Any:
    """The answer to a call that is cancelled when what it sends may leave no more."""
    answering = asyncio.ensure_future(_answer_to(call))
    try:
        while not answering.done():
            await asyncio.wait((answering,), timeout=AGREED_SECONDS)
            if not may_leave():
                call.cancel()
        return await answering
    finally:
        answering.cancel()


async def _answer_to(call: Any) -> Any:
    return await call


async def _call(method: Any, request: Message) -> Any:
    with _wire_errors():
        response = await method(request, timeout=CALL_SECONDS)
    wire.check(response)
    return response


async def _next_message(call: Any) -> device_pb2.DownloadResponse | None:
    try:
        async with asyncio.timeout(PIECE_SECONDS):
            message = await call.read()
    except TimeoutError as error:
        raise FieldwiseError(
            Fault.UNREACHABLE, f"no piece of the download came within {PIECE_SECONDS:.0f} s"
        ) from error
    if message is grpc.aio.EOF:
        return None
    wire.check(message)
    return cast("device_pb2.DownloadResponse", message)
