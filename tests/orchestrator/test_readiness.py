"""Readiness follows the stores, in bounded time, and tells only what changed."""

import asyncio
from contextlib import suppress

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.readiness import (
    SILENT_SECONDS,
    WITHOUT_STORES_SECONDS,
    Readiness,
    Ready,
    holds_fleet,
)
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
    readiness = Readiness(probe, probe.changed, clock, lambda: 0.0, seconds=0.01)
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
    readiness = Readiness(probe, probe.changed, SetClock(), lambda: 0.0, seconds=1)
    await look_in_vain(readiness)
    assert (readiness.is_ready_for_devices(), probe.told) == (False, [])


@pytest.mark.parametrize("mode", ["answers", "fails"])
async def test_where_no_look_comes_to_its_end_nothing_is_alive_or_ready(mode: str) -> None:
    probe, passed = Probe(), [0.0]
    readiness = Readiness(probe, probe.changed, SetClock(), lambda: passed[0], seconds=1)
    await readiness.look()
    probe.mode = mode
    for _ in range(2):
        passed[0] += SILENT_SECONDS - 1
        assert readiness.is_alive()
        with suppress(FieldwiseError):
            await readiness.look()
    passed[0] += SILENT_SECONDS
    assert (readiness.is_alive(), readiness.is_ready_for_devices()) == (False, False)
    with suppress(FieldwiseError):
        await readiness.look()
    assert (readiness.is_alive(), readiness.is_ready_for_devices()) == (True, True)


async def test_what_takes_its_time_to_end_is_not_ended_for_that() -> None:
    probe, passed = Probe(), [0.0]
    readiness = Readiness(probe, probe.changed, SetClock(), lambda: passed[0])
    await readiness.end()
    passed[0] += 10 * SILENT_SECONDS
    assert readiness.is_alive()


async def test_stores_with_a_device_are_a_fleet_s() -> None:
    stores = memory_stores()
    assert not await holds_fleet(stores.devices, stores.tickets, stores.backbones, stores.rollouts)
    await join(stores, "d1")
    assert await holds_fleet(stores.devices, stores.tickets, stores.backbones, stores.rollouts)
