"""Accounts as operators see them: without what a token is known by."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.people.account import Account
from orchestrator.people.roles import Role
from orchestrator.views import moment


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account; moments are UTC, and None where there is none."""

    id: str
    name: str
    role: Role
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None


def view_account(seen: Account) -> AccountView:
    return AccountView(
        id=seen.id,
        name=seen.name,
        role=seen.role,
        created_at=moment(seen.created_at),
        created_by=seen.created_by,
        expires_at=None if seen.expires_at is None else moment(seen.expires_at),
        revoked_at=None if seen.revoked_at is None else moment(seen.revoked_at),
    )
