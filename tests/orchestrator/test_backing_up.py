"""A backup of a whole installation: what goes along, and who can open it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pyrage.x25519 import Identity
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from fieldwise.bundle import digest_of
from fieldwise.errors import Fault
from orchestrator.backing_up import Wanted, back_up
from orchestrator.backup_format import Columns
from orchestrator.backup_place import identities_in, recipients_from
from orchestrator.beforehand import create_authority
from orchestrator.contents import bundles_of
from orchestrator.restoring import Source, restore
from orchestrator.storage.sql.copying import parts_of
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.tables import device_keys, devices
from tests.founded import KINDS, Make, founded, nobody_hears, refused

# What a restoration changes.
RESTORED = ("leadership", "restorations", "audit_entries", "audit_extent", "trust_metadata")


async def test_the_file_is_the_same_for_the_same_fleet_wherever_it_lies(
    make: Make, tmp_path: Path
) -> None:
    """It changes the term, says twice that it was, and leaves out what is to be signed anew."""
    source = await founded(make("source"), tmp_path)
    first, second = tmp_path / "first", tmp_path / "second"
    await back_up(source, Wanted(first), nobody_hears)
    target = make("target", "postgresql")
    await restore(target, Source(first, go_on=True), nobody_hears)
    again = await back_up(target, Wanted(second), nobody_hears)
    third = await restore(make("third"), Source(second, go_on=True), nobody_hears)
    one = await restore(make("fourth"), Source(first, go_on=True), nobody_hears)
    rows = [
        {each.table: each for each in done.verified.manifest.rows if each.table not in RESTORED}
        for done in (third, one)
    ]
    assert rows[0] == rows[1]
    assert again.contents == tuple(third.verified.manifest.contents)


async def test_a_backup_without_keys_of_this_fleet_is_not_made(make: Make, tmp_path: Path) -> None:
    source = await founded(make("source"), tmp_path)
    file = tmp_path / "backup"
    other, _ = create_authority(tmp_path, "another")
    foreign = make("source", authority_file=other)
    async with refused(Fault.AUTHORITY_UNUSABLE, "another authority"):
        await back_up(foreign, Wanted(file), nobody_hears)
    (source.folder / "authority.json").unlink()
    async with refused(Fault.AUTHORITY_UNUSABLE, "is not there"):
        await back_up(source, Wanted(file), nobody_hears)
    async with refused(Fault.NOT_FOUND):
        await back_up(make("nowhere"), Wanted(file), nobody_hears)
    assert not file.exists()
    assert not (tmp_path / "nowhere").exists()


async def test_content_of_bundles_goes_along_or_is_named_as_missing(
    make: Make, tmp_path: Path
) -> None:
    source = await founded(make("source"), tmp_path)
    whole, index = tmp_path / "whole", tmp_path / "index"
    made = await back_up(source, Wanted(whole), nobody_hears)
    # What records of tests name is published, and was never pushed.
    pushed = {each.digest for each in made.contents if each.included}
    assert len(pushed) == 3
    assert {each.digest for each in made.contents} - pushed == set(made.missing)
    only = await back_up(source, Wanted(index, with_bundles=False), nobody_hears)
    assert not any(each.included for each in only.contents)
    assert index.stat().st_size < whole.stat().st_size
    done = await restore(make("first"), Source(whole), nobody_hears)
    assert [each.manifest.name for each in done.missing] == ["lite0"]
    done = await restore(make("second"), Source(index), nobody_hears)
    assert {each.manifest.title for each in done.missing} == {"tiny:1.0.0", "lite0:1"}
    beside = make("third", bundle_folder=source.bundles)
    done = await restore(beside, Source(index), nobody_hears)
    assert [each.manifest.name for each in done.missing] == ["lite0"]
    bundles = await bundles_of(make("first"))
    for digest in pushed:
        assert digest_of(b"".join([each async for each in bundles.read(digest)])) == digest


async def test_content_that_was_spoiled_is_not_backed_up(make: Make, tmp_path: Path) -> None:
    source = await founded(make("source"), tmp_path)
    [largest] = sorted(source.bundles.glob("sha256/*"), key=lambda path: path.stat().st_size)[-1:]
    largest.write_bytes(bytes(largest.stat().st_size))
    file = tmp_path / "backup"
    async with refused(Fault.DIGEST_MISMATCH, "push that bundle again"):
        await back_up(source, Wanted(file), nobody_hears)
    assert not file.exists()
    await back_up(source, Wanted(file, with_bundles=False), nobody_hears)


async def test_only_who_has_the_key_restores_an_encrypted_backup(
    make: Make, tmp_path: Path
) -> None:
    source = await founded(make("source"), tmp_path)
    identity, stranger = Identity.generate(), Identity.generate()
    file, key = tmp_path / "backup", tmp_path / "key.txt"
    key.write_text(f"{identity}\n")
    recipients = recipients_from([str(identity.to_public())])
    made = await back_up(source, Wanted(file, recipients), nobody_hears)
    assert made.encrypted
    assert b"PRIVATE KEY" not in file.read_bytes()
    target = make("target")
    for identities in ((), (stranger,)):
        async with refused(Fault.INVALID_ARGUMENT):
            await restore(target, Source(file, identities), nobody_hears)
    assert not target.folder.exists()
    done = await restore(target, Source(file, identities_in(key)), nobody_hears)
    assert done.verified.manifest.devices == 3


@pytest.mark.parametrize("kind", KINDS)
async def test_a_backup_beside_a_server_is_of_one_moment(
    make: Make, tmp_path: Path, kind: str
) -> None:
    """Devices join while rows are read: each has all of its rows in the backup, or none."""
    source = await founded(make("source", kind), tmp_path)
    file = tmp_path / "backup"
    database = Database(source.database)
    added = 0

    async def join_one() -> None:
        nonlocal added
        added += 1
        known = {"agent_version": "", "architecture": "", "memory_bytes": 0, "processors": 0}
        async with database.write() as connection:
            await connection.execute(
                insert(devices).values(
                    id=f"late-{added}", enrolled_at=1.0, key_fingerprint="k", **known
                )
            )
            key = {"fingerprint": f"f{added}", "serial": "1", "expires_at": 2.0}
            await connection.execute(insert(device_keys).values(device=f"late-{added}", **key))

    class Hearing:
        """Lets a device join after every part, from another thread of events."""

        def __init__(self) -> None:
            self.steps: list[str] = []

        def __call__(self, step: str, _done: int, _total: int) -> None:
            self.steps.append(step)

    real = parts_of

    async def interrupted(
        connection: AsyncConnection, columns: Columns
    ) -> AsyncIterator[list[bytes]]:
        await join_one()
        async for each in real(connection, columns):
            yield each

    hearing = Hearing()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orchestrator.backing_up.parts_of", interrupted)
        made = await back_up(source, Wanted(file), hearing)
    await database.dispose()
    assert (added, made.devices) == (len(made.head.tables), 3)
    assert set(hearing.steps) == {"rows", "bundles"}
    done = await restore(make("target"), Source(file), nobody_hears)
    rows = {each.table: each.rows for each in done.verified.manifest.rows}
    assert (rows["devices"], rows["device_keys"], rows["reports"]) == (3, 3, 3)
