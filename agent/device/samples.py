"""The sample store on SQLite. Images and features leave this file in no direction but the head."""

import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from agent.device.database import Database
from agent.learning.samples import (
    Burst,
    Counters,
    Group,
    Origin,
    Remembered,
    Sample,
    Share,
    Snapshot,
)
from fieldwise.errors import Fault, FieldwiseError

_GRID = np.dtype("<i2")
_READ_TOGETHER = 500  # SQLite takes 999 values in one statement in its oldest builds

_SAMPLE_COLUMNS = "id, sequence, time, class_name, burst, share, origin, bundle"


class DatabaseSamples:
    """The sample store port.

    Args:
        database: Where the samples are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._holdout_key = self._read_holdout_key()

    def holdout_key(self) -> bytes:
        return self._holdout_key

    def commit(self, group: Group) -> None:
        with self._database.writing() as connection:
            for sample in group.samples:
                connection.execute(
                    """INSERT INTO sample VALUES (?,?,?,?,?,?,?,?,?,?,?,?)
                    ON CONFLICT (id) DO NOTHING""",
                    _row(sample),
                )
            _forget(connection, [(each,) for each in group.forgotten])
            _write_record(connection, "counters", msgspec.json.encode(group.counters))
            if group.samples:
                highest = max(group.samples[-1].sequence, _last_sequence(connection))
                _write_record(connection, "sequence", msgspec.json.encode(highest))

    def last_sequence(self) -> int:
        with self._database.reading() as connection:
            return _last_sequence(connection)

    def known(self, ids: Iterable[str]) -> frozenset[str]:
        asked = list(ids)
        found: set[str] = set()
        with self._database.reading() as connection:
            for start in range(0, len(asked), _READ_TOGETHER):
                part = asked[start : start + _READ_TOGETHER]
                marks = ",".join("?" * len(part))
                rows = connection.execute(
                    f"SELECT id FROM sample WHERE id IN ({marks})",  # noqa: S608 - only marks
                    part,
                )
                found.update(row[0] for row in rows)
        return frozenset(found)

    def samples_after(
        self, sequence: int, limit: int, bundle: str, shares: frozenset[Share]
    ) -> Sequence[Sample]:
        marks = ",".join("?" * len(shares))
        with self._database.reading() as connection:
            rows = connection.execute(
                f"""SELECT {_SAMPLE_COLUMNS},
                    CASE WHEN bundle = ? THEN grid END AS features,
                    CASE WHEN bundle != ? OR grid IS NULL THEN image END AS picture
                FROM sample
                WHERE sequence > ? AND share IN ({marks})
                    AND (features IS NOT NULL OR picture IS NOT NULL)
                ORDER BY sequence LIMIT ?""",  # noqa: S608 - only marks and fixed names
                (bundle, bundle, sequence, *shares, limit),
            ).fetchall()
        return [self._sample(row) for row in rows]

    def remembered(self) -> Sequence[Remembered]:
        with self._database.reading() as connection:
            rows = connection.execute(
                """SELECT id, sequence, time, class_name, share, image_bytes FROM sample
                WHERE image_bytes IS NOT NULL ORDER BY sequence"""
            ).fetchall()
        return [
            Remembered(id_, number, time, name, Share(share), size)
            for id_, number, time, name, share, size in rows
        ]

    def bursts(self) -> Sequence[Burst]:
        with self._database.reading() as connection:
            rows = connection.execute(
                """SELECT class_name, burst, time, (
                    SELECT count(*) FROM sample AS other
                    WHERE other.class_name = sample.class_name AND other.burst = sample.burst
                ) FROM sample
                WHERE sequence IN (SELECT max(sequence) FROM sample GROUP BY class_name)
                ORDER BY class_name"""
            ).fetchall()
        return [Burst(*row) for row in rows]

    def counters(self) -> Counters:
        with self._database.reading() as connection:
            content = _read_record(connection, "counters")
        if content is None:
            return Counters()
        try:
            return msgspec.json.decode(content, type=Counters)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._damaged("the counters") from error

    def save_snapshot(self, snapshot: Snapshot, log_bytes_max: int) -> None:
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?)",
                (snapshot.bundle, snapshot.sequence, snapshot.lost, snapshot.content),
            )
            _trim_log(connection, snapshot, log_bytes_max)
            _drop_empty(connection)

    def keep_grids(self, bundle: str, grids: Mapping[str, NDArray[np.int16]]) -> None:
        contents = [(grid.astype(_GRID).tobytes(), id_) for id_, grid in grids.items()]
        with self._database.writing() as connection:
            connection.executemany(
                """UPDATE sample SET grid = ?1, grid_bytes = length(?1), bundle = ?3
                WHERE id = ?2 AND share != 'learn'""",
                [(content, id_, bundle) for content, id_ in contents],
            )

    def load_snapshot(self, bundle: str) -> Snapshot | None:
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT bundle, sequence, content, lost FROM snapshot WHERE bundle = ?", (bundle,)
            ).fetchone()
        return Snapshot(*row) if row else None

    def drop_snapshots(self, keep: frozenset[str]) -> None:
        with self._database.writing() as connection:
            marks = ",".join("?" * len(keep))
            for statement in (
                f"DELETE FROM snapshot WHERE bundle NOT IN ({marks})",  # noqa: S608 - only marks
                f"""UPDATE sample SET grid = NULL, grid_bytes = 0
                WHERE grid_bytes > 0 AND bundle NOT IN ({marks})""",  # noqa: S608 - only marks
            ):
                connection.execute(statement, tuple(keep))
            _drop_empty(connection)

    def _read_holdout_key(self) -> bytes:
        with self._database.reading() as connection:
            key = _read_record(connection, "holdout_key")
        if key is None:
            key = secrets.token_bytes(32)
            with self._database.writing() as connection:
                _write_record(connection, "holdout_key", key)
        return key

    def _sample(self, row: Sequence[object]) -> Sample:
        *plain, grid, image = row
        id_, sequence, time, name, burst, share, origin, bundle = plain
        try:
            return Sample(
                id=str(id_),
                sequence=int(str(sequence)),
                time=float(str(time)),
                class_name=str(name),
                burst=str(burst),
                share=Share(str(share)),
                bundle=str(bundle),
                grid=_grid(grid) if isinstance(grid, bytes) else None,
                image=image if isinstance(image, bytes) else None,
                origin=Origin(str(origin)),
            )
        except ValueError as error:
            raise self._damaged(f"sample {id_}") from error

    def _damaged(self, what: str) -> FieldwiseError:
        return FieldwiseError(Fault.STATE_DAMAGED, f"{self._database.path}: {what} cannot be read")


def _row(sample: Sample) -> tuple[object, ...]:
    grid = None if sample.grid is None else sample.grid.astype(_GRID).tobytes()
    return (
        sample.sequence,
        sample.id,
        sample.time,
        sample.class_name,
        sample.burst,
        sample.share.value,
        sample.origin.value,
        sample.bundle,
        len(grid) if grid else 0,
        None if sample.image is None else len(sample.image),
        grid,
        sample.image,
    )


def _grid(content: bytes) -> NDArray[np.int16]:
    return np.frombuffer(content, dtype=_GRID).astype(np.int16)


def _last_sequence(connection: sqlite3.Connection) -> int:
    content = _read_record(connection, "sequence")
    return msgspec.json.decode(content, type=int) if content else 0


def _read_record(connection: sqlite3.Connection, name: str) -> bytes | None:
    row = connection.execute("SELECT content FROM record WHERE name = ?", (name,)).fetchone()
    return bytes(row[0]) if row else None


def _write_record(connection: sqlite3.Connection, name: str, content: bytes) -> None:
    connection.execute("INSERT OR REPLACE INTO record VALUES (?, ?)", (name, content))


def _forget(connection: sqlite3.Connection, ids: list[tuple[str]]) -> None:
    """A learned sample keeps its features: they are in the head. A held-out one has no use left."""
    connection.executemany(
        "DELETE FROM sample WHERE id = ? AND image IS NOT NULL AND share != 'learn'", ids
    )
    connection.executemany("UPDATE sample SET image = NULL, image_bytes = NULL WHERE id = ?", ids)


def _trim_log(connection: sqlite3.Connection, snapshot: Snapshot, log_bytes_max: int) -> None:
    """Drop the features of the oldest learned samples beyond the room for them.

    While a pair is being made for another bundle, two snapshots stand side by side: features that
    the snapshot of their own bundle does not hold yet are not touched.
    """
    connection.execute(
        """UPDATE sample SET grid = NULL, grid_bytes = 0 WHERE sequence IN (
            SELECT log.sequence FROM (
                SELECT sequence, bundle, sum(grid_bytes) OVER (ORDER BY sequence DESC) AS held
                FROM sample WHERE share = 'learn' AND grid_bytes > 0
            ) AS log
            JOIN snapshot ON snapshot.bundle = log.bundle AND log.sequence <= snapshot.sequence
            WHERE held > ? AND log.sequence <= ?)""",
        (log_bytes_max, snapshot.sequence),
    )


def _drop_empty(connection: sqlite3.Connection) -> None:
    """A record without features or image says nothing but when its class was last seen."""
    connection.execute(
        """DELETE FROM sample WHERE grid IS NULL AND image IS NULL AND sequence NOT IN
        (SELECT max(sequence) FROM sample GROUP BY class_name)"""
    )
