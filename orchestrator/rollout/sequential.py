"""What may be said of a mean that is looked at again and again, while its evidence comes in.

Whoever looks often and stops at the first look that pleases has many chances to be fooled: with an
ordinary test at 5 % that is looked at after every device, equal pairs are "shown" to differ sooner
or later for certain. Two answers are used here, because the two questions of a gate differ.

*Is there harm?* is asked from the second device on and for as long as the rollout lasts; nobody
knows beforehand when it will be answered. A **confidence sequence** holds at all of these looks
together. Ours is that of the t-test under a Gaussian mixture over the effect in standard deviations
(Lai, 1976, "On confidence sequences", Annals of Statistics 4; Wang and Ramdas, 2025, "Anytime-valid
t-tests and confidence sequences for Gaussian means with unknown variance", Sequential Analysis 44).
With n values, their t statistic and a prior of variance 1 / k,

    E = sqrt(k / (n + k)) * ((1 + t² / (n - 1)) / (1 + k / (n + k) * t² / (n - 1))) ** (n / 2)

is a martingale in the t statistics alone where the mean is 0, whatever the variance is. So it ever
reaches 1 / a with a chance of at most a (Ville's inequality), on each of the two sides half as
often. It can be turned around into a bound for the mean, closed form, no planning and no table. It
is exact for normal values, and close for means of counts. The price is width: about 3 standard
errors where a single look would take 2.

*Is the loss below the margin?* is asked when nearly all of a wave has settled, and its answer is
what a rollout needs to go on, so that price is too high here: ``benchmarks.rollout_calibration``
has a column for it. What fraction of the evidence is in, is known: a **group-sequential** test
spends its alpha over that fraction (Lan and DeMets, 1983, "Discrete sequential boundaries for
clinical trials", Biometrika 70), and this one spends it in the manner of O'Brien and Fleming (1979,
"A multiple testing procedure for clinical trials", Biometrics 35): the sum of the values has to
pass one constant level at any time between the first fraction allowed and the whole. The chance of
a Brownian motion to do so by luck is one integral over where it stands at the first fraction and
the reflection principle from there on, so any number of looks at any times is paid for, and nothing
about earlier looks has to be remembered. The normal level of a look is then asked of Student's t
(Jennison and Turnbull, 2000, "Group Sequential Methods with Applications to Clinical Trials",
chapter 3.8).
"""

import math
from functools import lru_cache

from orchestrator.rollout.chances import normal_quantile, normal_tail

# The mixture's variance is 1 over this: one device's worth of belief in no effect. More would make
# later bounds a little tighter, and five devices, a usual first wave, unable to show anything.
PRIOR_DEVICES = 1.0
PANELS = 400  # of Simpson's rule, for an integrand as smooth as the normal density
TAIL = 8.0  # standard deviations beyond which there is nothing to integrate
HALVINGS = 60
FIRST_MIN = 1e-9  # a look at less evidence is at no level at all


def anytime_deviations(devices: int, chance: float) -> float:
    """Standard errors below the mean at which its bound from below lies, at every look together.

    Infinite where so few can show nothing at this chance.

    Args:
        devices: Values that the mean is of.
        chance: That the bound is ever above the truth, at most.
    """
    if devices <= 1:
        return math.inf
    prior = PRIOR_DEVICES / (devices + PRIOR_DEVICES)
    root = math.exp(2 / devices * math.log(1 / (2 * chance * math.sqrt(prior))))
    if root * prior >= 1:
        return math.inf
    return math.sqrt((devices - 1) * (root - 1) / (1 - root * prior))


def look_level(alpha: float, first: float, fraction: float) -> float:
    """The level at which a look is tested, so that all looks together are at ``alpha``.

    Args:
        alpha: Chance that any look at all is fooled.
        first: The smallest fraction of the evidence at which anyone looks, 0 to 1.
        fraction: Of the evidence that is in now; taken for ``first`` where it is less.
    """
    begin = max(FIRST_MIN, min(1.0, first))
    here = max(begin, min(1.0, fraction))
    return normal_tail(_level_of_sum(alpha, begin) / math.sqrt(here))


@lru_cache(maxsize=256)
def _level_of_sum(alpha: float, first: float) -> float:
    """The level that a Brownian motion passes between ``first`` and 1 with a chance ``alpha``."""
    low, high = normal_quantile(alpha), normal_quantile(alpha / 2)
    if first >= 1:
        return low
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _chance_to_pass(middle, first) > alpha:
            low = middle
        else:
            high = middle
    return high


def _chance_to_pass(level: float, first: float) -> float:
    """Above the level at first, or below it and once above it from there on (Simpson's rule)."""
    start, rest = math.sqrt(first), math.sqrt(1 - first)
    end = min(TAIL, level / start)
    width = (end + TAIL) / PANELS
    places = [width * panel - TAIL for panel in range(PANELS + 1)]
    weights = [1.0, *(4.0, 2.0) * (PANELS // 2 - 1), 4.0, 1.0]
    area = math.fsum(
        weight * math.exp(-place * place / 2) * normal_tail((level - start * place) / rest)
        for weight, place in zip(weights, places, strict=True)
    )
    later = 2 * area * width / 3 / math.sqrt(2 * math.pi)
    return normal_tail(level / start) + later
