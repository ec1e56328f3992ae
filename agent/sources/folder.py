"""Watching a folder: what appears in a class folder is learned, the rest is predicted.

A file counts as whole when its size and time have stood still for a moment, so a camera may write
it slowly or another program move it in. Every file is taken once for each content it gets; what
cannot be read is named and left. When the agent is busy, restarts or has no room, files wait where
they are: beside the image on offer only names are held, one for each file in the folder.

Names that begin with a dot are left alone, as is what other programs keep for themselves, and links
to folders are not followed: they may lead anywhere, also back. Links to files are read. What was in
the folder before is taken once it is written or touched, or at once where that is asked for.
"""

import hashlib
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from watchfiles import Change, watch
from watchfiles._rust_notify import WatchfilesRustInternalError

from agent.ports import Clock
from agent.sources.frame import Frame, Tell
from fieldwise.client import read_image
from fieldwise.errors import Fault, FieldwiseError

STILL_SECONDS = 1.0  # a slow writer flushes more often than that
ROUND_MILLISECONDS = 250
AGAIN_SECONDS = 1.0  # until watching begins again: looking through a large folder takes a while
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


class WatchedFolder:
    """The source port on a folder: new files in class folders teach, the others ask.

    Args:
        folder: What is watched.
        clock: Time.
        tell: Told of what cannot be read, and of names that are not UTF-8.
        existing: Whether what is there already is taken as well.

    Raises:
        FieldwiseError: ``NOT_FOUND`` when the folder is not there, ``INVALID_ARGUMENT`` for one
            whose path is not UTF-8, which watchfiles cannot be told.
    """

    def __init__(self, folder: Path, clock: Clock, tell: Tell, *, existing: bool = False) -> None:
        if not folder.is_dir():
            raise FieldwiseError(Fault.NOT_FOUND, f"{folder} is not a folder")
        self.path = folder.resolve()  # as the kernel's notices name what is inside
        if not _is_utf8(self.path):
            raise FieldwiseError(Fault.INVALID_ARGUMENT, f"the path {folder} is not UTF-8")
        self._clock = clock
        self._tell = tell
        self._stillness = Stillness()
        self._taken: dict[Path, bytes] = {}
        self._seen = {} if existing else _forms(self.path, self.path)

    def frames(self) -> Iterator[Frame | None]:
        """Files as they become whole, each once for each content it gets, for ever."""
        for changed in _changes(self.path, self._seen, self._tell):
            self._look_at((*changed, *self._stillness.moving))
            for path in self._stillness.whole(self._clock.monotonic()):
                frame = self._frame(path)
                if frame is not None:
                    yield frame
            yield None

    def _look_at(self, paths: Iterable[Path]) -> None:
        for path in paths:
            form = _form(path)
            if form is None:
                self._stillness.forget(path)
                self._taken.pop(path, None)  # the next file of its name is another one
            else:
                self._stillness.see(path, form, self._clock.monotonic())

    def _frame(self, path: Path) -> Frame | None:
        try:
            image = read_image(path)
        except FieldwiseError as error:
            self._tell(str(path), error)
            return None
        digest = hashlib.sha256(image).digest()
        if self._taken.get(path) == digest:
            return None  # only its time has changed
        self._taken[path] = digest
        parts = path.relative_to(self.path).parts
        class_name = parts[0] if len(parts) > 1 else None
        return Frame(str(path), self._clock.wall(), image, class_name)


def _changes(folder: Path, seen: dict[Path, Form], tell: Tell) -> Iterator[list[Path]]:
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
                reason = f"a name in {folder} is not UTF-8"
                tell(str(folder), FieldwiseError(Fault.INVALID_ARGUMENT, reason))
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


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
