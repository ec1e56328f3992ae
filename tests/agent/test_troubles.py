"""What is kept of an error: where it came through, and none of its words."""

import sys
import threading
from types import ModuleType

import pytest

from agent.troubles import Troubles, way_of
from fieldwise.diagnosis import ERRORS_MAX, FRAMES_MAX, Frame
from fieldwise.errors import Fault, FieldwiseError
from tests.fakes.agent import TurnedClock

SECRET = "red apple"
SOURCE = """
def outer(depth, error):
    secret = "red apple"
    if depth:
        outer(depth - 1, error)
    Holder().inner(error)

class Holder:
    def inner(self, error):
        raise error
"""


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of ours that raises what it is given."""
    made = ModuleType("agent.made_up")
    monkeypatch.setitem(sys.modules, "agent.made_up", made)
    exec(compile(SOURCE, "/home/ada/red apple.py", "exec"), made.__dict__)
    return made


def caught(own: ModuleType, error: BaseException, depth: int = 0) -> BaseException:
    try:
        own.outer(depth, error)
    except type(error) as found:
        return found
    raise AssertionError


def test_frames_of_ours_are_told_and_others_are_counted(own: ModuleType) -> None:
    way = way_of(caught(own, FieldwiseError(Fault.DISK_FULL, SECRET)))
    assert (way.fault, way.exception) == (Fault.DISK_FULL, "")
    assert way.frames == (
        Frame("agent.made_up", "outer", 6),
        Frame("agent.made_up", "Holder.inner", 10),
    )
    assert (way.further_frames, way.foreign_frames) == (0, 1)  # this test's own
    assert SECRET not in repr(way)


def test_of_a_deep_error_the_innermost_frames_stay(own: ModuleType) -> None:
    way = way_of(caught(own, KeyError(SECRET), depth=20))
    assert (way.fault, way.exception) == (None, "KeyError")
    assert len(way.frames) == FRAMES_MAX
    assert str(way.frames[-1]) == "agent.made_up:Holder.inner:10"
    assert way.further_frames == 22 - FRAMES_MAX


def test_an_exception_of_others_has_no_name(own: ModuleType) -> None:
    named = type("RedApple", (Exception,), {})
    assert way_of(caught(own, named(SECRET))).exception == ""


def test_what_comes_the_same_way_is_one_trouble(own: ModuleType) -> None:
    clock = TurnedClock()
    troubles = Troubles(clock.monotonic)
    for _ in range(3):
        troubles.note(caught(own, KeyError(SECRET)))
        clock.seconds += 10
    troubles.note(caught(own, ValueError(SECRET)))
    clock.seconds += 5
    told = [(each.exception, each.times, each.seconds_ago) for each in troubles.newest_first()]
    assert told == [("ValueError", 1, 5), ("KeyError", 3, 15)]
    assert troubles.noticed == 4


def test_only_the_most_recent_are_kept(own: ModuleType) -> None:
    troubles = Troubles(TurnedClock().monotonic)
    for depth in range(ERRORS_MAX + 3):
        troubles.note(caught(own, KeyError(SECRET), depth))
    assert len(troubles.newest_first()) == ERRORS_MAX
    assert troubles.noticed == ERRORS_MAX + 3


def test_nothing_is_lost_where_many_threads_fail_at_once(own: ModuleType) -> None:
    troubles = Troubles(TurnedClock().monotonic)

    def fail() -> None:
        for _ in range(200):
            troubles.note(caught(own, KeyError(SECRET)))

    threads = [threading.Thread(target=fail) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (only,) = troubles.newest_first()
    assert (only.times, troubles.noticed) == (800, 800)
