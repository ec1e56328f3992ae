from dataclasses import replace

import pytest

from agent.learning.envelope import DayWindow
from agent.update.events import HoldChanged, Wish
from agent.update.holding import Holds, OwnerRules
from fieldwise.update import UpdateHold
from tests.fakes.agent import TurnedClock

WANTED = Wish("a" * 64)


class Device:
    """What the rules are about; ``asked`` counts calls of the hook."""

    def __init__(self) -> None:
        self.clock = TurnedClock(wall_seconds=0.0)
        self.met, self.asked, self.missing_bytes = True, 0, 0

    async def hook(self) -> bool:
        self.asked += 1
        return self.met

    def holds(self, rules: OwnerRules) -> Holds:
        return Holds(rules, self.clock, lambda _: self.missing_bytes, lambda: False)


@pytest.fixture
def device() -> Device:
    return Device()


async def test_without_rules_nothing_holds(device: Device) -> None:
    holds = device.holds(OwnerRules())
    assert await holds.look(WANTED) == HoldChanged(None)
    assert not holds.asks()


async def test_outside_the_window_an_update_waits_and_nobody_else_is_asked(device: Device) -> None:
    rules = OwnerRules(DayWindow(22 * 60, 6 * 60), device.hook, confirmation=True)
    holds = device.holds(rules)
    for hour, hold in ((21, UpdateHold.WINDOW), (22, None), (5, None), (6, UpdateHold.WINDOW)):
        device.clock.wall_seconds = hour * 3600.0
        assert await holds.look(WANTED) == HoldChanged(hold)
    assert device.asked == 2
    assert holds.asks()


async def test_without_room_the_missing_bytes_are_told_and_the_hook_is_left_alone(
    device: Device,
) -> None:
    device.missing_bytes = 7
    holds = device.holds(OwnerRules(hook=device.hook))
    assert await holds.look(WANTED) == HoldChanged(UpdateHold.DISK, 7)
    assert device.asked == 0


async def test_the_hook_has_the_last_word(device: Device) -> None:
    holds = device.holds(replace(OwnerRules(), hook=device.hook))
    device.met = False
    assert await holds.look(WANTED) == HoldChanged(UpdateHold.CONDITIONS)
    device.met = True
    assert await holds.look(WANTED) == HoldChanged(None)


async def test_a_window_that_ends_while_the_hook_is_asked_holds(device: Device) -> None:
    device.clock.wall_seconds = 6 * 3600.0 - 1

    async def slow() -> bool:
        device.clock.wall_seconds += 20
        return True

    holds = device.holds(OwnerRules(DayWindow(22 * 60, 6 * 60), slow))
    assert await holds.look(WANTED) == HoldChanged(UpdateHold.WINDOW)
