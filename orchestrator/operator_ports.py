"""What a login by somebody else's word needs of whoever gives it; the terms of ``ports`` hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from orchestrator.paging import Page, PageRequest
from orchestrator.people.account import Account
from orchestrator.rights import Right


@dataclass(frozen=True, slots=True)
class Person:
    """Who calls, as whoever knows the token calls them: a human, or an account of a program."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


class People(Protocol):
    async def identify(self, token: str) -> Person | None:
        """Say whose token it is; None for nobody's, or where it is meant for somebody else."""
        ...

    async def may(self, person: Person, right: Right) -> bool:
        """Tell whether a person has a right."""
        ...


class Tokens(Protocol):
    async def claims(self, token: str) -> Mapping[str, Any]:
        """Return what a token says, once it is known that its issuer has signed it.

        Raises:
            FieldwiseError: ``UNAUTHENTICATED``, or ``UNAVAILABLE`` while nobody can say.
        """
        ...


class AccountStore(Protocol):
    """Accounts of operators; those that were revoked stay, so that their names mean something."""

    async def add(self, account: Account) -> Account:
        """Keep a fresh account; return it with its number.

        Raises:
            FieldwiseError: ``ALREADY_EXISTS`` while one that is not revoked has the name.
        """
        ...

    async def get(self, account_id: str) -> Account | None: ...

    async def named(self, name: str) -> Account | None:
        """Return the newest of a name, in force or not."""
        ...

    async def list(self, page: PageRequest) -> Page[Account]: ...

    async def revoke(self, name: str, now: float) -> Account:
        """Mark as revoked; again is no error and changes nothing.

        Raises:
            FieldwiseError: ``NOT_FOUND`` where there never was one of that name.
        """
        ...
