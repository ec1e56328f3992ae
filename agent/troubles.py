"""What went wrong since the daemon started: where and how often, and nothing of what was said.

Every error passes whoever notes it while it is being handled, so its traceback is there to walk.
What is kept of it are a fault's name, or the name of an exception of Python's own, and the places
in our own packages that it came through. Frames themselves are let go at once: they hold the
variables of their calls, samples among them.

Errors that came through the same places are one trouble that happened several times. The most
recent troubles are kept, few enough to be sent together.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType

from fieldwise.diagnosis import (
    ERRORS_MAX,
    FRAMES_MAX,
    FUNCTION,
    MODULE,
    Frame,
    Trouble,
    of_form,
)
from fieldwise.errors import Fault, FieldwiseError


@dataclass(frozen=True, slots=True)
class Way:
    """What an error was and the way it came, by which it is known again."""

    fault: Fault | None
    exception: str
    frames: tuple[Frame, ...]
    further_frames: int
    foreign_frames: int


@dataclass(slots=True)
class _Seen:
    times: int
    last: float


class Troubles:
    """Errors as they are noted, from any thread.

    Args:
        now: Seconds since some instant; never jumps.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._seen: OrderedDict[Way, _Seen] = OrderedDict()
        self.noticed = 0

    def note(self, error: BaseException) -> None:
        """Note an error that is being handled."""
        way = way_of(error)
        with self._lock:
            self.noticed += 1
            seen = self._seen.setdefault(way, _Seen(0, 0.0))
            seen.times, seen.last = seen.times + 1, self._now()
            self._seen.move_to_end(way)
            if len(self._seen) > ERRORS_MAX:
                self._seen.popitem(last=False)

    def newest_first(self) -> tuple[Trouble, ...]:
        """The most recent ones."""
        with self._lock:
            now = self._now()
            return tuple(
                Trouble(
                    way.fault,
                    way.exception,
                    seen.times,
                    max(0, int(now - seen.last)),
                    way.frames,
                    way.further_frames,
                    way.foreign_frames,
                )
                for way, seen in reversed(self._seen.items())
            )


def way_of(error: BaseException) -> Way:
    """What is told of an error."""
    places = list(_places(error.__traceback__))
    own = [place for place in places if place is not None]
    kind = type(error)
    return Way(
        fault=error.fault if isinstance(error, FieldwiseError) else None,
        exception=kind.__name__ if kind.__module__ == "builtins" else "",
        frames=tuple(own[-FRAMES_MAX:]),
        further_frames=max(0, len(own) - FRAMES_MAX),
        foreign_frames=len(places) - len(own),
    )


def _places(traceback: TracebackType | None) -> Iterator[Frame | None]:
    """Where an error came through, outermost first; None for a frame of others."""
    while traceback is not None:
        frame = traceback.tb_frame
        module = str(frame.f_globals.get("__name__", ""))
        if MODULE.fullmatch(module):
            function = of_form(FUNCTION, frame.f_code.co_qualname)
            yield Frame(module, function, traceback.tb_lineno)
        else:
            yield None
        traceback = traceback.tb_next
