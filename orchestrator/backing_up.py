"""A backup of everything that cannot be made again: database, keys, bundles, heads of campaigns.

It is taken beside a server that goes on: one transaction sees one moment of the database. Bundles
are read after it; content is kept before the row that names it, and never changes. What devices
gave to campaigns is not in it: its owners may have taken it back by the time of a restoration.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fieldwise import __version__
from fieldwise.bundle import Manifest, digest_of, encode_manifest
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.backup_file import Writer
from orchestrator.backup_format import Content, Head
from orchestrator.backup_place import Recipient, written
from orchestrator.config import OrchestratorSettings
from orchestrator.contents import bundles_of
from orchestrator.keys import Keys, Places, keys_at
from orchestrator.ports import BundleStore
from orchestrator.storage.sql.copying import (
    Described,
    belongs_to,
    described,
    heads_in,
    manifests_in,
    parts_of,
)
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.place import read_url, refuse_missing
from orchestrator.world import SystemClock

CONNECTIONS = 2  # beside those of the server

# What goes on, how much of it is done, and how much there is: rows, or bytes.
Told = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator asks for.

    ``with_bundles`` is None for the usual: content that lies in a folder goes along, a bucket's
    stays where it is.
    """

    file: Path
    recipients: tuple[Recipient, ...] = ()
    with_bundles: bool | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup holds; ``missing`` are digests that the bundle store did not have."""

    file: Path
    head: Head
    devices: int
    rows: int
    contents: tuple[Content, ...] = field(default=())
    missing: tuple[str, ...] = ()
    encrypted: bool = False


async def back_up(settings: OrchestratorSettings, wanted: Wanted, told: Told) -> BackedUp:
    """Write a backup.

    Raises:
        FieldwiseError: ``ALREADY_EXISTS``, ``DISK_FULL``, ``AUTHORITY_UNUSABLE`` without keys of
            this fleet, ``DIGEST_MISMATCH`` for spoiled content of a bundle, or as the stores.
    """
    refuse_missing(settings.database)
    now = SystemClock().now()
    keys = keys_at(places_of(settings), now)
    database = Database(settings.database, CONNECTIONS)
    try:
        with written(wanted.file, wanted.recipients, force=wanted.force) as stream:
            async with database.read() as connection:
                found = await described(connection)
                if (await belongs_to(connection, found.tables)) not in {None, keys.installation}:
                    raise _foreign(keys)
                head = _head(settings, wanted, found, keys, now)
                writer = Writer(stream, head)
                writer.keys(keys.content, keys.token, keys.publisher)
                manifests = await manifests_in(connection)
                heads = await heads_in(connection, found.tables)
                done = 0
                for each in head.tables:
                    async for lines in parts_of(connection, each):
                        writer.part(each.table, len(lines), b"".join(lines))
                        told("rows", done := done + len(lines), found.rows)
            needed = contents_of(manifests) | {each.digest: each.bytes for each in heads}
            contents = await _contents(settings, head, needed, writer, told)
            manifest = writer.end(contents)
    finally:
        await database.dispose()
    lacking = [each.digest for each in contents if head.with_bundles and not each.included]
    return BackedUp(
        file=wanted.file,
        head=head,
        devices=manifest.devices,
        rows=found.rows,
        contents=contents,
        missing=tuple(lacking),
        encrypted=bool(wanted.recipients),
    )


def places_of(settings: OrchestratorSettings) -> Places:
    """Return where an installation with these settings has its keys."""
    return Places(
        settings.folder,
        settings.authority_file,
        settings.operator_token,
        settings.publisher_file,
    )


def contents_of(manifests: Iterable[Manifest]) -> dict[str, int]:
    """Return every file that bundles consist of, with its size."""
    sizes: dict[str, int] = {}
    for each in manifests:
        encoded = encode_manifest(each)
        sizes[digest_of(encoded)] = len(encoded)
        sizes |= {file.digest: file.size for file in each.files}
    return sizes


def _head(
    settings: OrchestratorSettings, wanted: Wanted, found: Described, keys: Keys, now: float
) -> Head:
    included = wanted.with_bundles
    return Head(
        format=1,
        program=__version__,
        made_at=now,
        fleet=keys.installation.fleet,
        database=read_url(settings.database).get_backend_name(),
        tables_version=found.version,
        tables=found.tables,
        with_bundles=settings.bucket is None if included is None else included,
    )


async def _contents(
    settings: OrchestratorSettings, head: Head, needed: dict[str, int], writer: Writer, told: Told
) -> tuple[Content, ...]:
    if not head.with_bundles:
        return tuple(Content(digest, size, included=False) for digest, size in needed.items())
    bundles = await bundles_of(settings)
    contents, done, total = [], 0, sum(needed.values())
    for digest, size in needed.items():
        included = await _include(bundles, digest, size, writer)
        contents.append(Content(digest, size, included))
        told("bundles", done := done + size, total)
    return tuple(contents)


async def _include(bundles: BundleStore, digest: str, size: int, writer: Writer) -> bool:
    if await bundles.size(digest) is None:
        return False
    await writer.content(digest, size, bundles.read(digest))
    return True


def _foreign(keys: Keys) -> FieldwiseError:
    return FieldwiseError(
        Fault.AUTHORITY_UNUSABLE,
        f"the database belongs to another authority than that of {keys.installation.fleet!r} here: "
        "a backup with these keys would be of no use",
    )
