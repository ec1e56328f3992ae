"""Delays spread a fleet over the whole wait, under a bound that grows to a ceiling."""

import random
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from fieldwise import retry


class Highest(random.Random):
    """Dice that always show the largest value."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


def test_the_bound_doubles_up_to_the_ceiling_and_stays_there() -> None:
    bounds = list(islice(retry.delays(Highest(), first_seconds=1, ceiling_seconds=10), 7))
    assert bounds == [1, 2, 4, 8, 10, 10, 10]


def test_a_thousandth_try_waits_no_longer_than_the_ceiling() -> None:
    assert max(islice(retry.delays(Highest()), 1000)) == retry.CEILING_SECONDS


@given(st.integers())
def test_every_delay_is_within_its_bound(seed: int) -> None:
    highest = islice(retry.delays(Highest()), 20)
    drawn = islice(retry.delays(random.Random(seed)), 20)
    assert all(0 <= delay <= bound for delay, bound in zip(drawn, highest, strict=True))


def test_a_fleet_that_fails_at_once_comes_back_spread_out() -> None:
    waits = [next(islice(retry.delays(random.Random(seed)), 8, None)) for seed in range(400)]
    quarters = [
        sum(low <= wait / 256 < low + 0.25 for wait in waits) for low in (0, 0.25, 0.5, 0.75)
    ]
    assert min(quarters) > 60


def test_the_first_wait_is_never_longer_than_the_ceiling() -> None:
    assert next(retry.delays(Highest(), first_seconds=9, ceiling_seconds=3)) == 3
