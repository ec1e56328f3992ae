"""What every store promises about requests for diagnoses."""

import asyncio
from dataclasses import replace

import pytest

from fieldwise.diagnosis import DiagnosisRule, DiagnosisStep
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.device import DELIVERY_SECONDS
from orchestrator.fleet.diagnosis import KEPT_MAX, Answer, OpenRequest, Request
from orchestrator.storage.stores import Stores
from tests.diagnoses import DIAGNOSIS
from tests.fleet_records import NOW, caller, join, report, sighting

GIVEN = Answer(DiagnosisStep.GIVEN, DIAGNOSIS)
WAITING, REFUSED = Answer(DiagnosisStep.WAITING), Answer(DiagnosisStep.REFUSED)


def request(number: int = 1, device: str = "d1", at: float = NOW) -> Request:
    return Request(f"{number:032x}", device, at, at + 3600)


async def open_of(stores: Stores, device: str = "d1") -> OpenRequest | None:
    return (await stores.check_ins.visitor(caller(device))).diagnosis


class TestDiagnosisStore:
    async def test_a_request_is_kept_as_it_was_made(self, stores: Stores) -> None:
        await join(stores, "d1")
        assert list(await stores.diagnoses.list("d1")) == []
        assert await stores.diagnoses.ask(request()) == request()
        assert list(await stores.diagnoses.list("d1")) == [request()]

    async def test_only_members_are_asked(self, stores: Stores) -> None:
        await join(stores, "d1")
        await stores.members.remove("d1", NOW)
        for device in ("d1", "d2", "d\0"):
            with pytest.raises(FieldwiseError) as caught:
                await stores.diagnoses.ask(request(device=device))
            assert caught.value.fault is Fault.NOT_FOUND
        assert list(await stores.diagnoses.list("d\0")) == []

    async def test_a_device_has_one_open_request(self, stores: Stores) -> None:
        await join(stores, "d1")
        await join(stores, "d2")
        first = await stores.diagnoses.ask(request(1))
        assert await stores.diagnoses.ask(request(2)) == first
        other = request(3, "d2")
        assert await stores.diagnoses.ask(other) == other
        assert [each.id for each in await stores.diagnoses.list("d1")] == [first.id]

    async def test_no_two_at_once_ask_a_device_twice(self, stores: Stores) -> None:
        await join(stores, "d1")
        asked = await asyncio.gather(*(stores.diagnoses.ask(request(n)) for n in range(8)))
        assert len({each.id for each in asked}) == 1
        assert len(await stores.diagnoses.list("d1")) == 1

    async def test_it_may_be_asked_again_once_that_one_is_over(self, stores: Stores) -> None:
        await join(stores, "d1")
        await stores.diagnoses.ask(request(1))
        late = request(2, at=NOW + 3600)
        assert await stores.diagnoses.ask(late) == late
        assert await stores.diagnoses.answer("d1", late.id, REFUSED, NOW + 3601)
        third = request(3, at=NOW + 3602)
        assert await stores.diagnoses.ask(third) == third
        kept = await stores.diagnoses.list("d1")
        assert [each.id for each in kept] == [third.id, late.id, request(1).id]

    async def test_an_answer_is_kept_with_all_that_it_says(self, stores: Stores) -> None:
        await join(stores, "d1")
        await stores.diagnoses.ask(request())
        assert await stores.diagnoses.answer("d1", request().id, WAITING, NOW + 1)
        waiting = replace(request(), step=DiagnosisStep.WAITING, answered_at=NOW + 1)
        assert list(await stores.diagnoses.list("d1")) == [waiting]
        assert await stores.diagnoses.answer("d1", request().id, GIVEN, NOW + 2)
        given = replace(waiting, step=DiagnosisStep.GIVEN, answered_at=NOW + 2, diagnosis=DIAGNOSIS)
        assert list(await stores.diagnoses.list("d1")) == [given]

    async def test_an_answer_that_comes_again_changes_nothing(self, stores: Stores) -> None:
        await join(stores, "d1")
        await stores.diagnoses.ask(request())
        assert await stores.diagnoses.answer("d1", request().id, WAITING, NOW + 1)
        assert not await stores.diagnoses.answer("d1", request().id, WAITING, NOW + 2)
        assert await stores.diagnoses.answer("d1", request().id, GIVEN, NOW + 3)
        kept = list(await stores.diagnoses.list("d1"))
        for late in (GIVEN, REFUSED, WAITING):
            assert not await stores.diagnoses.answer("d1", request().id, late, NOW + 4)
        assert list(await stores.diagnoses.list("d1")) == kept

    async def test_what_nobody_asked_for_is_not_kept(self, stores: Stores) -> None:
        await join(stores, "d1")
        await join(stores, "d2")
        await stores.diagnoses.ask(request())
        for device, number in (("d2", 1), ("d1", 2)):
            asked = request(number).id
            assert not await stores.diagnoses.answer(device, asked, GIVEN, NOW)
        assert list(await stores.diagnoses.list("d1")) == [request()]

    async def test_an_answer_may_be_late_by_its_way_and_no_more(self, stores: Stores) -> None:
        await join(stores, "d1")
        await stores.diagnoses.ask(request())
        end = request().expires_at + DELIVERY_SECONDS
        assert not await stores.diagnoses.answer("d1", request().id, GIVEN, end)
        assert await stores.diagnoses.answer("d1", request().id, GIVEN, end - 1)

    async def test_a_check_in_finds_the_open_request(self, stores: Stores) -> None:
        await join(stores, "d1")
        await join(stores, "d2")
        assert await open_of(stores) is None
        await stores.diagnoses.ask(request())
        found = OpenRequest(request().id, request().expires_at)
        assert await open_of(stores) == found
        assert await open_of(stores, "d2") is None
        await stores.diagnoses.answer("d1", request().id, WAITING, NOW)
        assert await open_of(stores) == found
        await stores.diagnoses.answer("d1", request().id, GIVEN, NOW)
        assert await open_of(stores) is None

    async def test_the_newest_are_kept(self, stores: Stores) -> None:
        await join(stores, "d1")
        for number in range(KEPT_MAX + 3):
            at = NOW + 4000 * number
            await stores.diagnoses.ask(request(number, at=at))
            await stores.diagnoses.answer("d1", request(number).id, GIVEN, at)
        kept = [each.id for each in await stores.diagnoses.list("d1")]
        assert kept == [request(n).id for n in range(KEPT_MAX + 2, 2, -1)]

    @pytest.mark.parametrize("rule", [None, *DiagnosisRule])
    async def test_a_report_keeps_the_owners_rule(
        self, stores: Stores, rule: DiagnosisRule | None
    ) -> None:
        await join(stores, "d1")
        told = replace(report(1), diagnosis_rule=rule)
        await stores.check_ins.keep([sighting("d1", told)])
        assert (await stores.devices.get("d1")).report == told
