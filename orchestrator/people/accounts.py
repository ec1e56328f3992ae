"""Making accounts and taking them back."""

from dataclasses import dataclass

from orchestrator.operator_ports import AccountStore
from orchestrator.paging import Page, PageRequest
from orchestrator.people import account as rules
from orchestrator.people.account import ID_BYTES, SECRET_BYTES, Account
from orchestrator.people.roles import Role
from orchestrator.ports import Clock, Entropy


@dataclass(frozen=True, slots=True)
class Opened:
    """A fresh account with its token, which is nowhere else."""

    account: Account
    token: str


class Accounts:
    """The use cases around accounts.

    Args:
        store: Where they are kept.
        clock: What time it is.
        entropy: Where ids and secrets come from.
    """

    def __init__(self, store: AccountStore, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy

    async def create(self, name: str, role: Role, lifetime_seconds: int, by: str) -> Opened:
        """Make an account.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` as ``account.made``, ``ALREADY_EXISTS`` while
                another has the name.
        """
        secret = self._entropy.token(SECRET_BYTES)
        account = rules.made(
            name,
            role,
            lifetime_seconds,
            account_id=self._entropy.token(ID_BYTES).hex(),
            secret=secret,
            now=self._clock.now(),
            by=by,
        )
        kept = await self._store.add(account)
        return Opened(kept, rules.token_of(kept.id, secret))

    async def list(self, page: PageRequest) -> Page[Account]:
        return await self._store.list(page)

    async def revoke(self, name: str) -> Account:
        """Let the token of an account open nothing from now on, on any replica.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        return await self._store.revoke(name, self._clock.now())
