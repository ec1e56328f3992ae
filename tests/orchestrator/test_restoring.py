"""A backup put into an empty installation, and everything that keeps it from that."""

import json
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import select, text

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Role
from orchestrator.app import running
from orchestrator.backing_up import Wanted, back_up
from orchestrator.beforehand import create_authority
from orchestrator.home import held
from orchestrator.leadership import Replica
from orchestrator.publisher_file import all_online, write_publisher
from orchestrator.restoring import Source, restore
from orchestrator.rollout.phases import Phase
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.restoring import TERMS_SKIPPED
from orchestrator.storage.sql.stores import sql_stores
from orchestrator.storage.sql.tables import restorations
from tests.founded import (
    KINDS,
    Make,
    everything,
    founded,
    is_untouched,
    nobody_hears,
    refused,
)


@pytest.mark.parametrize("there", KINDS)
@pytest.mark.parametrize("here", KINDS)
async def test_a_fleet_comes_back_whole_into_an_empty_installation(
    make: Make, tmp_path: Path, here: str, there: str
) -> None:
    source, target = await founded(make("source", here), tmp_path), make("target", there)
    file = tmp_path / "backup"
    made = await back_up(source, Wanted(file), nobody_hears)
    never_pushed = 3  # files of the backbone that the rollouts bring
    assert (made.devices, len(made.missing), made.head.database) == (3, never_pushed, here)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    done = await restore(target, Source(file, go_on=True), nobody_hears)
    assert (done.halted, done.verified.head) == ((), made.head)
    for name in ("authority.json", "operator/token", "publisher.json"):
        [copy, original] = [each.folder / name for each in (target, source)]
        assert copy.read_bytes() == original.read_bytes()
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    async with sql_stores(source.database) as before, sql_stores(target.database) as after:
        assert await everything(after) == await everything(before)
        assert await after.rollouts.get(2) == await before.rollouts.get(2)
    async with running(target) as started:
        assert started.fleet == made.head.fleet


async def test_rollouts_stand_still_unless_told_to_go_on(make: Make, tmp_path: Path) -> None:
    source = await founded(make("source"), tmp_path)
    file = tmp_path / "backup"
    await back_up(source, Wanted(file), nobody_hears)
    target = make("target")
    done = await restore(target, Source(file), nobody_hears)
    assert [each.id for each in done.halted] == ["r1", "r2", "r3"]
    async with sql_stores(target.database) as stores:
        found = [(await stores.rollouts.get(number)).phase for number in (1, 2, 3)]
    assert found == [Phase.HELD, Phase.PAUSED, Phase.HELD]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_leader_from_after_the_backup_writes_nothing_any_more(
    make: Make, tmp_path: Path, kind: str
) -> None:
    source, target = await founded(make("source"), tmp_path), make("target", kind)
    file = tmp_path / "backup"
    await back_up(source, Wanted(file), nobody_hears)
    await restore(target, Source(file, go_on=True), nobody_hears)
    async with sql_stores(target.database) as stores:
        read = await stores.rollouts.get(2)
        lead = await stores.leadership.claim(Replica("q", "here"), 15)
        assert lead.term > TERMS_SKIPPED
        for term in (1, 2, 1000):
            async with refused(Fault.CONFLICT):
                await stores.rollouts.save(read, term=term)
        await stores.rollouts.save(read, term=lead.term)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_the_server_signs_is_signed_anew_under_versions_that_no_device_has_seen(
    make: Make, tmp_path: Path, kind: str
) -> None:
    source, target, file = make("source"), make("target", kind), tmp_path / "backup"
    async with running(source):
        pass
    made = await back_up(source, Wanted(file), nobody_hears)
    assert made.missing == ()
    async with sql_stores(source.database) as stores:
        saved = await stores.trust.newest(list(Role))
    assert set(saved) == set(Role)
    await restore(target, Source(file), nobody_hears)
    async with sql_stores(target.database) as stores:
        restored = await stores.trust.newest(list(Role))
    assert restored == {role: saved[role] for role in (Role.ROOT, Role.TARGETS)}


async def test_the_span_between_is_noted(make: Make, tmp_path: Path) -> None:
    source, target = await founded(make("source"), tmp_path), make("target")
    file = tmp_path / "backup"
    made = await back_up(source, Wanted(file), nobody_hears)
    await restore(target, Source(file), nobody_hears)
    database = Database(target.database)
    async with database.read() as connection:
        [row] = (await connection.execute(select(restorations))).all()
    await database.dispose()
    assert row.made_at == made.head.made_at <= row.restored_at


