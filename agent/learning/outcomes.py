"""What a learner answers: plain values."""

from dataclasses import dataclass

from agent.learning.samples import Share


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a taught sample; ``predicted`` is what the head said before.

    ``share`` is None where the sample was put to no use: while learning is paused, and for a
    label that depends on a head where the scene is held out. ``known`` says that it was on record
    with this class already, and nothing changed.
    """

    sample_id: str
    share: Share | None
    predicted: str
    known: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """Learning in numbers, as status and check-ins report it."""

    learned: int
    classes: int
    select: int
    judge: int
    exemplars: int
    exemplar_bytes: int
    window: int
    window_correct: int
    window_last_label_correct: int
