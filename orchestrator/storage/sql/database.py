"""One database, reached asynchronously, whose failures are told in the product's own words.

SQLite runs in WAL mode, so readers never wait; a writer takes the write lock when it begins, since
a reader that turns writer half-way may have to be refused. PostgreSQL writes under READ COMMITTED
with explicit row locks; reads of several statements see one snapshot on both.

What was answered outlives a power loss: a commit is synced, which takes milliseconds. Only what
devices say again at their next check-in may be lost with the newest seconds; in SQLite such writes
wait for the sync of the next one that may not.
"""

import asyncio
import errno
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from sqlalchemy import AdaptedConnection, Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.storage.sql.place import file_of, prepare_file, read_url

JOURNAL_TRIES, JOURNAL_PAUSE_SECONDS = 200, 0.05  # together as long as a writer may take
BUSY_SECONDS = 10  # the longest write, a rollout's orders for a whole fleet, takes about a second
CONNECT_SECONDS = 5  # a device retries by itself; one that waits holds a stream
STATEMENT_SECONDS = 60
CONNECTIONS_MAX = 20
POOL_SECONDS = 5  # a call that finds no connection free is better put off than kept
CONNECTION_LIFE_SECONDS = 1800  # then another: proxies and failovers move on

_CONFLICTS = {"40001", "40P01"}  # serialization failure, deadlock: the loser may try again
_DISK_FULL = {"53100"}
# SQLite tells a quota or a limit from a disk that is full; it undoes the transaction alike.
_SQLITE_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}
# SQLite's result codes: the lowest byte is SQLITE_CORRUPT or SQLITE_NOTADB, or a read fell short.
_DAMAGED = {11, 26}
_SHORT_READ = 522
_REFUSED_CLASS = "22"  # data exceptions: a value that no attempt will ever bring in


class Database:
    """A pool of connections; ``dispose`` closes them.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql://...``.
        connections_max: Connections to PostgreSQL at the same time.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` for another kind of URL, or a file that cannot be made.
    """

    def __init__(self, url: str, connections_max: int = CONNECTIONS_MAX) -> None:
        parsed = read_url(url)
        self._file = file_of(parsed)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._engine = _sqlite(parsed) if self.is_sqlite else _postgresql(parsed, connections_max)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that sees one moment and changes nothing.

        Raises:
            FieldwiseError: ``UNAVAILABLE``, ``DISK_FULL`` where no temporary file fits, or
                ``STATE_DAMAGED`` for a file that is no database or not whole.
        """
        options = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        async with _told_plainly(self._file), self._engine.connect() as connection:
            await connection.execution_options(**options)
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def write(self, *, lasting: bool = True) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that is committed at the end of the block, or not at all.

        Args:
            lasting: Whether it has to outlive a power loss from then on.

        Raises:
            FieldwiseError: ``UNAVAILABLE``, ``DISK_FULL``, ``CONFLICT`` after a deadlock,
                ``STATE_DAMAGED`` for a file that is no database or not whole, or
                ``INVALID_ARGUMENT`` for a value that this kind of database cannot hold.
        """
        async with _told_plainly(self._file), self._engine.connect() as connection:
            await connection.execution_options(writes=True, lasting=lasting)
            async with connection.begin():
                yield connection

    async def dispose(self) -> None:
        await self._engine.dispose()


def _sqlite(url: URL) -> AsyncEngine:
    file = file_of(url)
    if file is not None:
        prepare_file(file)
    engine = create_async_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _postgresql(url: URL, connections_max: int) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=connections_max,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        pool_recycle=CONNECTION_LIFE_SECONDS,
        pool_use_lifo=True,  # what a quiet hour needs no more grows old, and is closed
        connect_args={"timeout": CONNECT_SECONDS, "command_timeout": STATEMENT_SECONDS},
    )


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver's own idea of transactions would split ours
    cursor = connection.cursor()
    assert isinstance(connection, AdaptedConnection)
    _keep_a_journal(connection, cursor)
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _keep_a_journal(connection: AdaptedConnection, cursor: DBAPICursor) -> None:
    # SQLite's timeout does not hold for the switch to WAL: servers that start together take turns.
    for tries_left in reversed(range(JOURNAL_TRIES)):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or not tries_left:
                raise
            connection.run_async(lambda _: asyncio.sleep(JOURNAL_PAUSE_SECONDS))
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("writes", False):
        connection.exec_driver_sql("BEGIN")
        return
    level = "FULL" if options["lasting"] else "NORMAL"
    connection.exec_driver_sql(f"PRAGMA synchronous={level}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@asynccontextmanager
async def _told_plainly(file: Path | None) -> AsyncIterator[None]:
    try:
        yield
    except IntegrityError:
        raise  # a store that can meet one says what it means
    except DBAPIError as error:
        raise _damaged(error, file) or _translated(error) from error
    except PoolTimeoutError as error:
        raise _unavailable("all its connections are in use") from error
    except SQLAlchemyError:
        raise  # a defect in a statement of ours
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise _unavailable(str(error) or type(error).__name__) from error


def _damaged(error: DBAPIError, file: Path | None) -> FieldwiseError | None:
    code = getattr(error.orig, "sqlite_errorcode", 0)
    if file is None or (code & 0xFF not in _DAMAGED and code != _SHORT_READ):
        return None
    return FieldwiseError(
        Fault.STATE_DAMAGED,
        f"the database {file}, which holds the whole fleet, is damaged: {_line(str(error.orig))}",
    )


def _translated(error: DBAPIError) -> FieldwiseError:
    state = getattr(error.orig, "sqlstate", None)
    told = str(error.orig)
    if state in _CONFLICTS:
        return FieldwiseError(Fault.CONFLICT, "another writer of the database was faster")
    refused = getattr(error.orig, "sqlite_errorcode", 0) in _SQLITE_FULL
    if state in _DISK_FULL or refused or errno.errorcode[errno.ENOSPC] in told:
        return FieldwiseError(Fault.DISK_FULL, "the database has no room left")
    if state is not None and state.startswith(_REFUSED_CLASS):
        return FieldwiseError(
            Fault.INVALID_ARGUMENT, f"the database refuses a value: {_line(told)}"
        )
    return _unavailable(told)


def _unavailable(reason: str) -> FieldwiseError:
    return FieldwiseError(Fault.UNAVAILABLE, f"the database does not answer: {_line(reason)}")


def _line(reason: str) -> str:
    return reason.splitlines()[0][:200] if reason else "no reason given"
