"""What the agent does for applications: predict, learn, take corrections.

Everything here is synchronous and safe from any thread, so the same object serves the daemon's
sockets and a command that works on the state folder by itself. Before the first backbone there is
no learner: then every request is answered with what to do about it.
"""

import dataclasses
import hashlib
import math
import threading
from collections.abc import Callable, Sequence
from random import Random

import structlog

from agent.asking import Asker
from agent.learning.certainty import Certainty
from agent.learning.envelope import may_learn
from agent.learning.forgetting import Forgotten, Selection
from agent.learning.kept import Kept
from agent.learning.learner import Learner
from agent.learning.names import stored_class_name
from agent.learning.outcomes import Figures, Outcome
from agent.learning.pair import Pair
from agent.learning.pair_values import Look
from agent.learning.passing import Passing
from agent.learning.samples import Origin
from agent.learning.settings import LearningSettings
from agent.learning.unlearning import Starters, no_starters
from agent.own_labels import OwnLabels
from agent.ports import Clock, SampleStore
from agent.predictions import Image, RecentPredictions, Stopwatch
from fieldwise.answers import UNUSED, Lesson, Novelty, Prediction, Questions, ScoredClass
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Statistics

ID_DIGITS = 24  # as many as ids that are drawn have

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

    Attributes:
        stopwatch: Predictions in numbers.
        lessons: How long taught images took.
        starters: Gives the starter head of a bundle for each view.
        passing: What predictions see, for whoever wants to look at it too.
        forgetting: Hears that something is about to be forgotten, and which class if all of one.
        missing_bytes: What the state folder lacks for the next group; above 0 nothing is learned.
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
        self.stopwatch, self.lessons = Stopwatch(), Stopwatch()
        self.starters: Starters = no_starters
        self.missing_bytes = 0
        self.forgetting: Callable[[str], None] = lambda _: None
        self._recent = recent
        self._asker, self._own = Asker(recent), OwnLabels()
        self._clock = clock
        self._chance = chance
        self._new_id = new_id
        self._learner: Learner | None = None
        self._asked = -math.inf
        newest = max((image.time for image in store.remembered()), default=0.0)
        self.passing = Passing()
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
            look = pair.look(image, top=5)
        except FieldwiseError as error:
            self.stopwatch.refuse(error.fault)
            raise
        self.stopwatch.answer(self._clock.monotonic() - begin)
        scored = zip(look.ranking.classes, look.ranking.confidences, strict=True)
        prediction = Prediction(
            self._new_id(),
            tuple(ScoredClass(name, confidence) for name, confidence in scored),
            pair.embedder.manifest.title,
            calibrated=look.calibrated,
            novelty=self._novelty(look),
        )
        bundle = pair.bundle if look.whole else ""
        kept = Kept(prediction.id, self._clock.wall(), bundle, look.row, image)
        self._recent.put(kept)
        self.passing.offer(kept)
        if self._is_sure(look, prediction.novelty):
            self._own.offer(kept, prediction.best)
        return prediction

    def teach(self, image: Image, class_name: str, burst: str, key: str = "") -> Lesson:
        """Learn a labelled image, or set it aside; one of a key that is on record only once.

        Raises:
            FieldwiseError: What ``Learner.teach`` says, ``NO_BACKBONE``.
        """
        sample_id = _id_of(key) if key else self._new_id()
        return self._learn(sample_id, image, class_name, burst, Origin.TAUGHT)

    def feedback(self, prediction_id: str, class_name: str) -> Lesson:
        """Learn an earlier prediction; the same label again changes nothing, another one wins.

        It is never held out: what a head got wrong, or was in doubt about, says too little of how
        often it is right.

        Raises:
            FieldwiseError: ``NOT_FOUND`` when it is not kept any more; ``CONFLICT`` when what was
                learned of it cannot be taken back; and as ``teach``.
        """
        kept = self._recent.find(prediction_id)
        return self._label(kept, class_name, Origin.ASKED if kept.asked else Origin.CORRECTED)

    def questions(self, count: int) -> Questions:
        """Kept predictions that are worth a label.

        Raises:
            FieldwiseError: ``NO_BACKBONE``.
        """
        learner, a_day = self._required(), self.settings.questions_a_day
        judge, now = learner.tracker.judge, self._clock.wall()
        return self._asker.questions(learner.pair, judge, count, a_day, now)

    def question_image(self, prediction_id: str) -> Image:
        """What a prediction saw.

        Raises:
            FieldwiseError: ``NOT_FOUND`` when it or its image is not kept any more.
        """
        return self._asker.image(prediction_id)

    def forget(self, selection: Selection, *, strict: bool) -> Forgotten:
        """Take back what was learned, with everything that is kept of it.

        Raises:
            FieldwiseError: ``NOT_FOUND``, ``NO_BACKBONE``, ``GRAPH_FAILED``, ``DISK_FULL``; nothing
                is changed then.
        """
        with self._changing:  # no pair comes or goes meanwhile
            learner = self._required()
            if selection.class_name:
                name = stored_class_name(selection.class_name)
                selection = dataclasses.replace(selection, class_name=name)
            self.forgetting(selection.class_name)
            learner.flush()
            meant = self._asker.meant_by(selection, learner.pair)
            self._own.clear()
            made = learner.forget(selection, meant, strict=strict)
            self._recent.forget(made.forgetting.predictions, made.forgetting.classes)
            self._examine(learner)
        return made.forgotten

    @property
    def own_labels_dropped(self) -> int:
        """Predictions that the agent was sure of and did not label, for want of time."""
        return self._own.dropped

    def predictions_written(self) -> tuple[int, int]:
        """Predictions written to the store since the start, and bytes of them."""
        return self._recent.written, self._recent.written_bytes

    def report_skipped(self, frames: int) -> None:
        """Hear of frames of a stream that the agent was not ready for."""
        self.stopwatch.skip(frames)

    def tick(self) -> None:
        """Make durable what has waited long enough.

        Raises:
            FieldwiseError: ``DISK_FULL``; what waits goes on waiting.
        """
        if self._learner is not None:
            self._label_own()
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

    def replace(self, pair: Pair, persist: Callable[[], None]) -> Pair | None:
        """Let another pair serve; ``persist`` makes it the one that a restart finds.

        Returns:
            The pair that served until now, if there was one.

        Raises:
            FieldwiseError: When either fails; the old pair serves then.
        """
        with self._changing:
            learner = self._learner
            if learner is None:
                learner = self._made(pair)
                persist()
                self._learner = learner
                return None
            old = learner.swap(pair)
            try:
                persist()
            except FieldwiseError:
                learner.swap(old)
                raise
            return old

    def open(self, pair: Pair) -> None:
        """Serve the pair that the journal names."""
        self._learner = self._made(pair)

    def may_learn(self) -> bool:
        """Whether what was taught may be learned now (``agent.learning.envelope``)."""
        return may_learn(self.settings, self._clock.minute_of_day(), self.silent_seconds())

    def silent_seconds(self) -> float:
        """Seconds since the last prediction; without end before the first."""
        return self._clock.monotonic() - self._asked

    def figures(self) -> Figures:
        """Learning in numbers."""
        return self._learner.figures() if self._learner else _NOTHING

    def recorded(self) -> int:
        """Samples recorded since the start, whatever became of them since."""
        return self._learner.recorded if self._learner else 0

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
        self._require_disk()
        now, begin = self._clock.wall(), self._clock.monotonic()
        outcome = self._required().teach(sample_id, image, class_name, burst, now, origin)
        self.lessons.answer(self._clock.monotonic() - begin)
        return _lesson(outcome)

    def _label(self, kept: Kept, class_name: str, origin: Origin) -> Lesson:
        learner = self._required()
        self._require_disk()
        outcome = learner.label(kept, class_name, self._clock.wall(), origin)
        if outcome.share is not None:
            self._recent.label(kept.id, stored_class_name(class_name))
        elif kept.label and not learner.settings.learning_paused:
            self._recent.label(kept.id, "")  # the earlier label was taken back
        return _lesson(outcome)

    def _require_disk(self) -> None:
        """What could not be written would be lost with the next stop, however long it waited."""
        if self.missing_bytes:
            raise FieldwiseError(
                Fault.DISK_FULL,
                f"disk_bytes_max is {self.settings.disk_bytes_max:,} bytes; to learn safely,"
                f" {self.missing_bytes:,} more are needed, and nothing is left to make room",
            )

    def _examine(self, learner: Learner) -> None:
        """Measure anew what predictions are told by: held-out samples and heads are others now."""
        try:
            learner.checkpoint()
        except FieldwiseError as error:
            _log.warning("held-out samples were not examined anew", reason=error.sentence)

    def _novelty(self, look: Look) -> Novelty | None:
        found = self._required().tracker.witness(look.ranking, self._clock.wall())
        return Novelty(found.p_value, found.novel) if found else None

    def _is_sure(self, look: Look, novelty: Novelty | None) -> bool:
        """Whether the agent may label a prediction itself."""
        wanted, said = self.settings.self_label_confidence, look.ranking.confidences
        known = novelty is not None and not novelty.novel
        return bool(wanted and look.calibrated and look.whole and known and said[0] >= wanted)

    def _label_own(self) -> None:
        """Learn what waits of the agent's own labels, as far as their share of a class allows."""
        for kept, name in self._own.take():
            if not self._required().has_room_for_own(name):
                continue
            try:
                self._label(dataclasses.replace(kept, image=None), name, Origin.SELF)
            except FieldwiseError as error:
                _log.debug("a prediction was not learned", reason=error.sentence)

    def _made(self, pair: Pair) -> Learner:
        return Learner(
            pair,
            self.store,
            self.settings,
            self._chance,
            self.may_learn,
            self._recent,
            self._starters_of,
        )

    def _starters_of(self, bundle: str) -> Sequence[Statistics]:
        return self.starters(bundle)

    def _required(self) -> Learner:
        if self._learner is None:
            raise FieldwiseError(Fault.NO_BACKBONE, "this device has no backbone yet")
        return self._learner


def _lesson(outcome: Outcome) -> Lesson:
    share = UNUSED if outcome.share is None else outcome.share.value
    return Lesson(outcome.sample_id, share, outcome.predicted, known=outcome.known)


def _id_of(key: str) -> str:
    """The id of the sample that a caller names so; hashed, it is never that of a prediction."""
    return hashlib.sha256(f"key {key}".encode()).hexdigest()[:ID_DIGITS]
