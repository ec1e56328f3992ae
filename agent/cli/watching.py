"""Watching a folder: what appears in a class folder is learned, the rest is predicted.

A file counts as whole when its size and time have stood still for a moment, so a camera may write
it slowly or another program move it in. Every file is taken once for each content it gets; what
cannot be read is named and left. When the agent is busy, restarts or has no room, files wait.

Names that begin with a dot are left alone, as is what other programs keep for themselves, and links
to folders are not followed: they may lead anywhere, also back. Links to files are read. What was in
the folder before is taken once it is written or touched.
"""

import hashlib
import os
import stat
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from watchfiles import Change, watch
from watchfiles._rust_notify import WatchfilesRustInternalError

from agent.cli.desk import Desk
from agent.cli.learning import lesson_words, prediction_words
from agent.cli.output import failure_of, legible
from fieldwise.answers import Lesson, Prediction
from fieldwise.client import read_image
from fieldwise.errors import Fault, FieldwiseError

STILL_SECONDS = 1.0  # a slow writer flushes more often than that
ROUND_MILLISECONDS = 250
AGAIN_SECONDS = 1.0  # until watching begins again: looking through a large folder takes a while
LATER = frozenset(
    {Fault.BUSY, Fault.UNREACHABLE, Fault.UNAVAILABLE, Fault.DISK_FULL, Fault.NO_BACKBONE}
)
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"})

Form = tuple[int, int]  # size in bytes and time of change in nanoseconds


