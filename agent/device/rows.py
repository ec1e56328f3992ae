"""How values lie in the rows of ``state.sqlite``."""

import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.learning.samples import Origin, Sample, Share

SAMPLE_COLUMNS = "id, sequence, time, class_name, burst, share, origin, bundle"

_GRID = np.dtype("<i2")


def stored_grid(grid: NDArray[np.int16]) -> bytes:
    """Features int16[D] as bytes."""
    return grid.astype(_GRID).tobytes()


def grid_of(content: bytes) -> NDArray[np.int16]:
    """Features int16[D] of their bytes.

    Raises:
        ValueError: For an odd number of bytes.
    """
    return np.frombuffer(content, dtype=_GRID).astype(np.int16)


def sample_of(row: Sequence[object]) -> Sample:
    """The sample of a row with ``SAMPLE_COLUMNS``, features and image.

    Raises:
        ValueError: For what is no sample.
    """
    *plain, grid, image = row
    id_, sequence, time, name, burst, share, origin, bundle = plain
    return Sample(
        id=str(id_),
        sequence=int(str(sequence)),
        time=float(str(time)),
        class_name=str(name),
        burst=str(burst),
        share=Share(str(share)),
        bundle=str(bundle),
        grid=grid_of(grid) if isinstance(grid, bytes) else None,
        image=image if isinstance(image, bytes) else None,
        origin=Origin(str(origin)),
    )


def row_of(sample: Sample) -> tuple[object, ...]:
    """A sample as the columns of its table."""
    grid = None if sample.grid is None else stored_grid(sample.grid)
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


def read_record(connection: sqlite3.Connection, name: str) -> bytes | None:
    """A record's content, if there is one."""
    row = connection.execute("SELECT content FROM record WHERE name = ?", (name,)).fetchone()
    return bytes(row[0]) if row else None


def write_record(connection: sqlite3.Connection, name: str, content: bytes) -> None:
    """Replace a record, within a transaction that is open."""
    connection.execute("INSERT OR REPLACE INTO record VALUES (?, ?)", (name, content))
