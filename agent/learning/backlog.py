"""Samples that are recorded and wait for the time in which they may be learned.

Only their number by class is held here: they themselves are in the store, and not in the
statistics. Once one waits all later ones wait behind it, so that the statistics always cover the
store up to a sequence. Nothing of what waits may be trimmed from the feature log, so its room
bounds them.
"""

from collections import Counter
from collections.abc import Callable

from agent.learning.samples import Sample, Share
from fieldwise.errors import Fault, FieldwiseError


class Backlog:
    """Counts what waits.

    Args:
        may_learn: Whether what is taught may be learned now.
    """

    def __init__(self, may_learn: Callable[[], bool]) -> None:
        self._may_learn = may_learn
        self._waiting: Counter[str] = Counter()

    @property
    def samples(self) -> int:
        """How many wait."""
        return self._waiting.total()

    def of(self, class_name: str) -> int:
        """How many of a class wait."""
        return self._waiting[class_name]

    def require_room(self, sample_bytes: int, bytes_max: int) -> None:
        """Refuse a sample that would have to wait where no more can.

        Raises:
            FieldwiseError: ``BUSY``.
        """
        if (self.samples + 1) * sample_bytes > bytes_max and not self._may_learn():
            raise FieldwiseError(
                Fault.BUSY, f"{self.samples:,} samples wait for the time in which to be learned"
            )

    def takes(self, class_name: str, *, learns: bool) -> bool:
        """Whether a recorded sample has to wait; one that is held out only if others do."""
        if not self.samples and (not learns or self._may_learn()):
            return False
        self._waiting[class_name] += learns
        return True

    def drop(self, sample: Sample, covered: int) -> None:
        """A recorded sample is taken back; it waited if it is above what was learned."""
        if sample.share is Share.LEARN and sample.sequence > covered:
            self._waiting[sample.class_name] -= 1

    def clear(self) -> None:
        """All were learned."""
        self._waiting.clear()
