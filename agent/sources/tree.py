"""A folder as a source that ends: every image that is in it now, once."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.ports import Clock
from agent.sources.frame import Frame, Tell
from agent.sources.layout import class_of, forms_in, frame_of
from fieldwise.errors import Fault, FieldwiseError


class FolderTree:
    """The source port on what a folder holds (``agent.sources.layout``) when it is made.

    Classes take turns, so that a run which is interrupted leaves no class out, and accuracy on the
    way is not that of one class after another. What lies in the folder itself comes last, when
    there is something to ask.

    Args:
        folder: Where to look.
        clock: Time.
        tell: Told of what cannot be read.

    Attributes:
        path: The folder.
        files: The images in it.

    Raises:
        FieldwiseError: ``NOT_FOUND`` when the folder is not there.
    """

    def __init__(self, folder: Path, clock: Clock, tell: Tell) -> None:
        if not folder.is_dir():
            raise FieldwiseError(Fault.NOT_FOUND, f"{folder} is not a folder")
        self.path = folder.resolve()
        self.files = _in_turn(self.path, sorted(forms_in(self.path, self.path)))
        self._clock = clock
        self._tell = tell

    def frames(self) -> Iterator[Frame | None]:
        """Every image of it; a scene is a folder in its class's, or else the image alone."""
        for path in self.files:
            try:
                yield frame_of(self.path, path, self._clock.wall(), apart=True)
            except FieldwiseError as error:
                self._tell(str(path), error)


def _in_turn(folder: Path, files: Sequence[Path]) -> tuple[Path, ...]:
    of_class: dict[str, int] = defaultdict(int)
    turns = []
    for path in files:
        name = class_of(folder, path)
        turns.append((name is None, of_class[name or ""], path))
        of_class[name or ""] += 1
    return tuple(path for _, _, path in sorted(turns))
