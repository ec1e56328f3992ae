"""A client of the service for accounts without a server, and what it answers."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchestrator.paging import Page
from orchestrator.people.account_views import AccountView
from orchestrator.people.roles import Role
from orchestrator.rpc.account_client import CreatedAccount

if TYPE_CHECKING:
    from fieldwise.errors import FieldwiseError

THEN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
ACCOUNT = AccountView("a1", "alice", Role.OPERATOR, THEN, "root", None, None)


class CannedAccounts:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.error: FieldwiseError | None = None

    async def create(self, name: str, role: Role, lifetime_seconds: int) -> CreatedAccount:
        self._hear((name, role, lifetime_seconds))
        return CreatedAccount(ACCOUNT, f"fieldwise-account.{'0' * 16}.{'s' * 43}")

    async def list(self, token: str = "") -> Page[AccountView]:
        self._hear(token)
        return Page((ACCOUNT,))

    async def revoke(self, name: str) -> AccountView:
        self._hear(name)
        return ACCOUNT

    def _hear(self, asked: object) -> None:
        self.asked.append(asked)
        if self.error is not None:
            raise self.error
