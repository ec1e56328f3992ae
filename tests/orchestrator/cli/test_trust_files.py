"""A publisher's folder: keys on several machines, signatures collected, keys rotated."""

import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fieldwise.archive import manifest_of
from fieldwise.bundle import digest_of, encode_manifest
from fieldwise.trust import Role
from orchestrator.cli.root import app
from orchestrator.publisher_file import keys_of, read_publisher
from orchestrator.trust.documents import check_signed, check_successor, is_signed
from orchestrator.trust.upkeep import Lifetimes, Wanted, upkeep
from orchestrator.workshop import opened
from orchestrator.world import SystemClock
from tests.bundles import tiny_bundle
from tests.publishers import trusted


def run(*arguments: object) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["trust", *map(str, arguments), "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def refused(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["trust", *map(str, arguments)])
    assert done.exit_code != 0
    return done.exit_code, done.output + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "publisher"


def test_a_publisher_begins_with_keys_a_root_a_list_and_a_file_for_the_server(folder: Path) -> None:
    told = run("init", folder)
    assert told["root"]["missing"] == told["list"]["missing"] == 0
    names = sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())
    keys = ["keys/list-1-1.key", "keys/root-1-1.key"]
    assert names == ["1.root.json", *keys, "publisher.json", "targets.json"]
    for name in (*keys, "publisher.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    server = keys_of(read_publisher(folder / "publisher.json"), "it")
    assert not server.can_found
    assert not server.root
    now = SystemClock().now()
    state = {each.role: each for each in upkeep({}, server, Wanted(()), now, Lifetimes())}
    trusted(state, opened(folder).root, now)
    assert "already" in refused("init", folder)[1]


def test_a_bundle_is_listed_and_taken_off(folder: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "b.bundle"
    tiny_bundle(bundle)
    digest = digest_of(encode_manifest(manifest_of(bundle)))
    run("init", folder)
    told = run("sign", folder, "--list", bundle, "--floor", 1)
    [title] = told["listed"]
    assert (told["list"]["version"], told["list"]["missing"], told["floor_epoch"]) == (2, 0, 1)
    assert set(opened(folder).targets.listed) == {digest}  # type: ignore[union-attr]  # it is there
    assert "only rises" in refused("sign", folder, "--floor", 0)[1]
    assert run("sign", folder, "--delist", title)["listed"] == []
    assert refused("sign", folder, "--delist", title)[0] == 4
    assert refused("sign", folder, "--list", folder / "1.root.json")[0] == 2


def test_signatures_are_collected_on_different_machines(folder: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "b.bundle"
    tiny_bundle(bundle)
    run("init", folder, "--list-keys", 3, "--list-threshold", 2)
    alice, bob = tmp_path / "alice.key", tmp_path / "bob.key"
    (folder / "keys/list-1-1.key").rename(alice)
    (folder / "keys/list-1-2.key").rename(bob)
    (folder / "keys/list-1-3.key").unlink()
    first = run("sign", folder, "--list", bundle, "--key", alice)
    assert (first["list"]["version"], first["list"]["missing"]) == (2, 1)
    again = run("sign", folder, "--key", alice)
    assert again["list"]["missing"] == 1
    there = tmp_path / "elsewhere"
    there.mkdir()
    for name in ("1.root.json", "targets.json"):
        shutil.copy(folder / name, there / name)
    second = run("sign", there, "--key", bob)
    assert (second["list"]["version"], second["list"]["missing"]) == (2, 0)
    changed = run("sign", there, "--floor", 1, "--key", bob)
    assert (changed["list"]["version"], changed["list"]["missing"]) == (3, 1)
    draft = run("sign", there, "--floor", 2, "--key", alice)
    assert (draft["list"]["version"], draft["list"]["missing"]) == (3, 1)


@pytest.mark.parametrize("what", ["root", "list"])
def test_keys_are_rotated_by_old_keys_and_new(folder: Path, what: str) -> None:
    run("init", folder)
    first = opened(folder).root
    told = run("rotate", folder, what, "--keys", 2, "--threshold", 2)
    assert (told["root"]["version"], told["root"]["missing"]) == (2, 0)
    after = opened(folder)
    check_successor(after.root, first)
    assert after.targets is not None
    check_signed(after.targets, after.root)
    role = Role.ROOT if what == "root" else Role.TARGETS
    assert after.root.threshold(role) == 2
    assert not set(after.root.key_ids(role)) & set(first.key_ids(role))
    assert refused("rotate", folder, "timestamp")[0] == 2


def test_who_changes_the_list_signs_no_root_that_was_laid_beside_it(
    folder: Path, tmp_path: Path
) -> None:
    """A root of somebody else's keys, which lacks nothing but the signature of the ones before."""
    run("init", folder)
    thief = tmp_path / "thief"
    thief.mkdir()
    shutil.copy(folder / "1.root.json", thief)
    shutil.copy(folder / "targets.json", thief)
    run("init", thief)
    shutil.copy(thief / "2.root.json", folder)
    assert run("sign", folder, "--floor", 1)["root"]["missing"] == 1
    assert run("sign", folder, "--renew")["root"]["missing"] == 1
    assert run("sign", folder)["root"]["missing"] == 0  # for whoever says so


def test_a_list_with_new_keys_follows_the_one_that_is_in_force(folder: Path) -> None:
    """A server takes no second list of the same version, whatever keys have signed it."""
    run("init", folder)
    assert run("rotate", folder, "list")["list"]["version"] == 2
    assert run("rotate", folder, "list", "--keys", 2)["list"]["version"] == 3
    assert run("sign", folder, "--floor", 1)["list"]["version"] == 4


def test_a_list_with_new_keys_that_lacks_signatures_is_a_draft(
    folder: Path, tmp_path: Path
) -> None:
    run("init", folder)
    run("rotate", folder, "list", "--keys", 2, "--threshold", 2)
    (folder / "keys/list-2-1.key").rename(tmp_path / "away")
    draft = run("sign", folder, "--floor", 1)
    assert (draft["list"]["version"], draft["list"]["missing"]) == (3, 1)
    assert run("sign", folder, "--floor", 2)["list"]["version"] == 3


def test_the_root_can_be_rotated_where_the_old_key_lies_elsewhere(
    folder: Path, tmp_path: Path
) -> None:
    run("init", folder)
    first, old = opened(folder).root, tmp_path / "old.key"
    (folder / "keys/root-1-1.key").rename(old)
    assert run("rotate", folder, "root")["root"]["missing"] == 1
    assert refused("rotate", folder, "root")[0] == 5
    assert run("sign", folder, "--key", old)["root"]["missing"] == 0
    check_successor(opened(folder).root, first)


def test_the_online_key_is_rotated_with_both_in_the_server_s_file(folder: Path) -> None:
    run("init", folder)
    before = opened(folder)
    told = run("rotate-online", folder)
    assert told["root"]["version"] == 2
    after = opened(folder)
    check_successor(after.root, before.root)
    server = keys_of(read_publisher(folder / "publisher.json"), "it")
    assert len(server.online) == 2
    named = set(after.root.key_ids(Role.TIMESTAMP))
    assert len(named) == 1
    assert named <= set(server.online)
    assert named.isdisjoint(before.root.key_ids(Role.TIMESTAMP))
    assert after.targets is not None
    assert is_signed(after.targets, after.root)


def test_a_server_s_file_that_is_not_there_is_asked_for(folder: Path) -> None:
    """As in the folder of a publisher to whom a server has handed its keys over."""
    run("init", folder)
    (folder / "publisher.json").rename(folder.parent / "copy.json")
    code, told = refused("rotate-online", folder)
    assert code == 2
    assert "--server-file" in told
    assert opened(folder).root.version == 1
    run("rotate-online", folder, "--server-file", folder.parent / "copy.json")
    assert opened(folder).root.version == 2


def test_keys_with_a_passphrase_sign_with_it_alone(folder: Path, tmp_path: Path) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("correct horse\n")
    wrong.write_text("battery staple\n")
    run("init", folder, "--passphrase-file", right)
    assert "ENCRYPTED" in (folder / "keys/root-1-1.key").read_text()
    assert "ENCRYPTED" not in (folder / "publisher.json").read_text()
    run("sign", folder, "--renew", "--passphrase-file", right)
    assert "another passphrase" in refused("sign", folder, "--renew", "--passphrase-file", wrong)[1]
    assert "needs its passphrase" in refused("sign", folder, "--renew")[1]


def test_what_lacks_signatures_is_shown(folder: Path) -> None:
    run("init", folder, "--root-keys", 2, "--root-threshold", 2)
    shown = CliRunner().invoke(app, ["trust", "show", str(folder)])
    assert "signed" in shown.output
    root = opened(folder).root
    keys = ", ".join(each[:8] for each in root.key_ids(Role.ROOT))
    assert f"2 of {keys}" in " ".join(shown.output.split())  # before somebody signs the root
    assert run("show", folder)["online_key_ids"] == list(root.key_ids(Role.TIMESTAMP))
    assert refused("init", folder.parent / "other", "--root-threshold", 2)[0] != 0
    assert not (folder.parent / "other").exists()


def test_a_file_with_every_key_is_made_for_replicas(folder: Path) -> None:
    made = CliRunner().invoke(app, ["trust", "init", str(folder), "--all-online"])
    assert made.exit_code == 0
    assert keys_of(read_publisher(folder / "publisher.json"), "it").can_found
    assert refused("init", folder, "--all-online")[0] == 5


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff" * 100])
def test_rubbish_in_the_folder_is_refused(folder: Path, content: bytes) -> None:
    run("init", folder)
    (folder / "targets.json").write_bytes(content)
    assert "not valid" in refused("show", folder)[1]
    assert "not valid" in refused("sign", folder)[1]


def test_an_empty_folder_says_how_to_begin(folder: Path) -> None:
    folder.mkdir()
    code, told = refused("show", folder)
    assert code == 4
    assert "trust init" in told
