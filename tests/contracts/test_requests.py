"""A request that names itself starts one rollout, in memory, on SQLite and on a real PostgreSQL."""

import asyncio
from dataclasses import replace

from orchestrator.paging import PageRequest
from orchestrator.rollout.plan import Plan, Wave
from orchestrator.rollout.rollout import Actor, Event, Happening
from orchestrator.storage.stores import Stores
from tests.fleet_records import NOW, roll_out


async def test_a_request_starts_one_rollout_however_many_ask_at_once(stores: Stores) -> None:
    read = await roll_out(stores)
    fresh = replace(read, request="5e41a1", plan=Plan("lite0:1", "", (Wave(share=0.1), Wave())))
    told = (Event(NOW, Happening.STARTED, Actor.OPERATOR),)
    started = await asyncio.gather(*(stores.rollouts.add(fresh, told) for _ in range(3)))
    assert len({each.number for each in started}) == 1
    assert started[0] == replace(fresh, number=started[0].number)
    assert await stores.rollouts.requested("5e41a1") == started[0]
    assert len((await stores.rollouts.history(started[0].number, PageRequest())).items) == 1
    assert len((await stores.rollouts.list(PageRequest())).items) == 2


async def test_without_a_request_nothing_is_found(stores: Stores) -> None:
    await roll_out(stores)
    assert await stores.rollouts.requested("") is None
    assert await stores.rollouts.requested("5e41a1") is None
