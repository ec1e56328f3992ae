"""What rollouts that want the same devices promise, whatever the store."""

import asyncio

from orchestrator.rollout.controller import Controller
from orchestrator.rollout.operations import Rollouts
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import Plan
from orchestrator.storage.stores import Stores
from tests.fleet_records import SetClock, backbone, join

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
