from random import Random

import numpy as np
import pytest

from agent.learning.measures.calibration import Calibration
from agent.learning.measures.curve import Point
from agent.learning.measures.novelty import Yardstick
from agent.learning.measures.track_record import (
    ALARMS_MAX,
    BYTES_MAX,
    HEADS_MAX,
    Checkpoint,
    Seen,
    TrackRecord,
    decode,
    opened,
)
from agent.learning.measures.track_record import (
    Tested as Answered,  # a name that begins with Test is collected as one
)
from fieldwise.errors import Fault, FieldwiseError


def lived(samples: int, classes: int, seed: int = 0) -> TrackRecord:
    """A record of a device that saw and was taught so much."""
    chance, record = Random(seed), TrackRecord()
    names = [f"class {number}" for number in range(classes)]
    for number in range(1, samples + 1):
        name = chance.choice(names)
        said = name if chance.random() < 0.7 else chance.choice(names)
        answers = {"discriminant": said, "nearest-mean": chance.choice(names)}
        record.observe(Answered(float(number), name, "scene", answers, "discriminant"), 50)
        record.witness(Seen(float(number), chance.random(), chance.random(), chance.random()))
        if record.curve.is_due(number):
            record.plot(Point(float(number), number, classes, 0.7, 0.1))
    tallies = {name: (10, chance.randrange(11)) for name in names}
    stick = Yardstick(0.05, np.sort(np.random.default_rng(seed).random(30, np.float32)))
    calibration = Calibration(30, 2.0, 0.3, 0.1)
    for _ in range(2):
        record.checkpoint(Checkpoint(tallies, calibration, stick, 30, 0, (90, 30)))
    return record


def same(one: TrackRecord, other: TrackRecord) -> bool:
    return one.encode() == other.encode()


def test_a_record_comes_back_as_it_was_and_goes_on_alike() -> None:
    record = lived(700, 9)
    again = decode(record.encode())
    assert same(record, again)
    for each in (record, again):
        each.observe(Answered(9.0, "class 1", "s", {"discriminant": "class 2"}, "discriminant"), 50)
        each.witness(Seen(9.0, 0.5, 0.2, None))
    assert same(record, again)
    assert again.tallies["class 1"].samples == record.tallies["class 1"].samples
    assert again.yardstick is not None
    assert again.yardstick.can_tell


def test_the_bytes_of_a_record_are_bounded_as_stated() -> None:
    few, many = lived(300, 81), lived(6000, 81)
    assert len(few.encode()) < 32 * 1024
    assert len(many.encode()) < 80 * 1024
    longer = lived(9000, 81)
    assert len(longer.encode()) < 80 * 1024


def test_heads_and_alarms_beyond_their_room_are_let_go() -> None:
    record = TrackRecord()
    answers = {f"head {number}": "a" for number in range(HEADS_MAX + 5)}
    record.observe(Answered(0.0, "a", "", answers, "head 0"), 50)
    assert len(record.heads) == HEADS_MAX
    for number in range(40_000):
        value = float(number // 60 % 2)
        record.witness(Seen(float(number), value, value, value))
    assert sum(sum(watch.alarms) for watch in record.watches.values()) > ALARMS_MAX
    assert len(record.alarms) == ALARMS_MAX
    assert record.alarms[-1].time > record.alarms[0].time


def test_a_head_that_knew_nothing_yet_raises_no_alarm() -> None:
    record = TrackRecord()
    record.observe(Answered(0.0, "a", "", {"discriminant": ""}, "discriminant"), 50)
    assert record.watches["error"].observed == 0
    assert record.heads["discriminant"].correct == 0


def test_what_is_not_a_number_is_not_watched() -> None:
    record = TrackRecord()
    record.witness(Seen(0.0, float("nan"), float("inf"), None))
    assert {watch.observed for watch in record.watches.values()} == {0}


def test_another_backbone_begins_anew_what_is_of_scores() -> None:
    record = lived(500, 4)
    alarms, errors = list(record.alarms), record.watches["error"].adwin.width
    record.rebase()
    assert (record.yardstick, record.calibration) == (None, Calibration())
    assert (record.gap, record.counts) == ((0, 0), (0, 0))
    assert record.watches["confidence"].adwin.width == 0
    assert record.watches["error"].adwin.width == errors
    assert record.alarms == alarms


def test_a_forgotten_class_is_named_nowhere() -> None:
    record = lived(500, 4)
    assert b"class 2" in record.encode()
    record.forget_class("class 2")
    assert b"class 2" not in record.encode()


@pytest.mark.parametrize(
    "content",
    [b"\x00", b"{}", b"\xff" * 100, b"\x81\xa6format\x02", bytes(BYTES_MAX + 1)],
    ids=["zero", "json", "ones", "another format", "too long"],
)
def test_rubbish_is_refused_in_a_sentence(content: bytes) -> None:
    with pytest.raises(FieldwiseError) as caught:
        decode(content)
    assert caught.value.fault is Fault.STATE_DAMAGED


def test_damage_is_refused_or_harmless() -> None:
    content, chance, refused = lived(200, 5).encode(), Random(3), 0
    for _ in range(500):
        damaged = bytearray(content)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            record = decode(bytes(damaged[: chance.randrange(1, len(damaged) * 3)]))
        except FieldwiseError:
            refused += 1
            continue
        record.observe(
            Answered(9.0, "class 1", "s", {"discriminant": "class 2"}, "discriminant"), 50
        )
        record.witness(Seen(9.0, 0.5, 0.2, 0.1))
        decode(record.encode())
    assert refused > 40


def test_an_unreadable_record_starts_anew_and_says_so() -> None:
    record = opened(b"rubbish")
    assert "damaged" in record.loss
    assert record.tallies == {}
    assert opened(b"").loss == ""
    assert same(opened(lived(50, 3).encode()), lived(50, 3))


def test_drift_is_that_of_the_nearest_detector_and_alarms_are_counted_by_time() -> None:
    record = TrackRecord()
    assert (record.drift, record.alarms_since(0)) == (0, 0)
    for number in range(600):
        value = 0.2 if number < 300 else 0.8
        record.witness(Seen(float(number), value, 0.5, None))
    assert 0 <= record.drift <= 1
    assert record.alarms_since(0) == len(record.alarms) > 0
    assert record.alarms_since(300) == len(record.alarms)
    assert record.alarms_since(1e6) == 0
