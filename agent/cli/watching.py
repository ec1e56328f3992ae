"""Watching a folder: what appears in a class folder is learned, the rest is predicted.

A file counts as whole when its size and time have stood still for a moment, so a camera may write
it slowly or another program move it in. Every file is taken once for each content it gets; what
cannot be read is named and left. When the agent is busy, restarts or has no room, files wait.
"""

import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from watchfiles import Change, watch

from agent.cli.desk import Desk
from agent.cli.learning import lesson_words, prediction_words
from fieldwise.answers import Lesson, Prediction
from fieldwise.client import read_image
from fieldwise.errors import Fault, FieldwiseError

STILL_SECONDS = 1.0  # a slow writer flushes more often than that
ROUND_MILLISECONDS = 250
LATER = frozenset(
    {Fault.BUSY, Fault.UNREACHABLE, Fault.UNAVAILABLE, Fault.DISK_FULL, Fault.NO_BACKBONE}
)
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"})


@dataclass(slots=True)
class Stillness:
    """Which files have stood still; it is told what is seen and when."""

    still_seconds: float = STILL_SECONDS
    _seen: dict[Path, tuple[tuple[int, int], float]] = field(default_factory=dict)

    def see(self, path: Path, form: tuple[int, int], now: float) -> None:
        """Note a file's size and time of change."""
        if self._seen.get(path, ((-1, -1), 0.0))[0] != form:
            self._seen[path] = (form, now)

    def forget(self, path: Path) -> None:
        """Note that a file is gone."""
        self._seen.pop(path, None)

    @property
    def moving(self) -> tuple[Path, ...]:
        """Files that have not stood still yet."""
        return tuple(self._seen)

    def whole(self, now: float) -> list[Path]:
        """Take out the files that have stood still and are not empty."""
        found = [
            path
            for path, ((size, _), since) in self._seen.items()
            if size and now - since >= self.still_seconds
        ]
        for path in found:
            del self._seen[path]
        return found


def watch_folder(folder: Path, desk: Desk, *, as_json: bool) -> None:
    """Take files as they become whole, for ever.

    Raises:
        FieldwiseError: ``NOT_FOUND`` when the folder is not there.
    """
    if not folder.is_dir():
        raise FieldwiseError(Fault.NOT_FOUND, f"{folder} is not a folder")
    stillness, waiting = Stillness(), deque[Path]()
    print(f"watching {folder}", file=sys.stderr)
    complaint = ""
    for changed in _changes(folder):
        for path in (*changed, *stillness.moving):
            _look(path, stillness)
        waiting.extend(stillness.whole(time.monotonic()))
        reason = _take_all(folder, waiting, desk, as_json=as_json)
        if reason and reason != complaint:  # once, not four times a second
            print(f"files wait: {reason}", file=sys.stderr)
        complaint = reason
        _tick(desk)


def take(folder: Path, path: Path, desk: Desk) -> Lesson | Prediction:
    """Learn a file of a class folder, predict another one.

    Raises:
        FieldwiseError: What is wrong with the image, its class or the agent.
    """
    image = read_image(path)
    parts = path.relative_to(folder).parts
    return desk.teach(image, parts[0], "") if len(parts) > 1 else desk.predict(image)


def _changes(folder: Path) -> Iterator[list[Path]]:
    """New and changed image files, and nothing in a quiet round: waiting files get their turn."""
    rounds = watch(folder, yield_on_timeout=True, rust_timeout=ROUND_MILLISECONDS, debounce=50)
    for changes in rounds:
        named = [Path(name) for change, name in changes if change is not Change.deleted]
        new = [Path(name) for change, name in changes if change is Change.added]
        # What is written into a new folder before the kernel watches it has no notice of its own.
        inside = [path for found in new if found.is_dir() for path in found.rglob("*")]
        paths = {path for path in (*named, *inside) if path.suffix.lower() in SUFFIXES}
        yield sorted(path for path in paths if path.is_file())


def _look(path: Path, stillness: Stillness) -> None:
    try:
        form = path.stat()
    except OSError:
        stillness.forget(path)
        return
    stillness.see(path, (form.st_size, form.st_mtime_ns), time.monotonic())


def _take_all(folder: Path, waiting: deque[Path], desk: Desk, *, as_json: bool) -> str:
    """Take what can be taken now; returns why the rest has to wait, if any does."""
    while waiting:
        path = waiting[0]
        try:
            result = take(folder, path, desk)
        except FieldwiseError as error:
            if error.fault in LATER and path.exists():
                return error.sentence
            print(f"{path}: {error.sentence}", file=sys.stderr)
        else:
            _say(path, result, as_json=as_json)
        waiting.popleft()
    return ""


def _say(path: Path, result: Lesson | Prediction, *, as_json: bool) -> None:
    if as_json:
        line = msgspec.json.encode({"file": str(path), **msgspec.to_builtins(result)}).decode()
    else:
        words = lesson_words(result) if isinstance(result, Lesson) else prediction_words(result)
        line = f"{path}: {words}"
    print(line, flush=True)


def _tick(desk: Desk) -> None:
    try:
        desk.tick()
    except FieldwiseError as error:
        print(error.sentence, file=sys.stderr)
