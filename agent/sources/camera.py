"""A camera, a video stream or a video file, by OpenCV.

A camera hands out old images if nobody reads them, so every one is read and only the one that is
due is decoded. A video file stands in for a camera: it is played at its own rate, and ends. A
camera that is gone is said once and looked for again, ever more slowly.

OpenCV is an extra, and imported only here and only once a camera is opened: it takes 30 MB.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from agent.ports import Clock
from agent.sources.frame import Frame, Tell
from fieldwise.errors import Fault, FieldwiseError


class Capture(Protocol):
    """What is read of OpenCV's ``VideoCapture``."""

    def isOpened(self) -> bool: ...  # noqa: N802 - OpenCV's name

    def grab(self) -> bool: ...

    def retrieve(self) -> tuple[bool, Any]: ...

    def get(self, property_id: int, /) -> float: ...

    def release(self) -> None: ...


FRAME_RATE = 5  # number of that property, CAP_PROP_FPS; a test holds it
FRAME_RATE_GUESSED = 25.0  # for a file that does not say


class Camera:
    """The source port on OpenCV.

    Args:
        device: Number of a camera, name of a video file, or the URL of a stream.
        every_seconds: Least time between two frames; 0 gives every one.
        class_name: What all of it shows; None to ask the agent.
        clock: Time.
        pause: Waits for so many seconds.
        waits: Makes the waits, in seconds, between tries to find a camera that is gone.
        tell: Told that it is gone.
        opened: Opens a device.
    """

    def __init__(
        self,
        device: str,
        every_seconds: float,
        class_name: str | None,
        clock: Clock,
        *,
        pause: Callable[[float], None],
        waits: Callable[[], Iterator[float]],
        tell: Tell,
        opened: "Callable[[str], Capture] | None" = None,
    ) -> None:
        self._device = device
        self._every_seconds = every_seconds
        self._class_name = class_name
        self._clock = clock
        self._pause = pause
        self._waits = waits
        self._tell = tell
        self._opened = opened or open_capture
        self._is_file = Path(device).is_file()
        self._number = 0

    def frames(self) -> Iterator[Frame | None]:
        """Every frame that is due, until a file ends; of a camera without end.

        Raises:
            FieldwiseError: ``CAMERA_UNAVAILABLE`` where nothing can be opened to begin with
                or a file has no image, ``EXTRA_MISSING`` without OpenCV.
        """
        capture = self._open()
        if capture is None:
            raise self._gone("cannot be opened")
        while True:
            try:
                yield from self._read(capture)
            finally:
                capture.release()
            if self._is_file and not self._number:
                raise self._gone("has no image that can be read")
            if self._is_file:
                return
            self._tell(self._device, self._gone("gives no more images; it is looked for again"))
            for found in self._looked_for():
                yield None
                capture = found or capture

    def _looked_for(self) -> Iterator[Capture | None]:
        """None for every look in vain, and at last the camera, opened."""
        yield None
        for wait in self._waits():
            self._pause(wait)
            found = self._open()
            yield found
            if found is not None:
                return
        raise self._gone("was not found again")

    def _read(self, capture: Capture) -> Iterator[Frame]:
        rate = (capture.get(FRAME_RATE) or FRAME_RATE_GUESSED) if self._is_file else 0.0
        began = due = self._clock.monotonic()
        read = 0
        while capture.grab():
            if rate:
                self._pause(max(0.0, began + read / rate - self._clock.monotonic()))
            read += 1
            now = self._clock.monotonic()
            if now < due:
                continue
            due = _next_due(due, now, self._every_seconds)
            decoded, image = capture.retrieve()
            if decoded:
                yield self._frame(image)

    def _frame(self, image: NDArray[np.uint8]) -> Frame:
        self._number += 1
        rgb = np.ascontiguousarray(image[..., ::-1])  # OpenCV has blue first
        name = f"{self._device} #{self._number}"
        return Frame(name, self._clock.wall(), rgb, self._class_name)

    def _open(self) -> Capture | None:
        capture = self._opened(self._device)
        if capture.isOpened():
            return capture
        capture.release()
        return None

    def _gone(self, what: str) -> FieldwiseError:
        kind = "video file" if self._is_file else "camera"
        return FieldwiseError(Fault.CAMERA_UNAVAILABLE, f"the {kind} {self._device} {what}")


def _next_due(due: float, now: float, every_seconds: float) -> float:
    """The first later time of the same beat that is still to come: what was missed stays so."""
    if not every_seconds:
        return now
    return due + every_seconds * (1 + (now - due) // every_seconds)


def open_capture(device: str) -> Capture:
    """Open a camera by its number, else a file or stream by its name.

    Raises:
        FieldwiseError: ``EXTRA_MISSING`` where OpenCV is not installed.
    """
    # What OpenCV and ffmpeg would print of a camera that is gone is told in our words.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        import cv2  # noqa: PLC0415 - an extra, and half a second that only cameras need to wait
        from cv2.utils import logging  # noqa: PLC0415 - the same
    except ImportError as error:
        raise FieldwiseError(
            Fault.EXTRA_MISSING, "a camera needs OpenCV, which the extra [camera] brings"
        ) from error
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    place: int | str = int(device) if device.isdecimal() else device
    return cast("Capture", cv2.VideoCapture(place))
