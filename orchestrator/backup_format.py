"""What a backup says of itself: the records at its beginning and at its end, and their limits.

A backup is one tar of the plain ``ustar`` kind. Its members stand in this order and in no other:

1. ``backup.json``: ``Head``, what follows and of which version the tables are;
2. ``authority.json`` and ``operator-token``: the fleet's keys, as the data folder has them; and
   ``publisher.json``, where there are keys that sign metadata of backbones;
3. ``rows/TABLE/NUMBER.gz``: the rows of every table of the head, in its order, each table's in
   parts that are numbered from 1 on: lines of JSON, compressed, one array a row, its values in the
   order of the columns;
4. ``bundles/DIGEST``: content of bundles, as it is;
5. ``manifest.json``: ``Manifest``, the digests of all that came before.

What is written last is known last: so neither side ever holds more than one part. A file that was
cut off has no manifest, and is none. Digests show damage. They do not show a forger, who would
write others, and could seal them, too: a recipient's key is public.
"""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from fieldwise.bundle import Digest
from fieldwise.errors import Fault, FieldwiseError

FORMAT = 1  # rises when a reader of today could misread a backup of tomorrow
HEAD_NAME = "backup.json"
AUTHORITY_NAME = "authority.json"
TOKEN_NAME = "operator-token"  # noqa: S105 - the name of a member
PUBLISHER_NAME = "publisher.json"
MANIFEST_NAME = "manifest.json"

HEAD_BYTES_MAX = 256 * 1024  # sixteen tables and two hundred columns take 4 KiB
KEYS_BYTES_MAX = 64 * 1024
PUBLISHER_BYTES_MAX = 2 * 1024**2  # keys, and a publisher's first metadata
MANIFEST_BYTES_MAX = 16 * 1024**2  # a hundred thousand files of bundles
PART_ROWS = 2000
PART_BYTES = 1024**2  # a part is closed when it has so many bytes, or so many rows
PART_BYTES_MAX = 16 * 1024**2  # the largest row and what stood before it, with room
CONTENT_BYTES_MAX = 8**11 - 1  # what a header of a tar can say

Count = Annotated[int, Meta(ge=0, le=2**53)]
Column = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,62}\Z")]


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table and those of its columns that the rows have, in the order of the values."""

    table: Column
    columns: Annotated[tuple[Column, ...], Meta(min_length=1, max_length=500)]


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup is of.

    ``made_at`` is the moment of the snapshot in seconds since 1970, ``tables_version`` that of the
    newest migration of the tables, ``database`` the kind it was read from. ``with_bundles`` tells
    whether the content of bundles is meant to be inside.
    """

    format: Literal[1]
    program: Annotated[str, Meta(max_length=64)]
    made_at: Annotated[float, Meta(ge=0, le=2**53)]
    fleet: Annotated[str, Meta(max_length=64)]
    database: Annotated[str, Meta(max_length=32)]
    tables_version: Annotated[str, Meta(pattern=r"^[0-9]{4}\Z")]
    tables: Annotated[tuple[Columns, ...], Meta(max_length=200)]
    with_bundles: bool


class Rows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many rows of a table there are, and SHA-256 of all their lines."""

    table: Column
    rows: Count
    sha256: Digest


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that a published backbone needs, and whether its content is inside."""

    digest: Digest
    size: Count
    included: bool


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a backup has.

    ``sha256`` is that of every byte before the manifest's own member, and then of the manifest as
    it is where ``sha256`` is empty.
    """

    rows: tuple[Rows, ...]
    contents: tuple[Content, ...]
    sha256: Annotated[str, Meta(max_length=64)]

    @property
    def devices(self) -> int:
        return next((each.rows for each in self.rows if each.table == "devices"), 0)


class _Formatted(msgspec.Struct):
    format: int


def part_name(table: str, number: int) -> str:
    return f"rows/{table}/{number:06}.gz"


def content_name(digest: str) -> str:
    return f"bundles/{digest}"


def is_digest(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{64}", text) is not None


def decode_head(content: bytes) -> Head:
    """Read the first member.

    Raises:
        FieldwiseError: ``BACKUP_INVALID``, which says so where a newer program has written it.
    """
    try:
        written = msgspec.json.decode(content, type=_Formatted).format
        if written > FORMAT:
            raise invalid(f"it is of format {written}, and this program knows {FORMAT}: update it")
        head = msgspec.json.decode(content, type=Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"its head is not valid: {error}") from error
    if len({each.table for each in head.tables}) < len(head.tables):
        raise invalid("its head names a table twice")
    return head


def decode_manifest(content: bytes) -> Manifest:
    """Read the last member.

    Raises:
        FieldwiseError: ``BACKUP_INVALID``.
    """
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"its manifest is not valid: {error}") from error
    if msgspec.json.encode(manifest) != content:
        raise invalid("its manifest is not as a backup writes it")
    return manifest


def invalid(reason: str) -> FieldwiseError:
    return FieldwiseError(Fault.BACKUP_INVALID, f"the backup cannot be used: {reason}")
