"""How long to wait before trying again: full jitter under an exponential ceiling.

A fleet that lost its server comes back spread over the whole wait instead of at once.
Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

import random
from collections.abc import Iterator

FIRST_SECONDS = 1.0  # a blip of the network is over by then
CEILING_SECONDS = 300.0  # a server that was down for hours is found again within five minutes
FACTOR = 2.0


def delays(
    chance: random.Random,
    *,
    first_seconds: float = FIRST_SECONDS,
    ceiling_seconds: float = CEILING_SECONDS,
    factor: float = FACTOR,
) -> Iterator[float]:
    """Yield waits in seconds without end, each uniform between 0 and a bound that grows."""
    bound = min(first_seconds, ceiling_seconds)
    while True:
        yield chance.uniform(0.0, bound)
        bound = min(bound * factor, ceiling_seconds)
