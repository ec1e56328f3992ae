"""What a pair hands out and writes down: plain values."""

from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from agent.learning.heads.head import Ranking
from agent.learning.heads.keeper import Keeper
from agent.learning.tuning import Tuning


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A snapshot: statistics for each view, what heads keep beside them, and what was chosen.

    It was chosen for scores under that setting of the shrinkage.
    """

    format: Annotated[int, Meta(ge=1, le=1)]
    statistics: tuple[bytes, ...]
    heads: dict[str, bytes]
    champion: str
    tuning: Tuning
    shrinkage: Annotated[float, Meta(ge=0)]


@dataclass(frozen=True, slots=True)
class Serving:
    """What a prediction needs of a pair.

    Attributes:
        name: The head's.
        keeper: Keeps it.
        views: What it looks at; ``None`` for all views.
        temperature: Divides its scores; 1 where none was fitted.
        calibrated: Whether one was.
    """

    name: str
    keeper: Keeper
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
