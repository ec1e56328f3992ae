"""The update carried out: over a journal, through crashes at every step."""

import asyncio
import threading
from dataclasses import replace

import pytest

from agent.update.events import (
    Confirmed,
    HoldChanged,
    Installed,
    Pinned,
    RolledBack,
    Targeted,
    Unpinned,
    UpdateState,
)
from agent.update.judging import Conclusion
from agent.update.signs import RESTARTS_MAX
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UNDER_WAY, UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.verdict import Basis, Judgement, Verdict
from tests.fakes.agent import MemoryJournal, TurnedClock
from tests.fakes.installing import (
    ACCEPTED,
    NEW,
    NEW_PAIR,
    OLD,
    OLD_PAIR,
    OTHER,
    SERVING,
    Hands,
    PowerCut,
    Rules,
    begin,
    installer_of,
    journal,
    permit,
    reach,
    settle,
)


async def test_an_update_goes_its_whole_way() -> None:
    hands, book = Hands(), journal()
    state = await settle(await begin(hands, book))
    await asyncio.sleep(0.01)
    assert state.phase is UpdatePhase.ACTIVE
    assert hands.serving == NEW
    assert [each.phase for each in book.states] == [
        UpdatePhase.ACTIVE,
        UpdatePhase.IDLE,
        UpdatePhase.FETCHING,
        UpdatePhase.VERIFYING,
        UpdatePhase.MIGRATING,
        UpdatePhase.JUDGING,
        UpdatePhase.PROBATION,
        UpdatePhase.ACTIVE,
    ]


@pytest.mark.parametrize(
    ("deed", "fault", "failure"),
    [
        ("fetch", Fault.NOT_FOUND, UpdateFailure.NOT_AVAILABLE),
        ("fetch", Fault.DIGEST_MISMATCH, UpdateFailure.DIGEST_MISMATCH),
        ("fetch", Fault.STATE_DAMAGED, UpdateFailure.INTERNAL),
        ("verify", Fault.BUNDLE_INVALID, UpdateFailure.BUNDLE_INVALID),
        ("verify", Fault.BUNDLE_UNSUITABLE, UpdateFailure.UNSUITABLE),
        ("verify", Fault.GRAPH_FAILED, UpdateFailure.LOAD_FAILED),
        ("verify", Fault.GOLDEN_MISMATCH, UpdateFailure.GOLDEN_MISMATCH),
        ("migrate", Fault.STATE_DAMAGED, UpdateFailure.MIGRATION_FAILED),
        ("migrate", Fault.DISK_FULL, UpdateFailure.DISK_FULL),
        ("judge", Fault.GRAPH_FAILED, UpdateFailure.LOAD_FAILED),
        ("watch", Fault.GRAPH_FAILED, UpdateFailure.LOAD_FAILED),
    ],
)
async def test_whatever_fails_the_old_pair_serves_and_the_reason_is_kept(
    deed: str, fault: Fault, failure: UpdateFailure
) -> None:
    hands, book = Hands(faults={deed: fault}), journal()
    state = await settle(await begin(hands, book))
    assert (state.phase, state.failure) == (UpdatePhase.REVERTED, failure)
    assert state.in_use == SERVING.in_use
    assert hands.serving == OLD
    assert book.update() == state


async def test_what_is_declined_never_serves_and_its_verdict_is_kept() -> None:
    refusal = Conclusion(replace(ACCEPTED, judgement=Judgement.DECLINED), UpdateFailure.TOO_SLOW)
    hands, book = Hands(conclusion=refusal), journal()
    state = await settle(await begin(hands, book))
    assert (state.phase, state.failure) == (UpdatePhase.DECLINED, UpdateFailure.TOO_SLOW)
    assert book.update().verdict == replace(refusal.verdict, generation=4)
    assert "before persist" not in hands.done


async def test_what_fails_on_probation_makes_way_for_the_old_pair_without_opening_it() -> None:
    hands, book = Hands(shown=UpdateFailure.PROBATION_ERRORS), journal()
    state = await settle(await begin(hands, book))
    assert (state.phase, state.failure) == (UpdatePhase.REVERTED, UpdateFailure.PROBATION_ERRORS)
    assert (state.in_use, hands.serving, hands.watched) == (OLD_PAIR, OLD, [OLD])
    assert "open" not in hands.done


