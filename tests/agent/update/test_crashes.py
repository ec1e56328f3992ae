"""Every step that the tables allow, with the power gone right before and right after its entry.

Whatever the journal then names must be on the disk and be one of two things: what it named before
the step, or what the step made of it. A new start finds it without giving anything up, and from
there the device still reaches what is wanted.
"""

from collections.abc import Callable
from functools import cache

import pytest

from agent.learning.stopping import ShouldStop
from agent.update.events import Event, HoldChanged, Outcome, Pair, UpdateState, Wish
from agent.update.installer import Installer
from agent.update.judging import Conclusion
from agent.update.machine import FROM_OUTSIDE, FROM_WORK, step
from agent.update.recovery import recover
from agent.update.signs import BEFORE_SERVING, RESTARTS_MAX, Sign
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateFailure, UpdatePhase
from fieldwise.verdict import Verdict
from tests.agent.update.lives import check_arrives, live, sign_of
from tests.fakes.agent import MemoryJournal, TurnedClock

Key = tuple[UpdatePhase, Sign]


class PowerCut(BaseException):
    """The process ends here."""


class Cutting(MemoryJournal):
    """Loses power at its next write, right before it or right after."""

    def __init__(self, state: UpdateState, *, before: bool) -> None:
        super().__init__([state])
        self._before = before

    def write_update(self, state: UpdateState) -> None:
        if not self._before:
            super().write_update(state)
        raise PowerCut


class Disk:
    """Hands with a disk: what is stored can be opened, what is only in memory is lost."""

    def __init__(self, journal: MemoryJournal, stored: set[Pair]) -> None:
        self._journal = journal
        self.stored = stored

    async def fetch(self, wish: Wish, bytes_per_second: int) -> int:
        raise NotImplementedError

    def verify(self, wish: Wish, should_stop: ShouldStop) -> str:
        raise NotImplementedError

    def check(self, wish: Wish) -> None:
        """Its publisher vouches for everything."""

    def migrate(self, pair: Pair, should_stop: ShouldStop) -> Pair:
        return pair

    def judge(self, generation: int, new: Pair, should_stop: ShouldStop) -> Conclusion:
        raise NotImplementedError

    def begin_watch(self, digest: str, verdict: Verdict | None) -> None:
        pass

    async def watch(
        self, digest: str, before: Pair | None, should_stop: ShouldStop
    ) -> UpdateFailure | None:
        raise NotImplementedError

    def open(self, pair: Pair) -> Pair:
        if pair not in self.stored:
            raise FieldwiseError(Fault.NOT_FOUND, f"{pair.digest[:4]} is not on the disk")
        return pair

    def serve(self, prepared: Pair, persist: Callable[[], None]) -> Pair | None:
        self.stored.add(prepared)  # a snapshot, as the learner writes before it serves
        persist()
        return None

    def discard(self) -> None:
        state = self._journal.update()
        kept = {pair for pair in (state.in_use, state.before) if pair is not None}
        self.stored &= kept


class NoRules:
    async def look(self, wish: Wish) -> HoldChanged:
        return HoldChanged(None)

    def asks(self) -> bool:
        return False

    def is_enough(self) -> bool:
        return False


@cache
def steps() -> dict[Key, tuple[UpdateState, Event]]:
    """For every entry of the tables a state and an event that meet it, from lives by chance."""
    found: dict[Key, tuple[UpdateState, Event]] = {}

    def note(before: UpdateState, event: Event, after: UpdateState) -> None:
        sign = sign_of(before, event)
        if sign is not None and after != before:
            found.setdefault((before.phase, sign), (before, event))

    for seed in range(2000):
        live(seed, note)
        if len(found) == len(ENTRIES):
            break
    return found


ENTRIES = sorted(
    (phase, sign)
    for table in (FROM_OUTSIDE, FROM_WORK)
    for phase, row in table.items()
    for sign in row
)


async def told(journal: MemoryJournal, state: UpdateState, event: Event) -> Disk:
    """Tell an installer of an event as a daemon would, until the power goes."""
    stored = {pair for pair in (state.in_use, state.before) if pair is not None}
    disk = Disk(journal, stored)
    installer: Installer[Pair] = Installer(journal, disk, NoRules(), TurnedClock())
    if isinstance(event, Outcome) and state.phase in BEFORE_SERVING:
        made = Pair(state.wanted, state.variant)
        installer._made = (made, made)
    with pytest.raises(PowerCut):
        await installer.tell(event)
    await installer.stop()
    return disk


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("entry", ENTRIES, ids=["-".join(entry) for entry in ENTRIES])
async def test_power_lost_around_any_journal_entry_leaves_one_truth(
    entry: Key, before: bool
) -> None:
    state, event = steps()[entry]
    moved, _ = step(state, event)
    journal = Cutting(state, before=before)
    disk = await told(journal, state, event)
    found = journal.update()
    assert found == (state if before else moved)
    again = MemoryJournal([found])
    if found.phase is UpdatePhase.PROBATION and found.restarts == RESTARTS_MAX:
        assert recover(again, disk.open) == found.before  # one start too many
    else:
        assert recover(again, disk.open) == found.in_use
        assert again.update() == found
    check_arrives(again.update())
