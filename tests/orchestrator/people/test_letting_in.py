"""Who is let in by a token of ours, to what, and for how long."""

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.admission import ROOT, TokenAdmission
from orchestrator.people.account import Account
from orchestrator.people.accounts import Accounts
from orchestrator.people.roles import Role, has
from orchestrator.rights import RIGHTS, Login, Operator
from orchestrator.storage.memory_accounts import MemoryAccounts
from tests.fleet_records import CountedEntropy, SetClock

TOKEN = "a-token-of-the-operator"


class Away(MemoryAccounts):
    async def get(self, account_id: str) -> Account | None:
        raise FieldwiseError(Fault.UNAVAILABLE, "the database at db.internal does not answer")


class Door:
    def __init__(self, store: MemoryAccounts | None = None) -> None:
        self.clock, self.store = SetClock(), store or MemoryAccounts()
        self.accounts = Accounts(self.store, self.clock, CountedEntropy())
        self.admission = TokenAdmission(TOKEN, self.store, self.clock)

    async def open(self, role: Role, lifetime: int = 3600) -> str:
        return (await self.accounts.create("alice", role, lifetime, "root")).token

    async def refused(self, token: str, method: str = "GetFleetStatus") -> FieldwiseError:
        with pytest.raises(FieldwiseError) as raised:
            await self.admission.admit(token, method)
        return raised.value


@pytest.mark.parametrize("role", Role)
async def test_an_account_may_call_exactly_what_its_role_may(role: Role) -> None:
    door = Door()
    token = await door.open(role)
    for method, right in RIGHTS.items():
        if has(role, right):
            who = await door.admission.admit(token, method)
            assert (who.name, who.login) == ("alice", Login.ACCOUNT)
        else:
            assert (await door.refused(token, method)).fault is Fault.PERMISSION_DENIED


async def test_who_may_not_hears_what_he_is_and_which_role_would_do() -> None:
    door = Door()
    error = await door.refused(await door.open(Role.VIEWER), "DeleteDevice")
    assert error.sentence == "alice is viewer and may not delete devices: that takes admin"


async def test_a_method_without_a_right_is_closed_to_every_account() -> None:
    door = Door()
    error = await door.refused(await door.open(Role.ADMIN), "Unheard")
    assert error.fault is Fault.PERMISSION_DENIED


async def test_a_revoked_token_opens_nothing_from_then_on() -> None:
    door = Door()
    token = await door.open(Role.ADMIN)
    assert await door.admission.admit(token, "ListAccounts")
    await door.accounts.revoke("alice")
    assert (await door.refused(token)).fault is Fault.UNAUTHENTICATED


async def test_the_name_of_a_revoked_account_goes_to_another_whose_token_is_another() -> None:
    door = Door()
    first = await door.open(Role.ADMIN)
    await door.accounts.revoke("alice")
    second = await door.open(Role.VIEWER)
    assert (await door.refused(first)).fault is Fault.UNAUTHENTICATED
    assert await door.admission.admit(second, "GetFleetStatus")


async def test_an_expired_token_opens_nothing() -> None:
    door = Door()
    token = await door.open(Role.ADMIN, lifetime=60)
    door.clock.pass_by(60)
    assert "has expired" in (await door.refused(token)).sentence


async def test_a_guess_costs_no_look_unless_it_could_be_an_account_s() -> None:
    door = Door(Away())
    assert (await door.refused("a-guess")).fault is Fault.UNAUTHENTICATED


async def test_without_the_database_root_is_let_in_and_nobody_hears_what_is_wrong() -> None:
    door = Door(Away())
    error = await door.refused(f"fieldwise-account.{'0' * 16}.{'s' * 43}")
    assert error.fault is Fault.UNAVAILABLE
    assert "db.internal" not in error.sentence
    assert await door.admission.admit(TOKEN, "DeleteDevice") == ROOT == Operator("root", Login.ROOT)
