"""A backup put into an empty installation, of whatever kind of database.

The file is read twice or three times: once to prove all of it before anything is written, then for
bundles, then for rows. Content of bundles is put first: it lies under its digest, and harms nobody
if the rest fails. Rows are one transaction, and the keys are written as its last deed: an
installation either holds the fleet or holds nothing.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.backing_up import CONNECTIONS, Told, contents_of, places_of
from orchestrator.backup_file import Inside, Part, Reader
from orchestrator.backup_format import Head, Manifest, invalid
from orchestrator.backup_place import Identity, opened
from orchestrator.config import OrchestratorSettings
from orchestrator.contents import bundles_of
from orchestrator.federation.campaign import Campaign
from orchestrator.home import held
from orchestrator.keys import Keys, Places, keys_from, put_keys, refuse_others
from orchestrator.ports import BundleStore
from orchestrator.rollout.backbone import Backbone
from orchestrator.rollout.rollout import Rollout
from orchestrator.storage.sql.copying import check_known, refuse_filled, rows_of
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.migrate import hold_tables
from orchestrator.storage.sql.restoring import Restored, restore_into
from orchestrator.world import SystemClock


@dataclass(frozen=True, slots=True)
class Source:
    """What an operator wants restored.

    ``go_on`` lets rollouts and campaigns go on where they were: right where no server has run since
    the backup.
    """

    file: Path
    identities: tuple[Identity, ...] = ()
    go_on: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """What a file holds, all of it read and proved."""

    head: Head
    manifest: Manifest
    keys: Keys


@dataclass(frozen=True, slots=True)
class Restoration:
    """What became of it: rollouts that stand still, campaigns that ended.

    ``missing`` are the backbones of which the store lacks content.
    """

    verified: Verified
    halted: tuple[Rollout, ...]
    ended: tuple[Campaign, ...]
    missing: tuple[Backbone, ...]
    keys: tuple[Path, ...]


async def restore(settings: OrchestratorSettings, source: Source, told: Told) -> Restoration:
    """Put a backup into an empty installation.

    Raises:
        FieldwiseError: ``BACKUP_INVALID``, ``NOT_EMPTY``, ``INVALID_ARGUMENT`` where the file
            cannot be opened, ``STATE_LOCKED`` while a server holds the data folder, or as the
            stores; the installation then holds no fleet.
    """
    now = SystemClock().now()
    verified = verify(source, now, told)
    _refuse_other_name(settings, verified.head)
    places = places_of(settings)
    refuse_others(places, verified.keys)
    database = Database(settings.database, CONNECTIONS)
    try:
        async with database.read() as connection:
            await refuse_filled(connection)
        with held(settings.folder):
            bundles = await bundles_of(settings)
            await _put_contents(source, verified, bundles, told)
            restored, keys = await _put_rows(database, places, source, verified, now, told)
            missing = await _lacking(bundles, restored.backbones)
    finally:
        await database.dispose()
    return Restoration(verified, restored.halted, restored.ended, missing, keys)


def verify(source: Source, now: float, told: Told) -> Verified:
    """Read a backup from its beginning to its end, and prove all that it says.

    Raises:
        FieldwiseError: ``BACKUP_INVALID`` or ``INVALID_ARGUMENT``.
    """
    with opened(source.file, source.identities) as stream:
        reader = Reader(stream)
        head = reader.head
        check_known(head.tables_version, head.tables)
        keys = _keys(reader, now)
        columns = {each.table: each for each in head.tables}
        done = 0
        for each in reader.members():
            if isinstance(each, Part):
                done += len(rows_of(columns[each.table], each.lines))
                told("verified", done, 0)
        assert reader.manifest is not None
        return Verified(head, reader.manifest, keys)


def _keys(reader: Reader, now: float) -> Keys:
    try:
        keys = keys_from(reader.authority, reader.token, now, reader.publisher)
    except FieldwiseError as error:
        raise invalid(error.sentence) from error
    if keys.installation.fleet != reader.head.fleet:
        raise invalid("its keys are of another fleet than its head says")
    return keys


def _refuse_other_name(settings: OrchestratorSettings, head: Head) -> None:
    if settings.fleet not in {"", head.fleet}:
        raise FieldwiseError(
            Fault.SETTING_INVALID,
            f"fleet = {settings.fleet!r}: the backup is of the fleet {head.fleet!r}",
        )


async def _put_contents(
    source: Source, verified: Verified, bundles: BundleStore, told: Told
) -> None:
    total = sum(each.size for each in verified.manifest.contents if each.included)
    if not total:
        return
    done = 0
    with opened(source.file, source.identities) as stream:
        for each in Reader(stream).members():
            if isinstance(each, Inside):
                await bundles.put(each.digest, _awaited(each.pieces))
                told("bundles", done := done + each.size, total)


async def _awaited(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for each in pieces:
        yield each


async def _put_rows(
    database: Database, places: Places, source: Source, verified: Verified, now: float, told: Told
) -> tuple[Restored, tuple[Path, ...]]:
    """Fill the database, and write the keys before anybody can see it filled."""
    async with database.write() as connection:
        await hold_tables(connection)
        await refuse_filled(connection)
        restored = await restore_into(
            connection,
            verified.head,
            _lines(source, verified, told),
            verified.keys.installation,
            now,
            halt=not source.go_on,
        )
        return restored, put_keys(places, verified.keys)


def _lines(source: Source, verified: Verified, told: Told) -> Iterator[tuple[str, bytes]]:
    done, total = 0, sum(each.rows for each in verified.manifest.rows)
    with opened(source.file, source.identities) as stream:
        reader = Reader(stream)
        for each in reader.members():
            if isinstance(each, Part):
                yield each.table, each.lines
                told("rows", done := done + each.lines.count(b"\n"), total)
        if (reader.head, reader.manifest) != (verified.head, verified.manifest):
            raise invalid("the file was changed while it was read")


async def _lacking(bundles: BundleStore, backbones: Sequence[Backbone]) -> tuple[Backbone, ...]:
    """Return the backbones of which the store does not have everything."""
    there = {
        digest: await bundles.size(digest) is not None
        for digest in contents_of(each.manifest for each in backbones)
    }
    return tuple(
        each for each in backbones if not all(there[one] for one in contents_of([each.manifest]))
    )
