"""Predictions that a label may still come for: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from fieldwise.inputs import Input


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A prediction by its id, with what it takes to learn from it later.

    Attributes:
        id: The prediction's, and of the sample that feedback makes of it.
        time: When it was made, Unix seconds by the device's clock.
        bundle: Digest of the bundle that ``grid`` is of.
        grid: Transformed features int16[D].
        image: What was seen, as it came or encoded; ``None`` where there was no room for it.
        label: The class that it was labelled as since; empty while it was not.
        asked: Whether a person was asked for its label.
    """

    id: str
    time: float
    bundle: str
    grid: NDArray[np.int16]
    image: Input | None
    label: str = ""
    asked: bool = False

    @property
    def value_bytes(self) -> int:
        """Bytes of features and image."""
        return self.grid.nbytes + size_of(self.image)


def size_of(image: Input | None) -> int:
    """Bytes of an image or readings, as they came or encoded; 0 for none."""
    if image is None:
        return 0
    return len(image) if isinstance(image, bytes) else image.nbytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A kept prediction without its contents; sizes are in bytes, no image has none."""

    id: str
    time: float
    bundle: str
    label: str
    asked: bool
    grid_bytes: int
    image_bytes: int


@dataclass(frozen=True, slots=True)
class Asking:
    """How many questions were asked on a day, counted in days since 1970."""

    day: int = 0
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What one transaction changes of the kept predictions.

    Attributes:
        new: To be kept, oldest first; images encoded.
        imageless: Ids whose images go.
        gone: Ids that go as a whole.
        labels: Classes by id, of those that were labelled.
        asked: Ids that a person was asked about.
        asking: The count of questions, where it changed.
    """

    new: tuple[Kept, ...] = ()
    imageless: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    asked: tuple[str, ...] = ()
    asking: Asking | None = None

    @property
    def value_bytes(self) -> int:
        """Features and images that are written."""
        return sum(kept.value_bytes for kept in self.new)

    @property
    def rows(self) -> int:
        """Rows that are touched, at most."""
        return sum(map(len, (self.new, self.imageless, self.gone, self.labels, self.asked)))

    def __bool__(self) -> bool:
        parts = (self.new, self.imageless, self.gone, self.labels, self.asked, self.asking)
        return any(parts)
