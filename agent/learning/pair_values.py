"""What a pair hands out and writes down: plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from agent.learning.embedder import Embedder
from agent.learning.heads.head import Ranking
from agent.learning.heads.keeper import KeepsHead
from agent.learning.settings import LearningSettings
from agent.learning.tuning import Tuning
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Statistics


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A snapshot: statistics for each view, what heads keep beside them, and what was chosen.

    It was chosen for scores under that setting of the shrinkage. ``carried`` says how many samples
    of each class are in the statistics by estimate.
    """

    format: Annotated[int, Meta(ge=1, le=1)]
    statistics: tuple[bytes, ...]
    heads: dict[str, bytes]
    champion: str
    tuning: Tuning
    shrinkage: Annotated[float, Meta(ge=0)]
    carried: dict[str, Annotated[int, Meta(ge=1)]] = {}


@dataclass(frozen=True, slots=True)
class Serving:
    """What a prediction needs of a pair.

    Attributes:
        name: The head's.
        keeper: Keeps it, or a global one mixed with it.
        views: What it looks at; ``None`` for all views.
        temperature: Divides its scores; 1 where none was fitted.
        calibrated: Whether one was.
    """

    name: str
    keeper: KeepsHead
    views: frozenset[str] | None
    temperature: float
    calibrated: bool


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What a prediction saw and said.

    Attributes:
        row: Features int16[D]; zeros for views that were not computed.
        whole: Whether all views were.
        ranking: The best classes.
        calibrated: Whether its confidences are.
    """

    row: NDArray[np.int16]
    whole: bool
    ranking: Ranking
    calibrated: bool


def of_heads(settings: LearningSettings) -> tuple[object, ...]:
    """Those of the settings that heads are made by."""
    return (
        settings.shrinkage,
        settings.solve_growth,
        settings.solve_samples_min,
        settings.heads,
        settings.gradient,
    )


def check_match(embedder: Embedder, statistics: Sequence[Statistics]) -> None:
    """Refuse statistics of another backbone, transform or width than an embedder's views.

    Raises:
        FieldwiseError: ``BUNDLE_INVALID``.
    """
    manifest = embedder.manifest
    wanted = [(embedder.bundle, manifest.transform, view.width) for view in embedder.views]
    found = [(each.bundle, each.transform, each.width) for each in statistics]
    if found != wanted:
        raise FieldwiseError(
            Fault.BUNDLE_INVALID,
            f"the statistics of {len(found)} views, the first of bundle {found[0][0][:12]}, do not"
            f" belong to {manifest.title} ({embedder.bundle[:12]})",
        )
