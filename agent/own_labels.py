"""Predictions that the agent is sure of, on their way to be learned under its own label.

They wait in a bounded queue, so that a prediction never waits for learning; what does not fit is
counted and let go, for there are more where it came from.
"""

import threading
from collections import deque

from agent.learning.kept import Kept

WAITING_MAX = 64  # a quarter of a second of the fastest camera between two ticks
TAKEN_MAX = 8  # for one tick: learning each takes a few milliseconds


class OwnLabels:
    """The queue.

    Attributes:
        dropped: How many found no place in it.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: deque[tuple[Kept, str]] = deque()
        self._lock = threading.Lock()

    def offer(self, kept: Kept, class_name: str) -> None:
        """Add a prediction with the class that it was taken for, if there is a place."""
        with self._lock:
            if len(self._waiting) < WAITING_MAX:
                self._waiting.append((kept, class_name))
            else:
                self.dropped += 1

    def take(self) -> list[tuple[Kept, str]]:
        """The oldest few."""
        with self._lock:
            count = min(TAKEN_MAX, len(self._waiting))
            return [self._waiting.popleft() for _ in range(count)]

    def clear(self) -> None:
        """Let all go."""
        with self._lock:
            self._waiting.clear()
