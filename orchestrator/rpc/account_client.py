"""The calls about accounts as commands see them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldwise.v1alpha1 import account_pb2 as messages
from orchestrator.paging import PAGE_SIZE_MAX, Page
from orchestrator.people.account_views import AccountView
from orchestrator.people.roles import Role
from orchestrator.rpc import translate_accounts as from_wire
from orchestrator.rpc.calling import Calling

if TYPE_CHECKING:
    from fieldwise.v1alpha1.account_pb2_grpc import AccountsAsyncStub  # only the types have it


@dataclass(frozen=True, slots=True)
class CreatedAccount:
    """A fresh account and its token, which is shown once."""

    account: AccountView
    token: str


class AccountClient(Calling):
    """Calls one server about accounts; every method raises ``FieldwiseError`` and nothing else.

    Args:
        stub: The service over an open channel.
        token: The operator token.
    """

    def __init__(self, stub: "AccountsAsyncStub", token: str) -> None:
        super().__init__(token)
        self._stub = stub

    async def create(self, name: str, role: Role, lifetime_seconds: int) -> CreatedAccount:
        """Make an account; it is not tried twice, as its name would then be taken."""
        request = messages.CreateAccountRequest(
            name=name, role=from_wire.ROLES[role], lifetime_seconds=lifetime_seconds
        )
        answer = await self._call(self._stub.CreateAccount, request)
        return CreatedAccount(from_wire.account_from(answer.account), answer.token)

    async def list(self, token: str = "") -> Page[AccountView]:
        """Return accounts, newest first, revoked ones among them."""
        request = messages.ListAccountsRequest(page_size=PAGE_SIZE_MAX, page_token=token)
        answer = await self._call(self._stub.ListAccounts, request)
        return Page(tuple(map(from_wire.account_from, answer.accounts)), answer.next_page_token)

    async def revoke(self, name: str) -> AccountView:
        request = messages.RevokeAccountRequest(name=name)
        answer = await self._call(self._stub.RevokeAccount, request)
        return from_wire.account_from(answer.account)
