"""All tables go out as lines and come back the same, whatever kind of database they come to."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    LargeBinary,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.backup_format import PART_ROWS, Columns
from orchestrator.storage.sql.copying import (
    MADE_BY_MIGRATIONS,
    check_known,
    described,
    fill,
    parts_of,
    refuse_filled,
    rows_of,
)
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.migrate import migrate, revisions, upgrade
from orchestrator.storage.sql.tables import devices, metadata, rollouts, tickets
from tests.databases import PostgreSql

KINDS = ("sqlite", "postgresql")
ROWS = 3

Copied = tuple[str, tuple[Columns, ...], list[tuple[str, bytes]]]


class Databases:
    """Fresh databases of either kind, let go of together."""

    def __init__(self, folder: Path, postgresql: PostgreSql) -> None:
        self._folder = folder
        self._postgresql = postgresql
        self._opened: list[Database] = []

    def fresh(self, kind: str) -> Database:
        file = f"sqlite:///{self._folder}/{len(self._opened)}.sqlite"
        made = Database(file if kind == "sqlite" else self._postgresql.create())
        self._opened.append(made)
        return made

    async def dispose(self) -> None:
        for each in self._opened:
            await each.dispose()


@pytest.fixture
async def databases(tmp_path: Path, postgresql: PostgreSql) -> AsyncIterator[Databases]:
    made = Databases(tmp_path, postgresql)
    yield made
    await made.dispose()


def value_of(column: Column[Any], number: int) -> Any:
    """Make up what is hard to carry: marks, line ends, the largest number, every byte."""
    [found] = [
        value
        for kind, value in (
            (Boolean, bool(number % 2)),
            (BigInteger, 2**63 - 1 - number if number else -(2**63)),
            (Double, (number + 1) / 3 * 10 ** (100 * number)),
            (LargeBinary, bytes(range(256)) * number),
            (Text, f'{column}\n{number} "\\\u00e9\u2028\U0001f9ea\x7f'),
        )
        if isinstance(column.type, kind)
    ]
    return found


def made_up(table: Table, known: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Rows of a table; where it names rows of others, those are there."""
    rows = []
    for number in range(ROWS):
        row = {}
        for column in table.c:
            if column.foreign_keys:
                [parent] = [each.column for each in column.foreign_keys]
                row[column.name] = known[parent.table.name][number][parent.name]
            elif column.nullable and number == 0:
                row[column.name] = None
            else:
                row[column.name] = value_of(column, number)
        rows.append(row)
    return rows


