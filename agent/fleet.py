"""The device's place in a fleet: outside, or one membership and one connection.

Everything local works in both. Joining keeps the key it asked with until there is an answer, so a
join that lost its answer is repeated and becomes the same device. Should that one have been removed
meanwhile, the key goes and a fresh one joins. Where the fleet takes its time to decide, ticket and
key are kept, and it is asked again. A renewal replaces the key as well, and takes effect for the
next call; calls under way end on the old connection.

A membership brings the root of the fleet's publisher (``agent.update.trusting``). Joining begins
from it, since the ticket has authenticated that connection; a renewal brings one only to a member
from before there was any. All else about a publisher comes by the publisher's own signature.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from agent.federation.standing import Task
from agent.federation_ports import MayLeave
from agent.ports import Identity, Orchestrator
from agent.reporting import (
    Application,
    Credentials,
    DeviceFacts,
    DiagnosisAnswer,
    Membership,
    Orders,
    Pending,
    Piece,
    Report,
)
from agent.trust_ports import Roots
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Update, UpdateReceipt
from fieldwise.ticket import Ticket, decode_ticket

RENEW_SHARES = (0.7, 0.9)  # of a certificate's life: after that a try a minute has days to succeed

Connect = Callable[[Membership], Orchestrator]
Enrol = Callable[[Ticket, bytes, DeviceFacts], Awaitable[Credentials | Pending]]
Revive = Callable[[Membership, bytes], Awaitable[Credentials]]

_log = structlog.get_logger()


class Fleet:
    """Joining, leaving, renewing, and the calls in between.

    Args:
        identity: Where the membership is kept.
        connect: Opens a connection as a member.
        enrol: Trades a ticket and a certificate request for credentials.
        roots: Where the publisher's root goes that comes with a membership.
        revive: Trades a proof of the old key, and a certificate request, for credentials.
    """

    def __init__(
        self, identity: Identity, connect: Connect, enrol: Enrol, roots: Roots, revive: Revive
    ) -> None:
        self._roots = roots
        self._identity = identity
        self._connect = connect
        self._enrol = enrol
        self._revive = revive
        self._lock = asyncio.Lock()
        self._orchestrator: Orchestrator | None = None
        self.membership: Membership | None = identity.read()
        self.application: Application | None = identity.application()
        self.complaint = ""  # why asking for a membership came to nothing, or has not come to any
        self.changed = asyncio.Event()
        self.applied = asyncio.Event()  # what it has applied for is another thing, or nothing
        if self.membership is None:
            self._trust_nobody()

    def _trust_nobody(self) -> None:
        """Forget a publisher that outlived its membership, or came before one that never was.

        Both take two writes, between which the process or the power may end. An owner outside any
        fleet would be refused his own bundles then, and there would be nothing to leave.
        """
        try:
            if self._roots.trusted().is_pinned:
                self._roots.begin(b"")
                _log.info("no publisher is trusted outside a fleet")
        except FieldwiseError as error:
            _log.warning("a publisher is still trusted outside a fleet", reason=error.sentence)

    async def join(self, ticket_text: str, facts: DeviceFacts) -> Membership | Application:
        """Become a member, or wait for the fleet's word; ``Applying`` asks again then.

        Raises:
            FieldwiseError: ``ALREADY_JOINED``, ``TICKET_INVALID``, ``ADMISSION_REFUSED``,
                ``UNREACHABLE``.
        """
        decode_ticket(ticket_text)
        async with self._lock:
            if self.membership is not None:
                raise FieldwiseError(
                    Fault.ALREADY_JOINED, f"this device is a member of {self.membership.fleet}"
                )
            return await self._apply(ticket_text, facts)

    async def ask_again(self, facts: DeviceFacts) -> None:
        """Ask the fleet whose word is waited for; without one, do nothing.

        Raises:
            FieldwiseError: Why there is no answer, or what kind of no it was.
        """
        async with self._lock:
            if self.membership is None and self.application is not None:
                await self._apply(self.application.ticket, facts)

    async def leave(self) -> bool:
        """Stop being a member, or waiting; returns whether the orchestrator could be told.

        Raises:
            FieldwiseError: ``NOT_JOINED``.
        """
        async with self._lock:
            waited = self.membership is None and self.application is not None
            told = False if waited else await self._tell_leaving()
            self._identity.remove()
            await asyncio.to_thread(self._roots.begin, b"")
            await self._replace(None)
            return told

    async def renew(self) -> None:
        """Trade the certificate for one of a fresh key.

        Raises:
            FieldwiseError: What the orchestrator says; the old certificate stays.
        """
        async with self._lock:
            key = _fresh_key()
            member = self._member()
            credentials = await self._current().renew(_request_of(key))
            await self._go_on_as(member, credentials, key)

    async def revive(self) -> None:
        """Get a certificate for a fresh key by proving the old one, whose certificate is over.

        Raises:
            FieldwiseError: What the orchestrator says; everything stays as it is.
        """
        async with self._lock:
            key = _fresh_key()
            member = self._member()
            credentials = await self._revive(member, _request_of(key))
            await self._go_on_as(member, credentials, key)

    def is_over(self, unix_seconds: float) -> bool:
        """Whether the certificate has ended, by the fleet's time as far as it is known."""
        if self.membership is None:
            return False
        _, end = _validity(self.membership.certificate)
        return datetime.fromtimestamp(unix_seconds, UTC) > end

    def renewal_due(self, unix_seconds: float) -> bool:
        """Whether the certificate is old enough to renew, by the fleet's time.

        When that is lies in the certificate itself, which is as good as chance: devices that joined
        together do not renew together, nor is it the same share at the next renewal, and a device
        that starts anew every hour draws no lot every hour.
        """
        if self.membership is None:
            return False
        begin, end = _validity(self.membership.certificate)
        share = _renewal_share(self.membership.certificate)
        return datetime.fromtimestamp(unix_seconds, UTC) >= begin + (end - begin) * share

    async def check_in(self, report: Report) -> Orders:
        """See ``Orchestrator.check_in``; ``NOT_JOINED`` outside a fleet."""
        revision = self._member().trust_revision
        return await self._current().check_in(replace(report, trust_revision=revision))

    async def answer_diagnosis(self, answer: DiagnosisAnswer) -> None:
        """See ``Orchestrator.answer_diagnosis``; ``NOT_JOINED`` outside a fleet."""
        await self._current().answer_diagnosis(answer)

    async def fetch_task(self, campaign: str, round_number: int) -> Task:
        """See ``Campaigns.fetch_task``; ``NOT_JOINED`` outside a fleet."""
        return await self._current().fetch_task(campaign, round_number)

    async def submit_update(
        self, update: Update, words: str, may_leave: MayLeave
    ) -> tuple[UpdateReceipt, int] | None:
        """See ``Campaigns.submit_update``; ``NOT_JOINED`` outside a fleet."""
        return await self._current().submit_update(update, words, may_leave)

    def download(self, digest: str, offset: int) -> AsyncGenerator[Piece]:
        """See ``Orchestrator.download``; ``NOT_JOINED`` outside a fleet."""
        return self._current().download(digest, offset)

    async def metadata(self, name: str) -> bytes:
        """See ``MetadataSource.metadata``; ``NOT_JOINED`` outside a fleet."""
        return await self._current().metadata(name)

    async def close(self) -> None:
        """End the connection, if there is one."""
        if self._orchestrator is not None:
            await self._orchestrator.close()
            self._orchestrator = None

    async def _apply(self, text: str, facts: DeviceFacts) -> Membership | Application:
        try:
            try:
                given = await self._ask(text, facts)
            except FieldwiseError as error:
                if error.fault is not Fault.DEVICE_REMOVED:
                    raise
                self._identity.forget_key()
                given = await self._ask(text, facts)
        except FieldwiseError as error:
            await self._note_failure(text, error)
            raise
        self.complaint = ""
        if isinstance(given, Membership):
            await self._adopt(given)
        elif given != self.application:
            await asyncio.to_thread(self._identity.apply, given)
            self._await(given)
            _log.info("waits to be accepted", fleet=given.fleet, fingerprint=given.fingerprint)
        return given

    async def _ask(self, text: str, facts: DeviceFacts) -> Membership | Application:
        ticket, key = decode_ticket(text), self._identity.pending_key(_fresh_key)
        given = await self._enrol(ticket, _request_of(key), facts)
        if not isinstance(given, Pending):
            # Whoever trusted another fleet's publisher trusts this one's instead, before it counts.
            await asyncio.to_thread(self._roots.begin, given.publisher_root)
            return _membership(given, key, ticket.address)
        fingerprint = _fingerprint_of(key)
        if given.fingerprint != fingerprint:
            raise FieldwiseError(
                Fault.INTERNAL, f"the fleet {ticket.fleet} answers about another device's key"
            )
        return Application(text, ticket.fleet, fingerprint, given.retry_seconds)

    async def _note_failure(self, text: str, error: FieldwiseError) -> None:
        """Wait no more for a fleet that said no; one that said nothing is asked again."""
        if self.application is not None or error.fault is Fault.ADMISSION_REFUSED:
            self.complaint = error.sentence
        if error.fault is Fault.ADMISSION_REFUSED:  # another key begins anew
            await asyncio.to_thread(self._identity.remove)
            self._await(None)
        elif error.fault is Fault.TICKET_INVALID and self._waits_with(text):
            await asyncio.to_thread(self._identity.apply, None)
            self._await(None)

    def _waits_with(self, text: str) -> bool:
        return self.application is not None and self.application.ticket == text

    def _await(self, application: Application | None) -> None:
        self.application = application
        self.applied.set()

    def _current(self) -> Orchestrator:
        member = self._member()
        if self._orchestrator is None:
            self._orchestrator = self._connect(member)
        return self._orchestrator

    def _member(self) -> Membership:
        if self.membership is None:
            raise FieldwiseError(Fault.NOT_JOINED, "this device is not a member of a fleet")
        return self.membership

    async def _tell_leaving(self) -> bool:
        try:
            await self._current().leave()
        except FieldwiseError as error:
            if error.fault is Fault.NOT_JOINED:
                raise
            _log.warning("the orchestrator was not told", reason=error.sentence)
            return False
        return True

    async def _go_on_as(self, member: Membership, credentials: Credentials, key: bytes) -> None:
        await self._adopt(_membership(credentials, key, member.enrolment_address))
        if credentials.publisher_root and not self._roots.trusted().is_pinned:
            await asyncio.to_thread(self._roots.begin, credentials.publisher_root)
            _log.info("the fleet's publisher is trusted from now on")

    async def _adopt(self, membership: Membership) -> None:
        await asyncio.to_thread(self._identity.write, membership)
        await self._replace(membership)

    async def _replace(self, membership: Membership | None) -> None:
        await self.close()
        self.membership = membership
        self.changed.set()
        self._await(None)


