"""Nothing is changed that could not be written down; what is done already is not taken back."""

import pytest
from structlog.testing import capture_logs

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.audit.custody import ITSELF, SLACK, TOLD_SECONDS, Custody
from orchestrator.audit.entry import Deed, Entry, Kept, Kind, read
from orchestrator.audit.recording import REFUSALS_PER_MINUTE, REFUSALS_PER_PERSON, Recording
from orchestrator.audit_ports import Extent
from orchestrator.people.roles import DeniedError
from orchestrator.rights import Login, Operator
from orchestrator.storage.memory_audit import MemoryAudit
from tests.audits import ALICE, judged
from tests.fleet_records import NOW, SetClock

AWAY = FieldwiseError(Fault.UNAVAILABLE, "the database does not answer")


class Audit(MemoryAudit):
    away = False

    async def append(self, deed: Deed) -> Kept:
        if self.away:
            raise AWAY
        return await super().append(deed)


class Desk:
    def __init__(self) -> None:
        self.store, self.clock, self.failures = Audit(), SetClock(), 0
        self.recording = Recording(self.store, self.clock, self._fail)

    def _fail(self) -> None:
        self.failures += 1

    def entries(self) -> list[Entry]:
        found = [read(each.content) for each in self.store.kept]
        return [each for each in found if each is not None]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_deed_is_a_beginning_and_an_end_that_belong_together(desk: Desk) -> None:
    begun = await desk.recording.begin(ALICE, "Deed", "device d", {"a": 1}, {"b": 2})
    desk.clock.pass_by(2)
    await desk.recording.end(begun, "ok", after={"b": 3})
    first, second = desk.entries()
    assert (first.kind, first.asked, first.before) == (Kind.BEGUN, {"a": 1}, {"b": 2})
    assert (second.kind, second.of, second.outcome) == (Kind.ENDED, first.number, "ok")
    assert second.after == {"b": 3}
    assert (second.who, second.subject, second.at) == ("alice", ALICE.subject, NOW + 2)


async def test_what_cannot_be_written_is_not_begun(desk: Desk) -> None:
    desk.store.away = True
    with pytest.raises(FieldwiseError) as raised:
        await desk.recording.begin(ALICE, "Deed", "", {}, None)
    assert raised.value is AWAY


async def test_an_end_that_cannot_be_written_is_loud_and_no_error(desk: Desk) -> None:
    begun = await desk.recording.begin(ALICE, "Deed", "", {}, None)
    desk.store.away = True
    with capture_logs() as told:
        await desk.recording.end(begun, "ok")
    assert (told[0]["log_level"], told[0]["begun"]) == ("error", 1)
    assert desk.failures == 1
    assert judged(desk.store.kept).open_deeds == (1,)


async def test_refusals_are_written_up_to_so_many_a_minute(desk: Desk) -> None:
    error = DeniedError(ALICE, "alice may not")
    for number in range(3 * REFUSALS_PER_MINUTE):
        other = Operator(f"visitor-{number}", Login.OIDC, f"subject-{number}")
        await desk.recording.refused(other, "DeleteDevice", error)
    assert len(desk.store.kept) == REFUSALS_PER_MINUTE
    desk.clock.pass_by(60)
    await desk.recording.refused(ALICE, "DeleteDevice", error)
    last = desk.entries()[-1]
    assert (last.outcome, last.told) == ("permission-denied", "alice may not")
    desk.store.away = True
    await desk.recording.refused(ALICE, "DeleteDevice", error)
    assert desk.failures == 1


async def test_whoever_is_refused_all_the_time_does_not_hide_what_others_try(desk: Desk) -> None:
    error = DeniedError(ALICE, "may not")
    for _ in range(3 * REFUSALS_PER_MINUTE):
        await desk.recording.refused(ALICE, "DeleteDevice", error)
    mallory = Operator("mallory", Login.ACCOUNT, "0123456789abcdef")
    await desk.recording.refused(mallory, "CreateAccount", error)
    told = [each.who for each in desk.entries()]
    assert told == ["alice"] * REFUSALS_PER_PERSON + ["mallory"]


class Shelf:
    def __init__(self, entries_max: int) -> None:
        self.store, self.clock = MemoryAudit(), SetClock()
        self.shown: list[Extent] = []
        self.custody = Custody(self.store, self.clock, entries_max, self.shown.append)
        self.recording = Recording(self.store, self.clock)

    async def write(self, entries: int, who: str = "alice") -> None:
        for _ in range(entries):
            await self.recording.note(ALICE, f"By{who}", "device d")


async def test_the_leader_keeps_the_log_within_its_bound_and_says_who_cut_it() -> None:
    shelf = Shelf(100)
    await shelf.write(100 + SLACK - 1)
    await shelf.custody.look(1)
    assert len(shelf.store.kept) == 100 + SLACK - 1
    await shelf.write(1)
    await shelf.custody.look(1)
    assert len(shelf.store.kept) == 101  # with the entry that says so
    assert judged(shelf.store.kept, shelf.store.head, shelf.store.cut).is_whole
    last = read(shelf.store.kept[-1].content)
    assert last is not None
    assert (last.who, last.method) == (ITSELF.name, "PruneAudit")
    assert shelf.shown[-1] == Extent(shelf.store.cut, shelf.store.head)


async def test_the_end_of_the_log_is_told_now_and_then_and_only_where_it_moved() -> None:
    shelf = Shelf(100)
    with capture_logs() as told:
        await shelf.custody.look(1)
        await shelf.write(1)
        await shelf.custody.look(1)
        await shelf.write(1)
        await shelf.custody.look(1)
        shelf.clock.pass_by(TOLD_SECONDS)
        await shelf.custody.look(1)
        shelf.clock.pass_by(TOLD_SECONDS)
        await shelf.custody.look(1)
    heads = [each["head"] for each in told]
    assert heads == [str(shelf.store.kept[0].head), str(shelf.store.kept[1].head)]


async def test_entries_are_found_by_name_and_method_page_by_page() -> None:
    shelf = Shelf(10_000)
    await shelf.write(1, "bob")
    await shelf.write(300)
    found, before = await shelf.custody.newest(None, method="Bybob")
    assert (found, before) == ([], 102)
    found, before = await shelf.custody.newest(before, method="Bybob")
    assert [each.number for each in found] == [1]
    assert before is None
    assert (await shelf.custody.newest(None, who="eve"))[0] == []
    assert len((await shelf.custody.newest(None, who="alice"))[0]) == 200
