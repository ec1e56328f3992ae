"""Who is let in, what is asked of the cluster for it, and how long its word holds."""

from typing import TYPE_CHECKING

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.admission import (
    ROOT,
    TOKEN_CHARACTERS_MAX,
    ClusterAdmission,
    Remembered,
    TokenAdmission,
)
from orchestrator.operator_ports import Person
from orchestrator.rights import RIGHTS, Login, Operator, Right
from orchestrator.storage.memory_accounts import MemoryAccounts
from tests.fleet_records import SetClock

if TYPE_CHECKING:
    from collections.abc import Callable

ADVICE = "`kubectl create token NAME --audience fieldwise` makes one"
ALICES = Operator("alice", Login.KUBERNETES, "1")
ALICE, TOKEN = Person("alice", "1", ("fleet",)), "alices-own-token"


class Told:
    """``People`` by two mappings, which counts what it is asked."""

    def __init__(self) -> None:
        self.people = {TOKEN: ALICE}
        self.rights = {(ALICE, RIGHTS["GetFleetStatus"])}
        self.away = False
        self.takes: Callable[[], None] = lambda: None
        self.asked: list[object] = []

    async def identify(self, token: str) -> Person | None:
        self._ask(token)
        return self.people.get(token)

    async def may(self, person: Person, right: Right) -> bool:
        self._ask(right)
        return (person, right) in self.rights

    def _ask(self, what: object) -> None:
        self.asked.append(what)
        self.takes()
        if self.away:
            raise FieldwiseError(Fault.UNAVAILABLE, "away")


class Door:
    def __init__(self, seconds: float = 10) -> None:
        self.people, self.clock = Told(), SetClock(0)
        self.admission = ClusterAdmission(self.people, ADVICE, seconds, self.clock.now)

    async def refused(self, token: str = TOKEN, method: str = "GetFleetStatus") -> FieldwiseError:
        with pytest.raises(FieldwiseError) as raised:
            await self.admission.admit(token, method)
        return raised.value


@pytest.fixture
def door() -> Door:
    return Door()


async def test_who_is_known_and_may_is_let_in_by_name(door: Door) -> None:
    assert await door.admission.admit(TOKEN, "GetFleetStatus") == ALICES


async def test_who_may_not_is_told_who_he_is_and_what_he_lacks(door: Door) -> None:
    error = await door.refused(method="DeleteDevice")
    assert error.fault is Fault.PERMISSION_DENIED
    assert error.sentence == "alice may not delete devices of fieldwise.dev"


async def test_a_token_that_the_cluster_does_not_take_is_told_how_to_get_one(door: Door) -> None:
    error = await door.refused("somebody-elses")
    assert error.fault is Fault.UNAUTHENTICATED
    assert ADVICE in error.sentence
    assert "somebody-elses" not in error.sentence


async def test_a_method_that_no_right_opens_is_closed_and_nobody_is_asked(door: Door) -> None:
    error = await door.refused(method="Unheard")
    assert error.fault is Fault.PERMISSION_DENIED
    assert door.people.asked == [TOKEN]


@pytest.mark.parametrize(
    "token", ["", "x" * (TOKEN_CHARACTERS_MAX + 1), "tökén", "a\nb", "a\x00b", "\x7f"]
)
async def test_what_is_no_token_never_reaches_the_cluster(door: Door, token: str) -> None:
    assert (await door.refused(token)).fault is Fault.UNAUTHENTICATED
    assert door.people.asked == []


async def test_answers_hold_for_a_while_and_then_are_asked_for_again(door: Door) -> None:
    for _ in range(5):
        await door.admission.admit(TOKEN, "GetFleetStatus")
    assert len(door.people.asked) == 2
    door.clock.pass_by(10)
    await door.admission.admit(TOKEN, "GetFleetStatus")
    assert len(door.people.asked) == 4


async def test_refusals_hold_for_a_while_too(door: Door) -> None:
    for _ in range(5):
        await door.refused("somebody-elses")
        await door.refused(method="DeleteDevice")
    assert len(door.people.asked) == 3


async def test_a_right_that_was_taken_and_a_token_that_was_revoked_end_in_time(door: Door) -> None:
    await door.admission.admit(TOKEN, "GetFleetStatus")
    door.people.rights.clear()
    door.clock.pass_by(10)
    assert (await door.refused()).fault is Fault.PERMISSION_DENIED
    door.people.people.clear()
    door.clock.pass_by(10)
    assert (await door.refused()).fault is Fault.UNAUTHENTICATED


async def test_a_right_that_was_given_begins_in_time(door: Door) -> None:
    await door.refused(method="DeleteDevice")
    door.people.rights.add((ALICE, RIGHTS["DeleteDevice"]))
    door.clock.pass_by(10)
    assert await door.admission.admit(TOKEN, "DeleteDevice") == ALICES


async def test_without_the_cluster_nobody_is_let_in_once_its_word_is_old(door: Door) -> None:
    await door.admission.admit(TOKEN, "GetFleetStatus")
    door.people.away = True
    assert await door.admission.admit(TOKEN, "GetFleetStatus") == ALICES
    assert (await door.refused(method="DeleteDevice")).fault is Fault.UNAVAILABLE
    door.clock.pass_by(10)
    assert (await door.refused()).fault is Fault.UNAVAILABLE
    door.people.away = False
    assert await door.admission.admit(TOKEN, "GetFleetStatus") == ALICES


async def test_an_answer_counts_from_the_moment_at_which_it_was_asked_for(door: Door) -> None:
    door.people.takes = lambda: door.clock.pass_by(2)
    await door.admission.admit(TOKEN, "GetFleetStatus")
    door.clock.pass_by(6)
    await door.admission.admit(TOKEN, "GetFleetStatus")
    assert door.people.asked.count(TOKEN) == 2


async def test_where_nothing_is_to_hold_every_call_asks() -> None:
    door = Door(seconds=0)
    for _ in range(3):
        await door.admission.admit(TOKEN, "GetFleetStatus")
    assert len(door.people.asked) == 6


async def test_invented_tokens_displace_no_one_who_is_known(door: Door) -> None:
    await door.admission.admit(TOKEN, "GetFleetStatus")
    for number in range(6000):
        await door.refused(f"invented-{number}")
    before = len(door.people.asked)
    await door.admission.admit(TOKEN, "GetFleetStatus")
    assert len(door.people.asked) == before


async def test_no_token_is_kept(door: Door) -> None:
    await door.admission.admit(TOKEN, "GetFleetStatus")
    kept = repr([vars(each) for each in vars(door.admission).values() if hasattr(each, "_kept")])
    assert "alice" in kept
    assert TOKEN not in kept


def test_what_is_remembered_is_bounded() -> None:
    remembered: Remembered[int, int] = Remembered(10, SetClock(0).now, most=3)
    for number in range(9):
        remembered.keep(number, 0, number)
    assert len(remembered) == 3
    assert [remembered.get(number) for number in range(9)] == [None] * 6 + [6, 7, 8]


async def test_the_one_token_opens_everything_and_no_other_anything() -> None:
    admission = TokenAdmission(TOKEN, MemoryAccounts(), SetClock())
    assert await admission.admit(TOKEN, "DeleteDevice") == ROOT
    for token in ("", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper()):
        with pytest.raises(FieldwiseError) as raised:
            await admission.admit(token, "GetFleetStatus")
        assert raised.value.fault is Fault.UNAUTHENTICATED
