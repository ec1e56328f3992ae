"""How commands on the server's own machine find it: one file in the data folder.

Whoever may read the file may operate the fleet, so it is for its owner only, like the token.
"""

from pathlib import Path
from typing import TypeVar

import msgspec

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.private import FULL, write_private

CONNECTION_FILE = "operator/connection.json"
FILE_BYTES_MAX = 65_536  # such files have under 3 KiB

RecordT = TypeVar("RecordT", bound=msgspec.Struct)


class Connection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How operators reach a server: host:port, its authority as PEM, the bearer token."""

    address: str
    authority: str
    token: str


def write_connection(folder: Path, connection: Connection) -> None:
    """Let commands of this machine's user find the server.

    Raises:
        FieldwiseError: ``DISK_FULL``, or ``STATE_DAMAGED`` where the file cannot be written.
    """
    path = folder / CONNECTION_FILE
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(path, msgspec.json.encode(connection))
    except OSError as error:
        raise unusable(path, error) from error


def read_connection(folder: Path) -> Connection | None:
    """Return how to reach the server of a data folder; None where there was none yet.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` for a file that is not ours.
    """
    path = folder / CONNECTION_FILE
    return read_record(path, Connection) if path.exists() else None


def read_record(path: Path, shape: type[RecordT]) -> RecordT:
    """Read one of the data folder's JSON files.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` for anything else.
    """
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(FILE_BYTES_MAX), type=shape)
    except OSError as error:
        raise unusable(path, error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FieldwiseError(Fault.STATE_DAMAGED, f"{path} is damaged: {error}") from error


def unusable(path: Path, error: OSError) -> FieldwiseError:
    fault = Fault.DISK_FULL if error.errno in FULL else Fault.STATE_DAMAGED
    return FieldwiseError(fault, f"{path} cannot be used: {error.strerror}")
