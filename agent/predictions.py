"""The newest predictions, so that feedback can name one by its id, and how long they took.

Both are bounded and only in memory: after a restart an application predicts again. Times are from
image to answer, as the application feels them.
"""

import threading
from collections import OrderedDict, deque

import numpy as np
from numpy.typing import NDArray

from fieldwise.errors import Fault, FieldwiseError

Image = bytes | NDArray[np.uint8]

TIMED = 1000  # predictions whose times the percentiles are of


class RecentPredictions:
    """Images by prediction id, the oldest making room for the newest.

    Args:
        count_max: Most predictions held.
        bytes_max: Most bytes of images held.
    """

    def __init__(self, count_max: int, bytes_max: int) -> None:
        self._count_max = count_max
        self._bytes_max = bytes_max
        self._bytes = 0
        self._images: OrderedDict[str, Image] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, prediction_id: str, image: Image) -> None:
        """Hold an image, unless it alone is more than the room."""
        if _size(image) > self._bytes_max or not self._count_max:
            return
        with self._lock:
            self._images[prediction_id] = image
            self._bytes += _size(image)
            while len(self._images) > self._count_max or self._bytes > self._bytes_max:
                _, oldest = self._images.popitem(last=False)
                self._bytes -= _size(oldest)

    def find(self, prediction_id: str) -> Image:
        """The image of a prediction.

        Raises:
            FieldwiseError: ``NOT_FOUND`` when it made room for newer ones or never was.
        """
        with self._lock:
            image = self._images.get(prediction_id)
        if image is None:
            raise FieldwiseError(
                Fault.NOT_FOUND,
                f"prediction {prediction_id[:64]!r} is not among those kept for feedback;"
                f" the newest {self._count_max:,} in {self._bytes_max:,} bytes are",
            )
        return image


class Stopwatch:
    """Counts of predictions answered, refused and skipped, and percentiles of their times."""

    def __init__(self) -> None:
        self.answered = 0
        self.refused = 0
        self.skipped = 0
        self._seconds: deque[float] = deque(maxlen=TIMED)
        self._lock = threading.Lock()

    def answer(self, seconds: float) -> None:
        """Count a prediction that was answered."""
        with self._lock:
            self.answered += 1
            self._seconds.append(seconds)

    def refuse(self) -> None:
        """Count a prediction that failed."""
        with self._lock:
            self.refused += 1

    def skip(self, frames: int) -> None:
        """Count frames of a stream that nobody was ready for."""
        with self._lock:
            self.skipped += frames

    def percentile_micros(self, percent: int) -> int:
        """That percentile of the newest times, in microseconds; 0 before the first."""
        with self._lock:
            times = sorted(self._seconds)
        if not times:
            return 0
        return round(times[min(len(times) - 1, len(times) * percent // 100)] * 1e6)


def _size(image: Image) -> int:
    return len(image) if isinstance(image, bytes) else image.nbytes
