import asyncio
from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.answering import (
    REMEMBERED_SECONDS,
    TRUSTED_SECONDS,
    Answering,
)
from orchestrator.fleet.check_in import CheckIns, Orders, StartPermit
from orchestrator.fleet.device import Caller, Target
from orchestrator.fleet.report import Report
from orchestrator.fleet.settings import DeviceSettings, SettingsRevision
from tests.fleet_records import SetClock, caller, report

TARGET = Target(3, "ab" * 32)
TOLD = Orders(TARGET, StartPermit(3, 20), SettingsRevision(1, DeviceSettings()), 10, 0)


class Answers(CheckIns):
    """Check-ins that answer as they are told, and count how often they are asked."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.hangs = False
        self.asked = 0
        self.orders = TOLD

    async def check_in(self, caller: Caller, report: Report) -> Orders:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise FieldwiseError(self.fault, "as told")
        return self.orders


class Place:
    def __init__(self) -> None:
        self.clock, self.answers = SetClock(), Answers()
        self.answering = Answering(
            self.answers, self.clock, 60, remembered_max=2, store_seconds=0.1
        )

    async def call(self, device: str = "d1", key: str = "", generation: int = 3) -> Orders:
        who = caller(device, key) if key else caller(device)
        return await self.answering.check_in(who, report(1, generation=generation))

    async def refused(self, device: str = "d1", key: str = "", generation: int = 3) -> Fault:
        with pytest.raises(FieldwiseError) as caught:
            await self.call(device, key, generation)
        return caught.value.fault


@pytest.fixture
def place() -> Place:
    return Place()


async def test_with_the_store_its_answer_is_given(place: Place) -> None:
    assert await place.call() == TOLD


@pytest.mark.parametrize("hangs", [False, True], ids=["refuses", "hangs"])
async def test_without_the_store_a_device_hears_its_target_again_and_gets_no_permit(
    place: Place, hangs: bool
) -> None:
    await place.call()
    place.answers.fault, place.answers.hangs = Fault.UNAVAILABLE, hangs
    orders = await place.call()
    assert orders == Orders(TARGET, None, None, 60, int(place.clock.now()))


async def test_a_store_that_was_away_is_not_waited_for_by_everybody(place: Place) -> None:
    await place.call()
    place.answers.fault = Fault.UNAVAILABLE
    for _ in range(5):
        await place.call()
    assert place.answers.asked == 2
    place.answers.fault = None
    assert (await place.call()).permit is None
    place.clock.pass_by(TRUSTED_SECONDS)
    assert (await place.call()).permit == TOLD.permit


async def test_who_is_not_remembered_is_turned_away(place: Place) -> None:
    await place.call()
    place.answers.fault = Fault.UNAVAILABLE
    assert await place.refused("d9") is Fault.UNAVAILABLE
    assert await place.refused(key="another") is Fault.UNAVAILABLE
    assert await place.refused(generation=4) is Fault.UNAVAILABLE
    assert (await place.call(generation=2)).target == TARGET


async def test_what_was_told_long_ago_is_not_told_again(place: Place) -> None:
    await place.call()
    place.answers.fault = Fault.UNAVAILABLE
    place.clock.pass_by(REMEMBERED_SECONDS)
    assert await place.refused() is Fault.UNAVAILABLE


async def test_no_more_devices_are_remembered_than_there_is_room_for(place: Place) -> None:
    for device in ("d1", "d2", "d1", "d3"):
        await place.call(device)
    place.answers.fault = Fault.UNAVAILABLE
    assert await place.refused("d2") is Fault.UNAVAILABLE
    for device in ("d1", "d3"):
        assert (await place.call(device)).target == TARGET


@pytest.mark.parametrize(
    "fault", [Fault.DEVICE_REMOVED, Fault.DEVICE_UNKNOWN, Fault.CERTIFICATE_INVALID]
)
async def test_who_was_turned_out_hears_nothing_when_the_store_goes_away(
    place: Place, fault: Fault
) -> None:
    await place.call()
    place.answers.fault = fault
    assert await place.refused() is fault
    place.answers.fault = Fault.UNAVAILABLE
    assert await place.refused() is Fault.UNAVAILABLE


async def test_a_report_that_is_refused_for_itself_is_refused(place: Place) -> None:
    await place.call()
    place.answers.fault = Fault.OVER_LIMIT
    assert await place.refused() is Fault.OVER_LIMIT
    place.answers.fault = None
    assert await place.call() == TOLD


async def test_a_device_that_had_no_target_hears_of_none(place: Place) -> None:
    place.answers.orders = replace(TOLD, target=None, permit=None)
    await place.call(generation=0)
    place.answers.fault = Fault.UNAVAILABLE
    assert (await place.call(generation=0)).target is None
