"""What every store promises of one authority that follows another."""

import asyncio
from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.enrolment.authority import FIRST_REVISION
from orchestrator.enrolment.succession import Step, Succession
from orchestrator.identity_ports import Reported
from orchestrator.storage.stores import Stores
from tests.fleet_records import NOW, join, report, sighting

BEGUN = Succession(2, Step.BEGUN, b"root", b"successor", b"crossed", b"sealed", NOW)


async def fault_of(asked: object) -> Fault | None:
    try:
        await asked  # type: ignore[misc]  # whatever it is
    except FieldwiseError as error:
        return error.fault
    return None


async def test_nothing_was_ever_rotated(stores: Stores) -> None:
    assert await stores.succession.kept() is None
    assert await stores.succession.reported(FIRST_REVISION) == Reported()


async def test_each_step_comes_back_as_it_was_kept(stores: Stores) -> None:
    await stores.succession.keep(BEGUN, FIRST_REVISION)
    assert await stores.succession.kept() == BEGUN
    switched = replace(BEGUN, revision=3, step=Step.SWITCHED)
    await stores.succession.keep(switched, 2)
    assert await stores.succession.kept() == switched
    done = Succession(4, Step.SETTLED, b"successor", crossed=b"crossed")
    await stores.succession.keep(done, 3)
    assert await stores.succession.kept() == done


async def test_a_step_is_taken_once(stores: Stores) -> None:
    taken = [replace(BEGUN, sealed=bytes([number])) for number in range(4)]
    found = await asyncio.gather(
        *(fault_of(stores.succession.keep(each, FIRST_REVISION)) for each in taken)
    )
    assert (found.count(None), found.count(Fault.CONFLICT)) == (1, 3)
    assert await stores.succession.kept() == taken[found.index(None)]
    again = stores.succession.keep(replace(BEGUN, revision=3), FIRST_REVISION)
    assert await fault_of(again) is Fault.CONFLICT
    assert await fault_of(stores.succession.keep(BEGUN, 7)) is Fault.CONFLICT


@pytest.mark.parametrize("revision", [2, 3])
async def test_who_lags_behind_is_known(stores: Stores, revision: int) -> None:
    for device in ("d1", "d2", "d3", "gone"):
        await join(stores, device)
    await stores.members.remove("gone", NOW)
    told = replace(report(1), trust_revision=2)
    await stores.check_ins.keep([sighting("d2", told), sighting("d3", report(1))])
    found = await stores.succession.reported(revision)
    ids = ("d1", "d3") if revision == 2 else ("d1", "d2", "d3")
    assert found == Reported(3, len(ids), ids, oldest=0, newest=2)
    assert (await stores.devices.get("d2")).report == told
