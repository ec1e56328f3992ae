"""How a global head is mixed with a device's own, and whether that does harm.

A trial pair that knows what the device knows answers held-out samples under every mix, among them
the device's own head as it is; only samples of classes that the device knows count, and only those
classes may be answered. The mix is chosen on ``select``: it has to be ahead of the own head by more
than its noise, as everything that is chosen there (``agent.learning.tuning``). Then ``judge`` is
read once: the mix is refused where the sign test over scenes shows harm, and left where it had
fewer samples right than the own head, shown or not. Both are asked of the owner's critical classes
by themselves as well.

Classes that only others know are no part of this. Where the owner wants them they are added at the
end, and what they cost is counted on the same samples: whatever is taken for one of them is wrong.
"""

from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from agent.federation.standing import Mix
from agent.learning.blending import Blending, Others
from agent.learning.heads.head import Head, predict
from agent.learning.measures.calibration import UNKNOWN, fit_temperature
from agent.learning.pair import Pair
from agent.learning.stopping import ShouldStop, Stopped
from agent.learning.tuning import SAMPLES_MIN, SCENES_MIN, HeldOut, furthest_ahead
from agent.update.judging import Answer, JudgingRules, counted, harm
from fieldwise.federation import HeadOutcome
from fieldwise.verdict import PairedCounts

OWN = Mix()
SHARES = (1.0, 0.75, 0.5, 0.25, 0.0)  # of the device's own means
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


def weigh(
    trial: Pair,
    others: Others,
    select: HeldOut,
    judge: HeldOut,
    rules: JudgingRules,
    should_stop: ShouldStop,
    *,
    foreign: bool,
) -> Weighed:
    """Choose a mix and judge it.

    Args:
        trial: Knows what the device knows, and serves the head that the device serves; its own.
        others: What the global head says.
        select: Held-out samples to choose on.
        judge: Held-out samples to judge on.
        rules: What counts as harm.
        should_stop: Asked between two solves.
        foreign: Whether the owner wants classes that only others know.

    Raises:
        Stopped: When asked to.
        numpy.linalg.LinAlgError: For a global head that no samples have.
    """
    known = trial.heads[trial.champion].classes
    select, judge = select.of_classes(known), judge.of_classes(known)
    if len(select.bursts) < SAMPLES_MIN or len(set(select.bursts)) < SCENES_MIN:
        return Weighed(HeadOutcome.TOO_FEW)
    asking = _Asking(trial, others, select, should_stop)
    mix = furthest_ahead(
        OWN, [each for each in MIXES if each != OWN], asking.right, select.scenes(), STANDARD_ERRORS
    )
    counts = _compared(trial, others, (OWN, mix), judge)
    if counts.scenes < rules.scenes_needed:
        return Weighed(HeadOutcome.TOO_FEW, mix, counts)
    critical = rules.critical_classes
    apart = _compared(trial, others, (OWN, mix), judge.of_classes(critical)) if critical else None
    if harm(counts, apart, rules) is not None:
        return Weighed(HeadOutcome.HARM, mix, counts)
    wanted = bool(foreign and set(others.classes) - set(known))
    loses = any(each.only_old > each.only_new for each in (counts, apart or counts))
    if loses or (mix == OWN and not wanted):
        return Weighed(HeadOutcome.NOT_CHOSEN, mix, counts)
    more = msgspec.structs.replace(mix, foreign=wanted)
    fitted = msgspec.structs.replace(more, temperatures=_temperatures(trial, others, more, select))
    return Weighed(
        HeadOutcome.ADOPTED,
        fitted,
        counts,
        len(set(others.classes) - set(known)) if wanted else 0,
        _compared(trial, others, (mix, more), judge) if wanted else None,
    )


class _Asking:
    """Asks mixes for samples."""

    def __init__(
        self, trial: Pair, others: Others, samples: HeldOut, should_stop: ShouldStop
    ) -> None:
        self._trial = trial
        self._others = others
        self._samples = samples
        self._should_stop = should_stop

    def right(self, mix: Mix) -> NDArray[np.bool_]:
        """Whether a mix has each sample right."""
        if self._should_stop():
            raise Stopped
        said = predict(_mixed(self._trial, self._others, mix), self._samples.grid)
        right: NDArray[np.bool_] = np.array(said) == np.array(self._samples.class_names)
        return right


def _mixed(trial: Pair, others: Others, mix: Mix) -> Head:
    trial.blend(None if mix == OWN else Blending(others, mix))
    return trial.head


def _compared(
    trial: Pair, others: Others, mixes: tuple[Mix, Mix], samples: HeldOut
) -> PairedCounts:
    """Right answers of one mix as old, of another as new."""
    if not len(samples.grid):
        return PairedCounts()
    old, new = (predict(_mixed(trial, others, mix), samples.grid) for mix in mixes)
    return counted(
        Answer(scene, name, before == name, after == name)
        for scene, name, before, after in zip(
            samples.bursts, samples.class_names, old, new, strict=True
        )
    )


def _temperatures(trial: Pair, others: Others, mix: Mix, samples: HeldOut) -> dict[str, float]:
    head = _mixed(trial, others, mix)
    place = {name: number for number, name in enumerate(head.classes)}
    labels = np.array([place.get(name, UNKNOWN) for name in samples.class_names])
    return {trial.champion: fit_temperature(head.scores(samples.grid), labels)}
