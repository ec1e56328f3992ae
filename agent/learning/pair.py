"""A backbone and the heads learned on it: the unit that serves, is switched and is rolled back.

All enabled heads are kept in step (``agent.learning.heads``); one of them serves. What predictions
need, the head's keeper, the views that it looks at and the temperature of its confidences, is one
value that is replaced as a whole: a prediction takes it once and is not disturbed by learning, by a
change of champion or by a tuning.

A bundle may have several views. All of them are computed to learn; to predict, those that the
tuning chose, or else those that fit into the stated time.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from agent.learning.blending import Blending, Mixing, Others
from agent.learning.embedder import Embedder, seconds_of
from agent.learning.heads.head import Head, rank
from agent.learning.pair_values import Content, Look, Serving, check_match, of_heads
from agent.learning.roster import Part, Roster
from agent.learning.samples import Sample, Share, Snapshot
from agent.learning.settings import HeadName, LearningSettings
from agent.learning.tuning import Bounds, Learned, Tuning, views_within
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.features import to_rows
from fieldwise.head import Statistics, empty
from fieldwise.head_file import encode
from fieldwise.inputs import Input

UNREADABLE = frozenset({Fault.IMAGE_INVALID, Fault.READINGS_INVALID})
UNTUNED = Tuning()


class Pair:
    """Predicts from any thread, while one thread at a time teaches.

    Args:
        embedder: Computes the features.
        statistics: What was learned on them so far, for each view.
        covered: Every learned sample up to this sequence is in the statistics, or lost to them.
        settings: Which heads, shrinkage and cadence.
        tuning: What held-out samples decided.

    Attributes:
        covered: As given, rising with what is learned.
        saved: The sequence that its newest stored snapshot covers; 0 without one.
        lost: Samples missing from the statistics since a snapshot was damaged.
        carried: Samples of each class that are in the statistics by estimate, carried over.
        held_out: Features, by sample, of held-out images that the store has no such features of.
        newcomer: Whether the head that learns by gradient has seen none of what is covered.
        rescaled: Whether its scores are of another scale than those of the head that was stored.
        stale: Whether it holds what was taken back meanwhile, and must not serve.
    """

    def __init__(
        self,
        embedder: Embedder,
        statistics: Sequence[Statistics],
        covered: int,
        settings: LearningSettings,
        tuning: Tuning = UNTUNED,
    ) -> None:
        check_match(embedder, statistics)
        self.embedder = embedder
        self.covered = covered
        self.saved = 0
        self.lost = 0
        self.carried: dict[str, int] = {}
        self.held_out: dict[str, NDArray[np.int16]] = {}
        self.newcomer = self.stale = self.rescaled = False
        self._settings, self._tuning = settings, tuning
        self._blending: Blending | None = None
        self._roster = self._assembled(statistics)
        self._serving = self._prepared(settings.heads.enabled[0])

    @property
    def bundle(self) -> str:
        """Digest of the backbone's bundle."""
        return self.embedder.bundle

    @property
    def head(self) -> Head:
        """The head that serves, as it is now; it stays as it is while learning goes on."""
        return self._serving.keeper.head

    @property
    def champion(self) -> str:
        """Name of the head that serves."""
        return self._serving.name

    @property
    def temperature(self) -> float:
        """What divides the scores of the head that serves; 1 where none was fitted."""
        return self._serving.temperature

    @property
    def calibrated(self) -> bool:
        """Whether the confidences were calibrated on held-out samples."""
        return self._serving.calibrated

    @property
    def tuning(self) -> Tuning:
        """What held-out samples decided."""
        return self._tuning

    @property
    def heads(self) -> dict[str, Head]:
        """Every enabled head by name, as it is now."""
        return {name: keeper.head for name, keeper in self._roster.keepers.items()}

    @property
    def trouble(self) -> str:
        """What went wrong when a head was last trained; empty where nothing did."""
        return self._roster.trouble

    @property
    def total(self) -> int:
        """Samples in the statistics, a starter head's included."""
        return self._roster.lanes[0].accumulator.total

    @property
    def orphans(self) -> int:
        """Samples of forgotten classes whose share of the scatter stays."""
        return self._roster.lanes[0].accumulator.orphans

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class of the statistics, in order of arrival."""
        return self._roster.lanes[0].accumulator.classes

    def count(self, class_name: str) -> int:
        """Samples of a class in the statistics."""
        return self._roster.lanes[0].accumulator.count(class_name)

    def sum_of(self, class_name: str) -> tuple[int, NDArray[np.float64]]:
        """Samples of a class that was met, and their sum float64[D] over all views."""
        sums = [lane.accumulator.sum_of(class_name) for lane in self._roster.lanes]
        return self.count(class_name), np.concatenate(sums)

    def answers(self, row: NDArray[np.int16]) -> dict[str, str]:
        """The class that each enabled head names for one feature int16[D]; "" while none."""
        return self._roster.answers(row)

    def serve(self, name: str) -> None:
        """Let another head serve from now on.

        Raises:
            FieldwiseError: ``NOT_FOUND`` for one that is not enabled.
        """
        self._serving = self._prepared(name)

    @property
    def blending(self) -> Blending | None:
        """The global head that is mixed in where a head serves, and how; None for none."""
        return self._blending

    def blend(self, blending: Blending | None) -> None:
        """Mix a global head in where a head serves from now on, or none any more.

        Raises:
            numpy.linalg.LinAlgError: For one that no samples have; nothing is changed then.
        """
        self._roster.blend(blending, self._views(), self._tuning)
        self._blending = blending
        self._serving = self._prepared(self.champion)

    def mixing(self, others: Others) -> Mixing:
        """Solves the head that serves under any mix with others' (``Roster.mixing``)."""
        return self._roster.mixing(others, self.champion, self._views(), self._tuning)

    def adopt(self, tuning: Tuning) -> None:
        """Go by a tuning from now on."""
        self._change(self._settings, tuning)

    def grid(self, sample: Input) -> NDArray[np.int16]:
        """Transformed features int16[1,D] of an image or readings, of all views.

        Raises:
            FieldwiseError: ``IMAGE_INVALID``, ``READINGS_INVALID``, ``GRAPH_FAILED``.
        """
        return self._grid(sample, None)

    def look(self, sample: Input, top: int) -> Look:
        """The best classes for an image or readings, and the features that it was said of.

        Raises:
            FieldwiseError: ``IMAGE_INVALID``, ``READINGS_INVALID``, ``GRAPH_FAILED``.
        """
        serving = self._serving
        row = self._grid(sample, serving.views)[0]
        ranking = rank(serving.keeper.head, row, top, serving.temperature)
        return Look(row, serving.views is None, ranking, serving.calibrated)

    def learn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Learn samples int16[N,D] and bring the heads along at the stated cadence."""
        self._roster.learn(grid, class_names)

    def absorb(self, samples: Sequence[Sample]) -> int:
        """Learn stored samples, by their features where they are of this backbone, else by image.

        The heads are not brought along: call ``settle`` at the end. An image that can no longer be
        read is passed over.

        Returns:
            How many were learned.
        """
        learnable = [sample for sample in samples if sample.share is Share.LEARN]
        rows, names = self.features_of(learnable)
        self._roster.absorb(rows, names)
        if samples:
            self.covered = max(self.covered, samples[-1].sequence)
        return len(names)

    def introduce(self, samples: Sequence[Sample]) -> None:
        """Let a newcomer learn samples that the statistics hold, where their features are held."""
        known = [s for s in samples if s.sequence <= self.covered and s.grid is not None]
        if known:
            self._roster.introduce(*self.features_of(known))

    def unlearn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Take back learned samples int16[N,D], from every head.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` for more samples of a class than it has.
        """
        self._roster.unlearn(grid, class_names)

    def forget_class(self, class_name: str) -> int:
        """Forget a class in every head.

        Take back its samples that are held first: for them nothing stays.

        Returns:
            How many of its samples leave their scatter behind (``fieldwise.head``).
        """
        self.carried.pop(class_name, None)
        return self._roster.forget_class(class_name)

    def fade(self, class_name: str, samples: int = 1) -> None:
        """Let so many carried samples of a class go, by scaling its row: an estimate as well."""
        left = self.carried.pop(class_name) - samples
        self._roster.fade(class_name, samples)
        if left:
            self.carried[class_name] = left

    def carry(self, statistics: Sequence[Statistics], carried: Mapping[str, int]) -> None:
        """Take statistics of each view that know more, so many of each class by estimate.

        What heads keep beside the statistics stays as it was learned from images.

        Raises:
            FieldwiseError: ``BUNDLE_INVALID`` for statistics of another backbone.
        """
        check_match(self.embedder, statistics)
        contents = self._roster.contents()
        self._roster = self._assembled(statistics)
        self._roster.restore(contents)
        self.carried = dict(carried)
        self._serving = self._prepared(self.champion)

    def features_of(self, samples: Sequence[Sample]) -> tuple[NDArray[np.int16], list[str]]:
        """Features int16[M,D] and classes of those samples whose features or image can be had."""
        rows: list[NDArray[np.int16]] = []
        names: list[str] = []
        for sample in samples:
            row = self._row_of(sample)
            if row is not None:
                rows.append(row)
                names.append(sample.class_name)
        width = self.embedder.manifest.feature_width
        return np.array(rows, np.int16).reshape(len(rows), width), names

    def settle(self) -> None:
        """Make every head exactly that of what was learned."""
        self._roster.settle()

    def configure(self, settings: LearningSettings) -> None:
        """Adopt heads, shrinkage and cadence from now on."""
        self._change(settings, self._tuning)

    def statistics(self, view: int = 0) -> Statistics:
        """A copy of what was learned of a view, by its place."""
        return self._roster.lanes[view].accumulator.statistics()

    def learned(self) -> list[Learned]:
        """A copy of what was learned of every view, to tune on."""
        return [
            Learned(lane.name, lane.columns, lane.accumulator.statistics())
            for lane in self._roster.lanes
        ]

    def bounds(self) -> Bounds:
        """What a tuning may choose within."""
        return Bounds(
            self._settings.shrinkage, self._seconds, self._settings.heads.image_seconds_max
        )

    def snapshot(self) -> Snapshot:
        """What was learned and chosen, encoded, with the sequence that it covers."""
        content = Content(
            1,
            tuple(encode(lane.accumulator.statistics()) for lane in self._roster.lanes),
            self._roster.contents(),
            self.champion,
            self._tuning,
            self._settings.shrinkage,
            self.carried,
        )
        return Snapshot(self.bundle, self.covered, msgspec.msgpack.encode(content), self.lost)

    def restore(self, heads: Mapping[str, bytes], champion: str) -> None:
        """Give heads what they keep beside the statistics, and let one serve if it is enabled.

        Raises:
            FieldwiseError: ``STATE_DAMAGED``.
        """
        self._roster.restore(dict(heads))
        self.newcomer = HeadName.GRADIENT in self._roster.keepers.keys() - heads.keys()
        if champion in self._roster.keepers:
            self.serve(champion)

    def _assembled(self, statistics: Sequence[Statistics]) -> Roster:
        parts = [
            Part(view.name, view.columns, each)
            for view, each in zip(self.embedder.views, statistics, strict=True)
        ]
        return Roster(parts, self._views(), self._settings, self._tuning, self._blending)

    def _prepared(self, name: str) -> Serving:
        blending, tuning = self._blending, self._tuning
        mixed = blending is not None and blending.covers(name)
        confidences = blending.mix.temperatures if blending and mixed else tuning.confidences
        fitted = confidences.get(name)
        views = self._views()
        whole = name == HeadName.GRADIENT or len(views) == len(self.embedder.views)
        wanted = None if whole else frozenset(views)
        return Serving(name, self._roster.serving(name), wanted, fitted or 1.0, fitted is not None)

    def _views(self) -> tuple[str, ...]:
        names = tuple(view.name for view in self.embedder.views)
        if self._tuning.views and set(self._tuning.views) <= set(names):
            return self._tuning.views
        return views_within(names, self._seconds, self._settings.heads.image_seconds_max)

    def _seconds(self, names: frozenset[str]) -> float:
        return seconds_of(view for view in self.embedder.views if view.name in names)

    def _change(self, settings: LearningSettings, tuning: Tuning) -> None:
        before, tuned = self._settings, self._tuning
        self._settings, self._tuning = settings, tuning
        if (of_heads(settings), tuning) == (of_heads(before), tuned):
            return
        champion = self.champion
        if settings.heads.enabled == before.heads.enabled and _kept(tuning) == _kept(tuned):
            self._roster.configure(self._views(), settings, tuning)
        else:
            contents = self._roster.contents()
            statistics = [lane.accumulator.statistics() for lane in self._roster.lanes]
            self._roster = self._assembled(statistics)
            self._roster.restore(contents)
        enabled = settings.heads.enabled
        self._serving = self._prepared(champion if champion in enabled else enabled[0])

    def _grid(self, sample: Input, views: frozenset[str] | None) -> NDArray[np.int16]:
        features = self.embedder.embed([self.embedder.fit(sample, views)], views)
        columns = [view.columns for view in self.embedder.views]
        return to_rows(features, columns, self.embedder.manifest.transform)

    def _row_of(self, sample: Sample) -> NDArray[np.int16] | None:
        if sample.grid is not None and sample.bundle == self.bundle:
            return sample.grid
        if sample.id in self.held_out:
            return self.held_out[sample.id]
        if sample.image is None:
            return None
        try:
            row: NDArray[np.int16] = self.grid(sample.image)[0]
        except FieldwiseError as error:
            if error.fault in UNREADABLE:
                return None
            raise
        if sample.share is not Share.LEARN:
            self.held_out[sample.id] = row
        return row


def fresh_pair(
    embedder: Embedder, starters: Sequence[Statistics], settings: LearningSettings
) -> Pair:
    """A pair that has learned nothing yet but a starter head for each view, if there is one."""
    transform = embedder.manifest.transform
    nothing = [empty(embedder.bundle, transform, view.width) for view in embedder.views]
    return Pair(embedder, starters or nothing, 0, settings)


def _kept(tuning: Tuning) -> frozenset[str]:
    return frozenset(tuning.members)
