"""All tables as lines of JSON and back, from whatever kind of database into any other.

What there is to copy follows from ``tables.metadata`` and from the database itself: a table that is
added is copied with the others. One transaction sees one moment of a database that others write to,
and rows come and go in parts, so that neither side holds a whole table.

Tables of an older version are made as that version had them, filled, and then migrated like any
others. That is all in one transaction: a database is filled or stays as it was.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Double,
    LargeBinary,
    Table,
    Text,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from fieldwise.bundle import Manifest, decode_manifest
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.backup_format import PART_BYTES, PART_ROWS, Columns, invalid
from orchestrator.federation.campaign import HeadVersion
from orchestrator.replica_ports import Installation
from orchestrator.storage.sql.campaign_rows import head_of
from orchestrator.storage.sql.migrate import VERSION_TABLE, revisions, upgrade, version_in
from orchestrator.storage.sql.tables import backbones, campaign_heads, installation, metadata

# What the migrations themselves write: it says nothing of a fleet.
MADE_BY_MIGRATIONS = frozenset({"audit_extent", "compatibility"})
_SHAPES: tuple[tuple[type[Any], Any], ...] = (
    (Boolean, bool),
    (BigInteger, Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]),
    (Double, float),
    (LargeBinary, bytes),
    (Text, Annotated[str, Meta(pattern=r"^[^\x00]*\Z")]),
)


@dataclass(frozen=True, slots=True)
class Described:
    """Which tables a database has: their version, and each with the number of its rows."""

    version: str
    tables: tuple[Columns, ...]
    rows: int


async def described(connection: AsyncConnection) -> Described:
    """Look at what there is to copy.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` where there are no tables of ours, or a newer version's,
            of which not everything is known here.
    """
    version, tables = await connection.run_sync(_described)
    rows = 0
    for each in tables:
        counted = select(func.count()).select_from(metadata.tables[each.table])
        rows += (await connection.execute(counted)).scalar_one()
    return Described(version, tables, rows)


async def parts_of(connection: AsyncConnection, columns: Columns) -> AsyncIterator[list[bytes]]:
    """Yield the rows of a table as lines of JSON, some at a time, in the order of its key."""
    table = metadata.tables[columns.table]
    statement = select(*(table.c[name] for name in columns.columns))
    statement = statement.order_by(*table.primary_key.columns)
    lines: list[bytes] = []
    size = 0
    async with connection.stream(statement.execution_options(yield_per=PART_ROWS)) as result:
        async for row in result:
            lines.append(msgspec.json.encode(tuple(row)) + b"\n")
            size += len(lines[-1])
            if len(lines) >= PART_ROWS or size >= PART_BYTES:
                yield lines
                lines, size = [], 0
    if lines:
        yield lines


async def belongs_to(connection: AsyncConnection, tables: Sequence[Columns]) -> Installation | None:
    """Return whose database it is; None where nobody has said so yet."""
    if installation.name not in {each.table for each in tables}:
        return None
    row = (await connection.execute(select(installation))).one_or_none()
    return None if row is None else Installation(row.fleet, row.authority)


async def manifests_in(connection: AsyncConnection) -> Sequence[Manifest]:
    """Return the manifests of all backbones; their age has nothing to do with the tables'."""
    found = await connection.execute(select(backbones.c.manifest))
    return [decode_manifest(each) for each in found.scalars()]


async def heads_in(connection: AsyncConnection, tables: Sequence[Columns]) -> Sequence[HeadVersion]:
    """Return the heads of all campaigns; none where the tables are of before there were any."""
    if campaign_heads.name not in {each.table for each in tables}:
        return ()
    found = await connection.execute(select(campaign_heads.c.content))
    return [head_of(each) for each in found.scalars()]


def check_known(version: str, tables: Sequence[Columns]) -> None:
    """Refuse tables that this program does not know.

    Raises:
        FieldwiseError: ``BACKUP_INVALID``.
    """
    known = revisions()
    if version not in known:
        raise invalid(
            f"its tables are of version {version}, and this program knows {known[-1]}: update it"
        )
    for each in tables:
        table = metadata.tables.get(each.table)
        if table is None or not set(each.columns) <= set(table.c.keys()):
            raise invalid(f"it has a table {each.table} that this program does not know")


def rows_of(columns: Columns, lines: bytes) -> list[tuple[Any, ...]]:
    """Read rows of a table, each value of its column's kind.

    Raises:
        FieldwiseError: ``BACKUP_INVALID``.
    """
    try:
        return _decoder(columns).decode_lines(lines)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"a row of its table {columns.table} is not valid: {error}") from error


async def refuse_filled(connection: AsyncConnection) -> None:
    """Let nothing pass but a database that holds no fleet.

    Raises:
        FieldwiseError: ``NOT_EMPTY``, saying what is there.
    """
    await connection.run_sync(_refuse_filled)


async def fill(
    connection: AsyncConnection,
    version: str,
    tables: Sequence[Columns],
    parts: Iterable[tuple[str, bytes]],
) -> None:
    """Make the tables of a version in an empty database, fill them, and migrate them.

    Args:
        connection: In a transaction, which is to be undone where this fails.
        version: Of the tables.
        tables: Which there are, as ``check_known`` has let pass.
        parts: Names of tables, with lines of rows.

    Raises:
        FieldwiseError: ``BACKUP_INVALID`` where the rows are none that these tables had.
    """
    await connection.run_sync(_made_anew, version, tables)
    columns = {each.table: each for each in tables}
    try:
        for table, lines in parts:
            names = columns[table].columns
            rows = [dict(zip(names, row, strict=True)) for row in rows_of(columns[table], lines)]
            await connection.execute(insert(metadata.tables[table]), rows)
    except IntegrityError as error:
        raise invalid("its rows contradict one another") from error
    await connection.run_sync(upgrade)
    await connection.run_sync(_numbered_on)


def _described(connection: Connection) -> tuple[str, tuple[Columns, ...]]:
    seen = inspect(connection)
    if not seen.has_table(VERSION_TABLE):
        raise FieldwiseError(Fault.STATE_DAMAGED, "the database holds no tables of an orchestrator")
    version = version_in(connection)
    if version not in revisions():
        raise FieldwiseError(
            Fault.STATE_DAMAGED,
            f"the database has tables of the version {version}, and this program knows "
            f"{revisions()[-1]}: back it up with the newer one",
        )
    names = set(seen.get_table_names())
    return version, tuple(
        Columns(str(table.name), _present(connection, table.name))
        for table in metadata.sorted_tables
        if table.name in names
    )


def _present(connection: Connection, table: str) -> tuple[str, ...]:
    """Columns that a table has in this database, in the order in which the program has them."""
    there = {each["name"] for each in inspect(connection).get_columns(table)}
    # As plain texts: SQLAlchemy's names are a kind of their own.
    return tuple(str(each.name) for each in metadata.tables[table].c if each.name in there)


def _refuse_filled(connection: Connection) -> None:
    names = set(inspect(connection).get_table_names())
    ours = [each for each in metadata.sorted_tables if each.name in names]
    if VERSION_TABLE not in names:
        found = [f"a table {each.name} that no orchestrator has made" for each in ours]
    elif version_in(connection) not in revisions():
        found = ["tables of a newer version"]
    else:
        found = []
        for table in ours:
            rows = connection.execute(select(func.count()).select_from(table)).scalar_one()
            if rows and table.name not in MADE_BY_MIGRATIONS:
                found.append(f"{rows:,} in {table.name}")
    if found:
        raise FieldwiseError(
            Fault.NOT_EMPTY, f"the database is not empty: it holds {', '.join(found)}"
        )


def _made_anew(connection: Connection, version: str, tables: Sequence[Columns]) -> None:
    """Leave exactly the tables of a version, with nothing in them.

    What is there already may be newer, and its migrations would not touch older rows any more.
    """
    metadata.drop_all(connection)
    connection.execute(text(f"DROP TABLE IF EXISTS {VERSION_TABLE}"))
    upgrade(connection, version)
    _, made = _described(connection)
    if {each.table: set(each.columns) for each in made} != {
        each.table: set(each.columns) for each in tables
    }:
        raise invalid(f"its tables are not those of version {version}")
    for each in reversed(metadata.sorted_tables):
        if any(each.name == one.table for one in made):
            connection.execute(delete(each))


def _numbered_on(connection: Connection) -> None:
    """Let PostgreSQL count on from the highest number; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        counter = func.pg_get_serial_sequence(table.name, column.name)
        highest = connection.execute(select(func.max(column))).scalar_one()
        if highest is not None:
            connection.execute(select(func.setval(counter, highest)))


def count_from(connection: Connection, table: Table, number: int) -> None:
    """Let the next row of a table that numbers its rows have a number above this one.

    Args:
        connection: In a transaction.
        table: With ``sqlite_autoincrement``.
        number: Above every number that is there.
    """
    if connection.dialect.name == "postgresql":
        column = table.autoincrement_column
        assert column is not None
        counter = func.pg_get_serial_sequence(table.name, column.name)
        connection.execute(select(func.setval(counter, number)))
        return
    named = {"name": table.name, "number": number}
    connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), named)
    connection.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :number)"), named)


@cache
def _decoder(columns: Columns) -> "msgspec.json.Decoder[tuple[Any, ...]]":
    table = metadata.tables[columns.table]
    shapes = []
    for name in columns.columns:
        column = table.c[name]
        [shape] = [shape for kind, shape in _SHAPES if isinstance(column.type, kind)]
        shapes.append(shape | None if column.nullable else shape)
    return msgspec.json.Decoder(tuple[tuple(shapes)])  # type: ignore[misc]  # made at run time
