"""An embedder that lets go of its engine while nobody needs it.

A session holds the weights of a backbone: 42 MB for the smallest. A pair that waits for its owner's
word needs them for the lessons that come meanwhile and else not at all, so it rests where none came
since the last time somebody looked, and the next lesson wakes it.
"""

import threading
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from agent.learning.embedder import Embedder, Fitted, Names
from fieldwise.inputs import Input


class RestingEmbedder:
    """The embedder port over one that can be loaded again; loaded from the start.

    Args:
        load: Opens the backbone.

    Raises:
        FieldwiseError: What ``load`` says.
    """

    def __init__(self, load: Callable[[], Embedder]) -> None:
        self._load = load
        self._waking = threading.Lock()
        self._used = True
        self._embedder: Embedder | None = None
        embedder = self._awake()
        self.bundle, self.manifest = embedder.bundle, embedder.manifest
        self.variant, self.views = embedder.variant, embedder.views

    @property
    def rests(self) -> bool:
        """Whether the engine is not in memory."""
        return self._embedder is None

    def wake(self) -> None:
        """Have the engine in memory, for who is about to answer with it.

        Raises:
            FieldwiseError: What ``load`` says.
        """
        self._awake()

    def rest(self) -> None:
        """Let go of the engine, unless it was used since this was called last."""
        if not self._used:
            self._embedder = None
        self._used = False

    def fit(self, sample: Input, views: Names | None = None) -> Fitted:
        """As ``Embedder.fit``; ``GRAPH_FAILED`` where the engine does not come back."""
        return self._awake().fit(sample, views)

    def embed(self, fitted: Sequence[Fitted], views: Names | None = None) -> NDArray[np.float32]:
        """As ``Embedder.embed``."""
        return self._awake().embed(fitted, views)

    def _awake(self) -> Embedder:
        self._used = True
        embedder = self._embedder
        if embedder is None:
            with self._waking:
                embedder = self._embedder = self._embedder or self._load()
        return embedder
