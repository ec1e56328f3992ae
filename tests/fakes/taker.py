"""An agent that takes notes of what sources bring it."""

from collections import deque

from agent.predictions import Image
from fieldwise.answers import Lesson, Prediction
from fieldwise.errors import Fault, FieldwiseError


class NotingTaker:
    """Learns and predicts by taking notes; ``faults`` come first, one for each request."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = deque(faults)
        self.taught: list[tuple[Image, str]] = []
        self.scenes: list[tuple[str, str]] = []
        self.asked: list[Image] = []
        self.skipped: list[int] = []
        self.ticks = 0

    def teach(self, image: Image, class_name: str, burst: str, key: str) -> Lesson:
        self._fail()
        self.taught.append((image, class_name))
        self.scenes.append((burst, key))
        return Lesson("id", "learn", "")

    def predict(self, image: Image) -> Prediction:
        self._fail()
        self.asked.append(image)
        return Prediction("id", (), "tiny:1.0.0")

    def report_skipped(self, frames: int) -> None:
        self.skipped.append(frames)

    def tick(self) -> None:
        self.ticks += 1

    def _fail(self) -> None:
        if self.faults:
            raise FieldwiseError(self.faults.popleft(), "not now")
