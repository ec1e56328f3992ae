"""What the story knows at this moment, for whoever shows it; safe from any thread."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One device as the table shows it."""

    name: str
    condition: str
    state: str = "not started"
    backbone: str = ""
    classes: int = 0
    samples: int = 0
    running_accuracy: float | None = None  # test-then-train, over the device's last window
    test_accuracy: float | None = None
    checked_in_seconds: float | None = None  # ago


class Board:
    """A line of text and a row for each device.

    Args:
        tell: Called with every new line, from whichever thread set it.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._rows: dict[str, Row] = {}
        self._line = ""

    @property
    def line(self) -> str:
        return self._line

    @property
    def rows(self) -> tuple[Row, ...]:
        with self._lock:
            return tuple(self._rows.values())

    def say(self, line: str) -> None:
        """Tell what happens next."""
        self._line = line
        self._tell(line)

    def open(self, rows: Iterable[Row]) -> None:
        with self._lock:
            self._rows = {row.name: row for row in rows}

    def note(self, name: str, **changes: Any) -> None:
        """Change cells of a device's row."""
        with self._lock:
            self._rows[name] = replace(self._rows[name], **changes)
