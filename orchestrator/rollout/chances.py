"""Tails of the distributions that the gate asks: normal, Student's and binomial.

The latter two are both the regularised incomplete beta function (NIST Digital Library of
Mathematical Functions, 8.17(i) and 8.17.5), which is computed by its continued fraction (8.17.22)
with Lentz's method in the form of Thompson and Barnett (1986, "Coulomb and Bessel functions of
complex arguments and order").
"""

import math
from functools import lru_cache
from statistics import NormalDist

TINY = 1e-300  # stands in for a denominator of 0
PRECISION = 1e-15
STEPS_MAX = 100_000  # the fraction takes about the square root of its greater parameter

_NORMAL = NormalDist()


def normal_tail(deviations: float) -> float:
    """The chance of a standard normal value above so many standard deviations."""
    return math.erfc(deviations / math.sqrt(2)) / 2


def normal_quantile(tail: float) -> float:
    """The standard deviations that a standard normal value is above with such a chance."""
    return -_NORMAL.inv_cdf(tail)


def binomial_tail(trials: int, hits: int, chance: float) -> float:
    """The chance of as many hits or more in so many trials, each a hit with ``chance``."""
    if hits <= 0:
        return 1.0
    if hits > trials or chance <= 0:
        return 0.0
    if chance >= 1:
        return 1.0
    return _beta(hits, trials - hits + 1, chance, 1 - chance)


def student_tail(deviations: float, freedom: int) -> float:
    """The chance of Student's t above ``deviations``, with so many degrees of freedom."""
    square = deviations * deviations
    if math.isinf(square):
        return 0.0 if deviations > 0 else 1.0
    below = freedom / (freedom + square)
    half = _beta(freedom / 2, 0.5, below, square / (freedom + square)) / 2
    return half if deviations >= 0 else 1 - half


@lru_cache(maxsize=4096)
def student_quantile(tail: float, freedom: int) -> float:
    """The value that Student's t is above with such a chance, at most a half.

    Newton's method from the normal quantile, which is below it: the tail is convex there, so that
    the steps climb towards the root and never pass it.
    """
    value = normal_quantile(tail)
    scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    scale -= math.log(freedom * math.pi) / 2
    for _ in range(STEPS_MAX):
        density = math.exp(scale - (freedom + 1) / 2 * math.log1p(value * value / freedom))
        step = (student_tail(value, freedom) - tail) / density
        value += step
        if abs(step) <= 1e-12 * max(1.0, abs(value)):
            break
    return value


def _beta(first: float, second: float, share: float, rest: float) -> float:
    """The regularised incomplete beta function at ``share``; ``rest`` is 1 less that."""
    if share <= 0:
        return 0.0
    if rest <= 0:
        return 1.0
    scale = math.lgamma(first + second) - math.lgamma(first) - math.lgamma(second)
    front = math.exp(scale + first * math.log(share) + second * math.log(rest))
    if share < (first + 1) / (first + second + 2):
        return front * _fraction(first, second, share) / first
    return 1 - front * _fraction(second, first, rest) / second


def _fraction(first: float, second: float, share: float) -> float:
    upper, lower = 1.0, _away(1 - (first + second) * share / (first + 1))
    lower = 1 / lower
    value = lower
    for step in range(1, STEPS_MAX):
        even = first + 2 * step
        for factor in (
            step * (second - step) * share / ((even - 1) * even),
            -(first + step) * (first + second + step) * share / (even * (even + 1)),
        ):
            lower = 1 / _away(1 + factor * lower)
            upper = _away(1 + factor / upper)
            value *= upper * lower
        if abs(upper * lower - 1) < PRECISION:
            break
    return value


def _away(value: float) -> float:
    """The value, or one beside 0 that can be divided by."""
    return value if abs(value) > TINY else TINY
