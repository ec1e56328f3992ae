import asyncio
from collections.abc import Iterable, Mapping

import pytest

from tests.simulation import sabotages
from tests.simulation.sabotages import SABOTAGES, Sabotage
from tests.simulation.world import World

SEEDS = 300
GROUP = 25
SEEDS_UNTIL_NOTICED = 1500
# A seed that noticed it when it was last looked for: tried first where few others do.
NOTICED_BY: Mapping[Sabotage, int] = {
    sabotages.a_generation_says_nothing_of_its_bundle: 88,
    sabotages.the_way_back_is_closed_to_whoever_was_stopped: 26,
    sabotages.a_rollout_turns_back_without_the_devices_that_nobody_hears: 23,
    sabotages.nobody_is_ever_overdue: 23,
    sabotages.a_permit_outlives_the_window: 22,
    sabotages.devices_that_join_later_are_passed_over: 22,
    sabotages.waves_open_before_they_have_been_watched: 13,
}


def run_all(seeds: Iterable[int]) -> None:
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
        run_all((NOTICED_BY.get(sabotage, 0), *range(SEEDS_UNTIL_NOTICED)))
