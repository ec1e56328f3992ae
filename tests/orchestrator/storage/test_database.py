import asyncio
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, insert, text

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.cohort import Selector
from orchestrator.paging import PageRequest
from orchestrator.rollout.machine import obey, reconcile
from orchestrator.rollout.phases import Command, Phase
from orchestrator.rollout.places import Place
from orchestrator.storage.sql import database as database_module
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.migrate import migrate, upgrade
from orchestrator.storage.sql.stores import sql_stores, stores_over
from orchestrator.storage.sql.tables import metadata, tickets
from tests.databases import PostgreSql, running_postgresql, sqlite_with_tables
from tests.fleet_records import join, ticket
from tests.full_disk import full_disk


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deeper/fleet.sqlite"
    server = request.getfixturevalue("postgresql")
    assert isinstance(server, PostgreSql)
    return server.create()


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    return list(compare_metadata(context, metadata))


async def test_the_migrations_lead_to_the_tables(empty_url: str) -> None:
    database = Database(empty_url)
    await migrate(database)
    async with database.read() as connection:
        found = await connection.run_sync(differences)
    await database.dispose()
    assert found == []


BEFORE = """
INSERT INTO backbones (number, digest, name, version, manifest, created_at)
    VALUES (1, 'new', 'lite0', '2', '', 0);
INSERT INTO rollouts (number, digest, title, cohort, created_at, phase, counts, watched, revision)
    VALUES (1, 'new', 'lite0:2', '', 999999500, 'running', '{"waiting": 2}', true, 3);
INSERT INTO devices (id, enrolled_at, agent_version, architecture, memory_bytes, processors,
        key_fingerprint, target_generation, target_digest, rollout)
    VALUES ('d1', 0, '', '', 0, 0, '', 2, 'new', 1), ('d2', 0, '', '', 0, 0, '', 2, 'new', 1);
INSERT INTO reports (device, seen_at, generation, bundle_in_use, variant_in_use, update_generation,
        update_digest, update_phase, agent_version)
    VALUES ('d1', 999999990, 2, 'old', '', 2, 'new', 'migrating', ''),
        ('d2', 999999990, 2, 'new', '', 2, 'new', 'active', '');
INSERT INTO rollout_members (rollout, device, permit_generation, permit_expires_at)
    VALUES (1, 'd1', 2, 999999995), (1, 'd2', 2, 999999995);
"""


async def test_a_rollout_that_was_running_goes_on_after_an_upgrade(empty_url: str) -> None:
    database = Database(empty_url)
    async with database.write() as connection:
        await connection.run_sync(upgrade, "0001")
        for statement in BEFORE.split(";\n")[:-1]:
            await connection.execute(text(statement))
    await migrate(database)
    stores = stores_over(database)
    [rollout] = await stores.rollouts.watched()
    cohort = await stores.rollouts.cohort(rollout)
    await database.dispose()
    look = reconcile(rollout, cohort, 1e9)
    assert (look.rollout.phase, look.orders) == (Phase.RUNNING, ())
    assert look.rollout.counts == {Place.MIGRATING: 1, Place.HEALTHY: 1}
    aborted, _ = obey(look.rollout, Command.ABORT, 1e9)
    [order] = reconcile(aborted, cohort, 1e9).orders
    assert (order.device, order.target.digest) == ("d1", "old")


async def test_servers_that_start_together_migrate_once(empty_url: str) -> None:
    databases = [Database(empty_url) for _ in range(4)]
    await asyncio.gather(*(migrate(database) for database in databases))
    assert await stores_over(databases[0]).devices.standings() == []
    for database in databases:
        await database.dispose()


async def test_what_was_kept_is_there_after_a_restart(empty_url: str) -> None:
    async with sql_stores(empty_url) as stores:
        await join(stores, "d1", site="berlin")
    async with sql_stores(empty_url) as stores:
        page = await stores.devices.list(Selector(), PageRequest())
    assert [(device.id, device.tags) for device in page.items] == [("d1", {"site": "berlin"})]


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://somewhere/fleet", "http://host"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        Database(url)
    assert caught.value.fault is Fault.SETTING_INVALID


async def test_a_database_that_is_away_is_unavailable(tmp_path: Path) -> None:
    stores = stores_over(Database(f"postgresql://nobody@/none?host={tmp_path}"))
    with pytest.raises(FieldwiseError) as caught:
        await stores.devices.standings()
    assert caught.value.fault is Fault.UNAVAILABLE


async def test_a_full_disk_is_told_and_changes_nothing(tmp_path: Path) -> None:
    database = Database(sqlite_with_tables(tmp_path))
    empty = {"secret_hash": "", "created_at": 0, "expires_at": 0, "uses_allowed": 0, "uses": 0}
    large = func.hex(func.randomblob(5000))
    fill = insert(tickets).values(id=large, **empty, revoked=False, tags="")

    async def fill_up() -> None:
        async with database.write() as connection:
            await connection.execute(text("PRAGMA max_page_count = 1"))  # no page can be added
            for _ in range(100):
                await connection.execute(fill)

    with pytest.raises(FieldwiseError) as caught:
        await fill_up()
    assert caught.value.fault is Fault.DISK_FULL
    page = await stores_over(database).tickets.list(PageRequest())
    await database.dispose()
    assert page.items == ()


