"""Means of devices under repeated looks: bounds that stay true however often one looks."""

import math


def normal_tail(deviations: float) -> float:
    """The chance of a standard normal value above so many standard deviations."""
    return math.erfc(deviations / math.sqrt(2)) / 2
