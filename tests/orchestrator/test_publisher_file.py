"""The file with the server's keys: made once, for its owner only, and refused where it is none."""

import stat
from pathlib import Path

import msgspec
import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.publisher_file import (
    FILE_BYTES_MAX,
    PUBLISHER_FILE,
    StoredPublisher,
    all_online,
    encode_publisher,
    fresh_key,
    open_publisher,
    read_publisher,
    without_offline,
    write_publisher,
)
from orchestrator.trust.signing_keys import pem_of
from tests.publishers import Publisher, listed


def test_the_first_start_makes_every_key_and_later_ones_keep_them(tmp_path: Path) -> None:
    first = open_publisher(tmp_path, has_root=False)
    assert first.can_found
    assert len(first.root | first.targets | first.online) == 3
    again = open_publisher(tmp_path, has_root=True)
    assert again.root.keys() == first.root.keys()
    assert again.online.keys() == first.online.keys()
    mode = (tmp_path / PUBLISHER_FILE).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_file_that_is_gone_is_not_made_again_beside_metadata_of_its_keys(tmp_path: Path) -> None:
    with pytest.raises(FieldwiseError) as caught:
        open_publisher(tmp_path, has_root=True)
    assert caught.value.fault is Fault.STATE_DAMAGED
    assert "replicas share one" in caught.value.sentence
    assert not (tmp_path / PUBLISHER_FILE).exists()


def test_a_file_that_a_setting_names_is_only_read(tmp_path: Path) -> None:
    apart = tmp_path / "apart.json"
    with pytest.raises(FieldwiseError) as caught:
        open_publisher(tmp_path, has_root=False, kept_in=apart)
    assert "publisher_file names it" in caught.value.sentence
    assert not apart.exists()
    publisher = Publisher()
    write_publisher(apart, stored_of(publisher))
    keys = open_publisher(tmp_path, has_root=False, kept_in=apart)
    assert set(keys.online) == {publisher.online.key_id}
    assert [each.role for each in keys.founding] == ["root", "targets"]
    assert not keys.can_found
    assert without_offline(tmp_path, apart) is None


def stored_of(publisher: Publisher) -> StoredPublisher:
    private = publisher.online.signer.private_bytes.decode()
    founding = (publisher.root(), publisher.list(1, listed()))
    return StoredPublisher((private,), metadata=tuple(each.content.decode() for each in founding))


def test_the_keys_of_root_and_list_can_be_forgotten(tmp_path: Path) -> None:
    before = open_publisher(tmp_path, has_root=False)
    after = without_offline(tmp_path)
    assert after is not None
    assert (after.root, after.targets) == ({}, {})
    assert after.online.keys() == before.online.keys()
    assert b"PRIVATE" in (tmp_path / PUBLISHER_FILE).read_bytes()
    assert (tmp_path / PUBLISHER_FILE).read_bytes().count(b"BEGIN PRIVATE") == 1


ONLINE = all_online()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'{"online": []}',
        b'{"online": ["x"]}',
        b"\xff",
        b"[" * 100_000,
        b" " * (FILE_BYTES_MAX + 1),
        msgspec.json.encode({"online": ONLINE.online, "other": 1}),
        msgspec.json.encode({"online": ONLINE.online, "metadata": ["{}"]}),
        msgspec.json.encode({"online": ONLINE.online, "root": [ONLINE.root[0][:60]]}),
    ],
)
def test_rubbish_is_refused_without_a_word_of_what_it_holds(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PUBLISHER_FILE).write_bytes(content)
    with pytest.raises(FieldwiseError) as caught:
        open_publisher(tmp_path, has_root=False)
    assert caught.value.fault is Fault.STATE_DAMAGED
    assert "PRIVATE" not in caught.value.sentence
    assert ONLINE.online[0][30:60] not in caught.value.sentence


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / PUBLISHER_FILE
    write_publisher(path, ONLINE)
    assert read_publisher(path) == ONLINE
    assert path.read_bytes() == encode_publisher(ONLINE)


def test_an_encrypted_key_is_none_for_a_server(tmp_path: Path) -> None:
    encrypted = pem_of(fresh_key(), b"secret").decode()
    path = tmp_path / PUBLISHER_FILE
    path.write_bytes(msgspec.json.encode({"online": [encrypted]}))
    with pytest.raises(FieldwiseError) as caught:
        open_publisher(tmp_path, has_root=False)
    assert "needs its passphrase" in caught.value.sentence
