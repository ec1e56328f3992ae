"""How a global head is mixed with a device's own, and whether that does harm.

A trial that knows what the device knows answers held-out samples under every mix, among them
the device's own head as it is; only samples of classes that the device knows count, and only those
classes may be answered. The mix is chosen on ``select``: it has to be ahead of the own head by more
than its noise, as everything that is chosen there (``agent.learning.tuning``). Then ``judge`` is
read once: the mix is refused where the sign test over scenes shows harm, and left where it had
fewer samples right than the own head, shown or not. Both are asked of the owner's critical classes
by themselves as well.

Classes that only others know are no part of this. Where the owner wants them they are added at the
end, and what they cost is counted on the same samples: whatever is taken for one of them is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from agent.federation.standing import Mix
from agent.learning.blending import Mixing, Others
from agent.learning.heads.head import Head, LinearHead, predict
from agent.learning.measures.calibration import UNKNOWN, fit_temperature
from agent.learning.pair import Pair
from agent.learning.settings import HeadName
from agent.learning.stopping import ShouldStop, Stopped
from agent.learning.trained_rows import TrainedRows, mixed, scale_between
from agent.learning.tuning import SAMPLES_MIN, SCENES_MIN, HeldOut, furthest_ahead
from agent.update.judging import Answer, JudgingRules, counted, harm
from fieldwise.federation import HeadOutcome
from fieldwise.verdict import PairedCounts

OWN = Mix()
SHARES = (1.0, 0.75, 0.5, 0.25, 0.0)  # of the device's own means or rows
SPREADS = (0.0, 0.75, 1.0)  # of the global covariance
MIXES = tuple(Mix(own, spread) for own in SHARES for spread in SPREADS)
STANDARD_ERRORS = 1.0  # by which a mix has to be ahead: ``judge`` is asked after it


@dataclass(frozen=True, slots=True)
class Weighed:
    """What came of a global head: the mix, and the device's own head as old, the mix as new."""

    outcome: HeadOutcome
    mix: Mix = OWN
    counts: PairedCounts = field(default_factory=PairedCounts)
    foreign: int = 0
    foreign_counts: PairedCounts | None = None


class Trial(Protocol):
    """What the device's own head is, alone and under every mix."""

    name: str
    classes: tuple[str, ...]
    theirs: tuple[str, ...]

    def mixes(self, samples: HeldOut) -> Sequence[Mix]:
        """What there is to choose from, as samples tell: first the own head as it is."""
        ...

    def head(self, mix: Mix) -> Head:
        """The head under a mix.

        Raises:
            numpy.linalg.LinAlgError: For a global head that no samples have.
        """
        ...


class SolvedTrial:
    """A head that is solved from sums.

    Args:
        pair: Serves the head; it may go on learning, of which nothing is weighed.
        others: What the global head says.
        solved: Of both, as they were at one moment.
    """

    def __init__(self, pair: Pair, others: Others, solved: Mixing) -> None:
        self.name = pair.champion
        self.classes = pair.heads[pair.champion].classes
        self.theirs = others.classes
        self._solved = solved

    def mixes(self, samples: HeldOut) -> Sequence[Mix]:
        """As ``Trial.mixes``."""
        del samples
        return MIXES

    def head(self, mix: Mix) -> Head:
        """As ``Trial.head``."""
        return self._solved(mix)


class TrainedTrial:
    """A linear head that learns by gradient.

    Args:
        own: The head, as it is now.
        others: What the global head says.
    """

    def __init__(self, own: LinearHead, others: TrainedRows) -> None:
        self.name = HeadName.GRADIENT.value
        self.classes = own.classes
        self.theirs = others.classes
        self._own = own
        self._others = others

    def mixes(self, samples: HeldOut) -> Sequence[Mix]:
        """As ``Trial.mixes``, with the scale that the samples tell."""
        scale = scale_between(self._own, self._others, samples.grid, samples.class_names)
        return [Mix(own=share, scale=scale) for share in SHARES]

    def head(self, mix: Mix) -> Head:
        """As ``Trial.head``."""
        return mixed(self._own, self._others, mix)


def weigh(
    trial: Trial,
    select: HeldOut,
    judge: HeldOut,
    rules: JudgingRules,
    should_stop: ShouldStop,
    *,
    foreign: bool,
) -> Weighed:
    """Choose a mix and judge it.

    Args:
        trial: The device's own head and the global one.
        select: Held-out samples to choose on.
        judge: Held-out samples to judge on.
        rules: What counts as harm.
        should_stop: Asked between two mixes.
        foreign: Whether the owner wants classes that only others know.

    Raises:
        Stopped: When asked to.
        numpy.linalg.LinAlgError: For a global head that no samples have.
    """
    known = trial.classes
    select, judge = select.of_classes(known), judge.of_classes(known)
    if len(select.bursts) < SAMPLES_MIN or len(set(select.bursts)) < SCENES_MIN:
        return Weighed(HeadOutcome.TOO_FEW)

    def right(mix: Mix) -> NDArray[np.bool_]:
        if should_stop():
            raise Stopped
        said = np.array(predict(trial.head(mix), select.grid))
        as_named: NDArray[np.bool_] = said == np.array(select.class_names)
        return as_named

    own, *mixes = trial.mixes(select)
    mix = furthest_ahead(own, mixes, right, select.scenes(), STANDARD_ERRORS)
    counts = _compared(trial, (own, mix), judge)
    if counts.scenes < rules.scenes_needed:
        return Weighed(HeadOutcome.TOO_FEW, mix, counts)
    critical = rules.critical_classes
    apart = _compared(trial, (OWN, mix), judge.of_classes(critical)) if critical else None
    if harm(counts, apart, rules) is not None:
        return Weighed(HeadOutcome.HARM, mix, counts)
    strange = len(set(trial.theirs) - set(known)) if foreign else 0
    loses = any(each.only_old > each.only_new for each in (counts, apart or counts))
    if loses or (mix == own and not strange):
        return Weighed(HeadOutcome.NOT_CHOSEN, mix, counts)
    more = msgspec.structs.replace(mix, foreign=bool(strange))
    fitted = msgspec.structs.replace(more, temperatures=_temperatures(trial, more, select))
    cost = _compared(trial, (mix, more), judge) if strange else None
    return Weighed(HeadOutcome.ADOPTED, fitted, counts, strange, cost)


def _compared(trial: Trial, mixes: tuple[Mix, Mix], samples: HeldOut) -> PairedCounts:
    """Right answers of one mix as old, of another as new."""
    if not len(samples.grid):
        return PairedCounts()
    old, new = (predict(trial.head(mix), samples.grid) for mix in mixes)
    return counted(
        Answer(scene, name, before == name, after == name)
        for scene, name, before, after in zip(
            samples.bursts, samples.class_names, old, new, strict=True
        )
    )


def _temperatures(trial: Trial, mix: Mix, samples: HeldOut) -> dict[str, float]:
    head = trial.head(mix)
    place = {name: number for number, name in enumerate(head.classes)}
    labels = np.array([place.get(name, UNKNOWN) for name in samples.class_names])
    return {trial.name: fit_temperature(head.scores(samples.grid), labels)}
