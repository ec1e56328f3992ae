"""Dropping images from ``state.sqlite`` where there is hardly any room left.

SQLite writes what it drops to its journal first, so a transaction that drops much needs much room.
In a bounded folder what goes therefore goes in parts that fit into the room that is kept back. Who
drops an image apart must have decided already that it goes: what follows may never come.
"""

import sqlite3
from collections.abc import Iterator, Sequence

from agent.device.database import Database

DROP_TOGETHER = 32  # rows in one transaction
DROP_BYTES = 512 * 1024  # of long values in one transaction, or a single larger one

_Held = tuple[str, int | None]


def forget_images(connection: sqlite3.Connection, ids: Sequence[str]) -> None:
    """A learned sample keeps its features: they are in the head. A held-out one has no use left."""
    named = [(each,) for each in ids]
    connection.executemany(
        "DELETE FROM sample WHERE id = ? AND image IS NOT NULL AND share != 'learn'", named
    )
    connection.executemany("UPDATE sample SET image = NULL, image_bytes = NULL WHERE id = ?", named)


def forget_images_apart(database: Database, ids: Sequence[str]) -> None:
    """The same in transactions of their own, each of a part.

    Raises:
        FieldwiseError: ``DISK_FULL``; some may be gone then.
    """
    marks = ",".join("?" * DROP_TOGETHER)
    for start in range(0, len(ids), DROP_TOGETHER):
        part = ids[start : start + DROP_TOGETHER]
        with database.reading() as connection:
            held = connection.execute(
                f"SELECT id, image_bytes + grid_bytes FROM sample WHERE id IN ({marks})",  # noqa: S608 - only marks
                [*part, *[""] * (DROP_TOGETHER - len(part))],
            ).fetchall()
        for few in _parts(held):
            size = sum(each or 0 for _, each in few)
            with database.writing(size, len(few), vital=True) as connection:
                forget_images(connection, [each for each, _ in few])


def _parts(held: Sequence[_Held]) -> Iterator[Sequence[_Held]]:
    part: list[_Held] = []
    size = 0
    for each in held:
        if part and size + (each[1] or 0) > DROP_BYTES:
            yield part
            part, size = [], 0
        part.append(each)
        size += each[1] or 0
    if part:
        yield part
