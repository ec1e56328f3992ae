"""Features drawn by chance, for measuring times that do not depend on what they say."""

import numpy as np
from numpy.typing import NDArray

from agent.learning.embedder import OnnxEmbedder
from fieldwise.head import Statistics, empty, learn

CLASSES, WARM = 80, 2000


def drawn_grid(samples: int, width: int, seed: int) -> tuple[NDArray[np.int16], list[str]]:
    """Features as a Lite model has them: half zero, of unit length on a 12-bit grid."""
    chance = np.random.default_rng(seed)
    rows = np.sqrt(np.maximum(chance.standard_normal((samples, width)), 0))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    labels = [f"class {place % CLASSES}" for place in range(samples)]
    return np.rint(rows * 4096).astype(np.int16), labels


def warm_statistics(embedder: OnnxEmbedder) -> Statistics:
    """Statistics of ``WARM`` such samples: a device that has learned for a while."""
    transform, width = embedder.manifest.transform, embedder.manifest.feature_width
    return learn(empty(embedder.bundle, transform, width), *drawn_grid(WARM, width, 2))
