"""The sample store on SQLite. Images and features leave this file in no direction but the head."""

import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from agent.device.database import Database
from agent.device.dropping import DROP_TOGETHER, forget_images, forget_images_apart
from agent.device.forgetting import (
    ForgettingSamples,
    delete_samples,
    replace_snapshots,
    write_snapshot,
)
from agent.device.predictions import apply_changes, changed_bytes
from agent.device.rows import SAMPLE_COLUMNS, read_record, row_of, stored_grid, write_record
from agent.learning.samples import Burst, Counters, Group, Remembered, Sample, Share, Snapshot

_READ_TOGETHER = 500  # SQLite takes 999 values in one statement in its oldest builds
_DROP_TOGETHER = 256  # rows: others get a turn between two parts

# Features of the oldest learned samples beyond the room for them. While a pair is being made for
# another bundle, two snapshots stand side by side: features that the snapshot of their own bundle
# does not hold yet are not touched.
_OVER_THE_LOG = """
    SELECT log.sequence, log.grid_bytes FROM (
        SELECT sequence, bundle, grid_bytes, sum(grid_bytes) OVER (ORDER BY sequence DESC) AS held
        FROM sample WHERE share = 'learn' AND grid_bytes > 0
    ) AS log
    JOIN snapshot ON snapshot.bundle = log.bundle AND log.sequence <= snapshot.sequence
    WHERE log.sequence <= ? AND held > ?"""
# A record without features or image says nothing but when its class was last seen.
_SAYING_NOTHING = """
    SELECT sequence, 0 FROM sample WHERE grid IS NULL AND image IS NULL AND sequence NOT IN
    (SELECT max(sequence) FROM sample GROUP BY class_name)"""


