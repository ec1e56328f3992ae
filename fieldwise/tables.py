"""Readings from files: a CSV with a header, or a NumPy array.

Whatever the file is, it becomes rows of finite float32 within the limits or is refused with
``READINGS_INVALID`` naming the row. No object is ever unpickled.
"""

import csv
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldwise.bundle import READINGS_MAX
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.regular import open_regular

TABLE_BYTES_MAX = 64 * 1024**2  # half a million rows of a dozen readings
CSV, ARRAY = ".csv", ".npy"
SUFFIXES = frozenset({CSV, ARRAY})


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows of readings.

    Attributes:
        columns: Their names; empty where the file has none.
        rows: float32[N,W].
        labels: The class of each row, where a column says so.
    """

    columns: tuple[str, ...]
    rows: NDArray[np.float32]
    labels: tuple[str, ...] = ()

    def of(self, label: str) -> list[int]:
        """The places of the rows of a class."""
        return [place for place, name in enumerate(self.labels) if name == label]


def read(path: Path, label: str | None = None) -> Table:
    """Read a file of readings.

    Args:
        path: A .csv or .npy file.
        label: The column that holds each row's class; only a CSV has one.

    Raises:
        FieldwiseError: ``READINGS_INVALID`` when it cannot be read, is too large, has no row or
            anything but finite numbers; ``INVALID_ARGUMENT`` for a label that is no column.
    """
    with open_regular(path, Fault.READINGS_INVALID) as file:
        content = file.read(TABLE_BYTES_MAX + 1)
    if len(content) > TABLE_BYTES_MAX:
        raise _invalid(f"{path} has more than {TABLE_BYTES_MAX:,} bytes")
    if path.suffix.lower() == ARRAY:
        if label:
            raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{path} has no columns with names")
        return _checked(path, _array(path, content))
    return _csv(path, content, label)


def _array(path: Path, content: bytes) -> Table:
    try:
        found = np.lib.format.read_array(BytesIO(content), allow_pickle=False)
    except Exception as error:  # the header goes through Python's own parser, which fails its ways
        raise _invalid(f"{path} is not a NumPy array of numbers") from error
    rows = found[None] if found.ndim == 1 else found
    if rows.ndim != 2 or rows.dtype.kind not in "fiub":  # noqa: PLR2004 -- [N,W]
        raise _invalid(f"{path} holds {found.dtype}{list(found.shape)} instead of numbers [N, W]")
    with np.errstate(over="ignore"):  # what overflows is refused as infinite
        return Table((), rows.astype(np.float32))


def _csv(path: Path, content: bytes, label: str | None) -> Table:
    try:
        lines = csv.reader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = next(lines, [])
        place = _label_place(path, header, label)
        columns = tuple(name for at, name in enumerate(header) if at != place)
        _check_width(path, len(columns))
        rows: list[NDArray[np.float32]] = []
        labels: list[str] = []
        for number, cells in enumerate(lines, start=2):
            if not cells:
                continue
            if len(cells) != len(header):
                raise _invalid(f"line {number} of {path} has {len(cells)} cells, not {len(header)}")
            if place is not None:
                labels.append(cells.pop(place))
            rows.append(_numbers(path, number, cells))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _invalid(f"{path} is not a CSV file: {error}") from error
    whole = np.array(rows, np.float32).reshape(len(rows), len(columns))
    return _checked(path, Table(columns, whole, tuple(labels)))


def _label_place(path: Path, header: list[str], label: str | None) -> int | None:
    if label is None:
        return None
    if label not in header:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{path} has no column {label[:64]!r}")
    return header.index(label)


def _numbers(path: Path, number: int, cells: list[str]) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):  # as above
            return np.array([float(cell) for cell in cells], np.float64).astype(np.float32)
    except ValueError as error:
        raise _invalid(f"line {number} of {path}: {error}"[:200]) from error


def _check_width(path: Path, width: int) -> None:
    if not 1 <= width <= READINGS_MAX:
        raise _invalid(f"{path} has {width:,} columns of readings; 1 to {READINGS_MAX:,} are taken")


def _checked(path: Path, table: Table) -> Table:
    _check_width(path, table.rows.shape[1])
    if not len(table.rows):
        raise _invalid(f"{path} has no row of readings")
    wrong = np.flatnonzero(~np.isfinite(table.rows).all(axis=1))
    if wrong.size:
        raise _invalid(f"row {wrong[0] + 1} of {path} has a reading that is not a finite number")
    return table


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.READINGS_INVALID, sentence)
