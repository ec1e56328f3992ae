"""What a rollout's evidence adds up to: who ended how, and how much each device lost.

Sums are rounded once, at their end, so that the order of devices changes nothing, not even the
last bit.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fieldwise.update import UpdateFailure
from fieldwise.verdict import Basis, Verdict
from orchestrator.rollout.evidence import Evidence
from orchestrator.rollout.places import Place

OUTSIDE = frozenset({Place.EXCLUDED, Place.SUPERSEDED})
SETTLED = frozenset({Place.HEALTHY, Place.DECLINED, Place.FAILED, Place.OVERDUE})
AFTER_THE_SWITCH = frozenset(
    {
        UpdateFailure.PROBATION_ERRORS,
        UpdateFailure.PROBATION_LATENCY,
        UpdateFailure.PROBATION_ACCURACY,
        UpdateFailure.CRASHED,
        UpdateFailure.OWNER,
    }
)


@dataclass(slots=True)
class Tally:
    """Counts over the waves up to the open one.

    Attributes:
        settled: Devices that came to an end; those overdue among them.
        untried: Those of them that are overdue and never took a permit; neither good nor bad.
        well: Of them those that serve the backbone.
        unsettled: Reached, or online and not yet reached, and at no end.
        unreached: Silent since before they could start; neither good nor bad.
        started: Those that took a permit: of them some may be silent.
        lost: Started, and offline.
        silent: Started, and offline or overdue.
        failed: Came to nothing; those that had switched are in ``rolled_back`` too.
        seen_by_both: Samples compared without labels; both pairs ``agreed`` on some.
        compared: With a labelled comparison, in the order of ``losses``.
        losses: Of each of them, -1 to 1.
        taken: Their losses again, of those that did not decline.
        ratios: Of each that measured both, the new median time of a prediction over the old one.
    """

    settled: int = 0
    untried: int = 0
    well: int = 0
    unsettled: int = 0
    unreached: int = 0
    started: int = 0
    lost: int = 0
    silent: int = 0
    failed: int = 0
    rolled_back: int = 0
    declined: int = 0
    unlabelled: int = 0
    seen_by_both: int = 0
    agreed: int = 0
    compared: list[Evidence] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    @property
    def devices(self) -> int:
        """Everyone who counts."""
        return self.settled + self.unsettled + self.unreached

    @property
    def ended(self) -> int:
        """Those that tried and whose end is known, or that may never tell it.

        Failures are a share of these: many that were never there must not hide those of the rest.
        """
        return self.settled - self.untried + self.lost

    @property
    def fraction(self) -> float:
        """Of those who may still settle, the share that has; 0 where there is none."""
        reachable = self.settled + self.unsettled
        return self.settled / reachable if reachable else 0.0


def tally_of(evidence: Iterable[Evidence], wave: int) -> Tally:
    """Count the evidence of the waves up to one."""
    tally = Tally()
    for each in evidence:
        if each.wave <= wave and each.place not in OUTSIDE:
            _count(tally, each)
            if each.verdict is not None:
                _compare(tally, each, each.verdict)
    return tally


def _count(tally: Tally, each: Evidence) -> None:
    place = each.place
    gone = place is Place.OFFLINE or place is Place.OVERDUE
    if place in SETTLED:
        tally.settled += 1
    elif gone and not each.started:
        tally.unreached += 1
    else:
        tally.unsettled += 1
    tally.untried += place is Place.OVERDUE and not each.started
    tally.started += each.started or (place in SETTLED and not gone)
    tally.silent += gone and each.started
    tally.lost += place is Place.OFFLINE and each.started
    tally.well += place is Place.HEALTHY
    tally.declined += place is Place.DECLINED
    if place is Place.FAILED:
        tally.failed += 1
        tally.rolled_back += each.failure in AFTER_THE_SWITCH


def _compare(tally: Tally, each: Evidence, verdict: Verdict) -> None:
    if verdict.old_p50_micros and verdict.new_p50_micros:
        tally.ratios.append(verdict.new_p50_micros / verdict.old_p50_micros)
    counts = verdict.overall
    if verdict.basis is Basis.LABELLED and (samples := counts.samples):
        loss = (counts.only_old - counts.only_new) / samples
        tally.compared.append(each)
        tally.losses.append(loss)
        if each.place is not Place.DECLINED:
            tally.taken.append(loss)
    elif verdict.basis is not Basis.NONE:
        tally.unlabelled += 1
        tally.seen_by_both += verdict.compared
        tally.agreed += verdict.agreed


@dataclass(frozen=True, slots=True)
class Spread:
    """A sample of losses: mean, its standard error, and how lopsided it is.

    Attributes:
        devices: How many.
        mean: 0 for none.
        error: Standard error of the mean; 0 for fewer than two.
        lopsided: Third central moment in units of its own standard error where both sides are
            alike; great where a few devices lose far more than any gains.
    """

    devices: int
    mean: float
    error: float
    lopsided: float


def spread_of(losses: Sequence[float]) -> Spread:
    """Return mean, standard error and lopsidedness of losses."""
    devices = len(losses)
    if devices <= 1:
        return Spread(devices, losses[0] if losses else 0.0, 0.0, 0.0)
    mean = math.fsum(losses) / devices
    apart = [loss - mean for loss in losses]
    squares = math.fsum([each * each for each in apart])
    error = math.sqrt(squares / (devices - 1) / devices)
    return Spread(devices, mean, error, _lopsided(apart))


def _lopsided(apart: Sequence[float]) -> float:
    """See ``gate.py``: half of the variance comes from the side that harm cannot inflate."""
    cubes = [each * each * each for each in apart]
    below = math.fsum([each * each for each in cubes if each < 0])
    above = math.fsum([each * each for each in cubes if each > 0])
    variance = (3 * below + above) / 2
    return math.fsum(cubes) / math.sqrt(variance) if variance > 0 else 0.0