async def test_a_quota_or_a_limit_is_told_like_a_full_disk_and_changes_nothing(
    tmp_path: Path,
) -> None:
    database = Database(sqlite_with_tables(tmp_path))
    kept = stores_over(database).tickets
    await kept.add(ticket("t0"))
    with full_disk(), pytest.raises(FieldwiseError) as caught:
        await kept.add(ticket())
    assert caught.value.fault is Fault.DISK_FULL
    assert len((await kept.list(PageRequest())).items) == 1
    await kept.add(ticket())
    assert len((await kept.list(PageRequest())).items) == 2
    await database.dispose()


async def test_a_block_that_fails_leaves_nothing(empty_url: str) -> None:
    database = Database(empty_url)
    await migrate(database)
    stores = stores_over(database)
    await stores.tickets.add(ticket("t1"))

    async def break_off() -> None:
        async with database.write() as connection:
            await connection.execute(text("DELETE FROM tickets"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await break_off()
    assert await stores.tickets.get("t1") is not None
    await database.dispose()


async def test_sqlite_keeps_its_promises_about_files(tmp_path: Path) -> None:
    url = sqlite_with_tables(tmp_path)
    database = Database(url)
    async with database.read() as connection:
        journal = (await connection.execute(text("PRAGMA journal_mode"))).scalar_one()
        keys = (await connection.execute(text("PRAGMA foreign_keys"))).scalar_one()
    await database.dispose()
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert (journal, keys) == ("wal", 1)


async def test_sqlite_syncs_every_commit_that_has_to_outlive_a_power_loss(tmp_path: Path) -> None:
    database = Database(sqlite_with_tables(tmp_path))
    levels = []
    for lasting in (True, False, True):  # over one connection of the pool
        async with database.write(lasting=lasting) as connection:
            levels.append((await connection.execute(text("PRAGMA synchronous"))).scalar_one())
    await database.dispose()
    normal, full = 1, 2
    assert levels == [full, normal, full]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:////proc/zz/x.sqlite", "/proc/zz/x.sqlite cannot be opened"),
        ("sqlite:////tmp", "/tmp cannot be opened: Is a directory"),
        ("sqlite:///x?mode=ro", "unknown option 'mode'"),
        ("sqlite://host/x", "Invalid SQLite URL"),
        ("postgresql://u:hush@h/x?sslmode=require", "unknown option 'sslmode'"),
        ("postgresql://u:hush@h/x?ssl=weird", "its ssl is none of"),
        ("postgresql://u:hush@h:abc/x", "a port is a number"),
        ("postgresql://u:hush@h:65536/x", "the port 65536"),
        ("postgresql://u:hush@h/x?port=x", "port"),
        ("postgresql://[u:hush/x", "it is not a URL"),
    ],
)
def test_a_mistake_in_a_url_is_a_sentence_without_its_password(url: str, reason: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        Database(url)
    assert caught.value.fault is Fault.SETTING_INVALID
    assert reason in caught.value.sentence
    assert "hush" not in caught.value.sentence


async def look_at_all(url: str) -> None:
    async with sql_stores(url) as stores:
        await stores.devices.standings()
        await stores.tickets.list(PageRequest())
        await stores.backbones.list(PageRequest())


@pytest.mark.parametrize("damage", ["rubbish", "truncated"])
async def test_a_damaged_file_is_named_and_left_as_it_is(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "fleet.sqlite"
    async with sql_stores(f"sqlite:///{file}") as stores:
        await join(stores, "d1")
    whole = file.read_bytes()
    content = b"rubbish" * 1000 if damage == "rubbish" else whole[: len(whole) // 2]
    file.write_bytes(content)
    with pytest.raises(FieldwiseError) as caught:
        await look_at_all(f"sqlite:///{file}")
    assert caught.value.fault is Fault.STATE_DAMAGED
    assert str(file) in caught.value.sentence
    assert file.read_bytes() == content


async def test_only_its_owner_reads_a_database_of_ours(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        async with sql_stores(f"sqlite:///{tmp_path}/deeper/fleet.sqlite") as stores:
            await join(stores, "d1")
            files = sorted((tmp_path / "deeper").iterdir())
            modes = {stat.S_IMODE(each.stat().st_mode) for each in files}
    finally:
        os.umask(before)
    assert [each.suffix for each in files] == [".sqlite", ".sqlite-shm", ".sqlite-wal"]
    assert modes == {0o600}


async def test_connections_are_bounded_and_who_waits_in_vain_is_put_off(
    postgresql: PostgreSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "POOL_SECONDS", 0.1)
    database = Database(postgresql.create(), connections_max=2)
    async with database.read(), database.read():
        with pytest.raises(FieldwiseError) as caught:
            async with database.read():
                pytest.fail("a third connection was opened")
        assert caught.value.fault is Fault.UNAVAILABLE
        assert "connections are in use" in caught.value.sentence
    async with database.read(), database.write() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
    await database.dispose()


async def test_a_pool_gets_over_a_database_that_was_started_again() -> None:
    with running_postgresql(lasting=True) as server:
        database = Database(server.create(), connections_max=2)
        async with database.read(), database.read():
            pass
        server.die()
        with pytest.raises(FieldwiseError) as caught:
            async with database.read() as connection:
                await connection.execute(text("SELECT 1"))
        assert caught.value.fault is Fault.UNAVAILABLE
        server.rise()
        async with database.read() as connection, database.read():
            assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
        await database.dispose()