async def test_after_a_restart_on_probation_the_old_pair_is_opened_to_fall_back_to() -> None:
    book = journal()
    first = await begin(Hands(still_watching=asyncio.Event()), book)
    await reach(first, UpdatePhase.PROBATION)
    await first.stop()
    hands = Hands(serving=NEW, shown=UpdateFailure.PROBATION_LATENCY)
    again = installer_of(book, hands)
    await again.resume()
    assert (await settle(again)).in_use == OLD_PAIR
    assert (hands.serving, hands.watched) == (OLD, [None])
    assert "open" in hands.done


async def test_an_old_pair_that_cannot_be_opened_leaves_the_new_one() -> None:
    book = journal()
    first = await begin(Hands(still_watching=asyncio.Event()), book)
    await reach(first, UpdatePhase.PROBATION)
    await first.stop()
    faults = {"open": Fault.GRAPH_FAILED}
    hands = Hands(serving=NEW, shown=UpdateFailure.PROBATION_ERRORS, faults=faults)
    again = installer_of(book, hands)
    await again.resume()
    state = await settle(again)
    assert (state.phase, state.in_use, state.before) == (UpdatePhase.ACTIVE, NEW_PAIR, None)


async def test_the_owner_goes_back_to_a_pair_that_opens_and_to_no_other() -> None:
    hands, book = Hands(), journal()
    installer = await begin(hands, book)
    await reach(installer, UpdatePhase.ACTIVE)
    hands.faults["open"] = Fault.GRAPH_FAILED
    with pytest.raises(FieldwiseError):
        await installer.tell(RolledBack())
    assert (installer.state.in_use, hands.serving) == (NEW_PAIR, NEW)
    hands.faults.clear()
    assert await installer.tell(RolledBack())
    assert (installer.state.in_use, hands.serving) == (OLD_PAIR, OLD)


async def test_without_room_an_update_waits_and_goes_on_once_there_is() -> None:
    hands, book, rules = Hands(missing_bytes=7), journal(), Rules(HoldChanged(None))
    clock = TurnedClock()
    installer = await begin(hands, book, clock, rules)
    await reach(installer, UpdatePhase.IDLE)
    async with asyncio.timeout(60):
        while installer.state.hold is None:  # noqa: ASYNC110 - the work goes on by itself
            await asyncio.sleep(0)
    assert (installer.state.hold, installer.state.missing_bytes) == (UpdateHold.DISK, 7)
    rules.found = HoldChanged(UpdateHold.DISK, 5)
    await installer.review()
    assert installer.state.missing_bytes == 5
    rules.found, hands.missing_bytes = HoldChanged(None), 0
    await installer.review()
    assert (await settle(installer)).phase is UpdatePhase.ACTIVE


async def test_what_is_held_when_its_permit_ends_waits_for_another() -> None:
    hands, clock, rules = Hands(), TurnedClock(), Rules(HoldChanged(UpdateHold.WINDOW))
    installer = await begin(hands, journal(), clock, rules)
    assert (installer.state.phase, installer.state.hold) == (UpdatePhase.IDLE, UpdateHold.WINDOW)
    clock.seconds += 61
    rules.found = HoldChanged(None)
    await installer.review()
    assert (installer.state.phase, installer.state.hold, hands.done) == (UpdatePhase.IDLE, None, [])
    await permit(installer, clock.monotonic() + 60)
    assert (await settle(installer)).phase is UpdatePhase.ACTIVE


async def test_rules_are_not_asked_where_nothing_could_start() -> None:
    hands, rules = Hands(), Rules(HoldChanged(UpdateHold.WINDOW))
    installer = installer_of(journal(), hands, rules=rules)
    await installer.tell(Targeted(4, NEW))
    await installer.review()
    assert installer.state.hold is None


