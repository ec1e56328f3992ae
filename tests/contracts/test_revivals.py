"""What every store promises of devices that come back by an older key."""

import asyncio
from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.storage.stores import Stores
from tests.fleet_records import NOW, caller, join, key_of

FRESH = key_of("d1", "fresh")
FIRST = key_of("d1").fingerprint


async def fault_of(asked: object) -> Fault | None:
    try:
        await asked  # type: ignore[misc]  # whatever it is
    except FieldwiseError as error:
        return error.fault
    return None


async def test_a_revived_device_calls_with_its_fresh_key(stores: Stores) -> None:
    await join(stores, "d1")
    await stores.revivals.revive(FRESH, FIRST, NOW)
    assert (await stores.devices.get("d1")).key == FRESH
    for name in ("key", "fresh"):  # the older one stays, since the answer may have been lost
        assert await fault_of(stores.members.admit(caller("d1", name))) is None


@pytest.mark.parametrize("by", ["admit", "visitor"])
async def test_only_the_newest_key_that_was_used_or_the_newest_of_all_revives(
    stores: Stores, by: str
) -> None:
    await join(stores, "d1")
    call = stores.members.admit if by == "admit" else stores.check_ins.visitor
    await call(caller("d1"))
    await stores.members.keep_key(key_of("d1", "second"), NOW, FIRST)
    await call(caller("d1"))  # the older key, once more
    await stores.revivals.revive(FRESH, FIRST, NOW)
    await call(caller("d1", "fresh"))
    third = key_of("d1", "third")
    refused = stores.revivals.revive(third, FIRST, NOW + 1)
    assert await fault_of(refused) is Fault.CERTIFICATE_INVALID
    # Its certificate may not be over yet: that counts no more.
    assert await fault_of(call(caller("d1"))) is Fault.CERTIFICATE_INVALID
    refused = stores.revivals.revive(third, FIRST, NOW + 1)
    assert await fault_of(refused) is Fault.CERTIFICATE_INVALID
    await stores.revivals.revive(third, FRESH.fingerprint, NOW + 1)


async def test_each_revival_is_asked_for_later_than_the_last(stores: Stores) -> None:
    await join(stores, "d1")
    found = await asyncio.gather(
        *(fault_of(stores.revivals.revive(FRESH, FIRST, NOW)) for _ in range(4))
    )
    assert (found.count(None), found.count(Fault.CONFLICT)) == (1, 3)
    assert await fault_of(stores.revivals.revive(FRESH, FIRST, NOW - 1)) is Fault.CONFLICT
    assert await fault_of(stores.revivals.revive(FRESH, FIRST, NOW + 1)) is None


async def test_all_other_keys_are_forgotten(stores: Stores) -> None:
    await join(stores, "d1")
    await stores.members.admit(caller("d1"))
    await stores.members.keep_key(key_of("d1", "lost"), NOW, FIRST)
    await stores.revivals.revive(FRESH, FIRST, NOW)
    assert await stores.members.find_key(key_of("d1", "lost").fingerprint) is None
    assert await stores.members.find_key(FIRST) is not None


async def test_who_is_out_is_not_revived_and_changes_nothing(stores: Stores) -> None:
    await join(stores, "d1")
    before = (await stores.devices.get("d1")).key
    await stores.denials.deny("d1", NOW)
    denied = stores.revivals.revive(FRESH, FIRST, NOW)
    assert await fault_of(denied) is Fault.DEVICE_DENIED
    assert (await stores.devices.get("d1")).key == before
    await stores.members.remove("d1", NOW)
    removed = stores.revivals.revive(FRESH, FIRST, NOW)
    assert await fault_of(removed) is Fault.DEVICE_REMOVED
    nobody = stores.revivals.revive(replace(FRESH, device="d9"), FIRST, NOW)
    assert await fault_of(nobody) is Fault.DEVICE_REMOVED


async def test_the_key_of_another_device_is_not_given_out_again(stores: Stores) -> None:
    await join(stores, "d1")
    await join(stores, "d2")
    stolen = replace(key_of("d2"), device="d1")
    assert await fault_of(stores.revivals.revive(stolen, FIRST, NOW)) is Fault.ALREADY_EXISTS
    assert (await stores.devices.get("d1")).key.fingerprint == FIRST
