"""Has the world changed? Two detectors for a stream of numbers between 0 and 1.

``Adwin`` (Bifet and Gavalda, 2007, "Learning from time-changing data with adaptive windowing")
keeps a window of values in an exponential histogram: at most ``BUCKETS`` + 1 buckets of each size
1, 2, 4 ... with sum and squared deviation. At every ``ADWIN_CLOCK``-th value it tries each boundary
between buckets: it cuts where the means of the older n0 and the newer n1 values differ by more than
    sqrt(2 m s^2 d) + 2/3 m d,   m = 1/n0 + 1/n1,   d = ln(2 ln(n) / ADWIN_DELTA),
s^2 being the variance of the window, and 1/n counted from the shortest side that may be cut.

``PageHinkley`` (Page, 1954; Hinkley, 1971) sums how far values lie above their running mean, less a
tolerance, and alarms when the sum has risen by ``PAGE_THRESHOLD`` over its minimum; the mirror
image watches for a fall. It is quick for what changes at once, and its threshold is in units of the
signal: 50 means a shift of 0.25 held for 200 values.

Both start anew after an alarm, so that one change is told once. Traps: both take values for
independent. A camera's are not, so a scene that lasts is told as a change; and a head that learns
grows surer by itself. An alarm says "look", not "retrain": it says nothing of accuracy unless its
signal is the error. ``benchmarks/drift.py`` has delay and false alarms of both beside a detector
that fires at random as often: whoever alarms all the time finds every change.

Memory is bounded: ``LEVELS`` sizes of buckets, then the oldest go; 2 numbers for each bucket.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

ADWIN_DELTA = 0.002  # chance of a false cut at one check, the bound of the paper
ADWIN_CLOCK = 32  # values between two checks: a check reads all buckets
ADWIN_SIDE = 5  # fewest values on a side of a cut
ADWIN_GRACE = 10  # no check before so many values
BUCKETS = 5  # of a size; with one more, two of them become one of the next size
LEVELS = 16  # sizes up to 32,768: a window of 300,000 values and more
PAGE_WARM = 30  # values before the first alarm, for the mean to settle
PAGE_TOLERANCE = 0.005  # a drift smaller than this is nobody's business
PAGE_THRESHOLD = 50.0
PAGE_FADING = 1 - 0.0001  # sums forget over 10,000 values


@dataclass(slots=True)
class Adwin:
    """A window that shrinks when its older and its newer part differ.

    Attributes:
        levels: For each size of bucket, its buckets' sum and squared deviation, oldest first.
        width: Values in the window.
        total: Their sum.
        deviation: Their squared deviation from their mean.
        ticks: Values since the start or the last alarm.
    """

    levels: list[list[tuple[float, float]]] = field(default_factory=lambda: [[]])
    width: int = 0
    total: float = 0.0
    deviation: float = 0.0
    ticks: int = 0

    def observe(self, value: float) -> bool:
        """Add a value; returns whether the window was cut, whereupon everything starts anew."""
        if self.width:
            mean = self.total / self.width
            self.deviation += self.width * (value - mean) ** 2 / (self.width + 1)
        self.levels[0].append((value, 0.0))
        self.width += 1
        self.total += value
        self.ticks += 1
        self._compress()
        due = self.ticks % ADWIN_CLOCK == 0 and self.width > ADWIN_GRACE
        alarm = due and self._differs()
        if alarm:
            self.levels, self.width, self.ticks = [[]], 0, 0
            self.total = self.deviation = 0.0
        return alarm

    def is_sound(self) -> bool:
        """Whether its parts fit together, as they do unless a file was tampered with."""
        width = sum(len(buckets) << level for level, buckets in enumerate(self.levels))
        sums = [number for buckets in self.levels for bucket in buckets for number in bucket]
        return (
            1 <= len(self.levels) <= LEVELS
            and all(len(buckets) <= BUCKETS for buckets in self.levels)
            and self.width == width
            and all(map(math.isfinite, (self.total, self.deviation, *sums)))
        )

    def _compress(self) -> None:
        for level, buckets in enumerate(self.levels):
            if len(buckets) <= BUCKETS:
                return
            if level + 1 == LEVELS:
                self._drop(1 << level, buckets.pop(0))
                return
            if level + 1 == len(self.levels):
                self.levels.append([])
            first, second = buckets[:2]
            del buckets[:2]
            self.levels[level + 1].append(_joined(first, second, 1 << level))

    def _drop(self, size: int, bucket: tuple[float, float]) -> None:
        """Let the oldest bucket go, where the histogram is full."""
        total, deviation = bucket
        self.width -= size
        self.total -= total
        apart = total / size - self.total / self.width
        gone = deviation + size * self.width * apart**2 / (size + self.width)
        self.deviation = max(0.0, self.deviation - gone)

    def _differs(self) -> bool:
        certainty = math.log(2 * math.log(self.width) / ADWIN_DELTA)
        noise = 2 * max(0.0, self.deviation) / self.width * certainty
        older, older_total = 0, 0.0
        for level in range(len(self.levels) - 1, -1, -1):
            for total, _ in self.levels[level]:
                older += 1 << level
                older_total += total
                newer = self.width - older
                if newer < ADWIN_SIDE:
                    return False
                if older < ADWIN_SIDE:
                    continue
                apart = abs(older_total / older - (self.total - older_total) / newer)
                reciprocal = 1 / (older - ADWIN_SIDE + 1) + 1 / (newer - ADWIN_SIDE + 1)
                if apart > math.sqrt(noise * reciprocal) + 2 / 3 * certainty * reciprocal:
                    return True
        return False


@dataclass(slots=True)
class PageHinkley:
    """Sums of how far values lie beside their mean, and their extremes."""

    count: int = 0
    mean: float = 0.0
    risen: float = 0.0
    fallen: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0

    def observe(self, value: float) -> bool:
        """Add a value; returns whether it alarms, whereupon everything starts anew."""
        self.count += 1
        self.mean += (value - self.mean) / self.count
        apart = value - self.mean
        self.risen = PAGE_FADING * self.risen + apart - PAGE_TOLERANCE
        self.fallen = PAGE_FADING * self.fallen + apart + PAGE_TOLERANCE
        first = self.count == 1
        self.lowest = self.risen if first else min(self.lowest, self.risen)
        self.highest = self.fallen if first else max(self.highest, self.fallen)
        alarm = self.count >= PAGE_WARM and self.nearness > 1
        if alarm:
            self.count = 0
            self.mean = self.risen = self.fallen = 0.0
            self.lowest = self.highest = 0.0
        return alarm

    @property
    def nearness(self) -> float:
        """The greater of both sums' way from its extreme, in thresholds: above 1 is an alarm."""
        return max(self.risen - self.lowest, self.highest - self.fallen) / PAGE_THRESHOLD


