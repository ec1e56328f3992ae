"""What rollouts that want the same devices promise, whatever the store."""

import asyncio

from orchestrator.rollout.controller import Controller
from orchestrator.rollout.operations import Rollouts
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import Plan
from orchestrator.storage.stores import Stores
from tests.fleet_records import SetClock, backbone, join, roll_out

STARTED = 12
DEVICES = 6


async def test_of_many_rollouts_that_start_at_once_the_newest_takes_all_and_the_rest_end(
    stores: Stores,
) -> None:
    clock = SetClock()
    controller = Controller(stores.rollouts, stores.backbones, clock)
    rollouts = Rollouts(stores.rollouts, stores.backbones, controller, clock)
    await stores.backbones.add(backbone())
    for number in range(DEVICES):
        await join(stores, f"d{number}")
    started = await asyncio.gather(*(rollouts.start(Plan("lite0")) for _ in range(STARTED)))
    await controller.look_at_all()
    newest, *older = sorted((each.number for each in started), reverse=True)
    kept = await stores.rollouts.get(newest)
    assert (kept.phase, dict(kept.counts)) == (Phase.RUNNING, {Place.WAITING: DEVICES})
    for number in older:
        ended = await stores.rollouts.get(number)
        assert ended.phase is Phase.SUPERSEDED
        assert ended.counts == {Place.SUPERSEDED: DEVICES}


async def test_a_cohort_comes_by_id_in_pieces(stores: Stores) -> None:
    for name in ("d3", "d1", "d5", "d2", "d4"):
        await join(stores, name, site="berlin" if name != "d2" else "paris")
    rollout = await roll_out(stores, "site=berlin")
    pieces = [("", 2), ("d3", 2), ("d5", 2), ("d2", 9)]
    found = [
        [each.device for each in await stores.rollouts.cohort(rollout, after, size)]
        for after, size in pieces
    ]
    assert found == [["d1", "d3"], ["d4", "d5"], [], ["d3", "d4", "d5"]]
