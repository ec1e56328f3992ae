"""Bringing frames from a source to the agent, and saying what became of them.

What a folder holds is offered again until the agent takes it. A stream is read in a thread of its
own into a queue of the newest frames, so that the agent's time is never the camera's. What the
agent could not take is counted and reported to it, and shown with the rest of how it does.
"""

import math
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from agent.predictions import Image
from agent.sources.frame import Frame, Source, Tell
from agent.sources.queue import NewestQueue
from fieldwise.answers import Lesson, Prediction
from fieldwise.errors import Fault, FieldwiseError

# What passes: the same frame may be taken in a moment.
LATER = frozenset(
    {
        Fault.BUSY,
        Fault.TOO_SLOW,
        Fault.UNREACHABLE,
        Fault.UNAVAILABLE,
        Fault.DISK_FULL,
        Fault.NO_BACKBONE,
    }
)
# What every frame would meet: the backbone takes a sensor's readings, and frames are images.
NEVER = frozenset({Fault.READINGS_INVALID})
AGAIN_SECONDS = 0.25  # between two offers of the same frame
WAITING_MAX = 4  # frames between a stream and the agent: a hiccup of so many costs none
TURN_SECONDS = 0.25  # longest wait for a frame, so that what was learned is written in time

Say = Callable[[Frame, Lesson | Prediction], None]


class Taker(Protocol):
    """The agent, as sources know it."""

    def predict(self, image: Image) -> Prediction:
        """The best classes for an image."""
        ...

    def teach(self, image: Image, class_name: str, burst: str, key: str) -> Lesson:
        """Learn an image of a class, once for each key."""
        ...

    def report_skipped(self, frames: int) -> None:
        """Hear of frames that were not offered, or offered in vain."""
        ...

    def tick(self) -> None:
        """Make durable what waits for it."""
        ...


class Feeder:
    """Offers frames to the agent.

    Args:
        taker: The agent.
        say: Told what became of a frame.
        tell: Told what is wrong with one, and once why frames wait.
        pause: Waits for so many seconds.

    Attributes:
        offered: Frames that the agent took or refused for good.
        skipped: Frames of a stream that it was not ready for.
    """

    def __init__(self, taker: Taker, say: Say, tell: Tell, pause: Callable[[float], None]) -> None:
        self._taker = taker
        self._say = say
        self._tell = tell
        self._pause = pause
        self._complaint = ""
        self._reported = 0
        self.offered = 0
        self.skipped = 0

    def feed_all(self, source: Source, patience_seconds: float = math.inf) -> None:
        """Offer every frame until it is taken or refused for good.

        Args:
            source: Where they come from.
            patience_seconds: How long a frame may wait until that ends it all.

        Raises:
            FieldwiseError: ``READINGS_INVALID`` where the backbone takes no images at all; why a
                frame waited too long.
        """
        for frame in source.frames():
            waited = 0.0
            while frame is not None and (refusal := self._offer(frame)):
                if waited >= patience_seconds:
                    raise refusal
                self._tick()
                self._pause(AGAIN_SECONDS)
                waited += AGAIN_SECONDS
            self._tick()

    def feed_newest(self, source: Source) -> None:
        """Offer the newest frames of a stream, each once, until it ends.

        Raises:
            FieldwiseError: What ended the stream, if anything did, and as ``feed_all``.
        """
        stream = Stream(source)
        refused = 0
        try:
            while not stream.queue.is_over:
                frame = stream.queue.take(TURN_SECONDS)
                if frame is not None and self._offer(frame):
                    refused += 1
                self._skip(stream.queue.dropped + refused)
                self._tick()
        finally:
            stream.stop()
            self._skip(stream.queue.dropped + refused)
        stream.check()

    def _offer(self, frame: Frame) -> FieldwiseError | None:
        """Returns why the frame has to be offered again; None when it is done with."""
        try:
            result = self._ask(frame)
        except FieldwiseError as error:
            if error.fault in NEVER:
                raise
            if error.fault not in LATER:
                self._tell(frame.name, error)
                self.offered += 1
                return None
            if error.sentence != self._complaint:  # once, not four times a second
                self._tell("", error)
            self._complaint = error.sentence
            return error
        self._complaint = ""
        self.offered += 1
        self._say(frame, result)
        return None

    def _ask(self, frame: Frame) -> Lesson | Prediction:
        if frame.class_name is None:
            return self._taker.predict(frame.image)
        return self._taker.teach(frame.image, frame.class_name, frame.scene, frame.key)

    def _skip(self, skipped: int) -> None:
        self.skipped = skipped
        if skipped > self._reported:
            with suppress(FieldwiseError):  # an agent that is away is told with the next ones
                self._taker.report_skipped(skipped - self._reported)
                self._reported = skipped

    def _tick(self) -> None:
        try:
            self._taker.tick()
        except FieldwiseError as error:
            self._tell("", error)


class Stream:
    """Reads a source in a thread into a queue of the newest frames.

    Args:
        source: What does not wait.
    """

    def __init__(self, source: Source) -> None:
        self.queue: NewestQueue[Frame] = NewestQueue(WAITING_MAX)
        self._stopping = threading.Event()
        self._ended_by: FieldwiseError | None = None
        self._thread = threading.Thread(target=self._read, args=(source,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let nothing more in; the source ends with its next frame or pause."""
        self._stopping.set()
        self.queue.close()

    def check(self) -> None:
        """Raise what ended the source, if anything did."""
        if self._ended_by is not None:
            raise self._ended_by

    def _read(self, source: Source) -> None:
        try:
            for frame in source.frames():
                if self._stopping.is_set():
                    return
                if frame is not None:
                    self.queue.put(frame)
        except FieldwiseError as error:
            self._ended_by = error
        finally:
            self.queue.close()
