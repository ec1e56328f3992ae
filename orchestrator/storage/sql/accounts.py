"""Accounts of operators in a database."""

from typing import Any

from sqlalchemy import ColumnElement, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from orchestrator.paging import Page, PageRequest, page_of
from orchestrator.people.account import Account
from orchestrator.people.roles import Role
from orchestrator.storage import refusals
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.operator_tables import accounts


class SqlAccounts:
    """``AccountStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, account: Account) -> Account:
        statement = insert(accounts).values(_values_of(account)).returning(accounts)
        try:
            async with self._database.write() as connection:
                return _account_of((await connection.execute(statement)).mappings().one())
        except IntegrityError as error:
            raise refusals.account_named(account.name) from error

    async def get(self, account_id: str) -> Account | None:
        if not refusals.can_be(account_id):
            return None
        return await self._newest(accounts.c.id == account_id)

    async def named(self, name: str) -> Account | None:
        return await self._newest(accounts.c.name == name) if refusals.can_be(name) else None

    async def list(self, page: PageRequest) -> Page[Account]:
        statement = select(accounts).order_by(accounts.c.number.desc()).limit(page.limit + 1)
        if (before := page.after_number) is not None:
            statement = statement.where(accounts.c.number < before)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return page_of([_account_of(row) for row in rows], page, lambda each: each.number)

    async def revoke(self, name: str, now: float) -> Account:
        if not refusals.can_be(name):
            raise refusals.no_account(name)
        ended = {"revoked_at": now, "name_in_force": None}
        statement = update(accounts).where(accounts.c.name_in_force == name).values(ended)
        async with self._database.write() as connection:
            await connection.execute(statement)
        found = await self.named(name)
        if found is None:
            raise refusals.no_account(name)
        return found

    async def _newest(self, meant: ColumnElement[bool]) -> Account | None:
        statement = select(accounts).where(meant).order_by(accounts.c.number.desc()).limit(1)
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).mappings().one_or_none()
        return _account_of(row) if row else None


def _values_of(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "name_in_force": account.name if account.revoked_at is None else None,
        "role": account.role.value,
        "token_hash": account.token_hash,
        "created_at": account.created_at,
        "created_by": account.created_by,
        "expires_at": account.expires_at,
        "revoked_at": account.revoked_at,
    }


def _account_of(row: RowMapping) -> Account:
    return Account(
        id=row["id"],
        name=row["name"],
        role=Role(row["role"]),
        token_hash=row["token_hash"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        number=row["number"],
    )
