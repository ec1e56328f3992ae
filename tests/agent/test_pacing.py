import pytest

from agent.pacing import REST_SECONDS_MAX, SLICE_SECONDS, Pacer
from tests.fakes.agent import TurnedClock


class Machine:
    """A clock that work and rest turn."""

    def __init__(self, share: float) -> None:
        self.clock = TurnedClock()
        self.share = share
        self.rested = 0.0
        self.pauses: list[float] = []
        self.pacer = Pacer(self.clock, self.pause, lambda: self.share)

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.rested += seconds
        self.clock.seconds += seconds


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.9])
def test_work_comes_to_its_share_of_the_time_whatever_its_pieces(share: float) -> None:
    machine = Machine(share)
    began, worked = machine.clock.seconds, 0.0
    should_stop = machine.pacer.paced(lambda: False)
    for piece in (0.1, 2.0, 0.003, 0.7) * 5:
        machine.clock.seconds += piece
        worked += piece
        assert not should_stop()
    assert worked / (machine.clock.seconds - began) == pytest.approx(share)


def test_with_the_whole_core_nothing_rests() -> None:
    machine = Machine(1.0)
    should_stop = machine.pacer.paced(lambda: False)
    machine.clock.seconds += 5
    assert not should_stop()
    assert machine.pauses == []


def test_a_rest_is_cut_short_when_the_work_should_stop() -> None:
    machine = Machine(0.01)
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    paced = machine.pacer.paced(should_stop)
    machine.clock.seconds += 10
    assert paced()
    assert machine.rested == pytest.approx(3 * SLICE_SECONDS)


def test_the_share_in_force_counts() -> None:
    machine = Machine(0.5)
    machine.pacer.rest(1.0, lambda: False)
    machine.share = 0.2
    machine.pacer.rest(1.0, lambda: False)
    assert machine.rested == pytest.approx(1.0 + 4.0)


def test_a_machine_that_slept_meanwhile_does_not_rest_for_hours() -> None:
    machine = Machine(0.1)
    machine.pacer.rest(36_000.0, lambda: False)
    assert machine.rested == pytest.approx(REST_SECONDS_MAX)


def test_a_clock_that_went_back_makes_nothing_rest() -> None:
    machine = Machine(0.1)
    machine.pacer.rest(-5.0, lambda: False)
    assert machine.pauses == []
