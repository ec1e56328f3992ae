import asyncio
from collections.abc import Iterable, Mapping

import pytest

from tests.simulation import campaign_sabotages as sabotages
from tests.simulation.campaign_sabotages import SABOTAGES, Sabotage
from tests.simulation.campaign_world import World

SEEDS = 30
GROUP = 10
SEEDS_UNTIL_NOTICED = 400
# A seed that noticed it when it was last looked for: tried first where few others do.
NOTICED_BY: Mapping[Sabotage, int] = {
    sabotages.updates_are_taken_after_the_round: 6,
    sabotages.an_update_is_taken_before_its_content_is_kept: 5,
    sabotages.rubbish_is_taken: 5,
    sabotages.what_never_came_is_never_swept: 5,
}


def run_all(seeds: Iterable[int]) -> None:
    for seed in seeds:
        asyncio.run(World(seed).run())


@pytest.mark.parametrize("first", range(0, SEEDS, GROUP))
def test_no_campaign_takes_what_was_not_given_or_forgets_what_was(first: int) -> None:
    run_all(range(first, first + GROUP))


def test_a_seed_decides_everything() -> None:
    first, second = World(7), World(7)
    asyncio.run(first.run())
    asyncio.run(second.run())
    assert first.trace == second.trace
    assert first.contents.campaigns == second.contents.campaigns


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda each: each.__name__)
def test_a_sabotage_is_noticed(sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage(monkeypatch)
    with pytest.raises(AssertionError):
        run_all((NOTICED_BY.get(sabotage, 0), *range(SEEDS_UNTIL_NOTICED)))
