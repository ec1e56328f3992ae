"""The data folder: made once, for its owner, held by one process, told when damaged."""

import json
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import certificate_der, certificate_pem, public_key_der
from orchestrator.connection import CONNECTION_FILE, Connection, read_connection, write_connection
from orchestrator.home import (
    AUTHORITY_FILE,
    TOKEN_FILE,
    emptied,
    found_apart,
    held,
    made,
    open_authority,
    open_place,
    open_token,
)
from tests.fleet_records import NOW, CountedEntropy
from tests.full_disk import full_disk

CONNECTION = Connection("127.0.0.1:8444", "PEM", "token")


@pytest.fixture
def entropy() -> CountedEntropy:
    return CountedEntropy()


def test_a_folder_is_made_and_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "data"
    with held(folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with held(tmp_path):
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_one_at_a_time_holds_a_folder_and_lets_it_go(tmp_path: Path) -> None:
    with held(tmp_path):
        with pytest.raises(FieldwiseError) as refused, held(tmp_path):
            pytest.fail("two hold the folder")
        assert refused.value.fault is Fault.STATE_LOCKED
        assert str(tmp_path) in refused.value.sentence
    with held(tmp_path):
        pass


def test_what_cannot_be_a_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FieldwiseError) as refused, held(tmp_path / "file" / "data"):
        pytest.fail("a file is no folder")
    assert refused.value.fault is Fault.STATE_DAMAGED


def test_an_authority_is_founded_once_and_read_ever_after(
    tmp_path: Path, entropy: CountedEntropy
) -> None:
    first = open_authority(tmp_path, "", entropy, NOW, has_fleet=False)
    second = open_authority(tmp_path, "", entropy, NOW + 1e6, has_fleet=True)
    assert first.fleet == second.fleet
    assert first.fleet.startswith("fleet-")
    assert certificate_der(first.certificate) == certificate_der(second.certificate)
    assert public_key_der(first.key.public_key()) == public_key_der(second.key.public_key())
    assert stat.S_IMODE((tmp_path / AUTHORITY_FILE).stat().st_mode) == 0o600


def test_a_fleet_keeps_the_name_that_it_was_given(tmp_path: Path, entropy: CountedEntropy) -> None:
    assert open_authority(tmp_path, "plant-7", entropy, NOW, has_fleet=False).fleet == "plant-7"
    assert open_authority(tmp_path, "", entropy, NOW, has_fleet=False).fleet == "plant-7"
    with pytest.raises(FieldwiseError) as refused:
        open_authority(tmp_path, "plant-8", entropy, NOW, has_fleet=False)
    assert refused.value.fault is Fault.SETTING_INVALID


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"\xff", b"[" * 60_000, b'{"fleet":"f","certificate":"x","key":"y"}'],
)
def test_a_damaged_authority_is_refused_and_never_replaced(
    tmp_path: Path, entropy: CountedEntropy, content: bytes
) -> None:
    (tmp_path / AUTHORITY_FILE).write_bytes(content)
    with pytest.raises(FieldwiseError) as refused:
        open_authority(tmp_path, "", entropy, NOW, has_fleet=False)
    assert refused.value.fault is Fault.AUTHORITY_UNUSABLE
    assert str(tmp_path / AUTHORITY_FILE) in refused.value.sentence
    assert "backup" in refused.value.entry.advice
    assert "every device must join again" in refused.value.entry.advice
    assert (tmp_path / AUTHORITY_FILE).read_bytes() == content


def authority_refused(folder: Path, entropy: CountedEntropy, now: float = NOW) -> str:
    before = (folder / AUTHORITY_FILE).read_bytes()
    with pytest.raises(FieldwiseError) as refused:
        open_authority(folder, "", entropy, now, has_fleet=True)
    assert refused.value.fault is Fault.AUTHORITY_UNUSABLE
    assert (folder / AUTHORITY_FILE).read_bytes() == before
    return refused.value.sentence


@pytest.mark.parametrize("fleet", ["\u00fc" * 60, "", "../x", "plant-7\n", "x" * 64])
def test_an_authority_for_what_is_no_name_of_a_fleet_is_refused(
    tmp_path: Path, entropy: CountedEntropy, fleet: str
) -> None:
    open_authority(tmp_path, "plant-7", entropy, NOW, has_fleet=False)
    stored = json.loads((tmp_path / AUTHORITY_FILE).read_bytes())
    (tmp_path / AUTHORITY_FILE).write_text(json.dumps({**stored, "fleet": fleet}))
    assert "no name of a fleet" in authority_refused(tmp_path, entropy)


