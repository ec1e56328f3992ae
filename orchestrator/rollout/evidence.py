"""What the gate of a rollout is told, and what it says: values only.

The rules stand in ``gate.py``. A loss is a share of samples: 0.02 is two points of accuracy, and a
negative one is a gain.
"""

from dataclasses import dataclass
from enum import StrEnum

from fieldwise.update import UpdateFailure
from fieldwise.verdict import Verdict
from orchestrator.rollout.places import Place


class Outcome(StrEnum):
    """What follows from the evidence."""

    WAITING = "waiting"
    OPEN = "open"
    UNDECIDED = "undecided"
    CLOSED = "closed"


class Reason(StrEnum):
    """Why the gate stands as it does, in words for people."""

    # Harm, which closes it.
    HARM = "mean loss shown"
    RUINED = "some devices lose far more than chance makes"
    WORST_DEVICE = "one device loses far more than chance makes"
    FAILURES = "too many devices failed"
    ROLLBACKS = "too many devices went back on probation"
    DECLINES = "too many devices declined"
    LATENCY = "predictions take too long"
    SILENCE = "too many devices fell silent"
    # What lets it open.
    NOT_INFERIOR = "loss shown to be below the margin"
    NO_HARM = "no harm shown, and too little evidence to show more"
    # What leaves it undecided.
    NOT_SHOWN = "loss not shown to be below the margin"
    EVIDENCE_MISSING = "too few labelled comparisons"
    MORE_SILENT = "more devices fell silent than before the rollout"
    OVER_LIMIT = "a limit is passed, which may be chance"
    FEW_RUINED = "a few devices may be ruined: far worse than the others, or silent"
    NOT_TAKEN = "hardly a device ended well with it"
    # What it waits for, and what ended the wait.
    UNSETTLED = "devices have not settled"
    DEADLINE = "the deadline of the wave has passed"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One device of the cohort, as the gate looks at it.

    Attributes:
        device: Its id.
        wave: The wave that it belongs to, from 1 on.
        place: Where it stands in the rollout.
        verdict: Of the target that this rollout gave it; None where it has not compared yet. One
            of an earlier generation must not stand here.
        failure: Why its update ended, where it did not end well.
        started: Whether it ever took a permit of this rollout or worked on its target: a device
            that was never reached is not silent because of the backbone.
    """

    device: str
    wave: int
    place: Place
    verdict: Verdict | None = None
    failure: UpdateFailure | None = None
    started: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look at the evidence of the waves up to ``wave`` showed.

    Attributes:
        outcome: What follows.
        reasons: Why, the weightiest first.
        wave: The wave that was looked at, from 1 on.
        devices: Those with a labelled comparison; each counts once in the mean.
        unlabelled: Those that compared without enough labels, and count only where they ended.
        mean_loss: Of the backbone, over the devices that compared, whether they took it or not.
        taken_loss: Over those alone that did not decline: what the fleet bears, seen too rosily.
        standard_error: Of the mean loss.
        lower: The mean loss is above it, at half the stated false abort, however often one looks.
        upper: The mean loss is below it, at the stated alpha, however often one looks.
        detectable: The mean loss that a wave of this evidence finds with a chance of 0.8.
        settled: Devices that came to an end.
        unsettled: Those that may still.
        failed: Of those settled or silent, those whose update came to nothing.
        rolled_back: Those of them that had switched before.
        declined: Those that refused.
        silent: Those that started and were not heard of again, or not done in time.
        silent_expected: How many of those that started would be silent as things were before.
        worst_device: The device whose loss is least like chance; empty for none.
        worst_chance: The chance of such a one in a fleet of this size; 1 for none.
        lopsided: How far losses reach out on the side of harm, in standard errors.
        latency_ratio: The middle one of the devices' new medians over the old ones.
        agreement: Of the samples compared without labels, the share that both pairs answer alike.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    wave: int = 0
    devices: int = 0
    unlabelled: int = 0
    mean_loss: float | None = None
    taken_loss: float | None = None
    standard_error: float | None = None
    lower: float | None = None
    upper: float | None = None
    detectable: float | None = None
    settled: int = 0
    unsettled: int = 0
    failed: int = 0
    rolled_back: int = 0
    declined: int = 0
    silent: int = 0
    silent_expected: float = 0.0
    worst_device: str = ""
    worst_chance: float = 1.0
    lopsided: float = 0.0
    latency_ratio: float | None = None
    agreement: float | None = None
