"""Learning as a whole: predict, teach, remember, resume, and move to another backbone.

A taught image is fitted and embedded once; from its features the head first predicts, then learns,
unless the image's scene is set aside. Records gather in a group that one transaction writes
(``tick``, or a full group). What was learned is in three places: statistics in memory, now and then
a snapshot of them, and the feature log since. After a kill the snapshot and the log give back the
same statistics to the bit, up to the last group; a snapshot is only taken of what is written. The
head is then solved at once, and so may be ahead of the cadence at which it would have been.

Every pair, in use or not, is brought up to date by the same step: read the samples after the
sequence that it covers, take the features where they are of its backbone and the image where they
are not. Resuming reads a few hundred features; moving to a new backbone
(``agent.learning.rebuilding``) reads all remembered images; going back to an old pair reads what
was taught meanwhile.

Outside the time in which it may learn (``agent.learning.envelope``) a sample is recorded all the
same and waits; later the pair is brought up to date by that step again, a batch at a time. So what
waits is what the log has and the statistics do not, and is as safe as everything recorded.

One lock serves all that changes; predictions never take it. They read the current pair once and use
its head, which is replaced as a whole and never written to.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agent.learning.blending import Blending, Mixing, Others
from agent.learning.catch_up import (
    Tally,
    absorb_batch,
    bring_up_to_date,
    embed_held_out,
    evaluate,
)
from agent.learning.choosing import select_samples
from agent.learning.fitting import configure_within
from agent.learning.forgetting import Selection
from agent.learning.heads.head import Head
from agent.learning.measures.prequential import Total
from agent.learning.measures.track_record import TrackRecord, decode
from agent.learning.outcomes import Figures
from agent.learning.pair import UNTUNED, Pair, fresh_pair
from agent.learning.rebuilding import Changes, Rebuilding
from agent.learning.samples import Share
from agent.learning.settings import LearningSettings
from agent.learning.stopping import ShouldStop, never
from agent.learning.tracker import Tracker, examined, gap_to_batch
from agent.learning.tuning import HeldOut, Tuning, is_due, tune
from agent.learning.unlearning import Prepared, prepare
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Statistics


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """What was learned, at one moment, all of it written.

    Attributes:
        pair: What learned it; it goes on learning.
        sequence: The last sample that it had learned of.
        classes: Of each class its samples, a starter head's included, and their sum float64[D].
        statistics: Of each view; empty where they were not asked for.
        carried: Samples of each class that are in it by estimate.
    """

    pair: Pair
    sequence: int
    classes: dict[str, tuple[int, NDArray[np.float64]]]
    statistics: tuple[Statistics, ...]
    carried: dict[str, int]


class Learner(Rebuilding):
    """The learning half of a device, over one sample store."""

    _tally: tuple[Head, tuple[int, int], Tally] | None = None

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
            configure_within(made.pair, self._settings)
            classes = made.forgetting.classes
            track = self._tracker.without(classes)
            self._store.forget(replace(made.forgetting, track=track))
            scored = self._pair.champion, self._pair.tuning
            self._pair, self._tuned = made.pair, 0
            self._open_record()
            if strict or (self._pair.champion, self._pair.tuning) != scored:
                self._tracker.rebase()
            self._recorder.sequence += 1  # so that a pair being made can tell that it is older
            self._forgotten_at = self._pair.covered = self._recorder.sequence
            self._followers.outdate()
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

    def close(self) -> None:
        """Write what waits and a snapshot, so that the next start has nothing to replay.

        Raises:
            FieldwiseError: ``DISK_FULL``.
        """
        with self._lock:
            self._tracker.finish()
            self.flush()
            self._save_together(1)

    def configure(self, settings: LearningSettings) -> None:
        """Adopt settings: shrinkage at once, budgets by letting images go with the next group."""
        with self._lock:
            champion, shrinkage = self._pair.champion, self._settings.shrinkage
            self._settings = settings
            self._recorder.configure(settings)
            if settings.shrinkage != shrinkage:  # confidences were chosen for scores as they were
                self._pair.adopt(UNTUNED)
                self._tuned = 0
            configure_within(self._pair, settings)
            if (self._pair.champion, settings.shrinkage) != (champion, shrinkage):
                self._tracker.rebase()

    def trim(self) -> None:
        """Write a snapshot, so that features which it makes needless go down to their room.

        Raises:
            FieldwiseError: ``DISK_FULL``.
        """
        with self._lock:
            self._recorder.flush()
            self._save(self._pair)

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

    def embed_held_out(
        self, pair: Pair, should_stop: ShouldStop, since: Changes | None = None
    ) -> None:
        """Give a pair that is about to serve the features of what is held out, while there is time.

        From now on it learns what comes (``agent.learning.following``).

        Args:
            pair: Made, or opened as it was stored.
            should_stop: Asked after every batch.
            since: ``changes`` before it was opened: nobody told it of what was taken back since,
                and a lesson later nothing would tell that it still holds that.

        Raises:
            Stopped: When asked to.
            FieldwiseError: ``GRAPH_FAILED``, ``DISK_FULL``.
        """
        with self._lock:
            self._others.add(pair)
            if pair not in self._followers:  # it was stored
                pair.stale = pair.stale or since not in (None, self.changes)
                self.flush()
                bring_up_to_date(pair, self._store)
                self._followers.join(pair)
        embed_held_out(pair, self._store, should_stop)

    def accompany(self, pair: Pair) -> None:
        """Let what is taken back go out of another pair as well, as long as that lives."""
        with self._lock:
            self._others.add(pair)

    def swap(self, pair: Pair) -> Pair:
        """Let another pair serve from now on; it first learns what was taught meanwhile.

        Teaching waits for it, predictions do not. It adopts the settings that came meanwhile. A
        snapshot of the new pair is written before it serves, and its features of held-out images.

        Returns:
            The pair that served until now, to go back to.

        Raises:
            FieldwiseError: ``DISK_FULL``, ``GRAPH_FAILED``; ``CONFLICT`` for one that never served
                and holds what was taken back. The old pair goes on serving then.
        """
        with self._lock:
            self.flush()
            if pair.stale or pair.covered < self._forgotten_at:  # it knows what was taken back
                if pair in self._followers:  # and no other was judged
                    raise FieldwiseError(
                        Fault.CONFLICT, "the new head was made of what was taken back meanwhile"
                    )
                pair = fresh_pair(pair.embedder, self._starters(pair.bundle), self._settings)
            configure_within(pair, self._settings)
            bring_up_to_date(pair, self._store)
            self._followers.settle(pair)
            if self._pair.covered > self._pair.saved:  # to go back to, also after a restart
                self._save(self._pair)
            self._save(pair)
            self._store.keep_grids(pair.bundle, dict(pair.held_out))
            pair.held_out = {}
            self._backlog.clear()  # not before: if the disk is full the old pair serves on, behind
            self._examiner.enthrone(pair)
            self._tracker.rebase()
            old, self._pair, self._tuned = self._pair, pair, 0
            old.blend(None)  # others' rows are of one backbone, and end with it
            self._followers.leave(pair)
            self._others.add(old)
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

    def class_counts(self) -> dict[str, int]:
        """Samples of each class that the head has learned, a starter head's included."""
        with self._lock:
            return {name: self._pair.count(name) for name in sorted(self._pair.classes)}

    def sums(self, *, statistics: bool = False) -> Sums:
        """What was learned so far, as sums.

        Raises:
            FieldwiseError: ``DISK_FULL``: what is not written may still be lost.
        """
        with self._lock:
            self.flush()
            pair = self._pair
            classes = {name: pair.sum_of(name) for name in pair.classes if pair.count(name)}
            wanted = tuple(each.statistics for each in pair.learned()) if statistics else ()
            return Sums(pair, pair.covered, classes, wanted, dict(pair.carried))

    def blend(self, pair: Pair, blending: Blending | None) -> bool:
        """Mix a global head in where the device's own serves, or none any more.

        Args:
            pair: What it was chosen for; another one that serves by now stays as it is.
            blending: The global head, and how it is mixed.

        Returns:
            Whether that pair serves.
        """
        with self._lock:
            if pair is not self._pair:
                return False
            pair.blend(blending)
            self._tracker.rebase()
            return True

    def mixing(self, pair: Pair, others: Others) -> Mixing:
        """As ``Pair.mixing``, at a moment when nothing is being learned."""
        with self._lock:
            return pair.mixing(others)

    def _check(self, pair: Pair, held_out: HeldOut, gap: tuple[int, int]) -> None:
        rate, counters = self._settings.novelty_rate, self._recorder.counters
        counts = (counters.learned, counters.select)
        self._tracker.checkpoint(examined(pair, held_out, rate, gap, counts))
