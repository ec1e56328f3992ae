from orchestrator.fleet.device import DeviceState, Standing
from orchestrator.fleet.ranking import (
    COHORTS_MAX,
    LABELS_MIN,
    cohorts,
    most_used,
    versions,
    worst,
)

NOW = 1_800_000_000.0


def standing(device: str, right: int = 0, of: int = 0, silent: float | None = 1.0) -> Standing:
    seen_at = None if silent is None else NOW - silent
    return Standing(device, NOW - 1000, seen_at=seen_at, window_samples=of, window_correct=right)


def test_a_fleet_is_counted_by_the_values_of_a_tag_and_by_state() -> None:
    fleet = [standing("a"), standing("b", silent=900.0), standing("c"), standing("untagged")]
    found = cohorts(fleet, {"a": "berlin", "b": "berlin", "c": "paris"}, NOW)
    states = {
        name: {state: count for state, count in each.states.items() if count}
        for name, each in found.items()
    }
    assert states == {
        "berlin": {DeviceState.HEALTHY: 1, DeviceState.OFFLINE: 1},
        "paris": {DeviceState.HEALTHY: 1},
        "none": {DeviceState.HEALTHY: 1},
    }
    assert all(set(each.states) == set(DeviceState) for each in found.values())


def test_however_many_values_a_tag_has_the_rarest_are_counted_together() -> None:
    values = {f"d{number}": f"s{number % 300:03}" for number in range(900)}
    values |= {f"more{number}": "s299" for number in range(10)}
    found = cohorts([standing(name) for name in values], values, NOW)
    assert len(found) == COHORTS_MAX + 1
    assert sum(found["s299"].states.values()) == 13
    assert sum(sum(each.states.values()) for each in found.values()) == len(values)


def test_the_accuracy_of_a_cohort_is_the_mean_over_those_that_know_theirs() -> None:
    fleet = [standing("a", 9, 10), standing("b", 50, 100), standing("c"), standing("d")]
    values = {"a": "berlin", "b": "berlin", "c": "berlin", "d": "paris"}
    found = cohorts(fleet, values, NOW)
    assert (found["berlin"].accuracy, found["berlin"].known) == (0.7, 2)
    assert (found["paris"].accuracy, found["paris"].known) == (None, 0)


def test_the_worst_devices_are_as_many_as_are_asked_for() -> None:
    fleet = [standing(f"d{number}", number, 100, silent=float(number)) for number in range(50)]
    found = worst(fleet, 2, NOW)
    assert found.accuracies == {"d0": 0.0, "d1": 0.01}
    assert list(found.silences) == ["d49", "d48"]
    assert worst(fleet, 0, NOW).accuracies == {}
    assert worst(fleet, 0, NOW).silences == {}


def test_a_few_labels_make_no_device_the_worst_nor_does_one_that_never_called() -> None:
    fleet = [
        standing("lucky", 0, LABELS_MIN - 1),
        standing("known", LABELS_MIN, LABELS_MIN),
        standing("new", silent=None),
    ]
    found = worst(fleet, 5, NOW)
    assert found.accuracies == {"known": 1.0}
    assert set(found.silences) == {"lucky", "known"}


def test_the_rarest_names_are_counted_together() -> None:
    assert most_used({"a": 1, "b": 5, "c": 3, "d": 1}, 2) == {"b": 5, "c": 3, "other": 2}
    assert most_used({"a": 1}, 1) == {"a": 1}
    assert most_used({"other": 4, "a": 1, "b": 1}, 1) == {"other": 6}


def test_a_device_cannot_put_a_word_of_its_own_into_the_metrics() -> None:
    said = {"0.1.0": 5, "1.0.0+py311": 1, "": 1, "other": 2, '0.1.0"} x': 1, "0" * 40: 1, "d-7": 1}
    assert versions(said) == {"0.1.0": 5, "1.0.0+py311": 1, "unknown": 6}