def _membership(credentials: Credentials, key: bytes, enrolment_address: str) -> Membership:
    return Membership(
        device_id=credentials.device_id,
        fleet=credentials.fleet,
        device_address=credentials.device_address,
        key=key,
        certificate=credentials.certificate,
        trust_roots=credentials.trust_roots,
        enrolment_address=enrolment_address,
        trust_revision=credentials.trust_revision,
    )


def _renewal_share(certificate: bytes) -> float:
    lot = int.from_bytes(hashlib.sha256(certificate).digest()[:8]) / 2**64
    earliest, latest = RENEW_SHARES
    return earliest + (latest - earliest) * lot


# 9 MB of cryptography come with the module that is imported below: only members pay for them.


def _fresh_key() -> bytes:
    from fieldwise.identity import generate_key, key_pem  # noqa: PLC0415 - as said

    return key_pem(generate_key())


def _fingerprint_of(key: bytes) -> str:
    from fieldwise.identity import load_key, public_key_der  # noqa: PLC0415 - as said

    return hashlib.sha256(public_key_der(load_key(key).public_key())).hexdigest()


def _request_of(key: bytes) -> bytes:
    from fieldwise.identity import certificate_request, load_key  # noqa: PLC0415 - as said

    return certificate_request(load_key(key))


def _validity(certificate: bytes) -> tuple[datetime, datetime]:
    from fieldwise.identity import load_certificate  # noqa: PLC0415 - as said

    found = load_certificate(certificate)
    return found.not_valid_before_utc, found.not_valid_after_utc
