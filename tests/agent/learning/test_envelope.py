from dataclasses import replace

import msgspec
import pytest

from agent.learning.envelope import (
    FEATURES_LEFT_BYTES,
    STEP_BYTES,
    Allotment,
    Coming,
    DiskUse,
    allot,
    lacking_bytes,
    may_learn,
    missing_bytes,
    read_window,
    rest_seconds,
)
from agent.learning.settings import LearningSettings

MIB = 1024**2


def minute_of(time: str) -> int:
    hours, minutes = map(int, time.split(":"))
    return hours * 60 + minutes


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("", ["00:00", "12:00", "23:59"], []),
        ("09:00-17:00", ["09:00", "12:34", "16:59"], ["08:59", "17:00", "00:00", "23:59"]),
        ("22:00-06:00", ["22:00", "23:59", "00:00", "05:59"], ["06:00", "12:00", "21:59"]),
        ("00:00-00:01", ["00:00"], ["00:01", "23:59"]),
        ("23:59-00:00", ["23:59"], ["00:00", "23:58"]),
        ("07:00-07:00", ["06:59", "07:00", "00:00"], []),
    ],
)
def test_a_window_is_open_from_its_start_up_to_its_end_also_over_midnight(
    window: str, inside: list[str], outside: list[str]
) -> None:
    settings = LearningSettings(learn_window=window)
    for times, expected in ((inside, True), (outside, False)):
        for time in times:
            assert may_learn(settings, minute_of(time), 0.0) is expected, time


def test_every_minute_is_in_a_window_or_in_its_complement() -> None:
    for window, complement in (("22:00-06:00", "06:00-22:00"), ("09:30-09:31", "09:31-09:30")):
        for minute in range(24 * 60):
            one, other = (
                may_learn(LearningSettings(learn_window=each), minute, 0.0)
                for each in (window, complement)
            )
            assert one is not other


def test_a_clock_that_jumps_changes_only_what_it_says_now() -> None:
    settings = LearningSettings(learn_window="22:00-06:00")
    told = [may_learn(settings, minute_of(time), 0.0) for time in ("23:00", "12:00", "02:00")]
    assert told == [True, False, True]  # put back to noon, and forward into the night


@pytest.mark.parametrize(
    ("wanted", "idle", "expected"),
    [(0.0, 0.0, True), (30.0, 29.9, False), (30.0, 30.0, True), (30.0, float("inf"), True)],
)
def test_learning_waits_until_nobody_has_asked_for_a_while(
    wanted: float, idle: float, expected: bool
) -> None:
    settings = LearningSettings(learn_when_idle_seconds=wanted)
    assert may_learn(settings, 0, idle) is expected


def test_silence_does_not_open_a_closed_window() -> None:
    settings = LearningSettings(learn_window="22:00-06:00", learn_when_idle_seconds=5)
    assert not may_learn(settings, minute_of("12:00"), float("inf"))
    assert not may_learn(settings, minute_of("23:00"), 1.0)
    assert may_learn(settings, minute_of("23:00"), 5.0)


@pytest.mark.parametrize(
    "text",
    ["22-6", "24:00-06:00", "22:60-06:00", "22:00-06:00\n", " 22:00-06:00", "22:00", "2:00-6:00"],
)
def test_what_is_no_window_is_refused_by_settings_and_rule_alike(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"learn_window": text}, LearningSettings)
    with pytest.raises(ValueError, match="form"):
        read_window(text)


@pytest.mark.parametrize(
    ("worked", "share", "rest"),
    [(2.0, 0.25, 6.0), (1.0, 0.5, 1.0), (3.0, 1.0, 0.0), (0.0, 0.1, 0.0), (-1.0, 0.1, 0.0)],
)
def test_work_and_rest_come_to_the_share(worked: float, share: float, rest: float) -> None:
    assert rest_seconds(worked, share) == pytest.approx(rest)


SETTINGS = LearningSettings(
    exemplar_bytes_max=100 * MIB, feature_log_bytes_max=20 * MIB, disk_bytes_max=200 * MIB
)


def use(live: int, images: int, features: int, reserve: int = 10) -> DiskUse:
    return DiskUse(live * MIB, images * MIB, features * MIB, reserve * MIB)


