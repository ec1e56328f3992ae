import numpy as np
import pytest

from agent.predictions import RecentPredictions, Stopwatch
from fieldwise.errors import Fault, FieldwiseError


def test_the_oldest_make_room_for_the_newest() -> None:
    recent = RecentPredictions(2, 1000)
    for name in ("a", "b", "c"):
        recent.put(name, name.encode())
    assert recent.find("c") == b"c"
    assert recent.find("b") == b"b"
    with pytest.raises(FieldwiseError, match="'a' is not among those kept") as caught:
        recent.find("a")
    assert caught.value.fault is Fault.NOT_FOUND


def test_bytes_are_bounded_too() -> None:
    recent = RecentPredictions(100, 1000)
    recent.put("pixels", np.zeros((10, 20, 3), np.uint8))
    recent.put("file", bytes(500))
    with pytest.raises(FieldwiseError):
        recent.find("pixels")
    recent.put("huge", bytes(1001))
    with pytest.raises(FieldwiseError):
        recent.find("huge")
    assert recent.find("file") == bytes(500)


def test_percentiles_are_of_the_newest_thousand() -> None:
    watch = Stopwatch()
    assert watch.percentile_micros(50) == 0
    for number in range(5000):
        watch.answer(1.0 if number < 4000 else number % 100 * 1e-6)
    watch.refuse()
    assert (watch.answered, watch.refused) == (5000, 1)
    assert watch.percentile_micros(50) == 50
    assert watch.percentile_micros(99) == 99