async def filled(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Fill every table that there is."""
    await migrate(database)
    rows: dict[str, list[dict[str, Any]]] = {}
    async with database.write() as connection:
        for table in metadata.sorted_tables:
            rows[table.name] = made_up(table, rows)
            await connection.execute(delete(table))
            await connection.execute(insert(table), rows[table.name])
    return rows


async def copied(database: Database) -> Copied:
    async with database.read() as connection:
        found = await described(connection)
        parts = [
            (each.table, b"".join(lines))
            for each in found.tables
            async for lines in parts_of(connection, each)
        ]
    return found.version, found.tables, parts


async def contents(connection: AsyncConnection) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for table in metadata.sorted_tables:
        ordered = select(table).order_by(*table.primary_key.columns)
        found[table.name] = [dict(each) for each in (await connection.execute(ordered)).mappings()]
    return found


@asynccontextmanager
async def refused(fault: Fault) -> AsyncIterator[None]:
    with pytest.raises(FieldwiseError) as caught:
        yield
    assert caught.value.fault is fault, caught.value.sentence


@pytest.mark.parametrize("there", KINDS)
@pytest.mark.parametrize("here", KINDS)
async def test_every_row_of_every_table_comes_back_as_it_was(
    databases: Databases, here: str, there: str
) -> None:
    source, target = databases.fresh(here), databases.fresh(there)
    rows = await filled(source)
    version, tables, parts = await copied(source)
    async with target.write() as connection:
        await fill(connection, version, tables, parts)
    async with source.read() as before, target.read() as after:
        assert await contents(after) == await contents(before)
    assert {each.table for each in tables} == set(rows)
    async with target.read() as connection:
        assert (await copied(target))[2] == parts


@pytest.mark.parametrize("kind", KINDS)
async def test_no_table_and_no_column_of_the_database_is_left_out(
    databases: Databases, kind: str
) -> None:
    database = databases.fresh(kind)
    await migrate(database)
    _, tables, _ = await copied(database)
    async with database.read() as connection:
        there = await connection.run_sync(
            lambda sync: {
                name: {each["name"] for each in inspect(sync).get_columns(name)}
                for name in inspect(sync).get_table_names()
                if name not in {"alembic_version", "sqlite_sequence"}
            }
        )
    assert {each.table: set(each.columns) for each in tables} == there


@pytest.mark.parametrize(
    ("version", "here", "there"),
    [
        *((version, "sqlite", "sqlite") for version in revisions()),
        (revisions()[0], "sqlite", "postgresql"),
        (revisions()[0], "postgresql", "sqlite"),
    ],
)
async def test_tables_of_an_older_version_are_brought_forward(
    databases: Databases, version: str, here: str, there: str
) -> None:
    source, target = databases.fresh(here), databases.fresh(there)
    async with source.write() as connection:
        await connection.run_sync(upgrade, version)
        await connection.execute(
            text(
                "INSERT INTO tickets (id, secret_hash, created_at, expires_at, uses_allowed, uses, "
                "revoked, tags) VALUES ('t1', 'hash', 1, 2, 3, 4, :no, '{}')"
            ),
            {"no": False},
        )
    found, tables, parts = await copied(source)
    assert found == version
    await migrate(target)  # a newer server has been here, and left nothing of a fleet
    async with target.write() as connection:
        await refuse_filled(connection)
        await fill(connection, version, tables, parts)
    async with target.read() as connection:
        assert (await described(connection)).version == revisions()[-1]
        [row] = (await connection.execute(select(tickets))).all()
    assert (row.id, row.uses, row.revoked) == ("t1", 4, False)


@pytest.mark.parametrize("kind", KINDS)
async def test_numbers_go_on_above_those_that_came(databases: Databases, kind: str) -> None:
    source, target = databases.fresh("sqlite"), databases.fresh(kind)
    await migrate(source)
    values = {
        "secret_hash": "",
        "created_at": 1.0,
        "expires_at": 2.0,
        "uses_allowed": 1,
        "uses": 0,
        "revoked": False,
        "tags": "{}",
    }
    async with source.write() as connection:
        await connection.execute(insert(tickets).values(number=41, id="before", **values))
    version, tables, parts = await copied(source)
    async with target.write() as connection:
        await fill(connection, version, tables, parts)
    async with target.write() as connection:
        statement = insert(tickets).values(id="after", **values).returning(tickets.c.number)
        assert (await connection.execute(statement)).scalar_one() == 42


@pytest.mark.parametrize("kind", KINDS)
async def test_rows_come_in_parts_of_one_moment_while_others_write(
    databases: Databases, kind: str
) -> None:
    database = databases.fresh(kind)
    await migrate(database)
    device = {
        "enrolled_at": 1.0,
        "agent_version": "",
        "architecture": "",
        "memory_bytes": 0,
        "processors": 0,
        "key_fingerprint": "",
    }
    count = 2 * PART_ROWS + 1
    async with database.write() as connection:
        rows = [{"id": f"d{number:06}", **device} for number in range(count)]
        await connection.execute(insert(devices), rows)
    columns = Columns("devices", ("id",))
    seen: list[bytes] = []
    async with database.read() as connection:
        assert (await described(connection)).rows == count + len(MADE_BY_MIGRATIONS)
        async for lines in parts_of(connection, columns):
            assert len(lines) <= PART_ROWS
            seen += lines
            async with database.write() as other:
                late = {"id": f"d999999-{len(seen)}", **device}
                await other.execute(insert(devices).values(late))
    assert seen == [f'["d{number:06}"]\n'.encode() for number in range(count)]


@pytest.mark.parametrize("kind", KINDS)
async def test_rows_that_contradict_one_another_leave_the_database_as_it_was(
    databases: Databases, kind: str
) -> None:
    source, target = databases.fresh("sqlite"), databases.fresh(kind)
    await filled(source)
    version, tables, parts = await copied(source)
    orphaned = [each for each in parts if each[0] != "backbones"]
    doubled = [*parts, next(each for each in parts if each[0] == "tickets")]
    for spoiled in (orphaned, doubled):
        async with refused(Fault.BACKUP_INVALID), target.write() as connection:
            await fill(connection, version, tables, spoiled)
    async with target.read() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert [each for each in names if each != "sqlite_sequence"] == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_database_that_holds_anything_is_refused_and_says_what(
    databases: Databases, kind: str
) -> None:
    database = databases.fresh(kind)
    async with database.read() as connection:
        await refuse_filled(connection)
    await filled(database)
    with pytest.raises(FieldwiseError, match="3 in devices") as caught:
        async with database.read() as connection:
            await refuse_filled(connection)
    assert caught.value.fault is Fault.NOT_EMPTY


@pytest.mark.parametrize("kind", KINDS)
async def test_tables_that_are_not_ours_are_not_touched(databases: Databases, kind: str) -> None:
    foreign, newer = databases.fresh(kind), databases.fresh(kind)
    async with foreign.write() as connection:
        await connection.execute(text("CREATE TABLE devices (id TEXT)"))
    await migrate(newer)
    async with newer.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for database in (foreign, newer):
        async with refused(Fault.NOT_EMPTY), database.read() as connection:
            await refuse_filled(connection)
        async with refused(Fault.STATE_DAMAGED), database.read() as connection:
            await described(connection)


def test_tables_of_a_newer_version_are_refused() -> None:
    with pytest.raises(FieldwiseError, match="version 9999") as caught:
        check_known("9999", ())
    assert caught.value.fault is Fault.BACKUP_INVALID
    for columns in (Columns("secrets", ("id",)), Columns("devices", ("id", "colour"))):
        with pytest.raises(FieldwiseError):
            check_known(revisions()[-1], (columns,))


async def test_tables_that_lack_a_column_of_their_version_are_refused(databases: Databases) -> None:
    source, target = databases.fresh("sqlite"), databases.fresh("sqlite")
    await migrate(source)
    version, tables, _ = await copied(source)
    short = [Columns(each.table, each.columns[:1]) for each in tables]
    for lacking in (tables[1:], short):
        async with refused(Fault.BACKUP_INVALID), target.write() as connection:
            await fill(connection, version, lacking, ())


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"rubbish\n",
        b"[]\n",
        b"[1]\n",
        b'["r1", 1]\n',
        b"[9223372036854775808, true]\n",
        b"[1, 1]\n",
        b"[1, null]\n",
        b"[1, true, 1]\n",
        b'{"number": 1}\n',
        b"[" * 100_000 + b"\n",
        b"\xff\xfe\n",
    ],
)
def test_rubbish_is_no_row(line: bytes) -> None:
    columns = Columns("rollouts", ("number", "watched"))
    assert rows_of(columns, b"[1, true]\n") == [(1, True)]
    if line:
        with pytest.raises(FieldwiseError) as caught:
            rows_of(columns, line)
        assert caught.value.fault is Fault.BACKUP_INVALID


def test_a_text_that_no_database_holds_is_no_row() -> None:
    columns = Columns("rollouts", (rollouts.c.title.name,))
    assert rows_of(columns, b'["a\\nb"]\n') == [("a\nb",)]
    for text_ in (b'["a\\u0000b"]\n', b'["\\ud800"]\n'):
        with pytest.raises(FieldwiseError):
            rows_of(columns, text_)
