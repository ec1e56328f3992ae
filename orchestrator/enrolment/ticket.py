"""Tickets: the right of a number of devices to join, for a while.

A ticket has a public id and a secret of 32 bytes, random or made of 16 random ones. The store holds
only the secret's SHA-256: who reads the database cannot join with it, and a slow hash would add
nothing to so many random bits.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.tags import check_tags

SECRET_BYTES = 32
USES_MAX = 100_000
LIFETIME_SECONDS = (60, 90 * 24 * 3600)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as stored.

    ``number`` is given by the store and sorts tickets by age; ``request`` is the fingerprint of the
    request that made it (``orchestrator.repeats``); with ``needs_word`` an operator has to accept
    each device, whatever else the fleet asks for.
    """

    id: str
    secret_hash: str
    created_at: float
    expires_at: float
    uses_allowed: int
    uses: int
    revoked: bool
    tags: Mapping[str, str]
    number: int = 0
    request: str = ""
    needs_word: bool = False


def mint(
    ticket_id: str,
    secret: bytes,
    *,
    uses: int,
    lifetime_seconds: int,
    tags: Mapping[str, str],
    now: float,
    request: str = "",
    needs_word: bool = False,
) -> Ticket:
    """Make a fresh ticket.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for uses or a lifetime out of bounds or bad tags.
    """
    assert len(secret) == SECRET_BYTES
    _check("uses", uses, 1, USES_MAX)
    _check("the lifetime in seconds", lifetime_seconds, *LIFETIME_SECONDS)
    return Ticket(
        id=ticket_id,
        secret_hash=hash_secret(secret),
        created_at=now,
        expires_at=now + lifetime_seconds,
        uses_allowed=uses,
        uses=0,
        revoked=False,
        tags=check_tags(tags),
        request=request,
        needs_word=needs_word,
    )


def is_same(ticket: Ticket, other: Ticket) -> bool:
    """Tell whether two tickets are good for the same, whenever they were made."""
    return _good_for(ticket) == _good_for(other)


def _good_for(ticket: Ticket) -> tuple[int, Mapping[str, str], int, bool]:
    life = round(ticket.expires_at - ticket.created_at)
    return ticket.uses_allowed, ticket.tags, life, ticket.needs_word


def hash_secret(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


def check_secret(ticket: Ticket | None, secret: bytes) -> Ticket:
    """Return a ticket that is what it claims to be, whether it stands or not.

    Someone without the secret learns nothing, not even whether the ticket exists.

    Raises:
        FieldwiseError: ``TICKET_INVALID``.
    """
    known = ticket.secret_hash if ticket else hash_secret(b"")
    genuine = hmac.compare_digest(known, hash_secret(secret))
    if ticket is None or not genuine:
        raise refused("the ticket is not known here")
    return ticket


def check_stands(ticket: Ticket, now: float) -> None:
    """Let nothing pass but a ticket that was not revoked and has not expired, whatever its uses.

    Raises:
        FieldwiseError: ``TICKET_INVALID``.
    """
    if ticket.revoked:
        raise refused(f"the ticket {ticket.id} was revoked")
    if now >= ticket.expires_at:
        raise refused(f"the ticket {ticket.id} has expired")


def is_open(ticket: Ticket, now: float) -> bool:
    """Tell whether another device may join with it."""
    return not ticket.revoked and now < ticket.expires_at and ticket.uses < ticket.uses_allowed


def used_up(ticket: Ticket) -> FieldwiseError:
    return refused(f"the ticket {ticket.id} was good for {ticket.uses_allowed} and is used up")


def refused(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.TICKET_INVALID, sentence)


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{name} is {value:,}; it goes from {low:,} to {high:,}"
        )
