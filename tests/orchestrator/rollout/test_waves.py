from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.rollout.plan import Wave
from orchestrator.rollout.waves import fraction_of, thresholds_of, wave_of

NAMES = [f"device-{number}" for number in range(400)]
FRACTIONS = [fraction_of(name, 7) for name in NAMES]
WAVES = st.one_of(
    st.builds(Wave, devices=st.integers(1, 60)), st.builds(Wave, share=st.floats(0.01, 1.0))
)


def drawn(waves: tuple[Wave, ...], fractions: list[float]) -> Counter[int]:
    thresholds = thresholds_of(waves, fractions)
    return Counter(wave_of(thresholds, each) for each in fractions)


def test_a_fraction_never_changes_and_differs_from_rollout_to_rollout() -> None:
    assert fraction_of("d1", 7) == fraction_of("d1", 7)
    assert fraction_of("d1", 7) != fraction_of("d1", 8)


def test_fractions_fill_the_whole_range_evenly() -> None:
    tenths = Counter(int(each * 10) for each in FRACTIONS)
    assert set(tenths) == set(range(10))
    assert max(tenths.values()) < 2 * min(tenths.values())


def test_waves_have_exactly_as_many_devices_as_planned() -> None:
    waves = (Wave(devices=5), Wave(share=0.25), Wave())
    assert drawn(waves, FRACTIONS) == {0: 5, 1: 100, 2: 295}


def test_the_last_wave_takes_the_rest_whatever_it_says() -> None:
    assert drawn((Wave(devices=5), Wave(devices=1)), FRACTIONS) == {0: 5, 1: 395}


def test_the_first_waves_get_theirs_where_devices_are_few() -> None:
    assert drawn((Wave(devices=3), Wave(share=0.5), Wave()), FRACTIONS[:4]) == {0: 3, 1: 1}
    assert drawn((Wave(share=0.01), Wave()), FRACTIONS[:4]) == {0: 1, 1: 3}


def test_who_joins_later_moves_nobody() -> None:
    thresholds = thresholds_of((Wave(devices=5), Wave(share=0.5), Wave()), FRACTIONS[:100])
    waves = {each: wave_of(thresholds, each) for each in FRACTIONS}
    assert Counter(waves[each] for each in FRACTIONS[:100])[0] == 5
    assert {waves[each] for each in FRACTIONS[100:]} == {0, 1, 2}


@settings(deadline=None)
@given(st.lists(WAVES, min_size=1, max_size=8).map(tuple), st.integers(0, 120))
def test_every_device_is_in_one_wave_and_thresholds_rise_to_one(
    waves: tuple[Wave, ...], count: int
) -> None:
    thresholds = thresholds_of(waves, FRACTIONS[:count])
    assert len(thresholds) == len(waves)
    assert thresholds[-1] == 1.0
    assert all(low <= high for low, high in pairwise(thresholds))
    assert drawn(waves, FRACTIONS[:count]).total() == count
