"""How long work in a thread ends early: it is asked, since a thread cannot be made to."""

from collections.abc import Callable

ShouldStop = Callable[[], bool]


class Stopped(Exception):  # noqa: N818  # nothing went wrong: the caller asked for it
    """Work was asked to stop, and has left no trace."""


def never() -> bool:
    """Nobody asks for an early end."""
    return False