@dataclass(slots=True)
class Watch:
    """Both detectors on one signal.

    Attributes:
        observed: Values so far.
        alarms: Alarms so far of each detector, in the order of ``DETECTORS``.
    """

    adwin: Adwin = field(default_factory=Adwin)
    page_hinkley: PageHinkley = field(default_factory=PageHinkley)
    observed: int = 0
    alarms: tuple[int, int] = (0, 0)

    def observe(self, value: float) -> Sequence[str]:
        """Add a value from 0 to 1; returns the names of the detectors that alarm."""
        self.observed += 1
        said = (self.adwin.observe(value), self.page_hinkley.observe(value))
        if not any(said):
            return ()
        self.alarms = (self.alarms[0] + said[0], self.alarms[1] + said[1])
        return [name for name, alarm in zip(DETECTORS, said, strict=True) if alarm]

    def is_sound(self) -> bool:
        """Whether both detectors' numbers make sense."""
        page = self.page_hinkley
        numbers = (page.mean, page.risen, page.fallen, page.lowest, page.highest)
        return self.adwin.is_sound() and page.count >= 0 and all(map(math.isfinite, numbers))

    def restart(self) -> None:
        """Forget the values but not the alarms: the signal is of another scale from now on."""
        self.adwin, self.page_hinkley = Adwin(), PageHinkley()


DETECTORS = ("adwin", "page-hinkley")


def _joined(
    first: tuple[float, float], second: tuple[float, float], size: int
) -> tuple[float, float]:
    apart = (first[0] - second[0]) / size
    return first[0] + second[0], first[1] + second[1] + size * apart**2 / 2
