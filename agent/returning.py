"""When a device asks for another certificate than the one it calls with, by its old key.

Its certificate is over: then nothing else can help. It was refused for its certificate, or it
cannot reach the fleet although it has tried for a while: the fleet may have another authority by
now, and the device may have slept through that. In doubt it asks at most once an hour, and then
calls as ever, since what kept it away may have been the network. Where nobody heard it asks again
after a minute: a network that comes later than the device must not cost it an hour.
"""

import structlog

from agent.fleet import Fleet
from agent.ports import Clock
from fieldwise.between import CONNECTION
from fieldwise.errors import Fault, FieldwiseError

FAILURES = 3  # in a row; one or two are weather
PAUSE_SECONDS = 3600.0
UNHEARD_SECONDS = 60.0

_log = structlog.get_logger()


class Returning:
    """Watches how calls fare, and revives the device where that may help.

    Args:
        fleet: The membership.
        clock: Time.
    """

    def __init__(self, fleet: Fleet, clock: Clock) -> None:
        self._fleet = fleet
        self._clock = clock
        self._failures = 0
        self._refused = False
        self._not_before = float("-inf")

    @property
    def is_worth_a_try(self) -> bool:
        """Whether the next call begins with asking for another certificate, in doubt."""
        doubtful = self._refused or self._failures >= FAILURES
        return doubtful and self._clock.monotonic() >= self._not_before

    async def before_call(self, unix_seconds: float) -> None:
        """Ask for another certificate where the one at hand is over, or in doubt.

        Args:
            unix_seconds: The fleet's time, as far as it is known.

        Raises:
            FieldwiseError: Why there is none, where nothing can be called without it.
        """
        over = self._fleet.is_over(unix_seconds)
        if not over and not self.is_worth_a_try:
            return
        self._not_before = self._clock.monotonic() + PAUSE_SECONDS
        try:
            await self._fleet.revive()
        except FieldwiseError as error:
            if error.fault in CONNECTION:
                self._not_before = self._clock.monotonic() + UNHEARD_SECONDS
            # With a clock that is ahead a good certificate looks over.
            if over and error.fault is not Fault.ILLEGAL_COMMAND:
                raise
            _log.info("no other certificate", reason=error.sentence)
        else:
            self.answered()
            _log.info("certificate given for the old key")

    def answered(self) -> None:
        """Hear that a call came through."""
        self._failures, self._refused = 0, False

    def failed(self, error: FieldwiseError) -> None:
        """Hear why a call did not come through."""
        self._refused = self._refused or error.fault is Fault.CERTIFICATE_INVALID
        self._failures += error.fault is Fault.UNREACHABLE