async def test_a_pinned_backbone_outlasts_every_permit() -> None:
    hands, book = Hands(), journal()
    installer = installer_of(book, hands)
    await installer.tell(Pinned())
    await installer.tell(Targeted(4, NEW))
    await permit(installer)
    assert (installer.state.hold, hands.done) == (UpdateHold.PINNED, [])
    await installer.tell(Unpinned())
    await installer.review()
    assert (await settle(installer)).phase is UpdatePhase.ACTIVE


async def test_the_owners_yes_outlasts_a_restart_and_nothing_is_read_twice() -> None:
    book = journal()
    held = await settle(await begin(Hands(), book, rules=Rules(confirmation=True)))
    assert (held.phase, held.hold) == (UpdatePhase.JUDGING, UpdateHold.CONFIRMATION)
    hands = Hands()
    again = installer_of(book, hands, rules=Rules(confirmation=True))
    await again.resume()
    assert again.state == held
    await again.tell(Confirmed())
    assert (await settle(again)).phase is UpdatePhase.ACTIVE
    assert "judge" not in hands.done


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_was_withdrawn_while_it_waited_does_not_serve(*, restarted: bool) -> None:
    book, hands, rules = journal(), Hands(), Rules(confirmation=True)
    installer = await begin(hands, book, rules=rules)
    assert (await settle(installer)).hold is UpdateHold.CONFIRMATION
    if restarted:
        installer = installer_of(book, hands, rules=rules)
        await installer.resume()
    hands.withdrawn = Fault.BELOW_FLOOR
    await installer.tell(Confirmed())
    state = await settle(installer)
    assert (state.phase, state.failure) == (UpdatePhase.REVERTED, UpdateFailure.BELOW_FLOOR)
    assert (state.in_use, hands.serving) == (OLD_PAIR, OLD)


async def test_what_was_too_little_to_judge_by_is_judged_once_it_is_enough() -> None:
    unsure = Conclusion(Verdict(0, Judgement.HELD, Basis.TOO_FEW))
    hands, rules = Hands(conclusion=unsure), Rules()
    installer = await begin(hands, journal(), rules=rules)
    assert (await settle(installer)).hold is UpdateHold.TOO_FEW
    await installer.review()
    assert installer.state.hold is UpdateHold.TOO_FEW
    rules.enough, hands.conclusion = True, Conclusion(ACCEPTED)
    await installer.review()
    assert (await settle(installer)).phase is UpdatePhase.ACTIVE


async def test_a_permit_that_has_ended_starts_nothing() -> None:
    clock, hands = TurnedClock(), Hands()
    installer = installer_of(journal(), hands, clock)
    await installer.tell(Targeted(4, NEW))
    until = clock.monotonic() + 60
    clock.seconds += 61
    await permit(installer, until)
    assert installer.state.phase is UpdatePhase.IDLE
    assert hands.done == []


async def test_a_journal_that_cannot_be_written_changes_nothing() -> None:
    book, hands = journal(), Hands()
    installer = installer_of(book, hands)
    book.full = True
    with pytest.raises(FieldwiseError) as caught:
        await installer.tell(Installed(NEW))
    assert caught.value.fault is Fault.DISK_FULL
    assert installer.state == SERVING
    assert hands.done == []


async def test_what_cannot_be_tidied_up_takes_nothing_back() -> None:
    book, hands = journal(), Hands(faults={"discard": Fault.DISK_FULL})
    book.write_update(replace(SERVING, before=NEW_PAIR))
    installer = installer_of(book, hands)
    assert await installer.tell(RolledBack())
    assert hands.serving == NEW
    assert book.update().in_use == NEW_PAIR
    assert installer.settled.is_set()


async def test_a_newer_target_ends_the_work_of_the_older() -> None:
    hands = Hands(wait_in_fetch=asyncio.Event())
    installer = await begin(hands, journal())
    await asyncio.sleep(0.01)
    await installer.tell(Targeted(5, OTHER))
    assert (installer.state.phase, installer.state.wanted) == (UpdatePhase.IDLE, OTHER)
    assert hands.serving == OLD


