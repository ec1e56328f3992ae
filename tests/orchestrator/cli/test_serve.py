"""A start that cannot succeed ends with a sentence and a status of its own; JSON on demand."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fieldwise.errors import CATALOGUE, Fault
from orchestrator.cli import app, serve

LISTEN = tuple(f"--{name}-listen=127.0.0.1:0" for name in ("device", "operator", "metrics"))


def rubbish(name: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"\xff\x00rubbish" * 200)

    return write


def folder_at(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).mkdir(parents=True)


SPOILED = {
    "authority": (rubbish("authority.json"), Fault.AUTHORITY_UNUSABLE, "authority.json"),
    "binary token": (rubbish("operator/token"), Fault.STATE_DAMAGED, "operator/token"),
    "token folder": (folder_at("operator/token"), Fault.STATE_DAMAGED, "operator/token"),
    "connection folder": (
        folder_at("operator/connection.json/x"),
        Fault.STATE_DAMAGED,
        "operator/connection.json",
    ),
    "operator file": (rubbish("operator"), Fault.STATE_DAMAGED, "operator"),
    "uploads file": (rubbish("uploads"), Fault.STATE_DAMAGED, "uploads"),
    "bundles file": (rubbish("bundles"), Fault.STATE_DAMAGED, "bundles"),
    "database": (rubbish("fieldwise.sqlite"), Fault.STATE_DAMAGED, "fieldwise.sqlite"),
    "database folder": (folder_at("fieldwise.sqlite"), Fault.SETTING_INVALID, "fieldwise.sqlite"),
}


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
@pytest.mark.parametrize("case", SPOILED)
def test_a_spoiled_data_folder_is_named_in_a_sentence(
    tmp_path: Path, case: str, *, as_json: bool
) -> None:
    spoil, fault, name = SPOILED[case]
    spoil(tmp_path)
    flags = ["--json"] if as_json else []
    ended = CliRunner().invoke(app, ["serve", f"--data-folder={tmp_path}", *LISTEN, *flags])
    assert ended.exit_code == CATALOGUE[fault].exit_code
    assert "Traceback" not in ended.stderr
    assert str(tmp_path / name) in ended.stderr
    if as_json:
        assert json.loads(ended.stderr.splitlines()[-1])["error"]["fault"] == fault


@pytest.mark.parametrize(
    "flag",
    [
        "--advertise-hosts=ünïcode",
        "--advertise-hosts=host with space:80",
        "--bundle-folder=/proc/zz",
        "--data-folder=/proc/zz",
        "--database-url=sqlite:////proc/zz/x.sqlite",
        "--database-url=postgresql://u:hush@127.0.0.1:1/x?unknown=1",
        "--database-url=postgresql://u:hush@127.0.0.1:x/x",
    ],
)
def test_a_setting_that_cannot_be_is_a_mistake_and_no_defect(tmp_path: Path, flag: str) -> None:
    given = ["serve", f"--data-folder={tmp_path}", *LISTEN, flag, "--json"]
    ended = CliRunner().invoke(app, given)
    assert ended.exit_code == CATALOGUE[Fault.SETTING_INVALID].exit_code
    told = json.loads(ended.stderr)["error"]
    assert told["fault"] == Fault.SETTING_INVALID
    name = flag[2:].partition("=")[0].replace("-", "_")
    assert name in told["message"]
    assert "hush" not in ended.output


@pytest.mark.parametrize("flag", ["--operator-login=kubernetes", "--leader-election=kubernetes"])
def test_a_cluster_is_asked_for_by_an_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    found = serve.find_spec
    monkeypatch.setattr(
        serve, "find_spec", lambda name: None if name == "kubernetes" else found(name)
    )
    given = ["serve", f"--data-folder={tmp_path}", *LISTEN, flag, "--json"]
    ended = CliRunner().invoke(app, given)
    assert json.loads(ended.stderr)["error"]["fault"] == Fault.EXTRA_MISSING
    assert "[kubernetes]" in ended.stderr
