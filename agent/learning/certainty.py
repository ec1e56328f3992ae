"""Which time has come for certain, for what cannot be undone.

A remembered image is gone for good when it is let go, and the clock on the wall may be years off: a
board without a battery wakes in 1970, a mistyped date is 2046. Records take such a clock as it is;
retention asks for time that is vouched for. That is, to begin with, the newest time on record and
what the clock that never jumps has counted since; from a check-in on the fleet's time and what has
been counted since. A wall clock that has kept step with the count for a whole day is believed too,
so that a device without a fleet, or one that was switched off for months, comes to let go what is
due, a day late. A clock that runs behind is never overruled: what is kept can still be let go.
"""

STEADY_SECONDS = 86_400.0  # time for a person or a time server to correct a clock that is off
JUMP_SECONDS = 60.0  # more than a clock drifts, or is slewed by, in a day


class Certainty:
    """What a wall clock is held against.

    Args:
        recorded: The newest time on record, Unix seconds; 0 where there is none.
        monotonic: Now by the clock that never jumps, seconds.
    """

    def __init__(self, recorded: float, monotonic: float) -> None:
        self._vouched = recorded - monotonic
        self._offset: float | None = None
        self._since = monotonic

    def confirm(self, fleet: float, monotonic: float) -> None:
        """Hear the fleet's time, Unix seconds."""
        self._vouched = fleet - monotonic

    def at(self, wall: float, monotonic: float) -> float:
        """The time, Unix seconds, that has come for certain; ask at least once a day."""
        offset = wall - monotonic
        if self._offset is None or abs(offset - self._offset) > JUMP_SECONDS:
            self._offset, self._since = offset, monotonic
        elif monotonic - self._since >= STEADY_SECONDS:
            self._vouched = max(self._vouched, offset)
        return min(wall, monotonic + self._vouched)
