"""A backbone as the fleet knows it, and the ways to name one."""

import re
from dataclasses import dataclass

from fieldwise.bundle import Manifest
from fieldwise.errors import Fault, FieldwiseError

PREFIX_DIGITS_MIN = 8  # 32 bits: no two of a fleet's bundles meet by chance
_NAMED = re.compile(r"([a-z0-9][a-z0-9._-]{0,63})(?::([0-9a-zA-Z][0-9a-zA-Z.+-]{0,31}))?")


@dataclass(frozen=True, slots=True)
class Backbone:
    """A published bundle; ``number`` is given by the store and sorts backbones by age.

    One that was recalled stays known, and is brought to nobody.
    """

    digest: str
    manifest: Manifest
    created_at: float
    number: int = 0
    recalled_at: float | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """What an operator wrote to name a backbone; parts that were not written are None.

    A text such as ``deadbeef`` may be a digest's beginning or a name: then both are there and a
    digest that exists goes first.
    """

    digest_prefix: str | None
    name: str | None
    version: str | None


def parse_reference(text: str) -> Reference:
    """Read a digest (or its first 8 digits and more), NAME or NAME:VERSION.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for anything else.
    """
    digest = text if re.fullmatch(f"[0-9a-f]{{{PREFIX_DIGITS_MIN},64}}", text) else None
    named = _NAMED.fullmatch(text)
    if digest is None and named is None:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{text[:100]!r} is no digest, NAME or NAME:VERSION"
        )
    return Reference(digest, named[1] if named else None, named[2] if named else None)


def refuse_recalled(backbone: Backbone) -> None:
    """Let a backbone pass that may be given to devices.

    Raises:
        FieldwiseError: ``ILLEGAL_COMMAND`` for one that was recalled.
    """
    if backbone.recalled_at is not None:
        raise FieldwiseError(
            Fault.ILLEGAL_COMMAND, f"{backbone.manifest.title} was recalled; nobody gets it"
        )
