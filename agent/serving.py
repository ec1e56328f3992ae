"""What the agent does for applications: predict, learn, take corrections.

Everything here is synchronous and safe from any thread, so the same object serves the daemon's
sockets and a command that works on the state folder by itself. Before the first backbone there is
no learner: then every request is answered with what to do about it.
"""

import math
import threading
from collections.abc import Callable
from random import Random

import structlog

from agent.learning.certainty import Certainty
from agent.learning.envelope import may_learn
from agent.learning.learner import Figures, Learner
from agent.learning.pair import Pair
from agent.learning.samples import Origin
from agent.learning.settings import LearningSettings
from agent.ports import Clock, SampleStore
from agent.predictions import Image, RecentPredictions, Stopwatch
from fieldwise.answers import UNUSED, Lesson, Prediction, ScoredClass
from fieldwise.errors import Fault, FieldwiseError

_log = structlog.get_logger()

_NOTHING = Figures(
    learned=0,
    classes=0,
    select=0,
    judge=0,
    exemplars=0,
    exemplar_bytes=0,
    window=0,
    window_correct=0,
    window_last_label_correct=0,
)


class Serving:
    """The pair that serves, and what applications ask of it.

    Args:
        store: The device's samples.
        settings: How to learn.
        recent: Where predictions wait for feedback.
        clock: Time.
        chance: For choosing which images to keep.
        new_id: Makes ids that are unique on the device.
    """

    def __init__(
        self,
        store: SampleStore,
        settings: LearningSettings,
        recent: RecentPredictions,
        clock: Clock,
        chance: Random,
        new_id: Callable[[], str],
    ) -> None:
        self.store = store
        self.settings = settings
        self.stopwatch = Stopwatch()
        self._recent = recent
        self._clock = clock
        self._chance = chance
        self._new_id = new_id
        self._learner: Learner | None = None
        self._asked = -math.inf
        newest = max((image.time for image in store.remembered()), default=0.0)
        self._certainty = Certainty(newest, clock.monotonic())
        self._changing = threading.Lock()

    @property
    def learner(self) -> Learner | None:
        """The learner; None before the first backbone."""
        return self._learner

    def predict(self, image: Image) -> Prediction:
        """The best classes for an encoded image or pixels uint8[H,W,3].

        Raises:
            FieldwiseError: ``NO_BACKBONE``, ``IMAGE_INVALID``, ``GRAPH_FAILED``.
        """
        begin = self._asked = self._clock.monotonic()
        try:
            pair = self._required().pair
            ranking = pair.rank(image, top=5)
        except FieldwiseError:
            self.stopwatch.refuse()
            raise
        self.stopwatch.answer(self._clock.monotonic() - begin)
        scored = zip(ranking.classes, ranking.confidences, strict=True)
        prediction = Prediction(
            self._new_id(),
            tuple(ScoredClass(name, confidence) for name, confidence in scored),
            pair.embedder.manifest.title,
        )
        self._recent.put(prediction.id, image)
        return prediction

    def teach(self, image: Image, class_name: str, burst: str) -> Lesson:
        """Learn a labelled image, or set it aside.

        Raises:
            FieldwiseError: What ``Learner.teach`` says, ``NO_BACKBONE``.
        """
        return self._learn(self._new_id(), image, class_name, burst, Origin.TAUGHT)

    def feedback(self, prediction_id: str, class_name: str) -> Lesson:
        """Learn the image of an earlier prediction; a second time changes nothing.

        It is never held out: what a head got wrong says too little of how often it is right.

        Raises:
            FieldwiseError: ``NOT_FOUND`` when it is not kept any more; and as ``teach``.
        """
        image = self._recent.find(prediction_id)
        return self._learn(prediction_id, image, class_name, "", Origin.CORRECTED)

    def report_skipped(self, frames: int) -> None:
        """Hear of frames of a stream that the agent was not ready for."""
        self.stopwatch.skip(frames)

    def tick(self) -> None:
        """Make durable what has waited long enough.

        Raises:
            FieldwiseError: ``DISK_FULL``; what waits goes on waiting.
        """
        if self._learner is not None:
            wall, monotonic = self._clock.wall(), self._clock.monotonic()
            self._learner.tick(wall, self._certainty.at(wall, monotonic))

    def confirm_time(self, fleet: float) -> None:
        """Hear what time it is for the fleet, Unix seconds."""
        self._certainty.confirm(fleet, self._clock.monotonic())

    def configure(self, settings: LearningSettings) -> None:
        """Adopt settings from now on."""
        with self._changing:
            self.settings = settings
            if self._learner is not None:
                self._learner.configure(settings)

    def replace(self, pair: Pair, persist: Callable[[], None]) -> None:
        """Let another pair serve; ``persist`` makes it the one that a restart finds.

        Raises:
            FieldwiseError: When either fails; the old pair serves then.
        """
        with self._changing:
            learner = self._learner
            if learner is None:
                learner = self._made(pair)
                persist()
                self._learner = learner
                return
            old = learner.swap(pair)
            try:
                persist()
            except FieldwiseError:
                learner.swap(old)
                raise

    def open(self, pair: Pair) -> None:
        """Serve the pair that the journal names."""
        self._learner = self._made(pair)

    def may_learn(self) -> bool:
        """Whether what was taught may be learned now (``agent.learning.envelope``)."""
        silent = self._clock.monotonic() - self._asked
        return may_learn(self.settings, self._clock.minute_of_day(), silent)

    def figures(self) -> Figures:
        """Learning in numbers."""
        return self._learner.figures() if self._learner else _NOTHING

    def close(self) -> None:
        """Make everything durable that can be."""
        if self._learner is None:
            return
        try:
            self._learner.close()
        except FieldwiseError as error:
            _log.error("the last samples could not be written", reason=error.sentence)

    def _learn(
        self, sample_id: str, image: Image, class_name: str, burst: str, origin: Origin
    ) -> Lesson:
        now = self._clock.wall()
        outcome = self._required().teach(sample_id, image, class_name, burst, now, origin)
        share = UNUSED if outcome.share is None else outcome.share.value
        return Lesson(outcome.sample_id, share, outcome.predicted)

    def _made(self, pair: Pair) -> Learner:
        return Learner(pair, self.store, self.settings, self._chance, self.may_learn)

    def _required(self) -> Learner:
        if self._learner is None:
            raise FieldwiseError(Fault.NO_BACKBONE, "this device has no backbone yet")
        return self._learner
