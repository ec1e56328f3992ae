"""What every store promises devices that are ahead of the backup that it came out of."""

from dataclasses import asdict, replace

import pytest
from sqlalchemy import insert

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.device import CLOCKS_SECONDS, Caller, Permit, Restoration, Target
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.rollout import Order
from orchestrator.storage.memory import MemoryMembers
from orchestrator.storage.sql.membership import SqlMembers
from orchestrator.storage.sql.tables import restorations
from orchestrator.storage.stores import Stores
from tests.fleet_records import NOW, caller, join, key_of, report, roll_out, sighting

DAY = 86_400.0
SPAN = Restoration(made_at=NOW, restored_at=NOW + DAY)
ELSEWHERE = "e" * 64  # a bundle that nobody here has published


async def note(stores: Stores, restoration: Restoration = SPAN) -> None:
    """Let the store come out of a backup."""
    members = stores.members
    if isinstance(members, MemoryMembers):
        members._contents.restorations[1] = restoration
        return
    assert isinstance(members, SqlMembers)
    async with members._database.write() as connection:
        await connection.execute(insert(restorations).values(asdict(restoration)))


def renewed(device: str, at: float) -> Caller:
    """Who calls with a key that was given at a moment and that no store knows."""
    return replace(caller(device, "renewed"), issued_at=at)


async def faults(stores: Stores, who: Caller) -> set[Fault | None]:
    """How a caller fares with every other call, and with a check-in."""
    found: set[Fault | None] = set()
    for asked in (stores.members.admit, stores.check_ins.visitor):
        try:
            await asked(who)
        except FieldwiseError as error:
            found.add(error.fault)
        else:
            found.add(None)
    return found


@pytest.mark.parametrize("at", [NOW, NOW + 1, NOW + DAY, NOW - CLOCKS_SECONDS])
async def test_a_key_that_was_given_after_the_backup_passes(stores: Stores, at: float) -> None:
    await join(stores, "d1")
    assert await faults(stores, renewed("d1", at)) == {Fault.CERTIFICATE_INVALID}
    await note(stores)
    assert await faults(stores, renewed("d1", at)) == {None}
    assert await faults(stores, caller("d1")) == {None}


@pytest.mark.parametrize("at", [0.0, NOW - CLOCKS_SECONDS - 1, NOW + DAY + CLOCKS_SECONDS + 1])
async def test_a_key_from_before_or_from_after_does_not(stores: Stores, at: float) -> None:
    await join(stores, "d1")
    await note(stores)
    assert await faults(stores, renewed("d1", at)) == {Fault.CERTIFICATE_INVALID}


async def test_such_a_key_makes_nobody_a_member(stores: Stores) -> None:
    await join(stores, "d1")
    await note(stores)
    assert await faults(stores, renewed("d2", NOW + 1)) == {Fault.DEVICE_UNKNOWN}
    await stores.members.remove("d1", NOW + DAY)
    assert await faults(stores, renewed("d1", NOW + 1)) == {Fault.DEVICE_REMOVED}


async def test_who_came_with_such_a_key_renews_it_as_others_do(stores: Stores) -> None:
    await join(stores, "d1")
    await note(stores)
    came = renewed("d1", NOW + 1)
    newest = replace(key_of("d1", "newest"), expires_at=NOW + 40 * DAY)
    await stores.members.keep_key(newest, NOW + 2 * DAY, came.fingerprint)
    assert await faults(stores, caller("d1", "newest")) == {None}
    assert await faults(stores, caller("d1")) == {Fault.CERTIFICATE_INVALID}
    assert (await stores.devices.get("d1")).key == newest


async def test_a_device_may_go_back_to_a_bundle_that_the_store_does_not_know(
    stores: Stores,
) -> None:
    """It got it after the backup, and a newer rollout that took the device turned back."""
    await join(stores, "d1")
    rollout = await roll_out(stores)
    told = report(1, generation=4, bundle=ELSEWHERE)
    await stores.check_ins.keep([sighting("d1", told)])
    order = Order("d1", Target(5, ELSEWHERE, back=True), (ELSEWHERE,), NOW)
    await stores.rollouts.save(replace(rollout, phase=Phase.REVERTING), [order])
    visitor = await stores.check_ins.visitor(caller("d1"))
    assert visitor.may_start
    permit = Permit(5, NOW + 30)
    granted = await stores.check_ins.permit("d1", permit, NOW)
    assert granted is not None
    assert granted.permit.expires_at == permit.expires_at
