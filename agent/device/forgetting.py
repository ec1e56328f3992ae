"""Forgetting on SQLite: one transaction takes all that is to go, and then the journal is emptied.

Deleted rows are overwritten in the file (``agent.device.database``), but the write-ahead log still
has pages as they were before. It is brought into the file and cut off; that this is due is written
with the transaction, so that a kill in between, or a disk without room, leaves it to the next start
or group.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress

import msgspec

from agent.device.database import Database
from agent.device.dropping import forget_images_apart
from agent.device.predictions import apply_changes
from agent.device.rows import SAMPLE_COLUMNS, read_record, sample_of, write_record
from agent.learning.forgetting import Forgetting, Selection
from agent.learning.kept import Changes
from agent.learning.samples import Sample, Snapshot
from fieldwise.errors import Fault, FieldwiseError

_ABSENT, _SCRUB = "absent", "scrub"


class ForgettingSamples:
    """That part of the sample store port which takes back.

    Args:
        database: Where the samples are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.reading() as connection:
            self._scrub_due = read_record(connection, _SCRUB) is not None
        self._scrub_if_due()

    def chosen(self, selection: Selection, sequence: int, limit: int) -> Sequence[Sample]:
        where, value = _condition(selection)
        with self._database.reading() as connection:
            rows = connection.execute(
                f"""SELECT {SAMPLE_COLUMNS}, grid, image FROM sample
                WHERE {where} AND sequence > ? ORDER BY sequence LIMIT ?""",  # noqa: S608 - fixed
                (value, sequence, limit),
            ).fetchall()
        return [self._sample(row) for row in rows]

    def forget(self, forgetting: Forgetting) -> None:
        where, value = _condition(forgetting.selection)
        names = [(name,) for name in forgetting.classes]
        if self._database.is_bounded:  # what goes in any case must not take room to go
            forget_images_apart(self._database, self._ids(where, value))
        held, rows = self._held(where, value)
        snapshot_bytes = 2 * len(forgetting.snapshot.content)
        written = held + snapshot_bytes
        with self._database.writing(written, rows + 2, vital=True) as connection:
            connection.execute(f"DELETE FROM sample WHERE {where}", (value,))  # noqa: S608 - fixed
            connection.executemany("DELETE FROM sample WHERE class_name = ?", names)
            connection.executemany("DELETE FROM prediction WHERE label = ?", names)
            replace_snapshots(connection, forgetting.snapshot)
            apply_changes(connection, Changes(gone=forgetting.predictions))
            write_record(connection, "counters", msgspec.json.encode(forgetting.counters))
            _write_absent(connection, forgetting.absent)
            if forgetting.track:
                write_record(connection, "track", forgetting.track)
            write_record(connection, _SCRUB, b"due")
        self._scrub_due = True
        self._scrub_if_due()

    def absent(self) -> frozenset[str]:
        with self._database.reading() as connection:
            content = read_record(connection, _ABSENT)
        try:
            return frozenset(msgspec.json.decode(content, type=list[str]) if content else ())
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._damaged("the marks of forgotten classes") from error

    def set_absent(self, marks: frozenset[str]) -> None:
        with self._database.writing() as connection:
            _write_absent(connection, marks)

    def _scrub_if_due(self) -> None:
        """Let nothing forgotten stay in the journal; where there is no room yet, the next time."""
        if not self._scrub_due:
            return
        with suppress(FieldwiseError):
            self._database.empty_log()
            with self._database.writing() as connection:
                connection.execute("DELETE FROM record WHERE name = ?", (_SCRUB,))
            self._scrub_due = False

    def _ids(self, where: str, value: object) -> list[str]:
        with self._database.reading() as connection:
            rows = connection.execute(f"SELECT id FROM sample WHERE {where}", (value,))  # noqa: S608 - fixed
            return [row[0] for row in rows]

    def _held(self, where: str, value: object) -> tuple[int, int]:
        with self._database.reading() as connection:
            held, rows = connection.execute(
                f"""SELECT coalesce(sum(grid_bytes + coalesce(image_bytes, 0)), 0), count(*)
                FROM sample WHERE {where}""",  # noqa: S608 - fixed
                (value,),
            ).fetchone()
        return int(held), int(rows)

    def _sample(self, row: Sequence[object]) -> Sample:
        try:
            return sample_of(row)
        except ValueError as error:
            raise self._damaged(f"sample {row[0]}") from error

    def _damaged(self, what: str) -> FieldwiseError:
        return FieldwiseError(Fault.STATE_DAMAGED, f"{self._database.path}: {what} cannot be read")


def delete_samples(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Delete records, within a transaction that is open."""
    connection.executemany("DELETE FROM sample WHERE id = ?", [(each,) for each in ids])


def replace_snapshots(connection: sqlite3.Connection, snapshot: Snapshot) -> None:
    """Let one snapshot stand instead of all: the others hold what was taken back from this one."""
    connection.execute("DELETE FROM snapshot WHERE bundle != ?", (snapshot.bundle,))
    write_snapshot(connection, snapshot)


def write_snapshot(connection: sqlite3.Connection, snapshot: Snapshot) -> None:
    """Replace the snapshot of a bundle, within a transaction that is open."""
    connection.execute(
        "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?)",
        (snapshot.bundle, snapshot.sequence, snapshot.lost, snapshot.content),
    )


def _write_absent(connection: sqlite3.Connection, marks: frozenset[str]) -> None:
    write_record(connection, _ABSENT, msgspec.json.encode(sorted(marks)))


def _condition(selection: Selection) -> tuple[str, object]:
    """What SQL asks of a row, and the value for its one mark."""
    if selection.since is not None:
        return "time >= ?", selection.since
    if selection.origin is not None:
        return "origin = ?", selection.origin.value
    if selection.sample_id:
        return "id = ?", selection.sample_id
    return "class_name = ?", selection.class_name
