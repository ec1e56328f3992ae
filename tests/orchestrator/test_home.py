"""The data folder: made once, for its owner, held by one process, told when damaged."""

import stat
from pathlib import Path

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import certificate_der, public_key_der
from orchestrator.connection import CONNECTION_FILE, Connection, read_connection, write_connection
from orchestrator.home import AUTHORITY_FILE, TOKEN_FILE, emptied, held, open_authority, open_token
from tests.fleet_records import NOW, CountedEntropy

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
    first = open_authority(tmp_path, "", entropy, NOW)
    second = open_authority(tmp_path, "", entropy, NOW + 1e6)
    assert first.fleet == second.fleet
    assert first.fleet.startswith("fleet-")
    assert certificate_der(first.certificate) == certificate_der(second.certificate)
    assert public_key_der(first.key.public_key()) == public_key_der(second.key.public_key())
    assert stat.S_IMODE((tmp_path / AUTHORITY_FILE).stat().st_mode) == 0o600


def test_a_fleet_keeps_the_name_that_it_was_given(tmp_path: Path, entropy: CountedEntropy) -> None:
    assert open_authority(tmp_path, "plant-7", entropy, NOW).fleet == "plant-7"
    assert open_authority(tmp_path, "", entropy, NOW).fleet == "plant-7"
    with pytest.raises(FieldwiseError) as refused:
        open_authority(tmp_path, "plant-8", entropy, NOW)
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
        open_authority(tmp_path, "", entropy, NOW)
    assert refused.value.fault in {Fault.STATE_DAMAGED, Fault.CERTIFICATE_INVALID}
    assert (tmp_path / AUTHORITY_FILE).read_bytes() == content


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
