"""What admins call about accounts; who calls was found out by ``rpc.interceptors``."""

from fieldwise.calls import Context
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import account_pb2 as messages
from fieldwise.v1alpha1 import account_pb2_grpc
from orchestrator.paging import PageRequest
from orchestrator.people.account_views import view_account
from orchestrator.people.accounts import Accounts
from orchestrator.rpc import translate_accounts as to_wire
from orchestrator.rpc.interceptors import calling_operator


class AccountServicer(account_pb2_grpc.AccountsServicer):
    """The service for accounts.

    Args:
        accounts: The use cases behind it.
        open_doors: Whether a token of an account lets anybody in here; otherwise none is made.
    """

    def __init__(self, accounts: Accounts, *, open_doors: bool) -> None:
        self._accounts = accounts
        self._open_doors = open_doors

    async def CreateAccount(
        self, request: messages.CreateAccountRequest, context: Context
    ) -> messages.CreateAccountResponse:
        if not self._open_doors:
            raise FieldwiseError(
                Fault.ILLEGAL_COMMAND,
                "accounts open nothing here: operator_login says that others know who operates",
            )
        opened = await self._accounts.create(
            request.name,
            to_wire.role_from(request.role),
            request.lifetime_seconds,
            calling_operator(),
        )
        return messages.CreateAccountResponse(
            account=to_wire.account_to(view_account(opened.account)), token=opened.token
        )

    async def ListAccounts(
        self, request: messages.ListAccountsRequest, context: Context
    ) -> messages.ListAccountsResponse:
        page = await self._accounts.list(PageRequest(request.page_size, request.page_token))
        return messages.ListAccountsResponse(
            accounts=[to_wire.account_to(view_account(each)) for each in page.items],
            next_page_token=page.next_token,
        )

    async def RevokeAccount(
        self, request: messages.RevokeAccountRequest, context: Context
    ) -> messages.RevokeAccountResponse:
        account = await self._accounts.revoke(request.name)
        return messages.RevokeAccountResponse(account=to_wire.account_to(view_account(account)))
