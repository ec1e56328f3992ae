"""Readiness follows the stores, in bounded time, and tells only what changed."""

import asyncio

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.readiness import Readiness, holds_fleet
from orchestrator.storage.memory import memory_stores
from tests.fleet_records import join


class Probe:
    """Answers, fails or hangs as it is told, and remembers what was told of it."""

    def __init__(self) -> None:
        self.mode = "answers"
        self.told: list[bool] = []

    async def __call__(self) -> None:
        if self.mode == "hangs":
            await asyncio.Event().wait()
        if self.mode == "fails":
            raise FieldwiseError(Fault.UNAVAILABLE, "no such table: reports")

    async def changed(self, *, serving: bool) -> None:
        self.told.append(serving)


@pytest.mark.parametrize("mode", ["fails", "hangs"])
async def test_a_database_that_does_not_answer_takes_readiness_back(mode: str) -> None:
    probe = Probe()
    readiness = Readiness(probe, probe.changed, seconds=0.01)
    assert not readiness.is_ready()
    for _ in range(2):
        await readiness.look()
        assert readiness.is_ready()
    probe.mode = mode
    for _ in range(2):
        with pytest.raises(FieldwiseError) as refused:
            await readiness.look()
        assert refused.value.fault is Fault.UNAVAILABLE
        assert not readiness.is_ready()
    probe.mode = "answers"
    await readiness.look()
    await readiness.end()
    assert probe.told == [True, False, True, False]


async def test_stores_with_a_device_are_a_fleet_s() -> None:
    stores = memory_stores()
    assert not await holds_fleet(stores.devices, stores.tickets, stores.backbones, stores.rollouts)
    await join(stores, "d1")
    assert await holds_fleet(stores.devices, stores.tickets, stores.backbones, stores.rollouts)
