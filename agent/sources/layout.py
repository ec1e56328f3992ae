"""How a folder of images is laid out: which files are meant, what they show, which scene they are.

``CLASS/SCENE/1.jpg`` shows CLASS, and all below one folder SCENE are one scene, so that they are
learned together or set aside together. ``CLASS/1.jpg`` shows CLASS and says nothing of its scene.
What lies in the folder itself has no class.

Names that begin with a dot are left alone, as is what other programs keep for themselves, and links
to folders are not followed: they may lead anywhere, also back. Links to files are read.

A file's key is that of its content, whatever it is called: the same image is learned once, also
after a restart, and one that was moved to another class's folder is corrected.
"""

import hashlib
import os
import stat
from pathlib import Path

from agent.learning.names import BURST_BYTES_MAX
from agent.sources.frame import Frame
from fieldwise.client import read_image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"})

Form = tuple[int, int]  # size in bytes and time of change in nanoseconds


def forms_in(folder: Path, top: Path) -> dict[Path, Form]:
    """The image files below ``top``, which is in the folder or the folder itself."""
    found = {}
    for place, folders, names in os.walk(top):  # it follows no links
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(place) / name for name in names):
            if is_meant(folder, path) and (form := form_of(path)):
                found[path] = form
    return found


def is_meant(folder: Path, path: Path) -> bool:
    """Whether a path is that of an image, by no dot and no linked folder."""
    parts = path.relative_to(folder).parts
    between = path.parents[: max(0, len(parts) - 1)]
    return (
        path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in parts)
        and not any(parent.is_symlink() for parent in between)
    )


def form_of(path: Path) -> Form | None:
    """How a file is now; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def class_of(folder: Path, path: Path) -> str | None:
    """What a file shows, by the first folder that it is in; None for one in the folder itself."""
    parts = path.relative_to(folder).parts
    return parts[0] if len(parts) > 1 else None


def frame_of(folder: Path, path: Path, now: float, *, apart: bool) -> Frame:
    """Read a file.

    Args:
        folder: The folder whose layout it is.
        path: A file in it.
        now: Unix seconds.
        apart: Whether a file that says nothing of its scene is one of its own; else the agent
            decides by time.

    Raises:
        FieldwiseError: ``IMAGE_INVALID``.
    """
    image = read_image(path)
    digest = hashlib.sha256(image).hexdigest()
    alone = f"image {digest[:32]}" if apart else ""
    return Frame(
        name=str(path),
        time=now,
        image=image,
        class_name=class_of(folder, path),
        scene=_scene_of(folder, path) or alone,
        key=f"image {digest}",
    )


def _scene_of(folder: Path, path: Path) -> str:
    """The folders below the class's; their hash where the wire would refuse their names."""
    parts = path.relative_to(folder).parts[:-1]
    if len(parts) <= 1:
        return ""
    name = "/".join(parts)
    encoded = os.fsencode(name)
    if name.isprintable() and len(encoded) <= BURST_BYTES_MAX:
        return name
    return f"folder {hashlib.sha256(encoded).hexdigest()[:32]}"
