"""Records by name in ``state.sqlite``: small values that are replaced as a whole."""

from typing import TypeVar

import msgspec

from agent.device.database import Database
from agent.device.rows import read_record, write_record
from fieldwise.errors import Fault, FieldwiseError

ValueT = TypeVar("ValueT")


class Records:
    """Reads and writes them as JSON; each write is durable on return."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, name: str, kind: type[ValueT]) -> ValueT | None:
        """A record; None before the first.

        Raises:
            FieldwiseError: ``STATE_DAMAGED``.
        """
        with self._database.reading() as connection:
            content = read_record(connection, name)
        if content is None:
            return None
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise FieldwiseError(
                Fault.STATE_DAMAGED, f"{self._database.path}: record {name} cannot be read"
            ) from error

    def write(self, name: str, value: object) -> None:
        """Replace a record; it may use the room that is kept back."""
        with self._database.writing(vital=True) as connection:
            write_record(connection, name, msgspec.json.encode(value))
