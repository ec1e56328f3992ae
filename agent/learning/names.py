"""Names that people give, in the form in which they are stored."""

import hashlib
import hmac
import unicodedata

from fieldwise.class_name import check_class_name
from fieldwise.errors import Fault, FieldwiseError

BURST_BYTES_MAX = 128  # as the local wire allows


def stored_class_name(name: str) -> str:
    """A class name in composed form; folders that come from a Mac spell theirs decomposed.

    Raises:
        FieldwiseError: ``CLASS_INVALID`` as ``fieldwise.class_name``.
    """
    return check_class_name(unicodedata.normalize("NFC", name))


def check_burst_name(name: str) -> str:
    """Return a scene's name as given; empty means none.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` when it is over 128 bytes or not printable.
    """
    if not name.isprintable() or len(name.encode()) > BURST_BYTES_MAX:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"a burst has up to {BURST_BYTES_MAX} bytes that can be printed"
        )
    return name


def mark_of(class_name: str, key: bytes, purpose: str = "absent") -> str:
    """What is kept of a forgotten class's name: nobody without the device's secret can test it."""
    return hmac.new(key, f"{purpose} {class_name}".encode(), hashlib.sha256).hexdigest()
