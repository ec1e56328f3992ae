from agent.learning.certainty import STEADY_SECONDS, Certainty

NOW = 1.8e9
YEARS = 20 * 365 * 86_400.0


def test_time_passes_as_the_clocks_agree() -> None:
    certainty = Certainty(NOW, 100.0)
    assert certainty.at(NOW + 50, 150.0) == NOW + 50


def test_a_jump_ahead_counts_for_nothing_until_it_has_stood_for_a_day() -> None:
    certainty = Certainty(NOW, 0.0)
    certainty.at(NOW + 1, 1.0)
    for hour in range(24):
        now = 2.0 + 3600 * hour
        assert certainty.at(NOW + YEARS + now, now) == NOW + now
    later = 2.0 + STEADY_SECONDS
    assert certainty.at(NOW + YEARS + later, later) == NOW + YEARS + later


def test_a_jump_that_is_taken_back_leaves_no_trace() -> None:
    certainty = Certainty(NOW, 0.0)
    certainty.at(NOW + YEARS, 1.0)
    assert certainty.at(NOW + 2, 2.0) == NOW + 2
    assert certainty.at(NOW + 2 + 2 * STEADY_SECONDS, 2 + 2 * STEADY_SECONDS) < NOW + YEARS


def test_a_clock_that_jumps_back_is_not_overruled() -> None:
    certainty = Certainty(NOW, 0.0)
    assert certainty.at(NOW - YEARS, 1.0) == NOW - YEARS


def test_a_board_that_wakes_in_1970_is_certain_of_its_records_once_its_clock_is_set() -> None:
    certainty = Certainty(NOW, 5.0)
    assert certainty.at(5.0, 5.0) == 5.0
    assert certainty.at(NOW + 1e6, 65.0) == NOW + 60


def test_after_months_switched_off_the_fleet_vouches_at_once() -> None:
    certainty = Certainty(NOW, 5.0)
    certainty.confirm(NOW + 1e7, 10.0)
    assert certainty.at(NOW + 1e7 + 20, 30.0) == NOW + 1e7 + 20
    assert certainty.at(NOW + YEARS, 31.0) == NOW + 1e7 + 21


def test_a_fleet_whose_clock_is_ahead_does_not_overrule_the_device() -> None:
    certainty = Certainty(NOW, 0.0)
    certainty.confirm(NOW + YEARS, 1.0)
    assert certainty.at(NOW + 2, 2.0) == NOW + 2