async def test_stopping_leaves_the_journal_where_a_restart_resumes() -> None:
    book, hands = journal(), Hands(wait_in_fetch=asyncio.Event())
    installer = await begin(hands, book)
    await asyncio.sleep(0.01)
    await installer.stop()
    assert book.update().phase is UpdatePhase.FETCHING
    again = installer_of(book, Hands())
    await again.resume()
    assert (await settle(again)).phase is UpdatePhase.ACTIVE


async def test_a_daemon_that_was_stopped_often_is_not_taken_for_one_that_crashed() -> None:
    book = journal()
    installer = await begin(Hands(still_watching=asyncio.Event()), book)
    await reach(installer, UpdatePhase.PROBATION)
    await installer.stop()
    for _ in range(3 * RESTARTS_MAX):
        again = installer_of(book, Hands(serving=NEW, still_watching=asyncio.Event()))
        await again.resume()
        await again.stop()
    assert book.update().phase is UpdatePhase.PROBATION


async def test_stopping_reaches_a_trial_under_way() -> None:
    stopped = threading.Event()
    book, hands = journal(), Hands(on_trial=stopped)
    installer = await begin(hands, book)
    while installer.state.phase is not UpdatePhase.VERIFYING:  # noqa: ASYNC110 - the work goes on by itself
        await asyncio.sleep(0.01)
    await installer.stop()
    assert await asyncio.to_thread(stopped.wait, 30)
    assert book.update().phase is UpdatePhase.VERIFYING
    again = installer_of(book, Hands())
    await again.resume()
    assert (await settle(again)).phase is UpdatePhase.ACTIVE


class CuttingJournal(MemoryJournal):
    """Loses power at its n-th write, either just before the write or just after it."""

    def __init__(self, writes: int, *, before: bool) -> None:
        super().__init__([SERVING])
        self._writes = writes
        self._before = before

    def write_update(self, state: UpdateState) -> None:
        self._writes -= 1
        if self._writes == 0 and self._before:
            raise PowerCut
        super().write_update(state)
        if self._writes == 0:
            raise PowerCut


async def until_cut(hands: Hands, book: MemoryJournal) -> None:
    """Run an update until the power goes, wherever in it that is."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)
    try:
        installer = await begin(hands, book)
        async with asyncio.timeout(60):
            while installer.state.phase in UNDER_WAY:
                task = installer._task
                if task is not None and task.done():
                    task.result()
                await asyncio.sleep(0)
            await asyncio.sleep(0.01)
    except PowerCut:
        return


def assert_one_pair(book: MemoryJournal) -> None:
    """What a start after a power cut finds: one pair, and it is one that was made."""
    found = book.update().in_use
    assert found in (OLD_PAIR, NEW_PAIR)
    if found == NEW_PAIR:
        assert book.update().before == OLD_PAIR


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("writes", range(1, 8))
async def test_power_lost_at_any_journal_entry_leaves_one_working_pair(
    writes: int, before: bool
) -> None:
    cutting = CuttingJournal(writes, before=before)
    await until_cut(Hands(), cutting)
    assert_one_pair(cutting)
    await resumes(cutting)


@pytest.mark.parametrize(
    "deed",
    [
        "fetch",
        "verify",
        "migrate",
        "judge",
        "begin watch",
        "before persist",
        "after persist",
        "watch",
        "discard",
    ],
)
async def test_power_lost_in_any_deed_leaves_one_working_pair(deed: str) -> None:
    book = journal()
    await until_cut(Hands(cut_at=deed), book)
    assert_one_pair(book)
    await resumes(book)


async def resumes(book: MemoryJournal) -> None:
    """A new process on the same journal ends up serving the new pair."""
    after = MemoryJournal([book.update()])
    found = after.update().in_use
    assert found is not None
    hands = Hands(serving=found.digest)
    installer = installer_of(after, hands)
    await installer.resume()
    await installer.tell(Targeted(4, NEW))
    await permit(installer)
    state = await settle(installer)
    assert (state.phase, state.in_use) == (UpdatePhase.ACTIVE, NEW_PAIR)
    assert hands.serving == NEW
