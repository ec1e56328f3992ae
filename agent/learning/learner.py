"""Learning as a whole: predict, teach, remember, resume, and move to another backbone.

A taught image is fitted and embedded once; from its features the head first predicts, then learns,
unless the image's scene is set aside. Records gather in a group that one transaction writes
(``tick``, or a full group). What was learned is in three places: statistics in memory, now and then
a snapshot of them, and the feature log since. After a kill the snapshot and the log give back the
same statistics to the bit, up to the last group; a snapshot is only taken of what is written. The
head is then solved at once, and so may be ahead of the cadence at which it would have been.

Every pair, in use or not, is brought up to date by the same step: read the samples after the
sequence that it covers, take the features where they are of its backbone and the image where they
are not. Resuming reads a few hundred features; moving to a new backbone (``rebuild``) reads all
remembered images; going back to an old pair reads what was taught meanwhile.

Outside the time in which it may learn (``agent.learning.envelope``) a sample is recorded all the
same and waits; later the pair is brought up to date by that step again, a batch at a time. So what
waits is what the log has and the statistics do not, and is as safe as everything recorded.

One lock serves all that changes; predictions never take it. They read the current pair once and use
its head, which is replaced as a whole and never written to.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from numpy.typing import NDArray

from agent.learning.backlog import Backlog
from agent.learning.catch_up import (
    Progress,
    Tally,
    Watch,
    absorb_batch,
    bring_up_to_date,
    embed_held_out,
    evaluate,
    rebuild,
)
from agent.learning.choosing import select_samples
from agent.learning.correcting import require_taken_back, row_of, take_back
from agent.learning.embedder import Embedder
from agent.learning.examiner import Examiner
from agent.learning.fitting import configure_within
from agent.learning.forgetting import Selection
from agent.learning.heads.head import Head, Ranking
from agent.learning.holdings import MemoryBound
from agent.learning.kept import Kept
from agent.learning.measures.prequential import Total
from agent.learning.measures.track_record import TrackRecord, decode
from agent.learning.names import check_burst_name, stored_class_name
from agent.learning.outcomes import Figures, Outcome
from agent.learning.pair import Pair, fresh_pair
from agent.learning.recorder import Recorder, Writes
from agent.learning.samples import Origin, Sample, Share, Snapshot
from agent.learning.settings import LearningSettings
from agent.learning.stopping import ShouldStop, never
from agent.learning.tracker import Standing, Tracker, examined, gap_to_batch
from agent.learning.tuning import HeldOut, Tuning, is_due, tune
from agent.learning.unlearning import Prepared, Starters, no_starters, prepare
from agent.ports import SampleStore
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Statistics
from fieldwise.inputs import Input, exemplar

TOP = 5  # classes in a ranking, as on the local wire


@dataclass(frozen=True, slots=True, eq=False)
class _Labelled:
    """A label and what it is of; ``row`` int16[D] is of the pair that serves."""

    id: str
    row: NDArray[np.int16]
    image: Input | None
    class_name: str
    burst: str
    time: float
    origin: Origin


class Learner:
    """The learning half of a device, over one sample store.

    Args:
        pair: The pair that serves, up to date with the store (``open_pair``).
        store: What is kept.
        settings: How to learn.
        random: Chance for choosing which images go.
        may_learn: Whether what is taught may be learned now.
        predictions: Kept predictions, which are written with the groups.
        starters: Gives the starter head of a bundle for each view.
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
        self._tuned = 0  # samples that were set aside at the last tuning of this run
        self._tracker = Tracker(store.track())
        self._open_record()
        self._tally: tuple[Head, tuple[int, int], Tally] | None = None

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

    def predict(self, image: Input, top: int = TOP) -> Ranking:
        """The best classes for an encoded image or pixels uint8[H,W,3]; from any thread.

        Raises:
            FieldwiseError: ``IMAGE_INVALID``, ``GRAPH_FAILED``.
        """
        return self._pair.rank(image, top)

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
            return self._take(_Labelled(sample_id, row, image, name, scene, time, origin))

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
            require_taken_back(self._recorder, kept, name)
            return self._take(_Labelled(kept.id, row, kept.image, name, "", time, origin))

    def forget(
        self, selection: Selection, predictions: Collection[str] = (), *, strict: bool = False
    ) -> Prepared:
        """Take back what a selection means, with everything that is kept of it.

        Args:
            selection: What is meant.
            predictions: Ids of kept predictions that it means too.
            strict: Build the head anew from what is held.

        Returns:
            What is in effect now.

        Raises:
            FieldwiseError: ``NOT_FOUND``, ``GRAPH_FAILED``, ``DISK_FULL``; nothing is changed then.
        """
        with self._lock:
            self.flush()
            bring_up_to_date(self._pair, self._store)
            self._backlog.clear()
            starters = self._starters(self._pair.bundle)
            made = prepare(
                self._pair,
                self._store,
                self._settings,
                selection,
                predictions,
                starters,
                strict=strict,
            )
            classes = made.forgetting.classes
            track = self._tracker.without(classes)
            self._store.forget(replace(made.forgetting, track=track))
            self._pair = made.pair
            self._open_record()
            self._recorder.sequence += 1  # so that a pair being made can tell that it is older
            self._forgotten_at = self._pair.covered = self._recorder.sequence
            for name in classes:
                self._tracker.forget_class(name)
        return made

    def catch_up(self, should_stop: ShouldStop) -> None:
        """Learn what waits, a few samples at a time: teaching gets its turn in between.

        Args:
            should_stop: Asked after every batch; then the rest goes on waiting.

        Raises:
            FieldwiseError: ``DISK_FULL``, ``GRAPH_FAILED``.
        """
        while self._backlog.samples:
            with self._lock:
                self._recorder.flush()
                if not absorb_batch(self._pair, self._store):
                    self._backlog.clear()
            if should_stop():
                return

    def tick(self, now: float, certain: float) -> None:
        """Write what has waited long enough, and let expired images go; call it every second.

        Args:
            now: Unix seconds by the device's clock.
            certain: Unix seconds that have come for certain (``agent.learning.certainty``).

        Raises:
            FieldwiseError: ``DISK_FULL``; what waits goes on waiting.
        """
        with self._lock:
            self._recorder.expire(certain)
            if self._recorder.is_due(now):
                self.flush()

    def flush(self) -> None:
        """Write everything that waits, and a snapshot if one is due.

        Raises:
            FieldwiseError: ``DISK_FULL``; what waits goes on waiting.
        """
        with self._lock:
            self._recorder.flush()
            if self._pair.covered - self._pair.saved >= self._settings.snapshot_samples:
                self._save(self._pair)

    def close(self) -> None:
        """Write what waits and a snapshot, so that the next start has nothing to replay.

        Raises:
            FieldwiseError: ``DISK_FULL``.
        """
        with self._lock:
            self._tracker.finish()
            self.flush()
            if self._pair.covered > self._pair.saved:
                self._save(self._pair)

    def configure(self, settings: LearningSettings) -> None:
        """Adopt settings: shrinkage at once, budgets by letting images go with the next group."""
        with self._lock:
            self._settings = settings
            self._recorder.configure(settings)
            configure_within(self._pair, settings)

    def trim(self) -> None:
        """Write a snapshot, so that features which it makes needless go down to their room.

        Raises:
            FieldwiseError: ``DISK_FULL``.
        """
        with self._lock:
            self._recorder.flush()
            self._save(self._pair)

    def settle(self) -> None:
        """Make the head exactly that of the statistics now, without waiting for the cadence."""
        with self._lock:
            self._pair.settle()

    @property
    def tracker(self) -> Tracker:
        """What was measured so far."""
        return self._tracker

    def track(self) -> TrackRecord:
        """A copy of what was measured."""
        with self._lock:
            self._tracker.settle()
            content = self._tracker.record.encode()
        record = decode(content)
        record.loss = self._tracker.record.loss
        return record

    def total(self) -> Total:
        """Labelled samples tested before learning, since the beginning."""
        return self._examiner.window.total

    def self_labelled(self) -> int:
        """Samples that the agent labelled itself and has learned."""
        return sum(self._recorder.counters.self_labelled.values())

    def checkpoint(self, should_stop: ShouldStop = never) -> None:
        """Measure how held-out samples fare; teaching goes on meanwhile.

        Raises:
            Stopped: When asked to.
            FieldwiseError: ``GRAPH_FAILED``.
        """
        with self._lock:
            self._recorder.flush()
            pair, learned = self._pair, self._pair.learned()
        held_out = select_samples(pair, self._store, should_stop)
        gap = gap_to_batch(pair, learned, held_out, self._settings)
        with self._lock:
            if pair is self._pair:
                self._check(pair, held_out, gap)

    @property
    def tuning_is_due(self) -> bool:
        """Whether enough was set aside since the last tuning for another one."""
        tuned = max(self._tuned, self._pair.tuning.samples)
        return is_due(self._recorder.counters.select, tuned)

    def tune(self, should_stop: ShouldStop) -> Tuning:
        """Let what is held out choose how predictions are made; teaching goes on meanwhile.

        Args:
            should_stop: Asked between two steps, of which the longest is a solve.

        Raises:
            Stopped: When asked to; nothing is changed then.
            FieldwiseError: ``GRAPH_FAILED``; ``DISK_FULL`` where the choice, which is in force,
                could not be written yet.
        """
        with self._lock:
            self.flush()
            pair, learned, bounds = self._pair, self._pair.learned(), self._pair.bounds()
            self._tuned = self._recorder.counters.select
        held_out = select_samples(pair, self._store, should_stop)
        gap = gap_to_batch(pair, learned, held_out, self._settings)
        tuning = tune(learned, held_out, bounds, should_stop)
        with self._lock:
            if pair is self._pair:
                pair.adopt(tuning)
                self._check(pair, held_out, gap)
                self._recorder.flush()
                self._save(pair)
        return tuning

    def select_tally(self) -> Tally:
        """How the serving pair does on what is set aside for choosing settings; cheap to repeat."""
        head = self._pair.head
        held = (self._store.last_sequence(), self._recorder.images)
        known = self._tally
        if known is None or known[0] is not head or known[1] != held:
            known = self._tally = (head, held, evaluate(self._pair, self._store, Share.SELECT))
        return known[2]

    def evaluate(self, pair: Pair, share: Share) -> Tally:
        """Ask a pair for every held-out sample of one share that its backbone can still see.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` for learned samples: those it knows.
        """
        return evaluate(pair, self._store, share)

    def rebuild(
        self,
        embedder: Embedder,
        starters: Sequence[Statistics],
        progress: Callable[[Progress], None],
        should_stop: ShouldStop,
    ) -> Pair:
        """Build the pair for another backbone from what is remembered; the old one serves on.

        Args:
            embedder: The other backbone.
            starters: Its starter head for each view, if its bundle has them.
            progress: Told after every batch.
            should_stop: Asked before every batch.

        Raises:
            Stopped: When asked to.
            FieldwiseError: ``GRAPH_FAILED``.
        """
        while True:
            with self._lock:
                self.flush()
                images, began = self._recorder.images_of(Share.LEARN), self._forgotten_at
            watch = Watch(images, progress, should_stop)
            pair = rebuild(embedder, starters, self._store, self._settings, watch)
            pair.covered = max(pair.covered, began)
            if began == self._forgotten_at:
                return pair

    def embed_held_out(self, pair: Pair, should_stop: ShouldStop) -> None:
        """Give a pair that is about to serve the features of what is held out, while there is time.

        Raises:
            Stopped: When asked to.
            FieldwiseError: ``GRAPH_FAILED``.
        """
        embed_held_out(pair, self._store, should_stop)

    def swap(self, pair: Pair) -> Pair:
        """Let another pair serve from now on; it first learns what was taught meanwhile.

        Teaching waits for it, predictions do not. It adopts the settings that came meanwhile. A
        snapshot of the new pair is written before it serves, and its features of held-out images.

        Returns:
            The pair that served until now, to go back to.

        Raises:
            FieldwiseError: ``DISK_FULL``, ``GRAPH_FAILED``; the old pair goes on serving then.
        """
        with self._lock:
            self.flush()
            if pair.covered < self._forgotten_at:  # it may know what was forgotten meanwhile
                pair = fresh_pair(pair.embedder, self._starters(pair.bundle), self._settings)
            configure_within(pair, self._settings)
            bring_up_to_date(pair, self._store)
            self._backlog.clear()
            self._save(pair)
            self._store.keep_grids(pair.bundle, dict(pair.held_out))
            pair.held_out = {}
            self._examiner.enthrone(pair)
            self._tracker.rebase()
            old, self._pair, self._tuned = self._pair, pair, 0
        return old

    def figures(self) -> Figures:
        """Learning in numbers."""
        with self._lock:
            counters, window = self._recorder.counters, self._examiner.window
            return Figures(
                learned=counters.learned,
                classes=len(self._pair.head.classes),
                select=counters.select,
                judge=counters.judge,
                exemplars=self._recorder.images,
                exemplar_bytes=self._recorder.image_bytes,
                window=window.samples,
                window_correct=window.correct,
                window_last_label_correct=window.last_label_correct,
            )

    def has_room_for_own(self, class_name: str) -> bool:
        """Whether one more sample of a class may be labelled by the agent itself."""
        with self._lock:
            mine = self._recorder.counters.self_labelled.get(class_name, 0)
            labelled = self._pair.count(class_name) - mine
            share = self._settings.self_label_share_max
            return mine + 1 <= share * (labelled + mine + 1)

    def class_counts(self) -> dict[str, int]:
        """Samples of each class that the head has learned, a starter head's included."""
        with self._lock:
            return {name: self._pair.count(name) for name in sorted(self._pair.classes)}

    def _open_record(self) -> None:
        self._recorder = Recorder(
            self._store,
            self._settings,
            self._random,
            self._predictions,
            self._restate,
            self._tracker,
        )
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
            return Outcome(labelled.id, held.share, predicted)
        recorder.welcome(name)
        origin, image = labelled.origin, labelled.image
        if held is not None:
            self._backlog.drop(held, pair.covered)
            take_back(pair, recorder, held, labelled.row)
            origin = Origin.CORRECTED if origin is Origin.TAUGHT else origin
            image = held.image if image is None else image
        learned = pair.count(name) + self._backlog.of(name)
        scene, time = labelled.burst, labelled.time
        placed = recorder.place(labelled.id, name, scene, time, learned, origin)
        if placed.share is None or (held is not None and held.share is not Share.LEARN):
            return Outcome(labelled.id, None, predicted)
        sample = Sample(
            id=labelled.id,
            sequence=recorder.sequence + 1,
            time=time,
            class_name=name,
            burst=placed.burst.id,
            share=placed.share,
            bundle=pair.bundle,
            grid=labelled.row,
            image=None if image is None else exemplar(image),
            origin=origin,
        )
        recorder.record(sample, placed.burst)
        if held is None and origin is not Origin.SELF:
            self._observe(sample, answers)
        self._learn(sample, labelled.row[None])
        recorder.flush_when_full()
        return Outcome(labelled.id, placed.share, predicted)

    def _restate(self, sequence: int) -> Snapshot | None:
        """What has to stand instead of the stored statistics if they hold that sample."""
        if sequence > self._pair.saved:
            return None
        snapshot = self._pair.snapshot()
        self._pair.saved = snapshot.sequence
        return snapshot

    def _require_room_for(self, name: str) -> None:
        # Of a class whose every scene is held out the head knows nothing: its samples still count.
        met = self._recorder.classes | set(self._pair.classes)
        if name in met:
            return
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
        self._recorder.counters = self._examiner.counted(self._recorder.counters)
        window, images = self._examiner.window, self._recorder.image_bytes
        standing = Standing(window, len(self._recorder.classes), images)
        self._tracker.observe(sample, answers, champion, standing)
        if self._pair.champion != champion:
            self._tracker.rebase()

    def _check(self, pair: Pair, held_out: HeldOut, gap: tuple[int, int]) -> None:
        rate = self._settings.novelty_rate
        self._tracker.checkpoint(examined(pair, held_out, rate, gap))

    def _save(self, pair: Pair) -> None:
        snapshot = pair.snapshot()
        self._store.save_snapshot(snapshot, self._settings.feature_log_bytes_max)
        pair.saved = snapshot.sequence


def _confirms(labelled: _Labelled, held: Sample) -> bool:
    """Whether somebody else now says what the agent only told itself."""
    return held.origin is Origin.SELF and labelled.origin is not Origin.SELF
