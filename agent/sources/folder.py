"""Watching a folder: what appears in a class folder is learned, the rest is predicted.

A file counts as whole when its size and time have stood still for a moment, so a camera may write
it slowly or another program move it in. Every file is taken once for each content it gets; what
cannot be read is named and left. When the agent is busy, restarts or has no room, files wait where
they are: beside the image on offer only names are held, one for each file in the folder.

Which files are meant and what they show is for ``agent.sources.layout``. What was in the folder
before is taken once it is written or touched, or at once where that is asked for. Of what comes as
it is made, the agent tells scenes by time; what was there before came at any time, and is a scene
for each image.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from watchfiles import Change, watch
from watchfiles._rust_notify import WatchfilesRustInternalError

from agent.ports import Clock
from agent.sources.frame import Frame, Tell
from agent.sources.layout import Form, form_of, forms_in, frame_of, is_meant
from fieldwise.errors import Fault, FieldwiseError

STILL_SECONDS = 1.0  # a slow writer flushes more often than that
ROUND_MILLISECONDS = 250
AGAIN_SECONDS = 1.0  # until watching begins again: looking through a large folder takes a while


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
        self._taken: dict[Path, str] = {}
        found = forms_in(self.path, self.path)
        self._before = set(found) if existing else set()
        self._seen = {} if existing else found

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
            form = form_of(path)
            if form is None:
                self._stillness.forget(path)
                self._taken.pop(path, None)  # the next file of its name is another one
            else:
                self._stillness.see(path, form, self._clock.monotonic())

    def _frame(self, path: Path) -> Frame | None:
        apart = path in self._before
        try:
            frame = frame_of(self.path, path, self._clock.wall(), apart=apart)
        except FieldwiseError as error:
            self._tell(str(path), error)
            return None
        self._before.discard(path)
        if self._taken.get(path) == frame.key:
            return None  # only its time has changed
        self._taken[path] = frame.key
        return frame


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
    found = forms_in(folder, folder)
    return {path for path in {*found, *seen} if found.get(path) != seen.get(path)}


def _noted(paths: set[Path], seen: dict[Path, Form]) -> list[Path]:
    for path in paths:
        if form := form_of(path):
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
        named = {path for _, name in changes if is_meant(folder, path := Path(name))}
        new = [Path(name) for change, name in changes if change is Change.added]
        # What is written into a new folder before the kernel watches it has no notice of its own.
        for found in new:
            if not found.is_symlink() and found.is_dir():
                named.update(forms_in(folder, found))
        yield named


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