def test_no_second_fleet_is_founded_over_the_devices_of_the_first(
    tmp_path: Path, entropy: CountedEntropy
) -> None:
    with pytest.raises(FieldwiseError) as refused:
        open_authority(tmp_path, "", entropy, NOW, has_fleet=True)
    assert refused.value.fault is Fault.AUTHORITY_UNUSABLE
    assert not (tmp_path / AUTHORITY_FILE).exists()


@pytest.mark.parametrize(("swapped", "reason"), [("key", "the key"), ("fleet", "not of the fleet")])
def test_an_authority_of_parts_that_do_not_belong_together_is_refused(
    tmp_path: Path, entropy: CountedEntropy, swapped: str, reason: str
) -> None:
    stored = []
    for name in ("plant-7", "plant-8"):
        (tmp_path / name).mkdir()
        open_authority(tmp_path / name, name, entropy, NOW, has_fleet=False)
        stored.append(json.loads((tmp_path / name / AUTHORITY_FILE).read_bytes()))
    mixed = {**stored[0], swapped: stored[1][swapped]}
    (tmp_path / AUTHORITY_FILE).write_text(json.dumps(mixed))
    assert reason in authority_refused(tmp_path, entropy)


def test_another_whole_authority_than_that_of_the_last_start_is_refused(
    tmp_path: Path, entropy: CountedEntropy
) -> None:
    first = open_authority(tmp_path, "plant-7", entropy, NOW, has_fleet=False)
    root = certificate_pem(first.certificate).decode()
    write_connection(tmp_path, Connection("127.0.0.1:8444", root, "token"))
    assert open_authority(tmp_path, "", entropy, NOW, has_fleet=True).fleet == "plant-7"
    (tmp_path / AUTHORITY_FILE).unlink()
    open_authority(tmp_path, "plant-7", entropy, NOW, has_fleet=False)
    assert "another authority" in authority_refused(tmp_path, entropy)


def test_an_authority_that_has_expired_is_a_sentence(
    tmp_path: Path, entropy: CountedEntropy
) -> None:
    open_authority(tmp_path, "", entropy, NOW, has_fleet=False)
    eleven_years = 11 * 366 * 86_400
    assert "expired" in authority_refused(tmp_path, entropy, NOW + eleven_years)


@pytest.mark.parametrize(
    "content", [b"", b"x", b"\n", b"short", b"\xff" * 40, b"with blanks in it all"]
)
def test_a_stored_token_that_is_none_is_refused(
    tmp_path: Path, entropy: CountedEntropy, content: bytes
) -> None:
    (tmp_path / "operator").mkdir()
    (tmp_path / TOKEN_FILE).write_bytes(content)
    with pytest.raises(FieldwiseError) as refused:
        open_token(tmp_path, "", entropy)
    assert refused.value.fault is Fault.STATE_DAMAGED
    assert str(tmp_path / TOKEN_FILE) in refused.value.sentence


def test_a_file_where_a_folder_belongs_and_the_reverse_are_sentences(
    tmp_path: Path, entropy: CountedEntropy
) -> None:
    (tmp_path / "a" / TOKEN_FILE).mkdir(parents=True)
    (tmp_path / "operator").write_text("")
    (tmp_path / "uploads").write_text("")
    (tmp_path / "bundles").write_text("")
    for attempt in (
        lambda: open_token(tmp_path / "a", "", entropy),
        lambda: open_token(tmp_path, "", entropy),
        lambda: emptied(tmp_path / "uploads"),
        lambda: made(tmp_path / "bundles", "bundle_folder"),
    ):
        with pytest.raises(FieldwiseError) as refused:
            attempt()
        assert refused.value.fault is Fault.STATE_DAMAGED


def test_a_folder_that_cannot_be_made_is_a_mistake_in_its_setting() -> None:
    with pytest.raises(FieldwiseError) as refused:
        made(Path("/proc/zz"), "bundle_folder")
    assert refused.value.fault is Fault.SETTING_INVALID
    assert refused.value.sentence.startswith("bundle_folder: /proc/zz")


