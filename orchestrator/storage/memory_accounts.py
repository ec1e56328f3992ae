"""Accounts of operators in memory."""

from dataclasses import replace

from orchestrator.paging import Page, PageRequest, page_of
from orchestrator.people.account import Account
from orchestrator.storage import refusals


class MemoryAccounts:
    """``AccountStore``."""

    def __init__(self) -> None:
        self._kept: dict[str, Account] = {}

    async def add(self, account: Account) -> Account:
        for each in self._kept.values():
            if each.id == account.id or (each.name == account.name and each.revoked_at is None):
                raise refusals.account_named(account.name)
        kept = replace(account, number=len(self._kept) + 1)
        self._kept[account.id] = kept
        return kept

    async def get(self, account_id: str) -> Account | None:
        return self._kept.get(account_id)

    async def named(self, name: str) -> Account | None:
        return next((each for each in reversed(self._kept.values()) if each.name == name), None)

    async def list(self, page: PageRequest) -> Page[Account]:
        before = page.after_number
        found = [
            each for each in reversed(self._kept.values()) if before is None or each.number < before
        ]
        return page_of(found[: page.limit + 1], page, lambda each: each.number)

    async def revoke(self, name: str, now: float) -> Account:
        newest = await self.named(name)
        if newest is None:
            raise refusals.no_account(name)
        if newest.revoked_at is None:
            newest = replace(newest, revoked_at=now)
            self._kept[newest.id] = newest
        return newest
