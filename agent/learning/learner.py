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

One lock serves all that changes; predictions never take it. They read the current pair once and use
its head, which is replaced as a whole and never written to.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from agent.learning.catch_up import (
    Progress,
    Tally,
    Watch,
    bring_up_to_date,
    embed_held_out,
    evaluate,
    rebuild,
)
from agent.learning.embedder import Embedder
from agent.learning.heads.head import Head, Ranking
from agent.learning.names import check_burst_name, stored_class_name
from agent.learning.pair import Pair
from agent.learning.prequential import Window
from agent.learning.recorder import Recorder
from agent.learning.samples import Origin, Sample, Share
from agent.learning.settings import LearningSettings
from agent.learning.stopping import ShouldStop
from agent.ports import SampleStore
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Statistics
from fieldwise.inputs import Input, exemplar

TOP = 5  # classes in a ranking, as on the local wire


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a taught sample; ``predicted`` is what the head said before.

    ``share`` is None where the sample was put to no use: while learning is paused, and for a
    correction that belongs to a held-out scene.
    """

    sample_id: str
    share: Share | None
    predicted: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Learning in numbers, as status and check-ins report it."""

    learned: int
    classes: int
    select: int
    judge: int
    exemplars: int
    exemplar_bytes: int
    window: int
    window_correct: int
    window_last_label_correct: int


class Learner:
    """The learning half of a device, over one sample store.

    Args:
        pair: The pair that serves, up to date with the store (``open_pair``).
        store: What is kept.
        settings: How to learn.
        random: Chance for choosing which images go.
    """

    def __init__(
        self, pair: Pair, store: SampleStore, settings: LearningSettings, random: Random
    ) -> None:
        self._pair = pair
        self._store = store
        self._settings = settings
        self._lock = threading.RLock()
        pair.configure(settings)
        self._recorder = Recorder(store, settings, random)
        counters = self._recorder.counters
        self._window = Window(counters.window, counters.last_label)
        self._tally: tuple[Head, tuple[int, int], Tally] | None = None

    @property
    def pair(self) -> Pair:
        """The pair that serves now."""
        return self._pair

    @property
    def settings(self) -> LearningSettings:
        """The settings in force."""
        return self._settings

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
            if self._recorder.is_full:
                self.flush()
            grid = self._pair.grid(image)
            answers = self._pair.answers(grid[0])
            predicted = answers[self._pair.champion]
            learned = self._pair.count(name)
            placed = self._recorder.place(sample_id, name, scene, time, learned, origin)
            share = None if self._settings.learning_paused else placed.share
            if share is not None and not self._recorder.is_known(sample_id):
                sample = Sample(
                    id=sample_id,
                    sequence=self._recorder.sequence + 1,
                    time=time,
                    class_name=name,
                    burst=placed.burst.id,
                    share=share,
                    bundle=self._pair.bundle,
                    grid=grid[0],
                    image=exemplar(image),
                    origin=origin,
                )
                self._recorder.record(sample, placed.burst)
                self._pair.covered = sample.sequence
                self._observe(sample, answers)
                if share is Share.LEARN:
                    self._pair.learn(grid, [name])
                self._recorder.flush_when_full()
        return Outcome(sample_id, share, predicted)

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
            if self._recorder.sequence - self._pair.saved >= self._settings.snapshot_samples:
                self._save(self._pair)

    def close(self) -> None:
        """Write what waits and a snapshot, so that the next start has nothing to replay.

        Raises:
            FieldwiseError: ``DISK_FULL``.
        """
        with self._lock:
            self.flush()
            if self._pair.covered > self._pair.saved:
                self._save(self._pair)

    def configure(self, settings: LearningSettings) -> None:
        """Adopt settings: shrinkage at once, budgets by letting images go with the next group."""
        with self._lock:
            self._settings = settings
            self._recorder.configure(settings)
            self._pair.configure(settings)

    def settle(self) -> None:
        """Make the head exactly that of the statistics now, without waiting for the cadence."""
        with self._lock:
            self._pair.settle()

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
        with self._lock:
            self.flush()
            images = self._recorder.images_of(Share.LEARN)
        return rebuild(
            embedder, starters, self._store, self._settings, Watch(images, progress, should_stop)
        )

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
            pair.configure(self._settings)
            bring_up_to_date(pair, self._store)
            self._save(pair)
            self._store.keep_grids(pair.bundle, dict(pair.held_out))
            pair.held_out = {}
            old, self._pair = self._pair, pair
        return old

    def figures(self) -> Figures:
        """Learning in numbers."""
        with self._lock:
            counters = self._recorder.counters
            return Figures(
                learned=counters.learned,
                classes=len(self._pair.head.classes),
                select=counters.select,
                judge=counters.judge,
                exemplars=self._recorder.images,
                exemplar_bytes=self._recorder.image_bytes,
                window=self._window.samples,
                window_correct=self._window.correct,
                window_last_label_correct=self._window.last_label_correct,
            )

    def class_counts(self) -> dict[str, int]:
        """Samples of each class that the head has learned, a starter head's included."""
        with self._lock:
            return {name: self._pair.count(name) for name in sorted(self._pair.classes)}

    def _require_room_for(self, name: str) -> None:
        # Of a class whose every scene is held out the head knows nothing: its samples still count.
        met = self._recorder.classes | set(self._pair.classes)
        if name not in met and len(met) >= self._settings.classes_max:
            raise FieldwiseError(
                Fault.TOO_MANY_CLASSES,
                f"there are {self._settings.classes_max:,} classes; one more is over the limit",
            )

    def _observe(self, sample: Sample, answers: dict[str, str]) -> None:
        """Test before training: what every head said of a sample, against what it is."""
        said, settings = answers[self._pair.champion], self._settings
        self._window = self._window.after(sample.class_name, said, settings.window_samples)
        self._recorder.counters = replace(
            self._recorder.counters,
            last_label=self._window.last_label,
            window=self._window.outcomes,
        )

    def _save(self, pair: Pair) -> None:
        snapshot = pair.snapshot()
        self._store.save_snapshot(snapshot, self._settings.feature_log_bytes_max)
        pair.saved = snapshot.sequence
