"""Taking labels: predict, then learn or set aside, record, and take back what was wrong.

A labelled sample is tested before it is learned, placed by its scene, recorded and learned, in this
order and under one lock. Of two labels for one sample the later wins
(``agent.learning.correcting``). A label may come with an image or on a prediction that was kept,
whose features are the same to the bit.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from agent.learning.backlog import Backlog
from agent.learning.correcting import require_the_same, row_of, take_back, take_back_elsewhere
from agent.learning.examiner import Examiner
from agent.learning.fitting import configure_within
from agent.learning.following import Followers
from agent.learning.holdings import MemoryBound
from agent.learning.kept import Kept
from agent.learning.names import check_burst_name, stored_class_name
from agent.learning.outcomes import Outcome
from agent.learning.pair import Pair
from agent.learning.recorder import Recorder, Writes
from agent.learning.samples import Origin, Sample, Share, Snapshot
from agent.learning.settings import LearningSettings
from agent.learning.tracker import Standing, Tracker
from agent.learning.unlearning import Starters, no_starters
from agent.ports import SampleStore
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.inputs import Input, exemplar

WITHDRAWN_MAX = 256  # with their images; a pair that would have to be rid of more is made anew


@dataclass(frozen=True, slots=True, eq=False)
class _Labelled:
    """A label and what it is of.

    ``row`` int16[D] is of the pair that serves; ``seen`` is when there was to be seen what it is
    of, Unix seconds, and ``to_the_bit`` says that ``row`` is what any earlier label was learned by.
    """

    id: str
    row: NDArray[np.int16]
    image: Input | None
    class_name: str
    burst: str
    time: float
    origin: Origin
    seen: float
    to_the_bit: bool = False


class Lessons:
    """What takes labels, over one sample store.

    Args:
        pair: The pair that serves, up to date with the store (``open_pair``).
        store: What is kept.
        settings: How to learn.
        random: Chance for choosing which images go.
        may_learn: Whether what is taught may be learned now.
        predictions: Kept predictions, which are written with the groups.
        starters: Gives the starter head of a bundle for each view.

    Attributes:
        recorded: Samples recorded since it was made, corrected ones each time; never fewer.
    """

    def __init__(
        self,
        pair: Pair,
        store: SampleStore,
        settings: LearningSettings,
        random: Random,
        may_learn: Callable[[], bool] = lambda: True,
        predictions: Writes | None = None,
        starters: Starters = no_starters,
    ) -> None:
        self._pair = pair
        self._store = store
        self._settings = settings
        self._backlog = Backlog(may_learn)
        self._memory = MemoryBound()
        self._lock = threading.RLock()
        configure_within(pair, settings)
        self._random = random
        self._predictions = predictions
        self._starters = starters
        self._forgotten_at = 0
        self._others: WeakSet[Pair] = WeakSet()  # that may serve next, while somebody holds them
        self._followers = Followers()  # those of them that never served
        self.recorded = 0
        self._taken_back = 0  # labels of this run that a later one took the place of
        self._withdrawn: list[Sample] | None = None  # those since a pair is being made
        self._tuned = 0  # samples that were set aside at the last tuning of this run
        self._tracker = Tracker(store.track())
        if pair.rescaled:
            self._tracker.rebase()
        self._open_record()

    @property
    def pair(self) -> Pair:
        """The pair that serves now."""
        return self._pair

    @property
    def settings(self) -> LearningSettings:
        """The settings in force."""
        return self._settings

    @property
    def behind(self) -> int:
        """Recorded samples that wait to be learned."""
        return self._backlog.samples

    def teach(
        self,
        sample_id: str,
        image: Input,
        class_name: str,
        burst: str,
        time: float,
        origin: Origin = Origin.TAUGHT,
    ) -> Outcome:
        """Predict a labelled image, then learn it or set it aside.

        Args:
            sample_id: Unique; a known one is not learned again.
            image: An encoded image or pixels uint8[H,W,3].
            class_name: What it shows.
            burst: Name of the scene; empty to let time and class decide.
            time: Now, Unix seconds.
            origin: How the label came about; a correction is never held out.

        Raises:
            FieldwiseError: ``CLASS_INVALID``, ``TOO_MANY_CLASSES``, ``IMAGE_INVALID``,
                ``GRAPH_FAILED``; ``DISK_FULL`` while a full group could not be written. Nothing is
                learned then.
        """
        name, scene = stored_class_name(class_name), check_burst_name(burst)
        with self._lock:
            self._require_room_for(name)
            row = self._pair.grid(image)[0]
            return self._take(_Labelled(sample_id, row, image, name, scene, time, origin, time))

    def label(self, kept: Kept, class_name: str, time: float, origin: Origin) -> Outcome:
        """Learn a kept prediction, or take back what was learned of it and learn it anew.

        Raises:
            FieldwiseError: As ``teach``; ``NOT_FOUND`` where another backbone saw it and its image
                is not held, ``CONFLICT`` where what was learned of it cannot be taken back.
        """
        name = stored_class_name(class_name)
        with self._lock:
            self._require_room_for(name)
            row = row_of(self._pair, kept)
            if kept.label and not self._recorder.is_known(kept.id):
                require_the_same(kept, name)
                said = self._pair.answers(row)[self._pair.champion]
                return Outcome(kept.id, Share.LEARN, said, known=True)
            exact = kept.bundle == self._pair.bundle
            return self._take(
                _Labelled(kept.id, row, kept.image, name, "", time, origin, kept.time, exact)
            )

    def flush(self) -> None:
        """Write everything that waits, and a snapshot if one is due.

        Raises:
            FieldwiseError: ``DISK_FULL``; what waits goes on waiting.
        """
        with self._lock:
            self._recorder.flush()
            self._save_together(self._settings.snapshot_samples)

    def has_room_for_own(self, class_name: str) -> bool:
        """Whether one more sample of a class may be labelled by the agent itself."""
        with self._lock:
            mine = self._recorder.counters.self_labelled.get(class_name, 0)
            labelled = self._pair.count(class_name) - mine
            share = self._settings.self_label_share_max
            return mine + 1 <= share * (labelled + mine + 1)

    def _open_record(self) -> None:
        self._recorder = Recorder(
            self._store,
            self._settings,
            self._random,
            self._predictions,
            self._restate,
            self._tracker,
        )
        # What was recorded and taken back before it was written left its number with the pair only.
        self._recorder.sequence = max(self._recorder.sequence, self._pair.covered)
        self._examiner = Examiner(self._recorder.counters, self._pair)

    def _take(self, labelled: _Labelled) -> Outcome:
        """Test, place, record and learn a label; the later of two for one sample wins."""
        pair, recorder, name = self._pair, self._recorder, labelled.class_name
        row_bytes = 2 * pair.embedder.manifest.feature_width
        self._backlog.require_room(row_bytes, self._settings.feature_log_bytes_max)
        if recorder.is_full:
            self.flush()
        answers = pair.answers(labelled.row)
        predicted, held = answers[pair.champion], recorder.find(labelled.id)
        if self._settings.learning_paused:
            return Outcome(labelled.id, None, predicted)
        if held is not None and held.class_name == name and not _confirms(labelled, held):
            return Outcome(labelled.id, held.share, predicted, known=True)
        recorder.welcome(name)
        origin, image = labelled.origin, labelled.image
        if held is not None:
            self._backlog.drop(held, pair.covered)
            take_back(pair, recorder, held, labelled.row if labelled.to_the_bit else None)
            take_back_elsewhere(self._others - {pair}, held)
            self._taken_back += 1
            if self._withdrawn is not None and len(self._withdrawn) < WITHDRAWN_MAX:
                self._withdrawn.append(held)
            self._succeed()
            origin = Origin.CORRECTED if origin is Origin.TAUGHT else origin
            image = held.image if image is None else image
        learned = pair.count(name) + self._backlog.of(name)
        scene, seen = labelled.burst, labelled.seen
        placed = recorder.place(labelled.id, name, scene, seen, learned, origin)
        if placed.share is None or (held is not None and held.share is not Share.LEARN):
            return Outcome(labelled.id, None, predicted)
        sample = Sample(
            id=labelled.id,
            sequence=recorder.sequence + 1,
            time=labelled.time,
            class_name=name,
            burst=placed.burst.id,
            share=placed.share,
            bundle=pair.bundle,
            grid=labelled.row,
            image=None if image is None else exemplar(image),
            origin=origin,
        )
        recorder.record(sample, placed.burst)
        self.recorded += 1
        if held is None and origin is not Origin.SELF:
            self._observe(sample, answers)
        self._learn(sample, labelled.row[None])
        self._followers.learn(sample)
        recorder.flush_when_full()
        return Outcome(labelled.id, placed.share, predicted)

    def _succeed(self) -> None:
        champion = self._pair.champion
        self._examiner.succeed(self._pair)
        self._note(champion)

    def _restate(self, sequence: int) -> Snapshot | None:
        """What has to stand instead of the stored statistics if they hold that sample."""
        if sequence > self._pair.saved:
            return None
        snapshot = self._pair.snapshot()
        self._pair.saved = snapshot.sequence
        for pair in self._followers:  # their snapshots go with this
            pair.saved = 0
        return snapshot

    def _require_room_for(self, name: str) -> None:
        if self._pair.count(name) or name in self._recorder.classes:
            return
        # Of a class whose every scene is held out the head knows nothing: its samples still count.
        met = self._recorder.classes | set(self._pair.classes)
        if len(met) >= self._settings.classes_max:
            raise FieldwiseError(
                Fault.TOO_MANY_CLASSES,
                f"there are {self._settings.classes_max:,} classes; one more is over the limit",
            )
        owners, most = (self._pair, self._recorder), self._settings.memory_bytes_max
        self._memory.require_room(owners, [self._pair.embedder], len(met), most)

    def _learn(self, sample: Sample, grid: NDArray[np.int16]) -> None:
        learns = sample.share is Share.LEARN
        if not self._backlog.takes(sample.class_name, learns=learns):
            self._pair.covered = sample.sequence
            if learns:
                self._pair.learn(grid, [sample.class_name])

    def _observe(self, sample: Sample, answers: dict[str, str]) -> None:
        """Test before training: what every head said of a sample, against what it is."""
        champion = self._pair.champion
        self._examiner.observe(self._pair, sample, answers, self._settings)
        window, images = self._examiner.window, self._recorder.image_bytes
        standing = Standing(window, len(self._recorder.classes), images)
        self._tracker.observe(sample, answers, champion, standing)
        self._note(champion)

    def _note(self, champion: str) -> None:
        """Count what was examined; scores of another champion are of another scale."""
        self._recorder.counters = self._examiner.counted(self._recorder.counters)
        if self._pair.champion != champion:
            self._tracker.rebase()

    def _save_together(self, samples: int) -> None:
        """Save what is so many samples ahead of its snapshot.

        What follows is never saved beyond the pair that serves: a sample that is taken back is then
        in no snapshot of another, or in that one's as well, with which all others go.
        """
        due = [each for each in self._followers if each.covered - each.saved >= samples]
        if due or self._pair.covered - self._pair.saved >= samples:
            self._save(self._pair)
        for pair in due:
            if pair.covered <= self._pair.saved:  # else what serves has yet to learn what waits
                self._save(pair)

    def _save(self, pair: Pair) -> None:
        snapshot = pair.snapshot()
        self._store.save_snapshot(snapshot, self._settings.feature_log_bytes_max)
        pair.saved = snapshot.sequence


def _confirms(labelled: _Labelled, held: Sample) -> bool:
    """Whether somebody else now says what the agent only told itself."""
    return held.origin is Origin.SELF and labelled.origin is not Origin.SELF
