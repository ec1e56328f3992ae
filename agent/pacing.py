"""Work in the background at its share of a core: after every piece it rests.

Long work already asks after every piece whether it should stop. Asking here also makes it rest, so
whoever does the work knows nothing of pacing. A rest is cut short when the work should stop.
"""

from collections.abc import Callable

from agent.learning.envelope import rest_seconds
from agent.learning.stopping import ShouldStop
from agent.ports import Clock

SLICE_SECONDS = 0.25  # longest time in which a stop is not noticed
REST_SECONDS_MAX = 60.0  # of one piece: a machine that slept meanwhile did not work


class Pacer:
    """Makes background work rest.

    Args:
        clock: Time.
        pause: Waits for so many seconds.
        share: The share of a core in force now.
    """

    def __init__(
        self, clock: Clock, pause: Callable[[float], None], share: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._pause = pause
        self._share = share

    def paced(self, should_stop: ShouldStop) -> ShouldStop:
        """The same question, answered after a rest for the work since it was last answered."""
        began = self._clock.monotonic()

        def answer() -> bool:
            nonlocal began
            self.rest(self._clock.monotonic() - began, should_stop)
            began = self._clock.monotonic()
            return should_stop()

        return answer

    def rest(self, worked_seconds: float, should_stop: ShouldStop) -> None:
        """Rest for work of so many seconds."""
        left = min(rest_seconds(worked_seconds, self._share()), REST_SECONDS_MAX)
        while left > 0 and not should_stop():
            self._pause(min(left, SLICE_SECONDS))
            left -= SLICE_SECONDS
