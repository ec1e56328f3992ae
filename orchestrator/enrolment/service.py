"""How a device becomes a member, stays one, and is recognised on every call.

Enrolling is idempotent on the public key, which the request proves to be the caller's own: a device
that lost the answer asks again, with its ticket or any other that stands, and gets the same
identity with a fresh certificate. No ticket is used for that, so it may be one that is used up. A
renewal adds a key; the key that asked stays good until the fresh one is used, so an answer that was
lost locks nobody out, and the next renewal drops what came between. With the first call of the
fresh key the one before is nobody's: whoever finds it later is a stranger. A device that was
removed is refused with every key it ever had, for good: it comes back as another device, with a
fresh key.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import PublicKey, certificate_der, requested_key
from orchestrator.enrolment.applying import Admitted, Applications, Claim, Waiting
from orchestrator.enrolment.authority import (
    DEVICE_SECONDS,
    FIRST_REVISION,
    Issued,
    Signing,
    fingerprint_of,
)
from orchestrator.enrolment.guessing import Guessing
from orchestrator.enrolment.ticket import (
    SECRET_BYTES,
    Ticket,
    check_secret,
    is_same,
    mint,
    used_up,
)
from orchestrator.fleet.device import Caller, DeviceKey, Facts, denied, not_a_member
from orchestrator.paging import Page, PageRequest
from orchestrator.ports import (
    Clock,
    Entropy,
    KnownKey,
    MembershipStore,
    Newcomer,
    TicketStore,
)
from orchestrator.repeats import asked_otherwise, request_fingerprint, ticket_secret

TICKET_ID_BYTES = 8
DEVICE_ID_BYTES = 10  # 80 bits: no two devices of a million meet by chance


@dataclass(frozen=True, slots=True)
class Minted:
    """A fresh ticket with its secret, which is nowhere else."""

    ticket: Ticket
    secret: bytes


@dataclass(frozen=True, slots=True)
class Credentials:
    """A device's identity; certificates in DER, trust roots newest first."""

    device_id: str
    fleet: str
    certificate: bytes
    trust_roots: tuple[bytes, ...]
    trust_revision: int = FIRST_REVISION