@pytest.mark.parametrize(
    ("taken", "images", "features"),
    [
        (use(50, 20, 5), 100, 20),  # there is room for all
        (use(150, 20, 5), 60, 20),  # room for 40 more beside those that are there
        (use(190, 80, 20), 80, 20),  # full to the reserve
        (use(200, 80, 20), 70, 20),  # images give way
        (use(270, 80, 20), 0, 20),  # all of them
        (use(280, 80, 20), 0, 10),  # then features
        (use(400, 80, 20), 0, 0),  # then nothing is left to give
    ],
)
def test_images_give_way_first_and_then_the_feature_log(
    taken: DiskUse, images: int, features: int
) -> None:
    assert allot(SETTINGS, taken) == Allotment(images * MIB, features * MIB)


@pytest.mark.parametrize(
    ("live", "taken", "coming", "images"),
    [
        (140, 140, Coming(30 * MIB, 10 * MIB), 30),  # room for 10 more is left beside it
        (150, 150, Coming(30 * MIB, 10 * MIB), 20),  # full
        (150, 190, Coming(30 * MIB, 10 * MIB), 40),  # pages that were let go are no room for files
        (150, 150, Coming(90 * MIB, 0), 10),  # of what the file has, images leave the next writes
        (150, 150, Coming(90 * MIB, 5 * MIB), 5),  # and the new head
        (150, 150, Coming(150 * MIB, 40 * MIB), 0),
    ],
)
def test_images_leave_room_for_the_next_backbone_as_far_as_that_frees_any(
    live: int, taken: int, coming: Coming, images: int
) -> None:
    told = allot(SETTINGS, replace(use(live, 20, 5), taken=taken * MIB, coming=coming))
    assert told.images == images * MIB


def test_features_leave_room_for_it_too_but_for_some_that_wait() -> None:
    full = replace(use(170, 0, 20), taken=170 * MIB, coming=Coming(25 * MIB))
    assert allot(SETTINGS, full).features == 15 * MIB
    assert allot(SETTINGS, replace(full, coming=Coming(30 * MIB))).features == 10 * MIB
    most = replace(full, coming=Coming(30 * MIB, 40 * MIB))
    assert allot(SETTINGS, most).features == FEATURES_LEFT_BYTES
    assert allot(SETTINGS, replace(most, live=208 * MIB)).features == 2 * MIB


def test_what_a_bound_lacks_for_images_is_what_would_give_them_a_first_step() -> None:
    small = replace(use(150, 0, 5), taken=150 * MIB, coming=Coming(40 * MIB, 10 * MIB))
    lacking = lacking_bytes(SETTINGS, small)
    assert lacking > 0 == allot(SETTINGS, small).images
    more = msgspec.structs.replace(SETTINGS, disk_bytes_max=SETTINGS.disk_bytes_max + lacking)
    assert allot(more, small).images == STEP_BYTES
    assert lacking_bytes(more, small) == 0


def test_without_a_bound_everything_has_the_room_that_it_was_given() -> None:
    settings = LearningSettings()
    told = allot(settings, use(10**6, 0, 0))
    assert told == Allotment(settings.exemplar_bytes_max, settings.feature_log_bytes_max)


def test_budgets_move_in_steps_and_never_upwards_past_what_is_free() -> None:
    for odd in range(0, 3 * STEP_BYTES, 4096):
        taken = DiskUse(live=150 * MIB + odd, images=0, features=0, reserve=10 * MIB)
        told = allot(SETTINGS, taken)
        assert told.images % STEP_BYTES == 0
        assert 0 <= 40 * MIB - odd - told.images < STEP_BYTES


def test_bytes_are_missing_only_once_nothing_can_give_way() -> None:
    settings = LearningSettings(disk_bytes_max=100 * MIB)
    full = DiskUse(live=110 * MIB, images=10 * MIB, features=5 * MIB, reserve=5 * MIB)
    assert missing_bytes(settings, full) == 0
    assert missing_bytes(settings, DiskUse(110 * MIB, 10 * MIB, 4 * MIB, 5 * MIB)) == MIB
    assert missing_bytes(LearningSettings(disk_bytes_max=0), full) == 0
