"""Accounts over the wire: made, listed, used and revoked, and never shown twice."""

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.people.account import presented
from orchestrator.people.roles import Role
from tests.sites import NOW, Site


async def test_an_account_operates_within_its_role_until_it_is_revoked(site: Site) -> None:
    async with site.operator() as root:
        opened = await root.accounts.create("alice", Role.VIEWER, 3600)
        assert opened.account.created_by == "root"
        assert opened.account.expires_at is not None
        assert opened.account.expires_at.timestamp() == NOW + 3600
        async with site.operator(opened.token) as alice:
            assert (await alice.fleet()).fleet == "plant-7"
            with pytest.raises(FieldwiseError) as raised:
                await alice.create_ticket(1, 3600, {})
            assert raised.value.fault is Fault.PERMISSION_DENIED
            await root.accounts.revoke("alice")
            with pytest.raises(FieldwiseError) as raised:
                await alice.fleet()
            assert raised.value.fault is Fault.UNAUTHENTICATED


async def test_a_token_is_shown_once_and_nowhere_else(site: Site) -> None:
    async with site.operator() as root:
        opened = await root.accounts.create("ci", Role.ADMIN, 0)
        listed = (await root.accounts.list()).items
    given = presented(opened.token)
    assert given is not None
    assert listed == (opened.account,)
    assert given.secret not in repr(listed)
    assert opened.account.expires_at is None


async def test_an_operator_cannot_make_himself_an_admin(site: Site) -> None:
    async with site.operator() as root:
        opened = await root.accounts.create("bob", Role.OPERATOR, 3600)
    async with site.operator(opened.token) as bob:
        for deed in (bob.accounts.create("eve", Role.ADMIN, 0), bob.accounts.revoke("bob")):
            with pytest.raises(FieldwiseError) as raised:
                await deed
            assert raised.value.fault is Fault.PERMISSION_DENIED