class Enrolment:
    """The use cases around membership.

    Args:
        tickets: Where tickets are kept.
        members: Where members and their keys are kept.
        authority: What signs certificates.
        clock: What time it is.
        entropy: Where ids and secrets come from.
        applications: What else than a ticket a newcomer needs.
        certificate_seconds: How long certificates of devices last.
        guessing: What wrong tickets cost; counted by the clock unless it is given.
    """

    def __init__(
        self,
        tickets: TicketStore,
        members: MembershipStore,
        authority: Signing,
        clock: Clock,
        entropy: Entropy,
        applications: Applications,
        certificate_seconds: float = DEVICE_SECONDS,
        guessing: Guessing | None = None,
    ) -> None:
        self._applications = applications
        self._guessing = guessing or Guessing(clock.now)
        self._tickets = tickets
        self._members = members
        self._authority = authority
        self._clock = clock
        self._entropy = entropy
        self._certificate_seconds = certificate_seconds

    async def create_ticket(
        self,
        uses: int,
        lifetime_seconds: int,
        tags: Mapping[str, str],
        request: str = "",
        *,
        needs_word: bool = False,
    ) -> Minted:
        """Make a ticket for some devices and some time; a request that is repeated makes one.

        Raises:
            FieldwiseError: As ``ticket.mint`` and ``repeats.request_fingerprint``, and
                ``INVALID_ARGUMENT`` where that request asked for another ticket.
        """
        secret = ticket_secret(request) if request else self._entropy.token(SECRET_BYTES)
        ticket = mint(
            self._entropy.token(TICKET_ID_BYTES).hex(),
            secret,
            uses=uses,
            lifetime_seconds=lifetime_seconds,
            tags=tags,
            now=self._clock.now(),
            request=request_fingerprint(request),
            needs_word=needs_word,
        )
        kept = await self._tickets.add(ticket)
        if not is_same(kept, ticket):
            raise asked_otherwise(f"the ticket {kept.id}")
        return Minted(kept, secret)

    async def list_tickets(self, page: PageRequest) -> Page[Ticket]:
        return await self._tickets.list(page)

    async def revoke_ticket(self, ticket_id: str) -> Ticket:
        """Let no further device join with a ticket; those that have joined stay.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        return await self._tickets.revoke(ticket_id)

    async def enrol(
        self, ticket_id: str, secret: bytes, request: bytes, facts: Facts, address: str = ""
    ) -> Credentials | Waiting:
        """Trade a ticket and a certificate request (PKCS#10, DER) for credentials, or for a wait.

        Raises:
            FieldwiseError: ``TICKET_INVALID``, ``INVALID_ARGUMENT`` for a bad request,
                ``DEVICE_REMOVED`` for the key of a removed device, or as ``Applications.admit``
                and ``Guessing.checked``.
        """

        async def check() -> Ticket:
            return check_secret(await self._tickets.get(ticket_id), secret)

        ticket = await self._guessing.checked(address, ticket_id, check)
        key = requested_key(request)
        fingerprint = fingerprint_of(key)
        applicant = await self._applications.check(ticket, fingerprint)
        known = await self._members.find_key(fingerprint)
        if known is None:
            claim = Claim(fingerprint, facts, new_device_id(self._entropy.token(DEVICE_ID_BYTES)))
            admitted = await self._applications.admit(ticket, applicant, claim)
            if isinstance(admitted, Waiting):
                return admitted
            credentials = await self._enrol_first(ticket, key, claim, admitted)
            if credentials is not None:
                return credentials
            known = await self._members.find_key(fingerprint)
        if known is None:
            raise used_up(ticket)
        return await self._enrol_again(known, key, self._clock.now())

    async def renew(self, caller: Caller, request: bytes) -> Credentials:
        """Sign a further key of a member.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` for a bad request or the key that asks,
                ``DEVICE_REMOVED``, or ``ALREADY_EXISTS`` for another device's key.
        """
        key, now = requested_key(request), self._clock.now()
        if fingerprint_of(key) == caller.fingerprint:
            raise FieldwiseError(Fault.INVALID_ARGUMENT, "the request is not for a fresh key")
        issued = self._authority.sign_device(key, caller.device, now, self._certificate_seconds)
        await self._members.keep_key(record_of(issued, caller.device), now, caller.fingerprint)
        return credentials_of(self._authority, issued, caller.device)

    async def leave(self, device_id: str) -> None:
        """Take a device out of the fleet, as its owner asks."""
        await self._members.remove(device_id, self._clock.now())

    async def _enrol_first(
        self, ticket: Ticket, key: PublicKey, claim: Claim, granted: Admitted
    ) -> Credentials | None:
        """Admit a device, unless the ticket has no use left or the key has joined meanwhile."""
        device_id, now = granted.device or claim.fresh_id, self._clock.now()
        issued = self._authority.sign_device(key, device_id, now, self._certificate_seconds)
        record = record_of(issued, device_id, ticket.id)
        newcomer = Newcomer(device_id, granted.tags, claim.facts, now, record)
        try:
            if granted.device:
                admitted = await self._applications.enter(newcomer)
            else:
                admitted = await self._members.enrol(newcomer, ticket.id)
        except FieldwiseError as error:
            if error.fault is not Fault.ALREADY_EXISTS:
                raise
            return None
        return credentials_of(self._authority, issued, device_id) if admitted else None

    async def _enrol_again(self, known: KnownKey, key: PublicKey, now: float) -> Credentials:
        device_id = known.key.device
        if known.removed:
            raise not_a_member(device_id)
        if known.denied:
            raise denied(device_id)
        issued = self._authority.sign_device(key, device_id, now, self._certificate_seconds)
        await self._members.keep_key(record_of(issued, device_id), now)
        return credentials_of(self._authority, issued, device_id)


def new_device_id(chance: bytes) -> str:
    """Name a device by letters and digits that no one mistakes for others when read aloud."""
    return "d-" + base64.b32encode(chance).decode().lower()


def credentials_of(authority: Signing, issued: Issued, device_id: str) -> Credentials:
    return Credentials(
        device_id=device_id,
        fleet=authority.fleet,
        certificate=certificate_der(issued.certificate),
        trust_roots=tuple(map(certificate_der, authority.trusted)),
        trust_revision=authority.trust_revision,
    )


def record_of(issued: Issued, device_id: str, ticket_id: str | None = None) -> DeviceKey:
    return DeviceKey(issued.fingerprint, device_id, issued.serial, issued.expires_at, ticket_id)