@pytest.mark.parametrize("kind", KINDS)
async def test_an_installation_that_holds_a_fleet_is_refused(
    make: Make, tmp_path: Path, kind: str
) -> None:
    source = await founded(make("source"), tmp_path)
    file = tmp_path / "backup"
    await back_up(source, Wanted(file), nobody_hears)
    taken = await founded(make("taken", kind), tmp_path)
    before = (taken.folder / "authority.json").read_bytes()
    async with refused(Fault.NOT_EMPTY, "is another authority"):
        await restore(taken, Source(file), nobody_hears)
    (taken.folder / "authority.json").unlink()
    (taken.folder / "operator/token").unlink()
    async with refused(Fault.NOT_EMPTY, "publisher.json is there already"):
        await restore(taken, Source(file), nobody_hears)
    (taken.folder / "publisher.json").unlink()
    async with refused(Fault.NOT_EMPTY, "3 in devices"):
        await restore(taken, Source(file), nobody_hears)
    (taken.folder / "operator/token").write_text("another-token-of-16\n")
    async with refused(Fault.NOT_EMPTY, "another token"):
        await restore(taken, Source(file), nobody_hears)
    assert before
    async with sql_stores(taken.database) as stores:
        assert len(await stores.devices.standings()) == 3


async def test_a_server_that_runs_is_not_restored_over(make: Make, tmp_path: Path) -> None:
    source = await founded(make("source"), tmp_path)
    file = tmp_path / "backup"
    await back_up(source, Wanted(file), nobody_hears)
    target = make("target")
    with held(target.folder):
        async with refused(Fault.STATE_LOCKED):
            await restore(target, Source(file), nobody_hears)
    await restore(target, Source(file), nobody_hears)


async def test_keys_that_a_secret_store_has_handed_out_already_stay(
    make: Make, tmp_path: Path
) -> None:
    secret, _ = create_authority(tmp_path, "plant-7")
    publisher = tmp_path / "publisher.json"
    write_publisher(publisher, all_online())
    handed = {"authority_file": secret, "publisher_file": publisher}
    source = await founded(make("source", **handed), tmp_path)
    file = tmp_path / "backup"
    await back_up(source, Wanted(file), nobody_hears)
    token = "a-token-of-the-secret-store"
    apart = make("target", **handed, operator_token=token)
    done = await restore(apart, Source(file), nobody_hears)
    assert done.keys == ()
    elsewhere = tmp_path / "keys" / "authority.json"
    brought = make("other", authority_file=elsewhere, operator_token=token)
    done = await restore(brought, Source(file), nobody_hears)
    assert done.keys == (elsewhere, brought.folder / "publisher.json")
    assert json.loads(elsewhere.read_text()) == json.loads(secret.read_text())


async def test_a_fleet_keeps_its_name(make: Make, tmp_path: Path) -> None:
    source = await founded(make("source"), tmp_path)
    file = tmp_path / "backup"
    await back_up(source, Wanted(file), nobody_hears)
    target = make("target", fleet="another")
    async with refused(Fault.SETTING_INVALID, "'another'"):
        await restore(target, Source(file), nobody_hears)
    assert not target.folder.exists()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_file_that_is_damaged_anywhere_changes_nothing(
    make: Make, tmp_path: Path, kind: str
) -> None:
    source, target = await founded(make("source"), tmp_path), make("target", kind)
    file, spoiled = tmp_path / "backup", tmp_path / "spoiled"
    await back_up(source, Wanted(file), nobody_hears)
    content = file.read_bytes()
    for at in range(100, len(content), len(content) // 9):
        changed = bytes([content[at] ^ 4])
        for damaged in (content[:at], content[:at] + changed + content[at + 1 :]):
            spoiled.write_bytes(damaged)
            async with refused(Fault.BACKUP_INVALID):
                await restore(target, Source(spoiled), nobody_hears)
            assert not target.folder.exists()
    assert await is_untouched(target)


@pytest.mark.parametrize("kind", KINDS)
async def test_rows_that_no_fleet_can_have_leave_the_installation_empty(
    make: Make, tmp_path: Path, kind: str
) -> None:
    source, target = await founded(make("source"), tmp_path), make("target", kind)
    file = tmp_path / "backup"
    database = Database(source.database)
    for statement in (
        "UPDATE rollouts SET plan = 'rubbish' WHERE number = 1",
        "UPDATE rollouts SET phase = 'flying' WHERE number = 1",
        "UPDATE installation SET authority = 'another'",
    ):
        async with database.write() as connection:
            await connection.execute(text("PRAGMA defer_foreign_keys=ON"))
            await connection.execute(text(statement))
        with suppress(FieldwiseError):  # another authority is noticed already here
            await back_up(source, Wanted(file, force=True), nobody_hears)
        async with refused(Fault.BACKUP_INVALID):
            await restore(target, Source(file), nobody_hears)
        left = {each.name for each in target.folder.iterdir()}
        assert left <= {"lock", "bundles", *(each for each in left if "sqlite" in each)}
    await database.dispose()
    mended = await founded(make("mended"), tmp_path)
    await back_up(mended, Wanted(file, force=True), nobody_hears)
    await restore(target, Source(file), nobody_hears)
