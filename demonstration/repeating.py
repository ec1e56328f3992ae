"""A deed that goes on beside the story, in a thread of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeating(deed: Callable[[], None], pause_seconds: float, name: str) -> Iterator[None]:
    """Pause and do it, again and again, until the context ends and the last time is over.

    Args:
        deed: Deals with its own failures: one that gets out ends the repeating.
        pause_seconds: Before every time.
        name: Of the thread.
    """
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(pause_seconds):
            deed()

    thread = threading.Thread(target=repeat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
