from pathlib import Path

import pytest

from demonstration import calling
from fieldwise.errors import FieldwiseError


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "fieldwise"
    monkeypatch.setattr(calling, "program", lambda name: str(tmp_path / name))
    return path


def write(script: Path, body: str) -> None:
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)


def test_json_is_asked_for_and_returned(script: Path) -> None:
    write(script, 'printf \'{"words": "%s"}\' "$*"')
    assert calling.call("fieldwise", ["device", "list"], {}) == {"words": "device list --json"}


def test_a_command_that_fails_is_told_in_its_own_words(script: Path) -> None:
    write(script, "echo 'no such device' >&2; exit 4")
    with pytest.raises(FieldwiseError, match="device show ended with status 4: no such device"):
        calling.call("fieldwise", ["device", "show"], {"PATH": "/usr/bin:/bin"})


def test_a_command_that_hangs_is_given_up(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "CALL_SECONDS", 0.2)
    write(script, "exec sleep 60")
    with pytest.raises(FieldwiseError, match="did not end within"):
        calling.call("fieldwise", ["status"], {"PATH": "/usr/bin:/bin"})


def test_a_secret_is_not_repeated_in_an_error(script: Path) -> None:
    write(script, "exit 3")
    with pytest.raises(FieldwiseError) as caught:
        calling.call("fieldwise", ["join", "fw1_" + "secret" * 9], {"PATH": "/usr/bin:/bin"})
    assert "secret" not in caught.value.sentence
