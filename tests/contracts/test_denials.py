"""What every store promises of devices that may not call for a while."""

import asyncio

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator import identity_ports
from orchestrator.fleet.cohort import Selector
from orchestrator.identity_ports import Denial
from orchestrator.paging import PageRequest
from orchestrator.storage import memory_denials
from orchestrator.storage.sql import denials as sql_denials
from orchestrator.storage.stores import Stores
from tests.fleet_records import NOW, caller, join, key_of, report, sighting


async def fault_of(asked: object) -> Fault | None:
    try:
        await asked  # type: ignore[misc]  # whatever it is
    except FieldwiseError as error:
        return error.fault
    return None


async def faults(stores: Stores, device: str) -> set[Fault | None]:
    """How a device fares with a check-in, and with every other call."""
    who = caller(device)
    asked = (stores.members.admit(who), stores.check_ins.visitor(who))
    return {await fault_of(each) for each in asked}


async def test_a_denied_device_is_refused_until_it_is_allowed_and_others_are_not(
    stores: Stores,
) -> None:
    await join(stores, "d1")
    await join(stores, "d2")
    assert await stores.denials.deny("d1", NOW) == Denial("d1", NOW)
    assert await faults(stores, "d1") == {Fault.DEVICE_DENIED}
    assert await faults(stores, "d2") == {None}
    assert await stores.denials.allow("d1")
    assert await faults(stores, "d1") == {None}
    assert not await stores.denials.allow("d1")


async def test_to_deny_again_changes_nothing(stores: Stores) -> None:
    await join(stores, "d1")
    found = await asyncio.gather(*(stores.denials.deny("d1", NOW) for _ in range(4)))
    assert set(found) == {Denial("d1", NOW)}
    assert await stores.denials.deny("d1", NOW + 60) == Denial("d1", NOW)
    assert await stores.denials.denials() == [Denial("d1", NOW)]


async def test_a_denied_device_stays_a_member_and_is_shown_as_denied(stores: Stores) -> None:
    await join(stores, "d1")
    await stores.check_ins.keep([sighting("d1", report(1))])
    await stores.denials.deny("d1", NOW)
    device = await stores.devices.get("d1")
    assert (device.denied_at, device.report) == (NOW, report(1))
    listed = await stores.devices.list(Selector(), PageRequest())
    assert [each.denied_at for each in listed.items] == [NOW]
    assert len(await stores.devices.standings()) == 1
    known = await stores.members.find_key(key_of("d1").fingerprint)
    assert known is not None
    assert (known.denied, known.removed) == (True, False)


async def test_a_removal_outlasts_a_denial(stores: Stores) -> None:
    await join(stores, "d1")
    await stores.denials.deny("d1", NOW)
    await stores.members.remove("d1", NOW)
    assert await faults(stores, "d1") == {Fault.DEVICE_REMOVED}
    assert await fault_of(stores.denials.allow("d1")) is Fault.NOT_FOUND
    assert await stores.denials.denials() == []
    found = await stores.denials.shut_out(NOW)
    assert (found.denied, found.removed) == (set(), {"d1"})


@pytest.mark.parametrize("device", ["nobody", "d1\0", ""])
async def test_only_members_are_denied(stores: Stores, device: str) -> None:
    await join(stores, "d1")
    assert await fault_of(stores.denials.deny(device, NOW)) is Fault.NOT_FOUND
    assert await fault_of(stores.denials.allow(device)) is Fault.NOT_FOUND


async def test_who_is_denied_is_listed_newest_first(stores: Stores) -> None:
    for number, device in enumerate(("d1", "d2", "d3")):
        await join(stores, device)
        await stores.denials.deny(device, NOW + number)
    assert [each.device for each in await stores.denials.denials()] == ["d3", "d2", "d1"]


async def test_more_than_a_replica_can_hold_are_not_denied(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (memory_denials, sql_denials):
        monkeypatch.setattr(module, "DENIED_MAX", 2)
    assert identity_ports.DENIED_MAX > 1000
    for device in ("d1", "d2", "d3"):
        await join(stores, device)
    await stores.denials.deny("d1", NOW)
    await stores.denials.deny("d2", NOW)
    assert await fault_of(stores.denials.deny("d3", NOW)) is Fault.OVER_LIMIT
    assert await stores.denials.deny("d1", NOW + 1) == Denial("d1", NOW)
    await stores.members.remove("d2", NOW)
    assert await fault_of(stores.denials.deny("d3", NOW)) is None


async def test_who_may_not_call_is_known_in_one_look(stores: Stores) -> None:
    for device in ("d1", "d2", "d3", "d4"):
        await join(stores, device)
    await stores.denials.deny("d1", NOW)
    await stores.members.remove("d2", NOW - 10)
    await stores.members.remove("d3", NOW)
    found = await stores.denials.shut_out(NOW - 5)
    assert (found.denied, found.removed) == ({"d1"}, {"d3"})
    assert (await stores.denials.shut_out(NOW - 10)).removed == {"d2", "d3"}
