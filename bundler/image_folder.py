"""Images of a folder, in an order that no file system decides."""

from collections.abc import Sequence
from pathlib import Path

from fieldwise import inputs
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.inputs import Array, Form

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"})


def find(folder: Path) -> list[Path]:
    """Every image file below a folder, sorted; hidden ones are left alone.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` when there is none or no such folder.
    """
    if not folder.is_dir():
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{folder} is not a folder")
    found = sorted(path for path in folder.rglob("*") if _is_image(path))
    if not found:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{folder} holds no images")
    return found


def load(path: Path, forms: Sequence[Form], side: int) -> tuple[Array, ...]:
    """One image as a device would see it, in each of some forms (``fieldwise.inputs.fit``).

    Raises:
        FieldwiseError: ``IMAGE_INVALID`` naming the file.
    """
    try:
        return inputs.fit(path.read_bytes(), forms, side)
    except FieldwiseError as error:
        raise FieldwiseError(error.fault, f"{path}: {error.sentence}") from error
    except OSError as error:
        raise FieldwiseError(
            Fault.IMAGE_INVALID, f"{path} cannot be read: {error.strerror}"
        ) from error


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
