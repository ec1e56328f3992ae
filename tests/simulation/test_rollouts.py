import asyncio

import pytest

from tests.simulation.sabotages import SABOTAGES, Sabotage
from tests.simulation.world import World

SEEDS = 100
GROUP = 25
SEEDS_UNTIL_NOTICED = 400


def run_all(seeds: range) -> None:
    for seed in seeds:
        asyncio.run(World(seed).run())


@pytest.mark.parametrize("first", range(0, SEEDS, GROUP))
def test_nothing_bad_ever_happens_and_all_settles_at_last(first: int) -> None:
    run_all(range(first, first + GROUP))


def test_a_seed_decides_everything() -> None:
    first, second = World(7), World(7)
    asyncio.run(first.run())
    asyncio.run(second.run())
    assert first.trace
    assert first.trace == second.trace


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda each: each.__name__)
def test_a_sabotage_is_noticed(sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage(monkeypatch)
    with pytest.raises(AssertionError):
        run_all(range(SEEDS_UNTIL_NOTICED))
