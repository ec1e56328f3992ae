from datetime import UTC, datetime

import pytest

from orchestrator.rollout.plan import Window
from orchestrator.rollout.timetable import closes_in, is_open, opens_in

NIGHT = Window(22 * 60, 4 * 60, days=(0, 4))  # from Monday and from Friday, over midnight
MORNING = Window(9 * 60 + 30, 10 * 60)


def when(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-03-02T09:29:59", False),
        ("2026-03-02T09:30:00", True),
        ("2026-03-02T09:59:59", True),
        ("2026-03-02T10:00:00", False),
    ],
)
def test_a_window_is_open_from_its_begin_until_its_end(moment: str, open_: bool) -> None:
    assert is_open(MORNING, when(moment)) is open_


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-03-02T03:00:00", False),  # Monday: it would have begun on Sunday
        ("2026-03-02T22:00:00", True),
        ("2026-03-03T03:59:59", True),  # Tuesday, begun on Monday
        ("2026-03-03T22:30:00", False),
        ("2026-03-07T01:00:00", True),  # Saturday, begun on Friday
        ("2026-03-07T23:00:00", False),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_begins_on(moment: str, open_: bool) -> None:
    assert is_open(NIGHT, when(moment)) is open_


def test_without_a_window_it_is_always_open() -> None:
    assert is_open(None, when("2026-03-02T03:00:00"))
    assert opens_in(None, when("2026-03-02T03:00:00")) == 0


def test_a_window_that_ends_when_it_begins_lasts_a_day() -> None:
    whole = Window(600, 600, days=(0,))
    assert is_open(whole, when("2026-03-02T10:00:00"))
    assert is_open(whole, when("2026-03-03T09:59:59"))
    assert not is_open(whole, when("2026-03-03T10:00:00"))
    assert not is_open(whole, when("2026-03-02T09:59:59"))


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("2026-03-02T22:30:00", 0),
        ("2026-03-02T21:59:00", 60),
        ("2026-03-03T04:00:00", (3 * 24 + 18) * 3600),
        ("2026-03-07T04:00:00", (2 * 24 + 18) * 3600),
    ],
)
def test_the_time_until_a_window_opens_is_known(moment: str, seconds: float) -> None:
    assert opens_in(NIGHT, when(moment)) == seconds


@pytest.mark.parametrize(
    ("window", "moment", "seconds"),
    [
        (MORNING, "2026-03-02T09:29:59", 0),
        (MORNING, "2026-03-02T09:30:00", 1800),
        (MORNING, "2026-03-02T09:59:59", 1),
        (NIGHT, "2026-03-02T22:00:00", 6 * 3600),
        (NIGHT, "2026-03-03T03:59:00", 60),
        (NIGHT, "2026-03-03T22:00:00", 0),
        (Window(600, 600, (0, 1)), "2026-03-02T10:00:00", 2 * 86_400),
        (Window(600, 600), "2026-03-02T10:00:00", float("inf")),
        (None, "2026-03-02T10:00:00", float("inf")),
    ],
)
def test_it_is_known_how_long_a_window_stays_open(
    window: Window | None, moment: str, seconds: float
) -> None:
    assert closes_in(window, when(moment)) == seconds
