"""The update carried out: over a journal, through crashes at every step."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from agent.learning.stopping import ShouldStop, Stopped
from agent.update.installer import Installer
from agent.update.machine import (
    WORKING,
    Failure,
    Installed,
    Pair,
    Phase,
    Targeted,
    UpdateState,
)
from fieldwise.errors import Fault, FieldwiseError
from tests.fakes.agent import MemoryJournal, TurnedClock

OLD, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64


class PowerCut(BaseException):
    """The process ends here."""


@dataclass
class Hands:
    """Work that does nothing but say so; ``cut_at`` names the deed at which the power goes."""

    serving: str = OLD
    done: list[str] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)
    cut_at: str = ""
    wait_in_fetch: asyncio.Event | None = None
    on_trial: threading.Event | None = None

    async def fetch(self, digest: str) -> None:
        self._do("fetch")
        if self.wait_in_fetch is not None:
            await self.wait_in_fetch.wait()

    def verify(self, digest: str, should_stop: ShouldStop) -> str:
        self._do("verify")
        while self.on_trial is not None and not self.on_trial.wait(0.01):
            if should_stop():
                self.on_trial.set()
                raise Stopped
        return "fp32"

    def migrate(self, digest: str, variant: str, should_stop: ShouldStop) -> str:
        self._do("migrate")
        return digest

    def serve(self, prepared: str | None, persist: Callable[[], None]) -> None:
        self._do("before persist")
        persist()
        self._do("after persist")
        if prepared is not None:
            self.serving = prepared

    def discard(self) -> None:
        self._do("discard")

    def _do(self, deed: str) -> None:
        self.done.append(deed)
        if deed == self.cut_at:
            raise PowerCut(deed)
        if deed in self.faults:
            raise FieldwiseError(self.faults[deed], f"{deed} failed")


SERVING = UpdateState(
    generation=3, wanted=OLD, variant="fp32", phase=Phase.ACTIVE, in_use=Pair(OLD, "fp32")
)


def journal() -> MemoryJournal:
    return MemoryJournal([SERVING])


async def settle(installer: Installer[str]) -> UpdateState:
    async with asyncio.timeout(10):
        while installer.state.phase in WORKING:  # noqa: ASYNC110 - any phase may be the last
            await asyncio.sleep(0)
    return installer.state


async def begin(
    hands: Hands, book: MemoryJournal, clock: TurnedClock | None = None
) -> Installer[str]:
    clock = clock or TurnedClock()
    installer = Installer(book, hands, clock)
    await installer.tell(Targeted(4, NEW))
    await installer.permit(4, clock.monotonic() + 60)
    return installer


async def test_an_update_goes_its_whole_way() -> None:
    hands, book = Hands(), journal()
    state = await settle(await begin(hands, book))
    await asyncio.sleep(0.01)
    assert state.phase is Phase.ACTIVE
    assert hands.serving == NEW
    assert [each.phase for each in book.states] == [
        Phase.ACTIVE,
        Phase.IDLE,
        Phase.FETCHING,
        Phase.VERIFYING,
        Phase.MIGRATING,
        Phase.ACTIVE,
    ]


@pytest.mark.parametrize(
    ("deed", "fault", "failure"),
    [
        ("fetch", Fault.NOT_FOUND, Failure.NOT_AVAILABLE),
        ("fetch", Fault.DIGEST_MISMATCH, Failure.DIGEST_MISMATCH),
        ("fetch", Fault.DISK_FULL, Failure.DISK_FULL),
        ("fetch", Fault.STATE_DAMAGED, Failure.INTERNAL),
        ("verify", Fault.BUNDLE_INVALID, Failure.BUNDLE_INVALID),
        ("verify", Fault.BUNDLE_UNSUITABLE, Failure.UNSUITABLE),
        ("verify", Fault.GRAPH_FAILED, Failure.LOAD_FAILED),
        ("verify", Fault.GOLDEN_MISMATCH, Failure.GOLDEN_MISMATCH),
        ("migrate", Fault.STATE_DAMAGED, Failure.MIGRATION_FAILED),
    ],
)
async def test_whatever_fails_the_old_pair_serves_and_the_reason_is_kept(
    deed: str, fault: Fault, failure: Failure
) -> None:
    hands, book = Hands(faults={deed: fault}), journal()
    state = await settle(await begin(hands, book))
    assert (state.phase, state.failure) == (Phase.REVERTED, failure)
    assert state.in_use == SERVING.in_use
    assert hands.serving == OLD
    assert book.update() == state


async def test_a_permit_that_has_ended_starts_nothing() -> None:
    clock, hands = TurnedClock(), Hands()
    installer: Installer[str] = Installer(journal(), hands, clock)
    await installer.tell(Targeted(4, NEW))
    until = clock.monotonic() + 60
    clock.seconds += 61
    await installer.permit(4, until)
    assert installer.state.phase is Phase.IDLE
    assert hands.done == []


async def test_a_journal_that_cannot_be_written_changes_nothing() -> None:
    book, hands = journal(), Hands()
    installer: Installer[str] = Installer(book, hands, TurnedClock())
    book.full = True
    with pytest.raises(FieldwiseError) as caught:
        await installer.tell(Installed(NEW))
    assert caught.value.fault is Fault.DISK_FULL
    assert installer.state == SERVING
    assert hands.done == []


async def test_a_newer_target_ends_the_work_of_the_older() -> None:
    hands = Hands(wait_in_fetch=asyncio.Event())
    installer = await begin(hands, journal())
    await asyncio.sleep(0.01)
    await installer.tell(Targeted(5, OTHER))
    assert (installer.state.phase, installer.state.wanted) == (Phase.IDLE, OTHER)
    assert hands.serving == OLD


async def test_stopping_leaves_the_journal_where_a_restart_resumes() -> None:
    book, hands = journal(), Hands(wait_in_fetch=asyncio.Event())
    installer = await begin(hands, book)
    await asyncio.sleep(0.01)
    await installer.stop()
    assert book.update().phase is Phase.FETCHING
    again: Installer[str] = Installer(book, Hands(), TurnedClock())
    await again.resume()
    assert (await settle(again)).phase is Phase.ACTIVE


async def test_stopping_reaches_a_trial_under_way() -> None:
    stopped = threading.Event()
    book, hands = journal(), Hands(on_trial=stopped)
    installer = await begin(hands, book)
    while installer.state.phase is not Phase.VERIFYING:  # noqa: ASYNC110 - the work goes on by itself
        await asyncio.sleep(0.01)
    await installer.stop()
    assert await asyncio.to_thread(stopped.wait, 30)
    assert book.update().phase is Phase.VERIFYING
    again: Installer[str] = Installer(book, Hands(), TurnedClock())
    await again.resume()
    assert (await settle(again)).phase is Phase.ACTIVE


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
        async with asyncio.timeout(5):
            while installer.state.phase in WORKING:
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
    assert found in (Pair(OLD, "fp32"), Pair(NEW, "fp32"))
    if found == Pair(NEW, "fp32"):
        assert book.update().before == Pair(OLD, "fp32")


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("writes", range(1, 6))
async def test_power_lost_at_any_journal_entry_leaves_one_working_pair(
    writes: int, before: bool
) -> None:
    cutting = CuttingJournal(writes, before=before)
    await until_cut(Hands(), cutting)
    assert_one_pair(cutting)
    await resumes(cutting)


@pytest.mark.parametrize(
    "deed", ["fetch", "verify", "migrate", "before persist", "after persist", "discard"]
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
    installer: Installer[str] = Installer(after, hands, TurnedClock())
    await installer.resume()
    await installer.tell(Targeted(4, NEW))
    await installer.permit(4, 1e9)
    state = await settle(installer)
    assert (state.phase, state.in_use) == (Phase.ACTIVE, Pair(NEW, "fp32"))
    assert hands.serving == NEW
