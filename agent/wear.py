"""Wear of the flash: bytes written and samples recorded since the agent began."""

from collections.abc import Callable

from agent.ports import Clock
from fieldwise.answers import Wear


class WearMeter:
    """Counts from when it is made.

    Args:
        written: Bytes that the process has written to disks so far; None where nobody counts.
        recorded: Samples recorded so far.
        clock: Time.
        kept: Predictions written so far, and bytes of their features and images.
    """

    def __init__(
        self,
        written: Callable[[], int | None],
        recorded: Callable[[], int],
        clock: Clock,
        kept: Callable[[], tuple[int, int]] = lambda: (0, 0),
    ) -> None:
        self._written = written
        self._recorded = recorded
        self._clock = clock
        self._kept = kept
        self._began = clock.monotonic()
        self._written_before = written()
        self._recorded_before = recorded()

    def wear(self) -> Wear | None:
        """Since then; None where nobody counts what is written."""
        now = self._written()
        if now is None or self._written_before is None:
            return None
        predictions, prediction_bytes = self._kept()
        return Wear(
            written_bytes=now - self._written_before,
            seconds=int(self._clock.monotonic() - self._began),
            samples=self._recorded() - self._recorded_before,
            predictions=predictions,
            prediction_bytes=prediction_bytes,
        )
