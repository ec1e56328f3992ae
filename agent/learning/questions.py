"""Which predictions are worth a label.

A label costs a person's attention, so few are asked for and each should teach something. Three
reasons speak for a prediction. It is *novel*: unlike everything known, perhaps a class that nobody
has taught. The heads *disagree*: they saw the same samples and one of them is wrong. It is
*uncertain*: the best two classes are close, measured as the margin between their confidences, which
says most of what entropy does and is not moved by how many classes there are; while confidences are
not calibrated, the gap between their scores as a share of what is usual stands for it. A prediction
with none of the three is not asked about, however many questions are left.

The most useful prediction of a scene tells the same as the other nine frames of it. So questions
are chosen one by one, best first, and whatever looks like one that is chosen already, by the cosine
of their features, is passed over; so is what looks like a prediction that was labelled meanwhile.

An answer teaches and is never held out: questions are chosen where the head does badly, so how it
does on them says nothing of how it does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

MARGIN_MAX = 0.5  # of calibrated confidences: from 0.75 against 0.25 on, nothing is to be asked
ALIKE_COSINE = 0.95  # frames of one scene; views of one thing from two sides stay below
SECONDS_A_DAY = 86_400.0


class Reason(StrEnum):
    """Why a prediction is worth a label."""

    UNCERTAIN = "uncertain"
    NOVEL = "novel"
    DISAGREEMENT = "disagreement"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is said of a prediction now.

    Attributes:
        id: The prediction's.
        margin: By how much the best class is ahead of the second, 0 to 1; 1 for a single class.
        novelty: Share of known samples at least as unlike, 0 to 1; None where that is not known.
        novel: Whether that is below the false-alarm rate.
        dissent: Share of the other heads that name another class.
    """

    id: str
    margin: float
    novelty: float | None
    novel: bool
    dissent: float


@dataclass(frozen=True, slots=True)
class Choice:
    """A prediction to ask about, and why."""

    id: str
    reason: Reason


def choose(
    candidates: Sequence[Candidate],
    grid: NDArray[np.int16],
    known: NDArray[np.int16],
    count: int,
) -> list[Choice]:
    """The predictions that are most worth a label, best first.

    Args:
        candidates: Predictions without a label.
        grid: Their features int16[N,D].
        known: Features int16[M,D] of predictions that need no question: asked about or labelled.
        count: At most so many.
    """
    worth = [_worth(candidate) for candidate in candidates]
    order = sorted(
        (place for place, (reason, _) in enumerate(worth) if reason is not None),
        key=lambda place: (-worth[place][1], candidates[place].id),
    )
    rows = _unit(grid)
    seen = list(_unit(known))
    chosen: list[Choice] = []
    for place in order:
        if len(chosen) >= count:
            break
        reason = worth[place][0]
        if reason is None or _resembles(rows[place], seen):
            continue
        seen.append(rows[place])
        chosen.append(Choice(candidates[place].id, reason))
    return chosen


def day_of(time: float) -> int:
    """The day that a time, Unix seconds, belongs to, counted since 1970."""
    return int(time // SECONDS_A_DAY)


def _worth(candidate: Candidate) -> tuple[Reason | None, float]:
    """Why to ask, and how much that is worth: novelty 2 to 3, dissent 1 to 2, a margin up to 1."""
    if candidate.novel:
        return Reason.NOVEL, 3 - (candidate.novelty or 0.0)
    if candidate.dissent > 0:
        return Reason.DISAGREEMENT, 1 + candidate.dissent * (1 - candidate.margin)
    if candidate.margin < MARGIN_MAX:
        return Reason.UNCERTAIN, 1 - candidate.margin
    return None, 0.0


def _unit(grid: NDArray[np.int16]) -> NDArray[np.float32]:
    rows = grid.astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float32] = rows / np.maximum(lengths, 1.0)
    return unit


def _resembles(row: NDArray[np.float32], seen: Sequence[NDArray[np.float32]]) -> bool:
    return bool(seen) and float((np.asarray(seen) @ row).max()) >= ALIKE_COSINE
