"""Drawn images that differ by class, for tests that need something to learn."""

import numpy as np
from numpy.typing import NDArray

from tests.fakes.embedder import SIZE


class Scenes:
    """A pattern for every class and noise for every image, from a seed."""

    def __init__(self, seed: int = 0, classes: int = 6, noise: float = 60.0) -> None:
        self._patterns = np.random.default_rng(99).integers(0, 256, (classes, SIZE, SIZE, 3))
        self._chance = np.random.default_rng(seed)
        self._noise = noise
        self.names = [f"class {place}" for place in range(classes)]

    def image(self, place: int) -> NDArray[np.uint8]:
        noise = self._chance.normal(0, self._noise, (SIZE, SIZE, 3))
        return np.clip(self._patterns[place] + noise, 0, 255).astype(np.uint8)
