"""What a new pair has to stand once it serves: the rules of probation.

Judging looks back, at what was set aside; probation looks at what happens next. For a stated number
of predictions or of minutes, whichever is over first, three things are watched, and the pair from
before is put back as soon as one of them is shown:

*errors*: predictions that fail, not for what was asked but in the backbone, more often than the old
pair's did. Its rate is taken from its own record, with ``UNSEEN`` predictions added of which one
failed: a pair that never failed in ten predictions has not shown that it never does.

*latency*: more than one prediction in a hundred takes longer than a multiple of the old pair's 99th
percentile, and longer than a floor under which nobody waits.

*accuracy*: labelled samples that come in meanwhile, answered by both pairs as they stood when
probation began (or went on, after a restart: both have then learned the same), counted by scenes.
Only labels that no head had a part in count, and none that is held out for judging.

The look comes with every prediction, so a test that may be looked at only once would cry wolf. Each
question is a bet against "no worse": a purse of 1 that is multiplied, by Ville's inequality, to
1 / a with a chance of at most a if nothing is wrong, however often one looks (Shafer, 2021,
"Testing by betting"). The purses depend on counts only, so a restart carries them on. The three
questions share alpha evenly. For rates the bet is the likelihood ratio, averaged over two
alternatives: ten times the rate, and half of everything. For scenes it stakes shares of the purse
on "worse", averaged over ``STAKES``.

What it cannot see: a device that predicts once an hour has hardly been on probation after ten
minutes. It passes all the same, since a rollout would wait for days otherwise; an owner who wants
to wait sets the minutes higher.
"""

import math

import msgspec

from fieldwise.update import UpdateFailure

UNSEEN = 100  # predictions that the old pair's record is longer than it is, one of them failed
SLOW_SHARE = 0.01  # what is beyond a 99th percentile
STAKES = (0.25, 0.5, 0.75, 1.0)  # of the purse, on a scene being worse rather than better
QUESTIONS = 3
PURSE_LOGARITHM_MAX = 700.0  # keeps a purse a float; far beyond any bar


class ProbationRules(msgspec.Struct, frozen=True):
    """What probation goes by; the reasons stand beside the defaults in ``agent.config``.

    Attributes:
        predictions: It is over after so many.
        seconds: Or after so long, while the agent runs.
        alpha: Chance, at most, that a pair that is no worse is taken back.
        loss_min: Smallest loss of accuracy that counts, a share of samples.
        latency_ratio_max: Most times the old pair's 99th percentile.
        latency_floor_seconds: Nothing up to this is slow.
    """

    predictions: int = 200
    seconds: float = 600.0
    alpha: float = 0.05
    loss_min: float = 0.02
    latency_ratio_max: float = 4.0
    latency_floor_seconds: float = 0.1


class Baseline(msgspec.Struct, frozen=True):
    """What the old pair's predictions were like; 0 microseconds where nobody knows."""

    predictions: int = 0
    failures: int = 0
    p99_micros: int = 0


class Seen(msgspec.Struct, frozen=True):
    """What the new pair has done since it serves.

    Attributes:
        seconds: How long the agent ran with it.
        predictions: Answered and failed.
        failures: Those of them that the backbone failed.
        slow: Those of them that took longer than the limit.
        samples: Labelled samples that both pairs answered.
        only_old: Those of them that only the old pair had right.
        only_new: Those that only the new one had.
        scenes: Scenes that they come from.
        scenes_worse: Scenes on which the new pair had fewer right.
        scenes_better: Scenes on which it had more.
    """

    seconds: float = 0.0
    predictions: int = 0
    failures: int = 0
    slow: int = 0
    samples: int = 0
    only_old: int = 0
    only_new: int = 0
    scenes: int = 0
    scenes_worse: int = 0
    scenes_better: int = 0


class Probation(msgspec.Struct, frozen=True):
    """A probation as it is journaled: of which bundle, beside what, and what was seen.

    Without a digest there is none.
    """

    digest: str = ""
    baseline: Baseline = Baseline()
    seen: Seen = Seen()


def slow_seconds(baseline: Baseline, rules: ProbationRules) -> float:
    """What a prediction may take; infinite where the old pair's time is not known."""
    if not baseline.p99_micros:
        return math.inf
    return max(rules.latency_floor_seconds, rules.latency_ratio_max * baseline.p99_micros / 1e6)


def shown(probation: Probation, rules: ProbationRules) -> UpdateFailure | None:
    """What speaks for going back to the old pair; None while nothing does."""
    baseline, seen, bar = probation.baseline, probation.seen, QUESTIONS / rules.alpha
    usual = (baseline.failures + 1) / (baseline.predictions + UNSEEN)
    if evidence_of_rate(seen.failures, seen.predictions, usual) >= bar:
        return UpdateFailure.PROBATION_ERRORS
    if evidence_of_rate(seen.slow, seen.predictions, SLOW_SHARE) >= bar:
        return UpdateFailure.PROBATION_LATENCY
    lost = seen.only_old - seen.only_new
    if lost > 0 and lost >= rules.loss_min * seen.samples and evidence_of_loss(seen) >= bar:
        return UpdateFailure.PROBATION_ACCURACY
    return None


def is_over(seen: Seen, rules: ProbationRules) -> bool:
    """Whether a pair has stood it, if nothing was shown."""
    return seen.predictions >= rules.predictions or seen.seconds >= rules.seconds


def evidence_of_rate(events: int, trials: int, rate: float) -> float:
    """The purse of a bet that events are more frequent than ``rate``; 1 where nothing happened yet.

    Args:
        events: How many there were.
        trials: Among how many.
        rate: Share of events, at most, under "no worse"; in (0, 1).
    """
    alternatives = (min(10 * rate, (1 + rate) / 2), (1 + rate) / 2)
    return sum(_ratio(events, trials, rate, each) for each in alternatives) / len(alternatives)


def evidence_of_loss(seen: Seen) -> float:
    """The purse of a bet that a scene that differs is worse more often than better."""
    return sum(
        (1 + stake) ** min(seen.scenes_worse, 1000) * (1 - stake) ** seen.scenes_better
        for stake in STAKES
    ) / len(STAKES)


def _ratio(events: int, trials: int, rate: float, other: float) -> float:
    quiet = (trials - events) * math.log((1 - other) / (1 - rate))
    return math.exp(min(events * math.log(other / rate) + quiet, PURSE_LOGARITHM_MAX))
