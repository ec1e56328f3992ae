"""What every store promises about accounts."""

import asyncio
from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.paging import PageRequest
from orchestrator.people.account import Account
from orchestrator.people.roles import Role
from orchestrator.storage.stores import Stores
from tests.fleet_records import NOW


def account(number: int = 1, name: str = "alice", role: Role = Role.OPERATOR) -> Account:
    return Account(f"{number:016x}", name, role, f"{number:064x}", NOW, "root", NOW + 3600)


async def refused(stores: Stores, given: Account) -> Fault:
    with pytest.raises(FieldwiseError) as raised:
        await stores.accounts.add(given)
    return raised.value.fault


class TestAccountStore:
    @pytest.mark.parametrize("role", Role)
    async def test_an_account_is_kept_as_it_was_made(self, stores: Stores, role: Role) -> None:
        for made in (account(1, "a", role), replace(account(2, "b", role), expires_at=None)):
            kept = await stores.accounts.add(made)
            assert replace(kept, number=0) == made
            assert await stores.accounts.get(made.id) == kept
        assert await stores.accounts.get("0" * 16) is None
        assert await stores.accounts.get("a\0") is None

    async def test_a_name_is_given_once_while_it_is_in_force(self, stores: Stores) -> None:
        await stores.accounts.add(account(1))
        assert await refused(stores, account(2)) is Fault.ALREADY_EXISTS
        await stores.accounts.revoke("alice", NOW + 1)
        await stores.accounts.add(account(2))
        assert await refused(stores, account(3)) is Fault.ALREADY_EXISTS

    async def test_of_many_at_once_one_gets_the_name(self, stores: Stores) -> None:
        made = [stores.accounts.add(account(number)) for number in range(1, 7)]
        ended = await asyncio.gather(*made, return_exceptions=True)
        assert sum(isinstance(each, Account) for each in ended) == 1

    async def test_revoking_again_changes_nothing(self, stores: Stores) -> None:
        await stores.accounts.add(account())
        first = await stores.accounts.revoke("alice", NOW + 1)
        assert first.revoked_at == NOW + 1
        assert await stores.accounts.revoke("alice", NOW + 2) == first
        assert await stores.accounts.get(account().id) == first

    async def test_revoking_meets_the_account_that_has_the_name_now(self, stores: Stores) -> None:
        await stores.accounts.add(account(1))
        await stores.accounts.revoke("alice", NOW + 1)
        await stores.accounts.add(account(2, role=Role.VIEWER))
        assert (await stores.accounts.revoke("alice", NOW + 2)).id == account(2).id
        old = await stores.accounts.get(account(1).id)
        assert old is not None
        assert old.revoked_at == NOW + 1

    @pytest.mark.parametrize("name", ["bob", "b\0b"])
    async def test_what_never_was_cannot_be_revoked(self, stores: Stores, name: str) -> None:
        with pytest.raises(FieldwiseError) as raised:
            await stores.accounts.revoke(name, NOW)
        assert raised.value.fault is Fault.NOT_FOUND

    async def test_accounts_come_in_pages_newest_first(self, stores: Stores) -> None:
        for number in range(1, 6):
            await stores.accounts.add(account(number, f"n{number}"))
        first = await stores.accounts.list(PageRequest(3))
        second = await stores.accounts.list(PageRequest(3, first.next_token))
        assert [each.name for each in (*first.items, *second.items)] == [
            "n5",
            "n4",
            "n3",
            "n2",
            "n1",
        ]
        assert second.next_token == ""
