import math

import numpy as np
import pytest

from agent.learning.heads.head import LinearHead, Ranking, rank
from agent.learning.measures.calibration import Calibration
from agent.learning.measures.novelty import Yardstick
from agent.learning.measures.prequential import Window
from agent.learning.measures.track_record import Checkpoint, decode
from agent.learning.samples import Sample, Share
from agent.learning.tracker import (
    BYTES_A_SAMPLE,
    NOVELTY_WINDOW,
    SEEN_MAX,
    Standing,
    Tracker,
)

STICK = Yardstick(0.05, np.linspace(-9, -1, 30, dtype=np.float32))


def taught(tracker: Tracker, samples: int) -> None:
    window = Window()
    for number in range(samples):
        name = "pear" if number % 3 else "apple"
        window = window.after(name, "pear", 100)
        sample = Sample(str(number), number, float(number), name, "s", Share.LEARN, "b", None, None)
        standing = Standing(window, 2, 1000 * number)
        tracker.observe(sample, {"discriminant": "pear"}, "discriminant", standing)


def checked(tracker: Tracker) -> None:
    tracker.checkpoint(Checkpoint({"pear": (4, 3)}, Calibration(), STICK))


def test_a_record_is_written_when_it_is_old_enough_for_its_size() -> None:
    tracker = Tracker(b"")
    assert tracker.to_write() == b""
    written = 0
    window_samples = 3000
    for _ in range(window_samples):
        taught(tracker, 1)
        content = tracker.to_write()
        tracker.wrote(content)
        written += len(content)
    assert 0 < written <= window_samples * BYTES_A_SAMPLE + BYTES_A_SAMPLE


def test_a_checkpoint_and_the_end_are_written_at_once() -> None:
    tracker = Tracker(b"")
    checked(tracker)
    content = tracker.to_write()
    assert decode(content).recalls["pear"].correct == 3
    tracker.wrote(content)
    assert tracker.to_write() == b""
    long = Tracker(bytes(50_000))
    taught(long, 2)
    assert long.to_write() == b""
    long.finish()
    assert decode(long.to_write()).tallies["pear"].samples == 1


def test_what_could_not_be_written_is_offered_again() -> None:
    tracker = Tracker(b"")
    checked(tracker)
    assert tracker.to_write() == tracker.to_write() != b""


def test_predictions_are_counted_once_and_judged_by_the_yardstick() -> None:
    tracker = Tracker(b"")
    ranking = Ranking(("a", "b"), (0.75, 0.25), -0.5)
    assert tracker.witness(ranking, 1.0) is None
    checked(tracker)
    novelty = tracker.witness(ranking, 2.0)
    assert novelty is not None
    assert novelty.novel
    known = tracker.witness(Ranking(("a",), (1.0,), -5.0), 3.0)
    assert known is not None
    assert not known.novel
    tracker.settle()
    tracker.settle()
    observed = {name: watch.observed for name, watch in tracker.record.watches.items()}
    assert observed == {"novelty": 2, "confidence": 3, "margin": 3, "error": 0}


def test_the_newest_predictions_tell_how_much_is_new() -> None:
    tracker = Tracker(b"")
    tracker.witness(Ranking(("a",), (1.0,), -0.5), 1.0)
    assert tracker.novelties() == (0, 0)  # without a yardstick nobody can tell
    checked(tracker)
    for unlike in (-0.5, -5.0, -5.0):
        tracker.witness(Ranking(("a",), (1.0,), unlike), 2.0)
    assert tracker.novelties() == (3, 1)
    for _ in range(NOVELTY_WINDOW):
        tracker.witness(Ranking(("a",), (1.0,), -5.0), 3.0)
    assert tracker.novelties() == (NOVELTY_WINDOW, 0)
    tracker.rebase()
    assert tracker.novelties() == (0, 0)


def test_a_flood_of_predictions_takes_no_more_than_its_room() -> None:
    tracker = Tracker(b"")
    for _ in range(SEEN_MAX + 500):
        tracker.witness(Ranking(("a", "b"), (0.75, 0.25)), 1.0)
    tracker.settle()
    assert tracker.record.watches["confidence"].observed == SEEN_MAX


def test_another_backbone_cannot_be_measured_by_the_old_yardstick() -> None:
    tracker = Tracker(b"")
    checked(tracker)
    tracker.rebase()
    assert tracker.witness(Ranking(("a", "b"), (0.75, 0.25), 9.0), 1.0) is None


def test_the_curve_has_held_out_accuracy_from_the_first_checkpoint_on() -> None:
    tracker = Tracker(b"")
    taught(tracker, 3)
    checked(tracker)
    taught(tracker, 3)
    selects = [point.select for point in tracker.record.curve.points]
    assert selects == pytest.approx([-1, -1, -1, 0.75, 0.75, 0.75])


def test_an_unreadable_record_loses_no_sample() -> None:
    tracker = Tracker(b"rubbish")
    assert tracker.record.loss
    taught(tracker, 1)
    assert tracker.record.tallies


def test_a_ranking_tells_how_unlike_a_sample_is_whatever_the_temperature() -> None:
    head = LinearHead(
        ("a", "b"), np.array([[1, 0], [0, 3]], np.float32), np.zeros(2, np.float32), 1
    )
    row = np.array([1, 1], np.int16)
    assert rank(head, row, 2).unlikeness == pytest.approx(2 - 3)
    assert rank(head, row, 2, 7.0).unlikeness == pytest.approx(2 - 3)
    one = LinearHead(("a",), np.ones((1, 2), np.float32), np.zeros(1, np.float32), 1)
    assert math.isnan(rank(one, row, 1).unlikeness)
