"""The clocks of the machine."""

import time


class SystemClock:
    """The clock port: pace by the clock that never jumps, records by the one on the wall."""

    def monotonic(self) -> float:
        """Seconds since some instant, never backwards; a sleeping machine's sleep counts."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        """Seconds since 1970, as good as the machine knows."""
        return time.time()

    def minute_of_day(self) -> int:
        """Minutes since midnight by the wall and the machine's time zone."""
        now = time.localtime()
        return now.tm_hour * 60 + now.tm_min
