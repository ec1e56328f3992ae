"""Accounts: a name, a role and a token of its own for each person and each program that operates.

A token is ``fieldwise-account.ID.SECRET``: the beginning lets programs that look for leaked secrets
find it, the id says whose it is meant to be, and the secret is 32 random bytes. Only the secret's
SHA-256 is kept: who reads the database cannot operate with it, and a slow hash would add nothing to
so many random bits. A name that was revoked may be given again: the id tells the two apart.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.people.roles import Role

SECRET_BYTES = 32
ID_BYTES = 8
MARK = "fieldwise-account"
TOKEN = re.compile(rf"{MARK}\.([0-9a-f]{{16}})\.([A-Za-z0-9_-]{{43}})")
NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?")
# Who has the first token, and what the program does by itself: nobody may pass for one of them.
RESERVED = frozenset({"root", "orchestrator", "restore"})
LIFETIME_SECONDS = (60, 10 * 366 * 24 * 3600)


@dataclass(frozen=True, slots=True)
class Account:
    """An account as stored; ``number`` is given by the store and sorts accounts by age.

    ``expires_at`` is None where it holds until it is revoked.
    """

    id: str
    name: str
    role: Role
    token_hash: str
    created_at: float
    created_by: str
    expires_at: float | None = None
    revoked_at: float | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Presented:
    """What a token says before anybody has looked whether it is true."""

    account_id: str
    secret: str


def made(
    name: str,
    role: Role,
    lifetime_seconds: int,
    *,
    account_id: str,
    secret: bytes,
    now: float,
    by: str,
) -> Account:
    """Make an account; a lifetime of 0 is for as long as nobody revokes it.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a name or a lifetime that it cannot have.
    """
    assert len(secret) == SECRET_BYTES
    low, high = LIFETIME_SECONDS
    if lifetime_seconds and not low <= lifetime_seconds <= high:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"the lifetime is {lifetime_seconds:,} s; it goes from {low:,} to {high:,}, or is 0",
        )
    return Account(
        id=account_id,
        name=_checked(name),
        role=role,
        token_hash=_hash(_text(secret)),
        created_at=now,
        created_by=by,
        expires_at=now + lifetime_seconds if lifetime_seconds else None,
    )


def token_of(account_id: str, secret: bytes) -> str:
    """Return what is shown once, and is the account from then on."""
    return f"{MARK}.{account_id}.{_text(secret)}"


def presented(token: str) -> Presented | None:
    """Read a token; None for one that is no account's whatever is stored."""
    found = TOKEN.fullmatch(token)
    return Presented(found[1], found[2]) if found else None


def recognised(account: Account | None, given: Presented, now: float) -> Account:
    """Return an account whose token it is, and that is in force.

    Someone without the secret learns nothing, not even whether there is such an account.

    Raises:
        FieldwiseError: ``UNAUTHENTICATED``.
    """
    known = account.token_hash if account else _hash("")
    genuine = hmac.compare_digest(known, _hash(given.secret))
    if account is None or not genuine:
        raise unknown()
    if account.revoked_at is not None:
        raise refused(f"the account {account.name} was revoked")
    if account.expires_at is not None and now >= account.expires_at:
        raise refused(f"the token of the account {account.name} has expired; ask for another")
    return account


def unknown() -> FieldwiseError:
    """The same for whoever has no token of ours, however near it comes to one."""
    return refused("the operator token is not the right one")


def refused(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.UNAUTHENTICATED, sentence)


def _checked(name: str) -> str:
    if NAME.fullmatch(name) is None:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"{name[:80]!r} is no name of an account: one has 1 to 64 small letters, digits, "
            "dots, hyphens, underscores and @, and begins and ends with a letter or digit",
        )
    if name in RESERVED:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"the name {name} is not given to accounts")
    return name


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
