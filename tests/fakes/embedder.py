"""An embedder without an engine: features are a fixed random projection of coarse pixels."""

import numpy as np
from numpy.typing import NDArray

from agent.learning.embedder import View
from fieldwise.bundle import (
    FileReference,
    Manifest,
    Preprocessing,
    Transform,
    Variant,
    digest_of,
)
from fieldwise.errors import Fault, FieldwiseError

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
        feature_width=width,
        preprocessing=Preprocessing(SIZE, (127.0,) * 3, (128.0,) * 3),
        transform=Transform(),
        variants=(Variant("fp32", file, 0.001),),
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

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self.broken:
            raise FieldwiseError(Fault.GRAPH_FAILED, "the graph fails on an image")
        self.seen += len(images)
        step = SIZE // 4
        coarse = images.reshape(len(images), 4, step, 4, step, 3).mean((2, 4)) / 255 - 0.5
        features = coarse.reshape(len(images), -1) @ self._weights
        return np.maximum(features, 0).astype(np.float32)
