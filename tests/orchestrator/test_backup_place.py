"""A backup is for its owner only, has its name when it is whole, and is sealed for who may read."""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from pyrage.x25519 import Identity

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.backup_place import (
    STANDARD_OUTPUT,
    identities_in,
    opened,
    recipients_from,
    written,
)

CONTENT = os.urandom(1000) * 1000


def write(path: Path, *recipients: str, force: bool = False) -> None:
    with written(path, recipients_from(recipients), force=force) as stream:
        for start in range(0, len(CONTENT), 70_000):
            stream.write(CONTENT[start : start + 70_000])


def read(path: Path, *identities: Identity) -> bytes:
    found = b""
    with opened(path, identities) as stream:
        while piece := stream.read(100_000):
            found += piece
    return found


def fault_of(caught: pytest.ExceptionInfo[FieldwiseError]) -> Fault:
    return caught.value.fault


def test_only_its_owner_reads_it_whatever_the_mask_is(tmp_path: Path) -> None:
    path = tmp_path / "backup"
    before = os.umask(0)
    try:
        with written(path, (), force=False) as stream:
            [draft] = tmp_path.iterdir()
            assert stat.S_IMODE(draft.stat().st_mode) == 0o600
            stream.write(CONTENT)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read(path) == CONTENT
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_there_is_replaced_by_force_only(tmp_path: Path) -> None:
    path = tmp_path / "backup"
    path.write_bytes(b"of yesterday")
    with pytest.raises(FieldwiseError) as caught:
        write(path)
    assert fault_of(caught) is Fault.ALREADY_EXISTS
    assert path.read_bytes() == b"of yesterday"
    write(path, force=True)
    assert read(path) == CONTENT


def test_of_two_that_want_one_name_the_first_gets_it(tmp_path: Path) -> None:
    path = tmp_path / "backup"

    def write_late() -> None:
        with written(path, (), force=False) as stream:
            stream.write(CONTENT)
            path.write_bytes(b"the other's")

    with pytest.raises(FieldwiseError) as caught:
        write_late()
    assert fault_of(caught) is Fault.ALREADY_EXISTS
    assert path.read_bytes() == b"the other's"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("sealed", [False, True])
def test_what_fails_leaves_nothing(tmp_path: Path, sealed: bool) -> None:
    path = tmp_path / "backup"
    path.write_bytes(b"of yesterday")
    recipients = (Identity.generate().to_public(),) if sealed else ()

    def fail() -> None:
        with written(path, recipients, force=True) as stream:
            stream.write(CONTENT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_bytes() == b"of yesterday"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FieldwiseError, match="cannot be written") as caught:
        write(tmp_path / "nowhere" / "backup")
    assert fault_of(caught) is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize("sealed", [False, True])
def test_a_disk_without_room_is_told_as_one(monkeypatch: pytest.MonkeyPatch, sealed: bool) -> None:
    recipients = (Identity.generate().to_public(),) if sealed else ()
    with suppress(OSError), Path("/dev/full").open("w", buffering=1) as full:
        monkeypatch.setattr(sys, "stdout", full)
        with (
            pytest.raises(FieldwiseError) as caught,
            written(STANDARD_OUTPUT, recipients, force=False) as stream,
        ):
            stream.write(CONTENT)
    assert fault_of(caught) is Fault.DISK_FULL


def test_standard_output_takes_it_where_it_is_no_terminal(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    write(STANDARD_OUTPUT)
    assert capfdbinary.readouterr().out == CONTENT


def test_it_is_not_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(FieldwiseError, match="terminal"):
        write(STANDARD_OUTPUT)


def test_only_a_recipient_opens_what_is_sealed(tmp_path: Path) -> None:
    path = tmp_path / "backup"
    first, second, stranger = (Identity.generate() for _ in range(3))
    write(path, str(first.to_public()), str(second.to_public()))
    assert path.read_bytes().startswith(b"age-encryption.org/v1\n")
    assert CONTENT[:100] not in path.read_bytes()
    for each in (first, second):
        assert read(path, stranger, each) == CONTENT
    with pytest.raises(FieldwiseError, match="none of the identities") as caught:
        read(path, stranger)
    assert fault_of(caught) is Fault.INVALID_ARGUMENT
    with pytest.raises(FieldwiseError, match="--identity"):
        read(path)


def test_a_seal_that_was_broken_or_cut_off_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "backup"
    identity = Identity.generate()
    write(path, str(identity.to_public()))
    sealed = path.read_bytes()
    middle = len(sealed) // 2
    spoiled = sealed[:middle] + bytes([sealed[middle] ^ 1]) + sealed[middle + 1 :]
    for content in (sealed[:-1], sealed[:middle], sealed[:60], spoiled, sealed + b"x"):
        path.write_bytes(content)
        with pytest.raises(FieldwiseError) as caught:
            read(path, identity)
        assert fault_of(caught) is Fault.BACKUP_INVALID


def test_who_stops_reading_ends_the_opening(tmp_path: Path) -> None:
    path = tmp_path / "backup"
    identity = Identity.generate()
    write(path, str(identity.to_public()))
    with opened(path, (identity,)) as stream:
        assert stream.read(10) == CONTENT[:10]


def test_identities_are_read_as_age_writes_them(tmp_path: Path) -> None:
    identity = Identity.generate()
    file = tmp_path / "key.txt"
    file.write_text(f"# created: today\n# public key: {identity.to_public()}\n{identity}\n\n")
    [found] = identities_in(file)
    assert str(found) == str(identity)
    assert identities_in(None) == ()


@pytest.mark.parametrize("content", ["", "# nothing\n", "AGE-SECRET-KEY-1X\n", "pass-word\n"])
def test_what_is_no_identity_is_refused_and_not_repeated(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key.txt"
    file.write_text(content)
    with pytest.raises(FieldwiseError) as caught:
        identities_in(file)
    assert fault_of(caught) is Fault.INVALID_ARGUMENT
    assert "pass-word" not in caught.value.sentence
    assert "AGE-SECRET" not in caught.value.sentence
    with pytest.raises(FieldwiseError):
        identities_in(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "age1", "ssh-ed25519 AAAA", "somebody@example.com"])
def test_what_is_no_recipient_is_refused(text: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        recipients_from([text])
    assert fault_of(caught) is Fault.INVALID_ARGUMENT
