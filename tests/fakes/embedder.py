"""An embedder without an engine: features are a fixed random projection of coarse pixels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.learning.embedder import Fitted, Names, View
from fieldwise import bundle, inputs
from fieldwise.bundle import (
    FileReference,
    Manifest,
    Preprocessing,
    Transform,
    Variant,
    digest_of,
)
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.inputs import Input

SIZE = 16
WIDTH = 24


def manifest_of(name: str, width: int = WIDTH) -> Manifest:
    file = FileReference(digest_of(name.encode()), 1)
    return Manifest(
        format=1,
        name=name,
        version="1.0.0",
        epoch=1,
        publisher="tests",
        licence="none",
        source="drawn",
        views=(bundle.View("main", Preprocessing(SIZE, (127.0,) * 3, (128.0,) * 3), width),),
        transform=Transform(),
        variants=(Variant("fp32", (file,), 0.001),),
        golden=file,
    )


class ProjectionEmbedder:
    """Deterministic and quick; another name is another backbone with other features.

    ``broken`` makes it fail as a graph would; ``seen`` counts images.
    """

    def __init__(self, name: str = "one", width: int = WIDTH) -> None:
        self.manifest = manifest_of(name, width)
        self.bundle = digest_of(f"bundle {name}".encode())
        self.variant = "fp32"
        self.views = (View("main", slice(0, width)),)
        self.broken = False
        self.seen = 0
        seed = int(self.bundle[:8], 16)
        self._weights = np.random.default_rng(seed).standard_normal((4 * 4 * 3, width))

    def fit(self, sample: Input, views: Names | None = None) -> Fitted:
        return inputs.fit(sample, inputs.forms_of(self.manifest), SIZE)

    def embed(self, fitted: Sequence[Fitted], views: Names | None = None) -> NDArray[np.float32]:
        if self.broken:
            raise FieldwiseError(Fault.GRAPH_FAILED, "the graph fails on an image")
        images = np.stack([each[0] for each in fitted if each[0] is not None])
        self.seen += len(images)
        step = SIZE // 4
        coarse = images.reshape(len(images), 4, step, 4, step, 3).mean((2, 4)) / 255 - 0.5
        features = coarse.reshape(len(images), -1) @ self._weights
        return np.asarray(np.maximum(features, 0), np.float32)
