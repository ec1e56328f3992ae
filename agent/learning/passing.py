"""Images on their way through Predict, for whoever wants to look at them with another backbone too.

Nobody waits for anybody here: a prediction leaves what it saw and goes on, and where the looker
lags, the oldest of the few that wait is dropped. So the rate is whatever the looker is paced to,
and no more than ``WAITING_MAX`` images are held.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from agent.learning.kept import Kept

WAITING_MAX = 4  # images; the newest are as good as any


class Passing:
    """Where predictions leave what they saw while somebody wants it."""

    def __init__(self) -> None:
        self._waiting: deque[Kept] = deque(maxlen=WAITING_MAX)
        self._wanted = 0
        self._arrived = threading.Condition()

    def offer(self, kept: Kept) -> None:
        """Leave a prediction with its image; it is forgotten where nobody wants it."""
        if not self._wanted or kept.image is None:
            return
        with self._arrived:
            if self._wanted:
                self._waiting.append(kept)
                self._arrived.notify()

    @contextmanager
    def wanted(self) -> Iterator[None]:
        """Want what passes until the end of this; then nothing of it is held."""
        with self._arrived:
            self._wanted += 1
        try:
            yield
        finally:
            with self._arrived:
                self._wanted -= 1
                if not self._wanted:
                    self._waiting.clear()

    def take(self, seconds: float) -> Kept | None:
        """The oldest that waits; where there is none, the next within so many seconds."""
        with self._arrived:
            if not self._waiting:
                self._arrived.wait(seconds)
            return self._waiting.popleft() if self._waiting else None
