"""Tags: what an operator writes on a device, and selectors read."""

import re
from collections.abc import Iterable, Mapping

from fieldwise.errors import Fault, FieldwiseError

TAGS_MAX = 32  # the wire's cap
KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?")
VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def check_key(key: str) -> str:
    """Return a tag's key as given.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` unless it is 1 to 63 letters, digits and ``._/-``.
    """
    if not KEY.fullmatch(key):
        raise _invalid("key", key, "._/-")
    return key


def check_value(value: str) -> str:
    """Return a tag's value as given.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` unless it is 1 to 63 letters, digits and ``._-``.
    """
    if not VALUE.fullmatch(value):
        raise _invalid("value", value, "._-")
    return value


def check_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of the tags, sorted by key.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a bad key or value, ``OVER_LIMIT`` for too many.
    """
    if len(tags) > TAGS_MAX:
        raise FieldwiseError(
            Fault.OVER_LIMIT, f"{len(tags)} tags are too many; a device holds {TAGS_MAX}"
        )
    return {check_key(key): check_value(tags[key]) for key in sorted(tags)}


def changed(tags: Mapping[str, str], put: Mapping[str, str], drop: Iterable[str]) -> dict[str, str]:
    """Return the tags with some written and some taken away; a key in both is written.

    Raises:
        FieldwiseError: As ``check_tags``, for the result.
    """
    dropped = {check_key(key) for key in drop}
    return check_tags({key: tags[key] for key in tags if key not in dropped} | dict(put))


def _invalid(part: str, text: str, marks: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.INVALID_ARGUMENT,
        f"the tag {part} {text[:70]!r} is not 1 to 63 letters, digits and any of {marks} inside",
    )
