import msgspec
import numpy as np
import pytest
from river import drift

from agent.learning.measures.drift import BUCKETS, DETECTORS, LEVELS, Adwin, PageHinkley, Watch


def stream(seed: int, length: int = 6000) -> list[float]:
    """A stream from 0 to 1 whose level jumps a few times: smooth, noisy or of zeros and ones."""
    chance = np.random.default_rng(seed)
    pieces = int(chance.integers(1, 8))
    levels = np.repeat(chance.random(pieces), length // pieces + 1)[:length]
    values = np.clip(levels + chance.normal(0, chance.choice([0.02, 0.2, 0.5]), length), 0, 1)
    return [float(value > 0.5) if seed % 3 == 0 else float(value) for value in values]


def test_adwin_alarms_where_the_oracle_does() -> None:
    alarms = 0
    for seed in range(24):
        ours, oracle = Adwin(), drift.ADWIN()
        for value in stream(seed):
            oracle.update(value)
            assert ours.observe(value) == oracle.drift_detected
            alarms += oracle.drift_detected
    assert alarms > 40


def test_page_hinkley_alarms_where_the_oracle_does() -> None:
    alarms = 0
    for seed in range(24):
        ours, oracle = PageHinkley(), drift.PageHinkley()
        for value in stream(seed):
            oracle.update(value)
            assert ours.observe(value) == oracle.drift_detected
            alarms += oracle.drift_detected
    assert alarms > 20


def test_page_hinkley_tells_a_fall_as_well_as_a_rise() -> None:
    for before, after in ((0.2, 0.8), (0.8, 0.2)):
        watch = PageHinkley()
        told = [watch.observe(value) for value in [before] * 300 + [after] * 300]
        assert sum(told) == 1


def test_nearness_grows_to_the_alarm_and_begins_anew() -> None:
    watch = PageHinkley()
    for _ in range(300):
        watch.observe(0.2)
    assert watch.nearness < 0.1
    near, alarms = [], 0
    for _ in range(120):
        alarms += watch.observe(0.8)
        near.append(watch.nearness)
    assert alarms == 1
    assert 0.9 < max(near) <= 1
    assert near[-1] < 0.1


def test_one_change_is_told_once() -> None:
    chance = np.random.default_rng(5)
    watch = Watch()
    told = [watch.observe(float(v)) for v in np.clip(chance.normal(0.3, 0.1, 1000), 0, 1)]
    assert not any(told)
    told = [watch.observe(float(v)) for v in np.clip(chance.normal(0.8, 0.1, 1000), 0, 1)]
    assert watch.alarms == (1, 1)
    assert {name for names in told for name in names} == set(DETECTORS)
    assert watch.observed == 2000


def test_a_million_values_take_no_more_room_than_stated() -> None:
    adwin = Adwin()
    for number in range(400_000):
        adwin.observe(number % 2 / 2)
    held = [len(buckets) for buckets in adwin.levels]
    assert len(held) == LEVELS
    assert max(held) <= BUCKETS
    assert len(msgspec.msgpack.encode(adwin)) < 2048
    assert adwin.is_sound()
    assert adwin.total / adwin.width == pytest.approx(0.25, abs=1e-3)
    assert adwin.deviation / adwin.width == pytest.approx(0.0625, rel=1e-2)


def test_a_window_that_lost_its_oldest_still_sees_a_change() -> None:
    adwin = Adwin()
    for number in range(400_000):
        assert not adwin.observe(number % 2 / 2)
    assert any(adwin.observe(0.9) for _ in range(4000))


def test_a_detector_resumes_from_what_was_stored() -> None:
    values = stream(7)
    whole, halved = Watch(), Watch()
    told = [whole.observe(value) for value in values]
    again = [halved.observe(value) for value in values[:2500]]
    halved = msgspec.msgpack.decode(msgspec.msgpack.encode(halved), type=Watch)
    again += [halved.observe(value) for value in values[2500:]]
    assert [list(each) for each in again] == [list(each) for each in told]
    assert any(told)


def test_a_restart_keeps_the_count_of_alarms() -> None:
    watch = Watch()
    for value in [0.1] * 500 + [0.9] * 500:
        watch.observe(value)
    before = watch.alarms
    watch.restart()
    assert (watch.alarms, watch.adwin.width) == (before, 0)
    assert before != (0, 0)
