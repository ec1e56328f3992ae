"""What a permit costs a database: rows of devices on their way, however many others there are."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from fieldwise.update import UpdatePhase
from orchestrator.fleet.device import Permit
from orchestrator.rollout.plan import Limits, Plan
from orchestrator.rollout.rollout import Rollout
from orchestrator.storage.sql.stores import sql_stores
from orchestrator.storage.stores import Stores
from tests.databases import sqlite_with_tables
from tests.fleet_records import NOW, join, order, report, roll_out, sighting, step

NAMES = [f"d{number:02}" for number in range(12)]
LIMITED = Plan("lite0:1", limits=Limits(in_flight=3))


def asked(folder: Path, statement: str) -> list[str]:
    with closing(sqlite3.connect(folder / "fleet.sqlite")) as connection:
        return [str(row[-1]) for row in connection.execute(statement)]


async def permitted(stores: Stores, name: str, now: float = NOW) -> bool:
    return await stores.check_ins.permit(name, Permit(1, now + 20), now) is not None


async def settles(stores: Stores, rollout: Rollout, name: str) -> None:
    active = step(1, rollout.digest, UpdatePhase.ACTIVE)
    told = report(1, generation=1, bundle=rollout.digest, update=active)
    await stores.check_ins.keep([sighting(name, told)])


async def test_only_devices_that_may_be_on_their_way_are_read_for_a_permit(tmp_path: Path) -> None:
    async with sql_stores(sqlite_with_tables(tmp_path)) as stores:
        for name in NAMES:
            await join(stores, name)
        rollout = await order(stores, await roll_out(stores, plan=LIMITED), 1, *NAMES)
        for name in NAMES:
            assert await permitted(stores, name)
            await settles(stores, rollout, name)
        noted = "SELECT device FROM rollout_members WHERE on_the_way"
        assert asked(tmp_path, noted) == [NAMES[-1]]


async def test_who_is_on_its_way_is_found_by_an_index(tmp_path: Path) -> None:
    async with sql_stores(sqlite_with_tables(tmp_path)):
        plan = asked(
            tmp_path,
            "EXPLAIN QUERY PLAN SELECT device FROM rollout_members "
            "WHERE rollout = 1 AND on_the_way = 1",
        )
        assert any("rollout_members_rollout_on_the_way" in step for step in plan)


async def test_a_device_that_was_heard_in_between_and_has_begun_after_all_keeps_its_place(
    tmp_path: Path,
) -> None:
    async with sql_stores(sqlite_with_tables(tmp_path)) as stores:
        for name in NAMES:
            await join(stores, name)
        plan = replace(LIMITED, limits=Limits(in_flight=1))
        rollout = await order(stores, await roll_out(stores, plan=plan), 1, *NAMES)
        assert await permitted(stores, "d00")
        idle = sighting("d00", report(1, generation=1), NOW + 21)
        await stores.check_ins.keep([idle])
        assert await permitted(stores, "d01", NOW + 21)
        await settles(stores, rollout, "d01")
        begun = step(1, rollout.digest, UpdatePhase.MIGRATING)
        await stores.check_ins.keep([sighting("d00", report(2, generation=1, update=begun))])
        assert not await permitted(stores, "d02", NOW + 22)
