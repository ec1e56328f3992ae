"""Migrations that a running older version survives: they add, and take nothing away."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.check_in_ports import Sighting
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.migrate import migrate, upgrade
from orchestrator.storage.sql.stores import stores_over
from tests.databases import PostgreSql
from tests.fleet_records import NOW, caller, join, report

BASE = "0006"  # the first that a version has to live with
VERSIONS = sorted(
    path.name.removeprefix("v").partition("_")[0]
    for path in Path(
        str(resources.files("orchestrator.storage.sql") / "migrations" / "versions")
    ).glob("v*.py")
)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        opened = Database(f"sqlite:///{tmp_path}/fleet.sqlite")
    else:
        server = request.getfixturevalue("postgresql")
        assert isinstance(server, PostgreSql)
        opened = Database(server.create())
    yield opened
    await opened.dispose()


def shape(connection: Connection) -> dict[str, dict[str, Any]]:
    """Columns and constraints of every table, as the database itself has them."""
    seen = inspect(connection)
    return {
        name: {
            "columns": {each["name"]: each for each in seen.get_columns(name)},
            "constraints": {
                str(sorted(each["column_names"])) for each in seen.get_unique_constraints(name)
            }
            | {str(each["constrained_columns"]) for each in seen.get_foreign_keys(name)}
            | {str(each["sqltext"]) for each in seen.get_check_constraints(name)},
        }
        for name in seen.get_table_names()
    }


def hardships(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[str]:
    """What a version that knows the tables from before cannot live with afterwards."""
    found = [f"{name} is gone" for name in before.keys() - after.keys()]
    for name in before.keys() & after.keys():
        old, new = before[name]["columns"], after[name]["columns"]
        found += [f"{name}.{column} is gone" for column in old.keys() - new.keys()]
        found += [
            f"{name}.{column} is another"
            for column in old.keys() & new.keys()
            if str(old[column]["type"]) != str(new[column]["type"])
            or (old[column]["nullable"] and not new[column]["nullable"])
        ]
        found += [
            f"{name}.{column} has to be given"
            for column in new.keys() - old.keys()
            if not new[column]["nullable"] and new[column]["default"] is None
        ]
        stricter = after[name]["constraints"] - before[name]["constraints"]
        found += [f"{name} is stricter: {each}" for each in stricter]
    return found


def oldest(connection: Connection) -> str:
    return str(connection.execute(text("SELECT max(oldest) FROM compatibility")).scalar_one())


async def test_every_migration_adds_or_says_that_older_versions_have_to_go(
    database: Database,
) -> None:
    for version in VERSIONS[VERSIONS.index(BASE) + 1 :]:
        before_it = VERSIONS[VERSIONS.index(version) - 1]
        async with database.write() as connection:
            await connection.run_sync(upgrade, before_it)
            before = await connection.run_sync(shape)
            await connection.run_sync(upgrade, version)
            after = await connection.run_sync(shape)
            said = await connection.run_sync(oldest)
        assert said == version or hardships(before, after) == []


@pytest.mark.parametrize(
    ("change", "hardship"),
    [
        ("ALTER TABLE tickets DROP COLUMN tags", "tickets.tags is gone"),
        ("ALTER TABLE tickets RENAME COLUMN tags TO labels", "tickets.tags is gone"),
        ("DROP TABLE rollout_events", "rollout_events is gone"),
        ("ALTER TABLE tickets ADD COLUMN note TEXT NOT NULL DEFAULT ''", None),
        ("ALTER TABLE tickets ADD COLUMN note TEXT", None),
        ("CREATE TABLE notes (note TEXT)", None),
    ],
)
async def test_what_an_older_version_cannot_live_with_is_noticed(
    database: Database, change: str, hardship: str | None
) -> None:
    await migrate(database)
    async with database.write() as connection:
        before = await connection.run_sync(shape)
        await connection.execute(text(change))
        found = hardships(before, await connection.run_sync(shape))
    assert (hardship in found) if hardship else found == []


async def test_an_older_version_starts_and_works_on_newer_tables(database: Database) -> None:
    await migrate(database)
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await connection.execute(text("ALTER TABLE reports ADD COLUMN later TEXT"))
    await migrate(database)
    stores = stores_over(database)
    await join(stores, "d1")
    await stores.check_ins.keep([Sighting("d1", report(1), NOW, 60)])
    assert (await stores.check_ins.visitor(caller("d1"))).standing.seen_at == NOW


async def test_an_older_version_does_not_start_on_tables_that_are_not_fit_for_it(
    database: Database,
) -> None:
    await migrate(database)
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await connection.execute(text("INSERT INTO compatibility (oldest) VALUES ('9998')"))
    with pytest.raises(FieldwiseError) as caught:
        await migrate(database)
    assert caught.value.fault is Fault.STATE_DAMAGED


async def test_a_running_version_goes_on_while_tables_get_columns(database: Database) -> None:
    await migrate(database)
    stores = stores_over(database)
    await join(stores, "d1")
    said = report(1)
    for number in range(1, 4):
        said = replace(said, sequence=number)
        await stores.check_ins.keep([Sighting("d1", said, NOW + number, 60)])
        assert (await stores.check_ins.visitor(caller("d1"))).standing.seen_at == NOW + number
        async with database.write() as connection:
            await connection.execute(text(f"ALTER TABLE reports ADD COLUMN later{number} TEXT"))
            await connection.execute(text(f"ALTER TABLE devices ADD COLUMN later{number} TEXT"))


async def test_a_migration_gives_way_to_a_transaction_that_does_not_end(
    postgresql: PostgreSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.storage.sql.migrate.TABLE_SECONDS", 1)
    url = postgresql.create()
    serving, starting = Database(url), Database(url)
    async with serving.write() as connection:
        await connection.run_sync(upgrade, VERSIONS[0])
    async with serving.write() as connection:
        await connection.execute(text("UPDATE rollouts SET phase = phase"))
        with pytest.raises(FieldwiseError) as caught:
            await migrate(starting)
    assert caught.value.fault is Fault.UNAVAILABLE
    await asyncio.wait_for(migrate(starting), 60)
    for each in (serving, starting):
        await each.dispose()
