"""A bounded queue in which the newest wins: for streams, which do not wait.

A camera goes on whether or not the agent keeps up. Anything between them that grows makes every
answer later than the one before, until memory ends; so what is oldest makes room, and is counted.
"""

import threading
from collections import deque
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class NewestQueue(Generic[ItemT]):
    """Holds the newest items for one taker; safe between threads.

    Args:
        length_max: Most items held.
    """

    def __init__(self, length_max: int) -> None:
        # maxlen would drop as well, but tell nobody.
        self._items: deque[ItemT] = deque()
        self._length_max = length_max
        self._changed = threading.Condition()
        self._closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Items that made room for newer ones so far."""
        with self._changed:
            return self._dropped

    @property
    def is_over(self) -> bool:
        """Whether nothing is held and nothing more will come."""
        with self._changed:
            return self._closed and not self._items

    def put(self, item: ItemT) -> None:
        """Hold an item; never waits. After ``close`` it is left out."""
        with self._changed:
            if self._closed:
                return
            if len(self._items) >= self._length_max:
                self._items.popleft()
                self._dropped += 1
            self._items.append(item)
            self._changed.notify()

    def take(self, wait_seconds: float) -> ItemT | None:
        """The oldest item held, or None where none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed, wait_seconds)
            return self._items.popleft() if self._items else None

    def close(self) -> None:
        """Let nothing more in; what is held can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
