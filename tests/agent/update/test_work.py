import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from agent.learning.stopping import ShouldStop, Stopped
from agent.update.events import Installed, Pair
from agent.update.work import Heavy
from fieldwise.update import UpdatePhase
from tests.fakes.installing import OTHER, Hands, begin, journal, reach

PATIENCE = 300.0


@dataclass
class Slow(Hands):
    """Hands that hear only after a while that what they make is not wanted any more."""

    begun: threading.Event = field(default_factory=threading.Event)
    heard: threading.Event = field(default_factory=threading.Event)
    at_work: int = 0
    most: int = 0

    def migrate(self, pair: Pair, should_stop: ShouldStop) -> str:
        return self._one(lambda: super(Slow, self).migrate(pair, should_stop), should_stop)

    def verify(self, wish: object, should_stop: ShouldStop) -> str:
        return self._one(lambda: "fp32", should_stop)

    def _one(self, work: Callable[[], str], should_stop: ShouldStop) -> str:
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        try:
            made = work()
            if made != "fp32" and not self.begun.is_set():
                self.begun.set()
                assert self.heard.wait(PATIENCE)
                assert should_stop()
                raise Stopped
            return made
        finally:
            self.at_work -= 1


async def test_no_two_pairs_are_made_side_by_side() -> None:
    hands = Slow()
    installer = await begin(hands, journal())
    assert await asyncio.to_thread(hands.begun.wait, PATIENCE)
    await installer.tell(Installed(OTHER))
    for _ in range(100):
        await asyncio.sleep(0.001)
    assert (installer.state.phase, hands.at_work) == (UpdatePhase.VERIFYING, 1)
    hands.heard.set()
    state = await reach(installer, UpdatePhase.ACTIVE)
    assert (state.wanted, hands.most) == (OTHER, 1)


async def test_what_goes_wrong_is_heard_by_who_asked_and_by_nobody_after() -> None:
    heavy = Heavy()

    def fails() -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - its kind is all there is
        await heavy.do(fails)
    assert await heavy.do(lambda: 7) == 7
