"""What a bundle is like on one device: nothing of it is known to the orchestrator."""

from enum import StrEnum
from random import Random

from fieldwise.update import UpdateFailure


class Trait(StrEnum):
    """How a bundle behaves on a device."""

    FINE = "fine"
    GOLDEN = "golden"  # its golden vectors come out differently here
    LOAD = "load"  # the trial of its graph dies
    KILLS = "kills"  # it takes the whole agent down while the head is rebuilt
    WORSE = "worse"  # the held-out samples show it
    SLOW = "slow"  # so slow that judging shows it
    WORSE_LATER = "worse-later"  # there are too few samples; probation shows it
    SLOW_LATER = "slow-later"
    FAILS_LATER = "fails-later"  # predictions fail
    KILLS_LATER = "kills-later"  # it takes the agent down when it serves


# What ends it before it is tried, judged or proven.
VERIFYING = {Trait.GOLDEN: UpdateFailure.GOLDEN_MISMATCH, Trait.LOAD: UpdateFailure.LOAD_FAILED}
JUDGING = {Trait.WORSE: UpdateFailure.HARM, Trait.SLOW: UpdateFailure.TOO_SLOW}
PROBATION = {
    Trait.WORSE_LATER: UpdateFailure.PROBATION_ACCURACY,
    Trait.SLOW_LATER: UpdateFailure.PROBATION_LATENCY,
    Trait.FAILS_LATER: UpdateFailure.PROBATION_ERRORS,
}
SPOILED = tuple(trait for trait in Trait if trait is not Trait.FINE)


def drawn(dice: Random, likelihood: float) -> Trait:
    """A bundle's trait on a device, spoiled with some likelihood."""
    return dice.choice(SPOILED) if dice.random() < likelihood else Trait.FINE