class DatabaseSamples(ForgettingSamples):
    """The sample store port.

    Args:
        database: Where the samples are.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._holdout_key = self._read_holdout_key()
        if database.is_bounded:
            self._drop_ahead()

    def holdout_key(self) -> bytes:
        return self._holdout_key

    def commit(self, group: Group) -> None:
        new = {sample.id for sample in group.samples}
        if self._database.is_bounded:  # what goes makes room for what comes
            before = [each for each in group.forgotten if each not in new]
            forget_images_apart(self._database, before)
        written = sum(map(_value_bytes, group.samples))
        written += changed_bytes(self._database, group.predictions)
        written += len(group.track)
        if group.snapshot is not None:
            written += len(group.snapshot.content)
        rows = len(new) + len(group.replaced) + group.predictions.rows
        with self._database.writing(written, rows + 1) as connection:
            delete_samples(connection, group.replaced)
            for sample in group.samples:
                connection.execute(
                    """INSERT INTO sample VALUES (?,?,?,?,?,?,?,?,?,?,?,?)
                    ON CONFLICT (id) DO NOTHING""",
                    row_of(sample),
                )
            forget_images(connection, group.forgotten)
            write_record(connection, "counters", msgspec.json.encode(group.counters))
            if group.samples:
                highest = max(group.samples[-1].sequence, _last_sequence(connection))
                write_record(connection, "sequence", msgspec.json.encode(highest))
            if group.track:
                write_record(connection, "track", group.track)
            if group.snapshot is not None:
                replace_snapshots(connection, group.snapshot)
            apply_changes(connection, group.predictions)
        self._scrub_if_due()

    def feature_bytes(self) -> int:
        with self._database.reading() as connection:
            (held,) = connection.execute(
                "SELECT coalesce(sum(grid_bytes), 0) FROM sample WHERE share = 'learn'"
            ).fetchone()
        return int(held)

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
        marks = ",".join(f"?{place}" for place in range(4, 4 + len(shares)))
        with self._database.reading() as connection:
            rows = connection.execute(
                f"""SELECT {SAMPLE_COLUMNS}, found, iif(found IS NULL, image, NULL) FROM (
                    SELECT id, sequence, time, class_name, burst, share, origin, image,
                        iif(ahead.features IS NULL, bundle, ?1) AS bundle,
                        iif(bundle = ?1 AND grid IS NOT NULL, grid, ahead.features) AS found
                    FROM sample LEFT JOIN ahead ON sample = sequence AND backbone = ?1
                    WHERE sequence > ?2 AND share IN ({marks})
                ) WHERE found IS NOT NULL OR image IS NOT NULL
                ORDER BY sequence LIMIT ?3""",  # noqa: S608 - only marks and fixed names
                (bundle, sequence, limit, *shares),
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
            content = read_record(connection, "counters")
        if content is None:
            return Counters()
        try:
            return msgspec.json.decode(content, type=Counters)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._damaged("the counters") from error

    def track(self) -> bytes:
        with self._database.reading() as connection:
            return read_record(connection, "track") or b""

    def save_snapshot(self, snapshot: Snapshot, log_bytes_max: int) -> None:
        with self._database.reading() as connection:
            (before,) = connection.execute(
                "SELECT coalesce(sum(length(content)), 0) FROM snapshot WHERE bundle = ?",
                (snapshot.bundle,),
            ).fetchone()
        with self._database.writing(len(snapshot.content) + before) as connection:
            write_snapshot(connection, snapshot)
            connection.execute("DELETE FROM ahead WHERE backbone = ?", (snapshot.bundle,))
        useless = (snapshot.sequence, log_bytes_max)
        self._drop(_OVER_THE_LOG, useless, "UPDATE sample SET grid = NULL, grid_bytes = 0")
        self._drop_empty()

    def _drop_empty(self) -> None:
        self._drop(_SAYING_NOTHING, (), "DELETE FROM sample")

    def _drop(self, found: str, values: tuple[object, ...], deed: str) -> None:
        """Drop what has no use left, a part in each transaction: the rest has time."""
        together = DROP_TOGETHER if self._database.is_bounded else _DROP_TOGETHER
        dropped = together
        while dropped == together:
            with self._database.reading() as connection:
                part = connection.execute(f"{found} LIMIT {together}", values).fetchall()
            dropped = len(part)
            if part:
                held = sum(size for _, size in part)
                with self._database.writing(held, dropped, vital=True) as connection:
                    sequences = [(sequence,) for sequence, _ in part]
                    connection.executemany(f"{deed} WHERE sequence = ?", sequences)

    def keep_grids(self, bundle: str, grids: Mapping[str, NDArray[np.int16]]) -> None:
        contents = [(stored_grid(grid), id_) for id_, grid in grids.items()]
        written = sum(len(content) for content, _ in contents)
        with self._database.writing(2 * written, len(contents)) as connection:
            connection.executemany(
                """UPDATE sample SET grid = ?1, grid_bytes = length(?1), bundle = ?3
                WHERE id = ?2 AND share != 'learn'""",
                [(content, id_, bundle) for content, id_ in contents],
            )

    def keep_ahead(self, bundle: str, grids: Mapping[int, NDArray[np.int16]]) -> None:
        contents = [(bundle, stored_grid(grid), number) for number, grid in grids.items()]
        written = sum(len(content) for _, content, _ in contents)
        if self._database.is_bounded:
            return
        with self._database.writing(written, len(contents)) as connection:
            connection.executemany(
                """INSERT OR REPLACE INTO ahead (sample, backbone, features)
                SELECT sequence, ?1, ?2 FROM sample WHERE sequence = ?3""",
                contents,
            )

    def _drop_ahead(self) -> None:
        """Drop what was kept while the room was not bounded yet."""
        with self._database.reading() as connection:
            held, rows = connection.execute(
                "SELECT coalesce(sum(length(features)), 0), count(*) FROM ahead"
            ).fetchone()
        if rows:
            with self._database.writing(int(held), int(rows), vital=True) as connection:
                connection.execute("DELETE FROM ahead")

    def load_snapshot(self, bundle: str) -> Snapshot | None:
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT bundle, sequence, content, lost FROM snapshot WHERE bundle = ?", (bundle,)
            ).fetchone()
        return Snapshot(*row) if row else None

    def drop_snapshots(self, keep: frozenset[str]) -> None:
        marks = ",".join("?" * len(keep))
        others = f"bundle NOT IN ({marks})"
        with self._database.reading() as connection:
            (held,) = connection.execute(
                f"SELECT coalesce(sum(length(content)), 0) FROM snapshot WHERE {others}",  # noqa: S608 - only marks
                tuple(keep),
            ).fetchone()
        with self._database.writing(held, vital=True) as connection:
            connection.execute(
                f"DELETE FROM snapshot WHERE {others}",  # noqa: S608 - only marks
                tuple(keep),
            )
            connection.execute(
                f"DELETE FROM ahead WHERE backbone NOT IN ({marks})",  # noqa: S608 - only marks
                tuple(keep),
            )
        self._drop(
            f"SELECT sequence, grid_bytes FROM sample WHERE bundle != '' AND {others}",  # noqa: S608 - only marks
            tuple(keep),
            "UPDATE sample SET grid = NULL, grid_bytes = 0, bundle = ''",
        )
        self._drop_empty()

    def _read_holdout_key(self) -> bytes:
        with self._database.reading() as connection:
            key = read_record(connection, "holdout_key")
        if key is None:
            key = secrets.token_bytes(32)
            with self._database.writing() as connection:
                write_record(connection, "holdout_key", key)
        return key


def _value_bytes(sample: Sample) -> int:
    return len(sample.image or b"") + (0 if sample.grid is None else sample.grid.nbytes)


def _last_sequence(connection: sqlite3.Connection) -> int:
    content = read_record(connection, "sequence")
    return msgspec.json.decode(content, type=int) if content else 0
