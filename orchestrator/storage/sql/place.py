"""Where a database is: its URL, read with care, since people write it.

Whatever of it no driver could use is told before anything is opened. A URL may hold a password, so
no sentence repeats it. A SQLite file is made here, for its owner only; SQLite gives the files that
it makes beside it the same rights.
"""

import os
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from fieldwise.channel import PORT_MAX
from fieldwise.errors import Fault, FieldwiseError

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
# What asyncpg takes as text; its numbers are our own affair, and of SQLite's none is anyone's.
OPTIONS = {
    "sqlite": frozenset[str](),
    "postgresql": frozenset(
        {
            "host",
            "passfile",
            "password",
            "port",
            "prepared_statement_cache_size",
            "ssl",
            "target_session_attrs",
            "user",
        }
    ),
}
SSL = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})


def read_url(text: str) -> URL:
    """Return a database URL with its driver.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` for one that no database of ours is reached with.
    """
    try:
        parsed = make_url(text)
        kind = parsed.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise _wrong("it is not a URL; a port is a number") from error
    if kind not in DRIVERS:
        raise _wrong(f"it names {kind[:40]}; sqlite and postgresql are supported")
    url = parsed.set(drivername=DRIVERS[kind])
    _check_options(url, OPTIONS[kind])
    try:
        url.get_dialect()().create_connect_args(url)
    except (ArgumentError, ValueError) as error:
        raise _wrong(str(error).splitlines()[0][:200]) from error
    return url


def file_of(url: URL) -> Path | None:
    """Return the file of a SQLite database; None for another kind, or one in memory."""
    is_file = url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}
    return Path(url.database or "") if is_file else None


def refuse_missing(url: str) -> None:
    """Refuse a SQLite database whose file is not there, where it is only to be read.

    Raises:
        FieldwiseError: ``NOT_FOUND``, or as ``read_url``.
    """
    file = file_of(read_url(url))
    if file is not None and not file.exists():
        raise FieldwiseError(Fault.NOT_FOUND, f"there is no database {file}")


def prepare_file(path: Path) -> None:
    """Make a database's file and folder where they are missing; only the owner may read the file.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where it cannot be opened.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise _wrong(f"the file {path} cannot be opened: {error.strerror}") from error


def _check_options(url: URL, known: frozenset[str]) -> None:
    unknown = sorted(set(url.query) - known)
    if unknown:
        names = ", ".join(sorted(known)) or "none"
        raise _wrong(f"it has the unknown option {unknown[0][:40]!r}; there are: {names}")
    if url.query.get("ssl", "prefer") not in SSL:
        raise _wrong(f"its ssl is none of {', '.join(sorted(SSL))}")
    if url.port is not None and url.port > PORT_MAX:
        raise _wrong(f"the port {url.port} is above {PORT_MAX}")


def _wrong(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.SETTING_INVALID, f"database_url: {sentence}")
