"""Check-ins of devices whose ledgers are whole, and of some whose are not."""

from dataclasses import replace

import pytest

from fieldwise.ledger import LedgerHead
from orchestrator.fleet.check_in import CheckIns
from orchestrator.fleet.ledger import LedgerRecord, Rewriting
from orchestrator.fleet.report import Report
from orchestrator.storage.memory import memory_stores
from tests.fleet_records import SetClock, caller, join, report


class Fixture:
    def __init__(self) -> None:
        self.clock = SetClock()
        self.stores = memory_stores()
        self.heard: list[Rewriting] = []
        self.check_ins = self.replica()

    def replica(self) -> CheckIns:
        return CheckIns(self.stores.check_ins, self.clock, rewritten=self.heard.append)

    async def tell(self, sequence: int, number: int | None, digest: str = "a") -> None:
        head = None if number is None else LedgerHead(number, digest * 64)
        self.clock.pass_by(60)
        await self.check_ins.check_in(caller("d1"), said(sequence, head))

    async def stored(self) -> LedgerRecord:
        return (await self.stores.check_ins.visitor(caller("d1"))).ledger


def said(sequence: int, head: LedgerHead | None) -> Report:
    return replace(report(sequence), ledger=head)


@pytest.fixture
async def fleet() -> Fixture:
    made = Fixture()
    await join(made.stores, "d1")
    return made


async def test_a_ledger_that_grows_is_kept_with_the_reports_that_wait(fleet: Fixture) -> None:
    for number in range(1, 5):
        await fleet.tell(number, number * 3)
    assert fleet.heard == []
    await fleet.check_ins.flush()
    newest = (await fleet.stored()).newest
    assert newest is not None
    assert newest.head.number == 12


@pytest.mark.parametrize(("number", "digest"), [(2, "a"), (6, "b"), (6, "a")])
async def test_rewriting_is_committed_before_the_reply_and_told_once(
    fleet: Fixture, number: int, digest: str
) -> None:
    for sequence in (1, 2):
        await fleet.tell(sequence, sequence * 3)  # the second waits to be written
    await fleet.tell(3, number, digest)
    assert (await fleet.stored()).rewritings == len(fleet.heard) == 1
    await fleet.tell(4, number + 1, digest)
    await fleet.check_ins.flush()
    assert (await fleet.stored()).rewritings == len(fleet.heard) == 1


async def test_another_replica_sees_what_this_one_was_told(fleet: Fixture) -> None:
    await fleet.tell(1, 9)
    fleet.check_ins = fleet.replica()
    await fleet.tell(2, 4)
    assert fleet.heard == [Rewriting.LOST]


async def test_a_report_that_came_late_or_twice_shows_nothing(fleet: Fixture) -> None:
    for sequence, number in ((3, 9), (2, 6), (3, 9), (1, 3)):
        await fleet.tell(sequence, number)
    assert fleet.heard == []


async def test_an_agent_of_before_tells_no_head_and_is_taken_as_it_is(fleet: Fixture) -> None:
    await fleet.tell(1, None)
    await fleet.check_ins.flush()
    assert (await fleet.stored()).newest is None
