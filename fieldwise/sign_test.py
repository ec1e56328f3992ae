"""The exact test of pairs: were there more worse ones than chance makes of as many equal ones?

Where nothing changed, a scene on which two pairs differ is as likely worse as better: the number of
worse ones among n that differ is binomial with a half. The chance of so many or more is a sum of
binomial coefficients over 2**n, whole numbers up to the last division. Where every scene is one
sample this is McNemar's test in its exact, one-sided form.
"""

import math

EXACT_MAX = 10_000  # scenes that differ; beyond them whole numbers get long, and nobody has them


def chance_of(worse: int, better: int) -> float:
    """The chance, where nothing changed, of as many worse ones or more among all that differ.

    Beyond ``EXACT_MAX`` it is Hoeffding's bound, exp(-2 (worse - n / 2)**2 / n), which is never
    less than the chance (Hoeffding, 1963, "Probability inequalities for sums of bounded random
    variables").

    Args:
        worse: Scenes on which the new one did worse.
        better: Scenes on which it did better.
    """
    differing = worse + better
    if differing > EXACT_MAX:
        lead = max(0.0, worse - differing / 2)
        return math.exp(-2 * lead**2 / differing)
    term, ways = math.comb(differing, worse), 0
    for place in range(worse, differing + 1):
        ways += term
        term = term * (differing - place) // (place + 1)
    return ways / (1 << differing)


def needed(alpha: float) -> int:
    """How many must differ, all of them for the worse, until the chance is at most ``alpha``."""
    return max(1, math.ceil(-math.log2(alpha)))