def test_a_token_is_made_once_and_a_given_one_goes_first(
    tmp_path: Path, entropy: CountedEntropy
) -> None:
    made = open_token(tmp_path, "", entropy)
    assert len(made) >= 43
    assert open_token(tmp_path, "", entropy) == made
    assert open_token(tmp_path, "another-token-of-mine", entropy) == "another-token-of-mine"
    assert stat.S_IMODE((tmp_path / TOKEN_FILE).stat().st_mode) == 0o600


def test_what_a_killed_process_left_in_scratch_is_gone(tmp_path: Path) -> None:
    (tmp_path / "uploads" / "push-x").mkdir(parents=True)
    assert list(emptied(tmp_path / "uploads").iterdir()) == []


def test_a_full_disk_is_named_and_damages_nothing(tmp_path: Path) -> None:
    write_connection(tmp_path, CONNECTION)
    with full_disk(), pytest.raises(FieldwiseError) as caught:
        write_connection(tmp_path, replace(CONNECTION, token="other"))
    assert caught.value.fault is Fault.DISK_FULL
    assert read_connection(tmp_path) == CONNECTION


def test_commands_find_the_server_by_one_private_file(tmp_path: Path) -> None:
    assert read_connection(tmp_path) is None
    write_connection(tmp_path, CONNECTION)
    assert read_connection(tmp_path) == CONNECTION
    assert stat.S_IMODE((tmp_path / CONNECTION_FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b'{"address": 1}', b"{" * 70_000])
def test_a_damaged_connection_file_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "operator").mkdir()
    (tmp_path / CONNECTION_FILE).write_bytes(content)
    with pytest.raises(FieldwiseError) as refused:
        read_connection(tmp_path)
    assert refused.value.fault is Fault.STATE_DAMAGED


def test_an_authority_of_a_secret_store_is_read_where_it_is_and_nothing_is_founded(
    tmp_path: Path, entropy: CountedEntropy
) -> None:
    kept_in = tmp_path / "secrets" / "authority.json"
    kept_in.parent.mkdir()
    founded = found_apart(kept_in, "plant-7", NOW)
    for replica in ("a", "b"):
        folder = made(tmp_path / replica, "data_folder")
        found = open_authority(folder, "", entropy, NOW, has_fleet=True, kept_in=kept_in)
        assert certificate_der(found.certificate) == certificate_der(founded.certificate)
        assert list(folder.iterdir()) == []


def test_an_authority_that_the_secret_store_lacks_is_not_made_up(
    tmp_path: Path, entropy: CountedEntropy
) -> None:
    kept_in = tmp_path / "authority.json"
    with pytest.raises(FieldwiseError) as refused:
        open_authority(tmp_path, "", entropy, NOW, has_fleet=False, kept_in=kept_in)
    assert refused.value.fault is Fault.AUTHORITY_UNUSABLE
    assert "authority_file" in refused.value.sentence
    assert list(tmp_path.iterdir()) == []


def test_an_authority_founded_apart_never_replaces_one(tmp_path: Path) -> None:
    path = tmp_path / AUTHORITY_FILE
    found_apart(path, "plant-7", NOW)
    before = path.read_bytes()
    with pytest.raises(FieldwiseError) as refused:
        found_apart(path, "plant-7", NOW)
    assert refused.value.fault is Fault.ALREADY_EXISTS
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_data_folder_keeps_the_name_by_which_replicas_know_it(
    tmp_path: Path, entropy: CountedEntropy
) -> None:
    first = open_place(made(tmp_path / "a", "data_folder"), entropy)
    assert open_place(tmp_path / "a", entropy) == first
    assert open_place(made(tmp_path / "b", "data_folder"), entropy) != first


@pytest.mark.parametrize("content", ["", "not a name", "0" * 17, "\n" * 9000])
def test_a_damaged_name_of_a_replica_is_told(
    tmp_path: Path, entropy: CountedEntropy, content: str
) -> None:
    (tmp_path / "replica").write_text(content)
    with pytest.raises(FieldwiseError) as caught:
        open_place(tmp_path, entropy)
    assert caught.value.fault is Fault.STATE_DAMAGED
