"""What passes by while a head moves: looked at within bounds, and not kept."""

import numpy as np
import pytest

from agent.learning.kept import Kept
from agent.learning.moving import Means
from agent.learning.passing import WAITING_MAX, Passing
from agent.learning.settings import LearningSettings
from agent.learning.stopping import Stopped, never
from tests.fakes.moves import NEW, OLD_ROW, SETTINGS, TAUGHT, Device, Traffic, ignore, kept


def test_what_passes_is_looked_at_up_to_the_number_that_is_wanted() -> None:
    settings = LearningSettings(holdout=SETTINGS.holdout, passing_pairs=40)
    device, traffic = Device(12, settings=settings), Traffic(100)
    device.learner.rebuild(NEW, (), ignore, never, Means(traffic))
    assert traffic.left == 60


def test_a_move_does_not_wait_where_nothing_passes_or_nothing_is_to_be_carried() -> None:
    silent = Traffic(0)
    Device(30).learner.rebuild(NEW, (), ignore, never, Means(silent))
    assert sum(silent.seconds) == SETTINGS.passing_idle_seconds
    needless = Traffic(50)
    Device(TAUGHT).learner.rebuild(NEW, (), ignore, never, Means(needless))
    assert sum(needless.seconds) == 0


def test_waiting_for_what_passes_ends_when_it_took_too_long_and_when_asked_to_stop() -> None:
    settings = LearningSettings(holdout=SETTINGS.holdout, passing_seconds_max=3.0)
    traffic = Traffic(1000)
    Device(30, settings=settings).learner.rebuild(NEW, (), ignore, never, Means(traffic))
    assert sum(traffic.seconds) == 3.0
    device, silent = Device(30), Traffic(0)
    stop = Means(silent, should_stop=lambda: len(silent.seconds) > 4)
    with pytest.raises(Stopped):
        device.learner.rebuild(NEW, (), ignore, never, stop)


def test_unreadable_images_that_pass_do_no_harm() -> None:
    device, traffic = Device(30), Traffic(0)
    rubbish = [Kept("p", 0.0, "", OLD_ROW, b"no image"), Kept("q", 0.0, "", OLD_ROW, b"")]
    traffic.take = lambda seconds: rubbish.pop() if rubbish else None  # type: ignore[method-assign]  # for once
    made = device.learner.rebuild(NEW, (), ignore, never, Means(traffic))
    assert made.total == device.learned


def test_images_are_held_only_while_they_are_wanted_and_few_of_them() -> None:
    passing, image = Passing(), np.zeros((4, 4, 3), np.uint8)
    passing.offer(kept(image))
    assert passing.take(0.0) is None
    with passing.wanted():
        for number in range(9):
            passing.offer(kept(image, number))
        passing.offer(Kept("blind", 0.0, "", OLD_ROW, None))
        found = [passing.take(0.0) for _ in range(WAITING_MAX)]
        assert [each.id for each in found if each] == ["p5", "p6", "p7", "p8"]
        passing.offer(kept(image))
    assert passing.take(0.0) is None
