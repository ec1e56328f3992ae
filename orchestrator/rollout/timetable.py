"""When devices may start, by the clock on the wall: UTC, without any calendar but the week."""

import math

from orchestrator.rollout.plan import Window

DAY_SECONDS = 86_400
EPOCH_WEEKDAY = 3  # 1 January 1970 was a Thursday, Monday is 0


def is_open(window: Window | None, now: float) -> bool:
    """Tell whether devices may start at a moment; they always may where there is no window.

    One that ends when it begins is open for a whole day from there.
    """
    if window is None:
        return True
    days, second = divmod(now, DAY_SECONDS)
    minute, weekday = int(second // 60), int(days + EPOCH_WEEKDAY) % 7
    began_today = weekday in window.days and minute >= window.begin_minute
    if window.begin_minute < window.end_minute:
        return began_today and minute < window.end_minute
    began_yesterday = (weekday - 1) % 7 in window.days
    return began_today or (began_yesterday and minute < window.end_minute)


def closes_in(window: Window | None, now: float) -> float:
    """Return the seconds for which devices may still start, 0 where they may not; maybe no end."""
    if not is_open(window, now):
        return 0.0
    if window is None:
        return math.inf
    today = now - now % DAY_SECONDS
    for day in range(9):
        end = today + day * DAY_SECONDS + window.end_minute * 60
        if end > now and not is_open(window, end):
            return end - now
    return math.inf


def opens_in(window: Window | None, now: float) -> float:
    """Return the seconds until devices may start, 0 where they may now; at most a week.

    Raises:
        ValueError: For a window that never opens.
    """
    if is_open(window, now):
        return 0.0
    assert window is not None
    today = now - now % DAY_SECONDS
    for day in range(8):
        begin = today + day * DAY_SECONDS + window.begin_minute * 60
        if begin > now and is_open(window, begin):
            return begin - now
    raise ValueError("the window has no day")
