"""A backbone and the head learned on it: the unit that serves, is switched and is rolled back."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.learning.discriminant import Discriminant, Head, Ranking
from agent.learning.embedder import Embedder
from agent.learning.samples import Sample, Share, Snapshot
from agent.learning.settings import LearningSettings
from fieldwise import images
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.features import to_grid
from fieldwise.head import Accumulator, Statistics, empty
from fieldwise.head_file import decode, encode

DISCRIMINANT = "discriminant"


class Pair:
    """Predicts from any thread, while one thread at a time teaches.

    Args:
        embedder: Computes the features.
        statistics: What was learned on them so far.
        covered: Every learned sample up to this sequence is in the statistics, or lost to them.
        settings: Shrinkage and cadence.

    Attributes:
        covered: As given, rising with what is learned.
        saved: The sequence that its newest stored snapshot covers; 0 without one.
        lost: Samples missing from the statistics since a snapshot was damaged.
        held_out: Features, by sample, of held-out images that the store has no such features of.
    """

    def __init__(
        self,
        embedder: Embedder,
        statistics: Statistics,
        covered: int,
        settings: LearningSettings,
    ) -> None:
        _check_match(embedder, statistics)
        self.embedder = embedder
        self.covered = covered
        self.saved = 0
        self.lost = 0
        self.held_out: dict[str, NDArray[np.int16]] = {}
        self._accumulator = Accumulator(statistics)
        self._cadence = _cadence(settings)
        self._discriminant = Discriminant(*self._cadence)
        if statistics.total:
            self._discriminant.solve(self._accumulator)

    @property
    def bundle(self) -> str:
        """Digest of the backbone's bundle."""
        return self.embedder.bundle

    @property
    def head(self) -> Head:
        """The head as it is now; it stays as it is while learning goes on."""
        return self._discriminant.head

    @property
    def champion(self) -> str:
        """Name of the head that serves."""
        return DISCRIMINANT

    def answers(self, row: NDArray[np.int16]) -> dict[str, str]:
        """The class that each enabled head names for one feature int16[D]; "" while none."""
        return {DISCRIMINANT: self.head.predict(row[None])[0]}

    @property
    def total(self) -> int:
        """Samples in the statistics, a starter head's included."""
        return self._accumulator.total

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class of the statistics, in order of arrival."""
        return self._accumulator.classes

    def count(self, class_name: str) -> int:
        """Samples of a class in the statistics."""
        return self._accumulator.count(class_name)

    def fit(self, image: bytes | NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bring an encoded image or pixels uint8[H,W,3] to the backbone's size.

        Raises:
            FieldwiseError: ``IMAGE_INVALID``.
        """
        preprocessing = self.embedder.manifest.preprocessing
        if isinstance(image, bytes):
            return images.load(image, preprocessing)
        return images.fit(image, preprocessing)

    def grid(self, fitted: NDArray[np.uint8]) -> NDArray[np.int16]:
        """Transformed features int16[N,D] of fitted images uint8[N,S,S,3].

        Raises:
            FieldwiseError: ``GRAPH_FAILED``.
        """
        return to_grid(self.embedder.embed(fitted), self.embedder.manifest.transform)

    def rank(self, image: bytes | NDArray[np.uint8], top: int) -> Ranking:
        """The best classes for an image.

        Raises:
            FieldwiseError: ``IMAGE_INVALID``, ``GRAPH_FAILED``.
        """
        return self.head.rank(self.grid(self.fit(image)[None])[0], top)

    def learn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Learn samples int16[N,D] and bring the head along at the stated cadence."""
        self._accumulator.learn(grid, class_names)
        if self._discriminant.due(self.total):
            self._discriminant.solve(self._accumulator)
            return
        for name in dict.fromkeys(class_names):
            self._discriminant.follow(self._accumulator, name)

    def absorb(self, samples: Sequence[Sample]) -> int:
        """Learn stored samples, by their features where they are of this backbone, else by image.

        The head is not brought along: call ``settle`` at the end. An image that can no longer be
        read is passed over.

        Returns:
            How many were learned.
        """
        learnable = [sample for sample in samples if sample.share is Share.LEARN]
        rows, names = self.features_of(learnable)
        self._accumulator.learn(rows, names)
        if samples:
            self.covered = max(self.covered, samples[-1].sequence)
        return len(names)

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
        """Make the head exactly that of the statistics."""
        self._discriminant.solve(self._accumulator)

    def configure(self, settings: LearningSettings) -> None:
        """Adopt shrinkage and cadence from now on."""
        if (cadence := _cadence(settings)) == self._cadence:
            return
        changed = Discriminant(*cadence)
        if self.total:
            changed.solve(self._accumulator)
        self._cadence, self._discriminant = cadence, changed

    def statistics(self) -> Statistics:
        """A copy of what was learned."""
        return self._accumulator.statistics()

    def snapshot(self) -> Snapshot:
        """What was learned, encoded, with the sequence that it covers."""
        return Snapshot(self.bundle, self.covered, encode(self._accumulator.view()), self.lost)

    def _row_of(self, sample: Sample) -> NDArray[np.int16] | None:
        if sample.grid is not None and sample.bundle == self.bundle:
            return sample.grid
        if sample.id in self.held_out:
            return self.held_out[sample.id]
        if sample.image is None:
            return None
        try:
            row: NDArray[np.int16] = self.grid(self.fit(sample.image)[None])[0]
        except FieldwiseError as error:
            if error.fault is Fault.IMAGE_INVALID:
                return None
            raise
        if sample.share is not Share.LEARN:
            self.held_out[sample.id] = row
        return row


def fresh_pair(embedder: Embedder, starter: Statistics | None, settings: LearningSettings) -> Pair:
    """A pair that has learned nothing yet but a starter head, if there is one."""
    manifest = embedder.manifest
    nothing = empty(embedder.bundle, manifest.transform, manifest.feature_width)
    return Pair(embedder, starter or nothing, 0, settings)


def restored_pair(embedder: Embedder, snapshot: Snapshot, settings: LearningSettings) -> Pair:
    """The pair as a snapshot kept it.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` when it cannot be read, or nothing solved from it.
    """
    try:
        pair = Pair(embedder, decode(snapshot.content), snapshot.sequence, settings)
    except (FieldwiseError, np.linalg.LinAlgError) as error:
        raise FieldwiseError(
            Fault.STATE_DAMAGED, f"the stored head of {embedder.manifest.title} is damaged: {error}"
        ) from error
    pair.saved, pair.lost = snapshot.sequence, snapshot.lost
    return pair


def _cadence(settings: LearningSettings) -> tuple[float, float, int]:
    return settings.shrinkage, settings.solve_growth, settings.solve_samples_min


def _check_match(embedder: Embedder, statistics: Statistics) -> None:
    manifest = embedder.manifest
    wanted = (embedder.bundle, manifest.transform, manifest.feature_width)
    if (statistics.bundle, statistics.transform, statistics.width) != wanted:
        raise FieldwiseError(
            Fault.BUNDLE_INVALID,
            f"the statistics belong to bundle {statistics.bundle[:12]},"
            f" not to {manifest.title} ({embedder.bundle[:12]})",
        )
