"""Kept predictions on SQLite, in the file of the samples that some of them become."""

import sqlite3
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from agent.device.database import Database
from agent.device.rows import grid_of, read_record, stored_grid, write_record
from agent.learning.kept import Asking, Changes, Entry, Kept
from fieldwise.errors import Fault, FieldwiseError

_ASKING = "asking"


class DatabasePredictions:
    """The prediction store port.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self) -> Sequence[Entry]:
        with self._database.reading() as connection:
            rows = connection.execute(
                """SELECT id, time, bundle, label, asked, length(grid), coalesce(image_bytes, 0)
                FROM prediction ORDER BY number"""
            ).fetchall()
        return [
            Entry(id_, time, bundle, label, bool(asked), grid_bytes, image_bytes)
            for id_, time, bundle, label, asked, grid_bytes, image_bytes in rows
        ]

    def apply(self, changes: Changes) -> None:
        written = changed_bytes(self._database, changes)
        with self._database.writing(written, changes.rows, vital=not changes.new) as connection:
            apply_changes(connection, changes)

    def find(self, prediction_id: str) -> Kept | None:
        with self._database.reading() as connection:
            row = connection.execute(
                """SELECT id, time, bundle, grid, image, label, asked FROM prediction
                WHERE id = ?""",
                (prediction_id,),
            ).fetchone()
        if row is None:
            return None
        id_, time, bundle, grid, image, label, asked = row
        return Kept(id_, time, bundle, grid_of(grid), image, label, bool(asked))

    def grids(self, ids: Sequence[str]) -> Sequence[NDArray[np.int16]]:
        found = []
        with self._database.reading() as connection:
            for each in ids:
                row = connection.execute(
                    "SELECT grid FROM prediction WHERE id = ?", (each,)
                ).fetchone()
                found.append(grid_of(row[0] if row else b""))
        return found

    def asking(self) -> Asking:
        with self._database.reading() as connection:
            content = read_record(connection, _ASKING)
        try:
            return msgspec.json.decode(content, type=Asking) if content else Asking()
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FieldwiseError(
                Fault.STATE_DAMAGED, f"{self._database.path}: the count of questions is damaged"
            ) from error


def changed_bytes(database: Database, changes: Changes) -> int:
    """Features and images that changes write or drop, where somebody asks for it."""
    if not database.is_bounded:
        return changes.value_bytes
    dropped = 0
    with database.reading() as connection:
        for each in (*changes.gone, *changes.imageless):
            (held,) = connection.execute(
                """SELECT coalesce(sum(length(grid) + coalesce(image_bytes, 0)), 0)
                FROM prediction WHERE id = ?""",
                (each,),
            ).fetchone()
            dropped += held
    return changes.value_bytes + dropped


def apply_changes(connection: sqlite3.Connection, changes: Changes) -> None:
    """Change kept predictions within a transaction that is open."""
    connection.executemany(
        """INSERT INTO prediction (id, time, bundle, label, asked, image_bytes, grid, image)
        VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING""",
        [_row(kept) for kept in changes.new],
    )
    for statement, ids in (
        ("UPDATE prediction SET image = NULL, image_bytes = NULL WHERE id = ?", changes.imageless),
        ("UPDATE prediction SET asked = 1 WHERE id = ?", changes.asked),
        ("DELETE FROM prediction WHERE id = ?", changes.gone),
    ):
        connection.executemany(statement, [(each,) for each in ids])
    connection.executemany(
        "UPDATE prediction SET label = ?2 WHERE id = ?1", list(changes.labels.items())
    )
    if changes.asking is not None:
        write_record(connection, _ASKING, msgspec.json.encode(changes.asking))


def _row(kept: Kept) -> tuple[object, ...]:
    image = kept.image if isinstance(kept.image, bytes) else None
    return (
        kept.id,
        kept.time,
        kept.bundle,
        kept.label,
        int(kept.asked),
        None if image is None else len(image),
        stored_grid(kept.grid),
        image,
    )
