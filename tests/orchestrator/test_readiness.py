"""Readiness follows the stores, in bounded time, and tells only what changed."""

import asyncio

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.readiness import WITHOUT_STORES_SECONDS, Readiness, Ready, holds_fleet
from orchestrator.storage.memory import memory_stores
from tests.fleet_records import SetClock, join

WHOLE, DEVICES, NOBODY = Ready(devices=True, everybody=True), Ready(devices=True), Ready()


class Probe:
    """Answers, fails or hangs as it is told, and remembers what was told of it."""

    def __init__(self) -> None:
        self.mode = "answers"
        self.told: list[Ready] = []

    async def __call__(self) -> None:
        if self.mode == "hangs":
            await asyncio.Event().wait()
        if self.mode == "fails":
            raise FieldwiseError(Fault.UNAVAILABLE, "no such table: reports")

    async def changed(self, ready: Ready) -> None:
        self.told.append(ready)


async def look_in_vain(readiness: Readiness) -> None:
    with pytest.raises(FieldwiseError) as refused:
        await readiness.look()
    assert refused.value.fault is Fault.UNAVAILABLE


@pytest.mark.parametrize("mode", ["fails", "hangs"])
async def test_without_a_database_it_is_ready_for_devices_alone_and_not_for_long(mode: str) -> None:
    probe, clock = Probe(), SetClock()
    readiness = Readiness(probe, probe.changed, clock, seconds=0.01)
    assert not readiness.is_ready()
    for _ in range(2):
        await readiness.look()
        assert readiness.is_ready()
    probe.mode = mode
    for _ in range(2):
        await look_in_vain(readiness)
        assert (readiness.is_ready(), readiness.is_ready_for_devices()) == (False, True)
    clock.pass_by(WITHOUT_STORES_SECONDS)
    await look_in_vain(readiness)
    assert not readiness.is_ready_for_devices()
    probe.mode = "answers"
    await readiness.look()
    await readiness.end()
    assert probe.told == [WHOLE, DEVICES, NOBODY, WHOLE, NOBODY]


async def test_who_never_had_a_database_is_ready_for_nobody() -> None:
    probe = Probe()
    probe.mode = "fails"
    readiness = Readiness(probe, probe.changed, SetClock(), seconds=1)
    await look_in_vain(readiness)
    assert (readiness.is_ready_for_devices(), probe.told) == (False, [])


async def test_stores_with_a_device_are_a_fleet_s() -> None:
    stores = memory_stores()
    assert not await holds_fleet(stores.devices, stores.tickets, stores.backbones, stores.rollouts)
    await join(stores, "d1")
    assert await holds_fleet(stores.devices, stores.tickets, stores.backbones, stores.rollouts)
