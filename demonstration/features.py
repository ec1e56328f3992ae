"""The features that a device computes, computed again from the bundle file that it was given."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.learning.embedder import OnnxEmbedder
from demonstration.bound import joint_accuracy
from demonstration.streams import Sample
from fieldwise import archive
from fieldwise.features import to_rows

VARIANT = "fp32"
BATCH_IMAGES = 16  # more is no faster on one core


class Backbone:
    """A bundle, ready to embed.

    Args:
        bundle: The bundle file.
        folder: Where its parts are unpacked to.
    """

    def __init__(self, bundle: Path, folder: Path) -> None:
        digest, self.manifest = archive.unpack(bundle, folder)
        graphs = [folder / file.digest for file in self.manifest.variant(VARIANT).graphs]
        self._embedder = OnnxEmbedder(graphs, digest, self.manifest, VARIANT)

    @property
    def title(self) -> str:
        """NAME:VERSION."""
        return self.manifest.title

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float64]:
        """Transformed features float[N,D] of length 1, as a head sees them."""
        fitted = [self._embedder.fit(each.pixels) for each in samples]
        batches = [
            self._embedder.embed(fitted[start : start + BATCH_IMAGES])
            for start in range(0, len(fitted), BATCH_IMAGES)
        ]
        transform, columns = self.manifest.transform, self.manifest.columns
        grid = to_rows(np.concatenate(batches), columns, transform)
        return grid / float(1 << self.manifest.transform.grid_bits)

    def joint_bound(self, learned: Sequence[Sample], test: Sequence[Sample]) -> float | None:
        """The share of ``test`` that joint training on ``learned`` has right."""
        return joint_accuracy(
            self.embed(learned),
            [sample.class_name for sample in learned],
            self.embed(test),
            [sample.class_name for sample in test],
        )