@dataclass(slots=True)
class Stillness:
    """Which files have stood still; it is told what is seen and when."""

    still_seconds: float = STILL_SECONDS
    _seen: dict[Path, tuple[Form, float]] = field(default_factory=dict)

    def see(self, path: Path, form: Form, now: float) -> None:
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
        FieldwiseError: ``NOT_FOUND`` when the folder is not there, ``INVALID_ARGUMENT`` for one
            whose path is not UTF-8, which watchfiles cannot be told.
    """
    if not folder.is_dir():
        raise FieldwiseError(Fault.NOT_FOUND, f"{folder} is not a folder")
    folder = folder.resolve()  # as the kernel's notices name what is inside
    if legible(folder) != str(folder):
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"the path {folder} is not UTF-8")
    stillness, intake = Stillness(), Intake(folder, desk, as_json=as_json)
    seen = _forms(folder, folder)
    print(f"watching {legible(folder)}", file=sys.stderr)
    for changed in _changes(folder, seen):
        for path in (*changed, *stillness.moving):
            form = _form(path)
            if form is None:
                stillness.forget(path)
                intake.forget(path)
            else:
                stillness.see(path, form, time.monotonic())
        intake.take(stillness.whole(time.monotonic()))
        _tick(desk)


class Intake:
    """Brings whole files to the agent, in their order, each once for each content.

    Args:
        folder: What is watched, resolved.
        desk: The agent.
        as_json: Whether what became of a file is told as a line of JSON.
    """

    def __init__(self, folder: Path, desk: Desk, *, as_json: bool) -> None:
        self._folder = folder
        self._desk = desk
        self._as_json = as_json
        self._waiting: deque[Path] = deque()
        self._taken: dict[Path, bytes] = {}
        self._complaint = ""

    def take(self, whole: list[Path]) -> None:
        """Take these and those that had to wait, as far as the agent can now."""
        self._waiting.extend(whole)
        reason = self._take_all()
        if reason and reason != self._complaint:  # once, not four times a second
            print(f"files wait: {reason}", file=sys.stderr)
        self._complaint = reason

    def forget(self, path: Path) -> None:
        """A file is gone: the next one of its name is another one."""
        self._taken.pop(path, None)

    def _take_all(self) -> str:
        """Returns why the rest has to wait, if any does."""
        while self._waiting:
            path = self._waiting[0]
            try:
                self._take_one(path)
            except FieldwiseError as error:
                if error.fault in LATER and path.exists():
                    return error.sentence
                self._say_failure(path, error)
            self._waiting.popleft()
        return ""

    def _take_one(self, path: Path) -> None:
        image = read_image(path)
        digest = hashlib.sha256(image).digest()
        if self._taken.get(path) == digest:
            return  # only its time has changed
        try:
            self._say(path, self._ask(path, image))
        except FieldwiseError as error:
            if error.fault not in LATER:
                self._taken[path] = digest
            raise
        self._taken[path] = digest

    def _ask(self, path: Path, image: bytes) -> Lesson | Prediction:
        parts = path.relative_to(self._folder).parts
        if len(parts) > 1:
            return self._desk.teach(image, parts[0], "")
        return self._desk.predict(image)

    def _say(self, path: Path, result: Lesson | Prediction) -> None:
        if self._as_json:
            _print_json({"file": legible(path), **msgspec.to_builtins(result)})
            return
        words = lesson_words(result) if isinstance(result, Lesson) else prediction_words(result)
        print(f"{legible(path)}: {words}", flush=True)

    def _say_failure(self, path: Path, error: FieldwiseError) -> None:
        if self._as_json:
            _print_json({"file": legible(path), **failure_of(error)})
        else:
            print(legible(f"{path}: {error.sentence}"), file=sys.stderr)


def _changes(folder: Path, seen: dict[Path, Form]) -> Iterator[list[Path]]:
    """Image files that changed or went, and nothing in a quiet round: waiting files get a turn.

    watchfiles ends at a name that is not UTF-8, even when such a file is only opened. It is begun
    again then, and the folder is looked through, so that nothing is missed that came in between.
    """
    told = False
    while True:
        try:
            for number, named in enumerate(_notices(folder)):
                found = named if number else named | _news(folder, seen)
                yield _noted(found, seen)
        except WatchfilesRustInternalError:
            if not told:
                print(f"a name in {legible(folder)} is not UTF-8", file=sys.stderr)
            told = True
        time.sleep(AGAIN_SECONDS)
        yield _noted(_news(folder, seen), seen)


def _news(folder: Path, seen: dict[Path, Form]) -> set[Path]:
    """What is not as it was seen, by looking through the whole folder."""
    found = _forms(folder, folder)
    return {path for path in {*found, *seen} if found.get(path) != seen.get(path)}


def _noted(paths: set[Path], seen: dict[Path, Form]) -> list[Path]:
    for path in paths:
        if form := _form(path):
            seen[path] = form
        else:
            seen.pop(path, None)
    return sorted(paths)


def _notices(folder: Path) -> Iterator[set[Path]]:
    rounds = watch(
        folder,
        watch_filter=None,
        yield_on_timeout=True,
        rust_timeout=ROUND_MILLISECONDS,
        debounce=50,
    )
    for changes in rounds:
        named = {path for _, name in changes if _is_meant(folder, path := Path(name))}
        new = [Path(name) for change, name in changes if change is Change.added]
        # What is written into a new folder before the kernel watches it has no notice of its own.
        for found in new:
            if not found.is_symlink() and found.is_dir():
                named.update(_forms(folder, found))
        yield named


def _forms(folder: Path, top: Path) -> dict[Path, Form]:
    """The image files below ``top``, which is in the folder or the folder itself."""
    found = {}
    for place, folders, names in os.walk(top):  # it follows no links
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(place) / name for name in names):
            if _is_meant(folder, path) and (form := _form(path)):
                found[path] = form
    return found


def _is_meant(folder: Path, path: Path) -> bool:
    """Whether a path is that of an image, by no dot and no linked folder."""
    parts = path.relative_to(folder).parts
    between = path.parents[: max(0, len(parts) - 1)]
    return (
        path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in parts)
        and not any(parent.is_symlink() for parent in between)
    )


def _form(path: Path) -> Form | None:
    """How a file is now; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def _print_json(line: dict[str, object]) -> None:
    print(msgspec.json.encode(line).decode(), flush=True)


def _tick(desk: Desk) -> None:
    try:
        desk.tick()
    except FieldwiseError as error:
        print(error.sentence, file=sys.stderr)
