"""Moving a learner to another backbone: what is held is learned anew, the rest is carried over.

The old pair serves and learns throughout. Exemplars, learned samples whose image is held, are
embedded again, and their features kept ahead (``agent.ports``), so that a move which is broken off
goes on where it was. With each goes what it was to the old pair, so that it can leave the old sums
(``agent.learning.carrying``), and both together are a pair for the map (``fieldwise.affine``).
Images that pass through Predict meanwhile are such pairs too: of them only sums stay. For these the
move waits a while once it is through with the exemplars, as long as there is something to carry and
images keep coming; what was gathered is not kept over a restart.

Where the old pair's features of an exemplar are held no more they are computed again of its image.
That is the sample to the bit only where the image is as it was learned; otherwise taking it from
the old sums is off by that little, in an estimate. Where only its features on the new backbone are
held, as on the way back to one that served before, it is learned of those, and its class in the old
sums is scaled down by one sample.

Views. Sums are kept for each view and not across views, so a view of the new backbone is carried
from one view of the old: the one that a published map names, or of the same name, or else of the
nearest input size. A published map that names no view of the old backbone, or does not fit the
features of both, is refused alone: the device's own pairs decide then, as they do where what it
carries is nothing that samples could come to.

A head that sums do not decide, one trained by gradient or one that lets the past fade, begins with
the exemplars alone.

Memory beside the two backbones and pairs: for every view the sums of ``fieldwise.affine``, the
statistics of what leaves, and a batch of images; during the fit of a view five matrices more.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace

import numpy as np
import structlog
from numpy.typing import NDArray

from agent.learning.carrying import Target, carry, estimated, scaled_down, without
from agent.learning.catch_up import BATCH, LEARNED, Progress, Watch, stored_batches
from agent.learning.choosing import select_samples
from agent.learning.contending import Chosen, Known, Start, choose
from agent.learning.embedder import Embedder, seconds_of
from agent.learning.embedder import View as EmbedderView
from agent.learning.forgetting import Selection
from agent.learning.pair import Pair
from agent.learning.passing import Passing
from agent.learning.samples import Sample
from agent.learning.settings import LearningSettings
from agent.learning.stopping import ShouldStop, Stopped, never
from agent.learning.tuning import HeldOut, views_within
from agent.ports import SampleStore
from fieldwise.affine import PairSums, fit
from fieldwise.affine_file import ViewMap, nearest_view
from fieldwise.bundle import View
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Accumulator, Statistics, empty

POLL_SECONDS = 0.25  # between two looks for an image, and whether to stop
ASKED_MAX = 1000  # exemplars that are left out in turn: their error is then 1.6 points

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Means:
    """What a move may use beside exemplars.

    Attributes:
        passing: Images on their way through Predict; None where none pass.
        published: Maps that came with the bundle, by the new view's name.
        should_stop: Asked while waiting for images, which is no work to rest from.
        has_room: Whether the disk has room for more than what a move cannot do without.
    """

    passing: Passing | None = None
    published: Mapping[str, ViewMap] = field(default_factory=dict)
    should_stop: ShouldStop = never
    has_room: Callable[[], bool] = lambda: True


NOTHING_ELSE = Means()


class _Lane:
    """One view of the new backbone, and the view of the old that it is carried from."""

    def __init__(self, old: Pair, new: Pair, place: int, published: ViewMap | None) -> None:
        view = new.embedder.views[place]
        self.name, self.columns = view.name, view.columns
        published = _fitting(old.embedder, view, published)
        self.through = published.through if published else None
        self.source = _source(old.embedder, new.embedder.manifest.views[place], published)
        before = old.embedder.views[self.source]
        self.before = before.columns
        transforms = (old.embedder.manifest.transform, new.embedder.manifest.transform)
        units = (float(1 << transforms[0].grid_bits), float(1 << transforms[1].grid_bits))
        self.sums = PairSums(units, (before.width, view.width))
        self.leaving = Accumulator(empty(old.bundle, transforms[0], before.width))

    def leave(self, x: NDArray[np.int16], y: NDArray[np.int16], names: Sequence[str]) -> None:
        """Hear of exemplars, whole rows of both backbones."""
        self.leaving.learn(x[:, self.before], names)
        self.sums.add(x[:, self.before], y[:, self.columns], keep=True)

    def pass_by(self, x: NDArray[np.int16], y: NDArray[np.int16]) -> None:
        """Hear of samples without a label."""
        self.sums.add(x[:, self.before], y[:, self.columns], keep=False)


class Move:
    """One move, for one thread.

    Args:
        old: The pair that serves.
        new: A fresh pair of the other backbone, with its starter head if there is one.
        store: What is kept.
        settings: How to learn.
        means: What else may be used.
    """

    def __init__(
        self, old: Pair, new: Pair, store: SampleStore, settings: LearningSettings, means: Means
    ) -> None:
        self._old, self._new = old, new
        self._store = store
        self._settings = settings
        self._means = means
        views = new.embedder.views
        self._lanes = [
            _Lane(old, new, place, means.published.get(view.name))
            for place, view in enumerate(views)
        ]
        self._learned: set[int] = set()
        self._faded: Counter[str] = Counter()  # learned by class, that the old one cannot see
        self._left: list[Statistics] = []
        self._passed: list[tuple[NDArray[np.int16], NDArray[np.int16]]] = []
        self._pairs = 0

    def embed(self, watch: Watch) -> None:
        """Learn every exemplar on the new backbone, and look at what passes in between.

        Raises:
            Stopped: When asked to; what was embedded is kept ahead.
            FieldwiseError: ``GRAPH_FAILED``.
        """
        done, passing = 0, self._means.passing
        with passing.wanted() if passing else nullcontext():
            while batch := self._next():
                done += self._learn(batch)
                watch.progress(Progress(done, max(done, watch.images)))
                if watch.should_stop():
                    raise Stopped
                self._look(0.0)
            if passing is not None:
                self._wait(watch.should_stop)
        self._pass_on()

    def withdraw(self, taken_back: Sequence[Sample]) -> bool:
        """Let labels go that were taken back since it began, if they were learned.

        Args:
            taken_back: As they were recorded, each with its image if that was held.

        Returns:
            Whether what was learned of each could be had again. Otherwise the move is of no use.

        Raises:
            FieldwiseError: ``GRAPH_FAILED``.
        """
        for sample in taken_back:
            if sample.sequence not in self._learned:
                continue
            x, _ = self._old.features_of([sample])
            y, names = self._new.features_of([sample])
            if not (len(x) and len(y)):
                return False
            self._learned.remove(sample.sequence)
            self._new.unlearn(y, names)
            if not self._new.count(sample.class_name):
                self._new.forget_class(sample.class_name)
            for lane in self._lanes:
                lane.leaving.unlearn(x[:, lane.before], names)
        return True

    def close(self, old_starters: Sequence[Statistics]) -> None:
        """Learn the rest and part with the old pair; to be called while nothing is taught.

        Args:
            old_starters: The starter head of the old backbone, where the new one has its own: what
                a publisher brings again is not carried.
        """
        while batch := self._next():
            self._learn(batch)
        self._new.covered = max(self._new.covered, self._store.last_sequence())
        self._left = []
        for lane in self._lanes:
            if old_starters:
                lane.leaving.add(old_starters[lane.source])
            left = without(self._old.statistics(lane.source), lane.leaving.statistics())
            self._left.append(scaled_down(left, self._faded))

    def settle(self, should_stop: ShouldStop) -> Chosen:
        """Carry over what is left, and let held-out samples choose what to begin with.

        Raises:
            Stopped: When asked to.
            FieldwiseError: ``GRAPH_FAILED``.
        """
        chosen = self._chosen(should_stop)
        self._new.settle()
        _log.info("a head was moved to another backbone", pairs=self._pairs, why=chosen.sentence)
        return chosen

    def _next(self) -> Sequence[Sample]:
        return self._store.samples_after(self._new.covered, BATCH, self._new.bundle, LEARNED)

    def _learn(self, batch: Sequence[Sample]) -> int:
        learned: list[Sample] = []
        pairs: list[tuple[NDArray[np.int16], NDArray[np.int16]]] = []
        names: list[str] = []
        for sample in batch:
            found, _ = self._new.features_of([sample])
            if not len(found):
                continue
            learned.append(replace(sample, grid=found[0], bundle=self._new.bundle))
            known = self._before(sample)
            if known is None:
                self._faded[sample.class_name] += 1
            else:
                pairs.append((known, found[0]))
                names.append(sample.class_name)
        self._keep_ahead(batch, learned)
        self._new.absorb(learned)
        self._learned.update(each.sequence for each in learned)
        self._new.covered = max(self._new.covered, batch[-1].sequence)
        if pairs:
            x, y = (np.array(rows) for rows in zip(*pairs, strict=True))
            for lane in self._lanes:
                lane.leave(x, y, names)
        return len(batch)

    def _before(self, sample: Sample) -> NDArray[np.int16] | None:
        """Features int16[D] of an exemplar on the old backbone, as they were learned if held."""
        found = self._store.chosen(Selection(sample_id=sample.id), 0, 1)
        if not found:
            return None
        rows, _ = self._old.features_of([found[0]])
        return rows[0] if len(rows) else None

    def _keep_ahead(self, batch: Sequence[Sample], learned: Sequence[Sample]) -> None:
        fresh = {each.sequence for each in batch if each.grid is None}
        rows = {each.sequence: each.grid for each in learned if each.sequence in fresh}
        held = {sequence: row for sequence, row in rows.items() if row is not None}
        with suppress(FieldwiseError):  # without room a move that is broken off begins anew
            if held and self._means.has_room():
                self._store.keep_ahead(self._new.bundle, held)

    def _wait(self, should_stop: ShouldStop) -> None:
        """Look at what passes until there is enough, or nothing comes, or it takes too long."""
        idle = waited = 0.0
        while (
            self._pairs < self._settings.passing_pairs
            and idle < self._settings.passing_idle_seconds
            and waited < self._settings.passing_seconds_max
            and self._has_more()
        ):
            seen = self._look(POLL_SECONDS)
            idle = 0.0 if seen else idle + POLL_SECONDS
            waited += POLL_SECONDS
            if (should_stop if seen else self._means.should_stop)():
                raise Stopped

    def _has_more(self) -> bool:
        """Whether the old pair knows more than what is held."""
        lane = self._lanes[0]
        return self._old.total > lane.leaving.total + self._faded.total()

    def _look(self, seconds: float) -> bool:
        """Look at one image that passes, if one comes; returns whether it did."""
        passing = self._means.passing
        if passing is None or self._pairs >= self._settings.passing_pairs:
            return False
        kept = passing.take(seconds)
        if kept is None or kept.image is None:
            return False
        try:
            new = self._new.grid(kept.image)[0]
            old = kept.grid if kept.bundle == self._old.bundle else self._old.grid(kept.image)[0]
        except FieldwiseError as error:
            if error.fault in {Fault.IMAGE_INVALID, Fault.READINGS_INVALID}:
                return False
            raise
        self._pairs += 1
        self._passed.append((old, new))
        if len(self._passed) == BATCH:
            self._pass_on()
        return True

    def _pass_on(self) -> None:
        if self._passed:
            x, y = (np.array(rows) for rows in zip(*self._passed, strict=True))
            for lane in self._lanes:
                lane.pass_by(x, y)
        self._passed = []

    def _chosen(self, should_stop: ShouldStop) -> Chosen:
        total = self._left[0].total
        if not total:
            return Chosen(Start.REFIT, "every sample that was learned is held")
        known = self._known(should_stop)
        if known is None:
            return Chosen(Start.REFIT, f"{total:,} samples cannot be carried over: no map")
        select = select_samples(self._new, self._store, should_stop)
        exemplars = self._exemplars()
        chosen = choose(known, self._views(), self._settings, select, exemplars)
        if chosen.start is not Start.REFIT:
            carried = estimated(known[0].carried)
            try:
                self._new.carry([each.beginning(chosen.start) for each in known], carried)
            except np.linalg.LinAlgError:
                return Chosen(Start.REFIT, "what is carried over cannot be solved")
        return chosen

    def _known(self, should_stop: ShouldStop) -> list[Known] | None:
        known = []
        target = Target(self._new.bundle, self._new.embedder.manifest.transform)
        for place, lane in enumerate(self._lanes):
            if should_stop():
                raise Stopped
            carried = _carried(lane, self._left[place], target)
            if carried is None:
                return None
            known.append(Known(lane.name, lane.columns, self._new.statistics(place), *carried))
        return known

    def _exemplars(self) -> HeldOut:
        """Some exemplars, with their features on the new backbone."""
        rows: list[NDArray[np.int16]] = []
        seen: list[Sample] = []
        for batch in stored_batches(self._new.bundle, self._store, LEARNED):
            for sample in batch:
                found, _ = self._new.features_of([sample])
                if len(found) and sample.sequence <= self._new.covered:
                    rows.append(found[0])
                    seen.append(sample)
            if len(seen) >= ASKED_MAX:
                break
        width = self._new.embedder.manifest.feature_width
        grid = np.array(rows, np.int16).reshape(len(rows), width)
        return HeldOut(grid, [each.class_name for each in seen], [each.burst for each in seen])

    def _views(self) -> tuple[str, ...]:
        views = {view.name: view for view in self._new.embedder.views}
        return views_within(
            tuple(views),
            lambda names: seconds_of(views[name] for name in names),
            self._settings.heads.image_seconds_max,
        )


def _carried(lane: _Lane, left: Statistics, target: Target) -> tuple[Statistics, int] | None:
    """What is left as a map takes it over, and on how many pairs that was fitted.

    With the published map, or else by the device's pairs alone.
    """
    for published in dict.fromkeys((lane.through, None)):
        try:
            through = fit(lane.sums, published)
            if through is not None:
                return carry(left, through, target), through.pairs
        except FieldwiseError as error:
            whose = "the device's own" if published is None else "the publisher's"
            _log.warning(f"{whose} map is of no use", view=lane.name, reason=error.sentence)
    return None


def _fitting(old: Embedder, new: EmbedderView, published: ViewMap | None) -> ViewMap | None:
    """A published map, if it is from a view of the old backbone to one of the new."""
    if published is None:
        return None
    wanted = {view.name: (view.width, new.width) for view in old.views}.get(published.source)
    if published.through.widths == wanted:
        return published
    _log.warning(
        "the publisher's map is refused",
        view=new.name,
        source=published.source,
        widths=published.through.widths,
        wanted=wanted,
    )
    return None


def _source(old: Embedder, new: View, published: ViewMap | None) -> int:
    """The place of the old view that a new one is carried from."""
    views = old.manifest.views
    if published is not None:
        return [view.name for view in views].index(published.source)
    return nearest_view(views, new)
