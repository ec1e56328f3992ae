"""An installer with hands that only say what they do, an owner with rules, and ways to begin."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.learning.stopping import ShouldStop, Stopped
from agent.update.events import HoldChanged, Pair, Targeted, UpdateState, Wish
from agent.update.installer import Installer, Permit
from agent.update.judging import Conclusion
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UNDER_WAY, UpdateFailure, UpdatePhase
from fieldwise.verdict import Basis, Judgement, Verdict
from tests.fakes.agent import MemoryJournal, TurnedClock

OLD, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64
OLD_PAIR, NEW_PAIR = Pair(OLD, "fp32"), Pair(NEW, "fp32")
ACCEPTED = Verdict(0, Judgement.ACCEPTED, Basis.LABELLED)


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
    missing_bytes: int = 0
    kept: bool = True
    withdrawn: Fault | None = None
    conclusion: Conclusion = field(default_factory=lambda: Conclusion(ACCEPTED))
    shown: UpdateFailure | None = None
    still_watching: asyncio.Event | None = None
    watched: list[str | None] = field(default_factory=list)

    async def fetch(self, wish: Wish, bytes_per_second: int) -> int:
        self._do("fetch")
        if self.wait_in_fetch is not None:
            await self.wait_in_fetch.wait()
        return self.missing_bytes

    def verify(self, wish: Wish, should_stop: ShouldStop) -> str:
        self._do("verify")
        while self.on_trial is not None and not self.on_trial.wait(0.01):
            if should_stop():
                self.on_trial.set()
                raise Stopped
        return "fp32"

    def migrate(self, pair: Pair, should_stop: ShouldStop) -> str:
        self._do("migrate")
        return pair.digest

    def check(self, wish: Wish) -> None:
        if self.withdrawn is not None:
            raise FieldwiseError(self.withdrawn, "the publisher does not vouch for it any more")

    def is_kept(self, pair: Pair) -> bool:
        return self.kept

    def rest(self, prepared: str) -> None:
        self._do("rest")

    def judge(self, generation: int, new: str, should_stop: ShouldStop) -> Conclusion:
        self._do("judge")
        return self.conclusion

    def begin_watch(self, digest: str, verdict: Verdict | None) -> None:
        self._do("begin watch")

    async def watch(
        self, digest: str, before: str | None, should_stop: ShouldStop
    ) -> UpdateFailure | None:
        self._do("watch")
        self.watched.append(before)
        if self.still_watching is not None:
            await self.still_watching.wait()
        return self.shown

    def open(self, pair: Pair) -> str:
        self._do("open")
        return pair.digest

    def serve(self, prepared: str, persist: Callable[[], None]) -> str | None:
        self._do("before persist")
        persist()
        self._do("after persist")
        before, self.serving = self.serving, prepared
        return before

    def discard(self) -> None:
        self._do("discard")

    def _do(self, deed: str) -> None:
        self.done.append(deed)
        if deed == self.cut_at:
            raise PowerCut(deed)
        if deed in self.faults:
            raise FieldwiseError(self.faults[deed], f"{deed} failed")


@dataclass
class Rules:
    """An owner's rules, as a test sets them."""

    found: HoldChanged = field(default_factory=lambda: HoldChanged(None))
    confirmation: bool = False
    enough: bool = False

    async def look(self, wish: Wish) -> HoldChanged:
        return self.found

    def asks(self) -> bool:
        return self.confirmation

    def is_enough(self) -> bool:
        return self.enough


SERVING = UpdateState(
    generation=3, wish=Wish(OLD), variant="fp32", phase=UpdatePhase.ACTIVE, in_use=OLD_PAIR
)


def installer_of(
    book: MemoryJournal,
    hands: Hands,
    clock: TurnedClock | None = None,
    rules: Rules | None = None,
) -> Installer[str]:
    return Installer(book, hands, rules or Rules(), clock or TurnedClock())


def journal() -> MemoryJournal:
    return MemoryJournal([SERVING])


async def settle(installer: Installer[str]) -> UpdateState:
    async with asyncio.timeout(60):
        while installer.state.phase in UNDER_WAY and installer.state.hold is None:  # noqa: ASYNC110 - any phase may be the last
            await asyncio.sleep(0)
    return installer.state


async def reach(installer: Installer[str], phase: UpdatePhase) -> UpdateState:
    async with asyncio.timeout(60):
        while installer.state.phase is not phase:  # noqa: ASYNC110 - the work goes on by itself
            await asyncio.sleep(0)
    return installer.state


async def begin(
    hands: Hands,
    book: MemoryJournal,
    clock: TurnedClock | None = None,
    rules: Rules | None = None,
) -> Installer[str]:
    clock = clock or TurnedClock()
    installer = installer_of(book, hands, clock, rules)
    await installer.tell(Targeted(4, NEW))
    await permit(installer, clock.monotonic() + 60)
    return installer


async def permit(installer: Installer[str], until: float = 1e9) -> None:
    """Let the fourth target begin, as far as the owner's rules do."""
    installer.permit(Permit(4, until))
    await installer.review()
