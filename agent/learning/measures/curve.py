"""A learning curve over a life of any length, in at most ``POINTS_MAX`` points.

A point is taken every ``stride`` samples. When there is no room left every second point goes and
the stride doubles, so a curve is always evenly spaced, whatever the number of samples; it has at
least half of the points there is room for. Trap: accuracy in a window may fall because classes
came.
"""

from dataclasses import dataclass

POINTS_MAX = 512  # twice the pixels of a phone's chart


@dataclass(frozen=True, slots=True)
class Point:
    """Learning as it stood after so many labelled samples.

    Attributes:
        time: Unix seconds.
        learned: Labelled samples so far.
        classes: Classes met so far.
        window: Share of right answers in the test-then-train window.
        last_label: The same of "same as the last label".
        select: Share of right answers on held-out samples at the last checkpoint; below 0 before.
        exemplar_bytes: Images remembered.
    """

    time: float
    learned: int
    classes: int
    window: float
    last_label: float
    select: float = -1.0
    exemplar_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Curve:
    """Points, oldest first, one for every ``stride`` samples."""

    points: tuple[Point, ...] = ()
    stride: int = 1

    def is_due(self, learned: int) -> bool:
        """Whether a point belongs after so many samples."""
        return learned % self.stride == 0

    def after(self, point: Point) -> "Curve":
        """The curve with one more point, halved when it was full."""
        points, stride = self.points, self.stride
        if len(points) >= POINTS_MAX:
            stride *= 2
            points = tuple(each for each in points if each.learned % stride == 0)
            if point.learned % stride:
                return Curve(points, stride)
        return Curve((*points, point), stride)
