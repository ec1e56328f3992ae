"""The program as a whole: version, help, commands of other packages, missing extras."""

import json
import subprocess
import sys
from importlib.metadata import EntryPoint

import click
import pytest
import typer
from typer.testing import CliRunner

import orchestrator.cli
from fieldwise import __version__
from orchestrator.cli import root
from orchestrator.config import OrchestratorSettings

HEAVY = ("sqlalchemy", "obstore", "prometheus_client", "bundler", "aiosqlite", "onnx", "torch")


def commands(group: click.Command, path: str = "") -> dict[str, click.Command]:
    found = {path: group}
    for name, inner in getattr(group, "commands", {}).items():
        found |= commands(inner, f"{path} {name}".strip())
    return found


ALL = commands(typer.main.get_command(root.app))


def test_the_version_is_the_package_s() -> None:
    assert CliRunner().invoke(root.app, ["--version"]).stdout == f"fieldwise {__version__}\n"


@pytest.mark.parametrize("path", [path for path in ALL if path], ids=str)
def test_every_command_has_help_for_itself_and_for_all_it_takes(path: str) -> None:
    assert ALL[path].help
    for parameter in ALL[path].params:
        assert getattr(parameter, "help", None), f"{path}: {parameter.name}"


LEAVES = {
    "account create",
    "account list",
    "account revoke",
    "audit check",
    "audit export",
    "audit list",
    "audit prune",
    "audit verify",
    "authority create",
    "authority rotate begin",
    "authority rotate export",
    "authority rotate finish",
    "authority rotate status",
    "authority rotate switch",
    "authority show",
    "backbone list",
    "backbone pack",
    "backbone push",
    "backbone recall",
    "backbone show",
    "backup",
    "device accept",
    "device denied",
    "device deny",
    "device diagnose",
    "device list",
    "device pending",
    "device reject",
    "device remove",
    "device show",
    "device tag",
    "device undeny",
    "explain",
    "federation head export",
    "federation head list",
    "federation head rollback",
    "federation list",
    "federation show",
    "federation start",
    "federation stop",
    "federation watch",
    "migrate",
    "restore",
    "rollout abort",
    "rollout devices",
    "rollout hold",
    "rollout list",
    "rollout pause",
    "rollout promote",
    "rollout resume",
    "rollout retry",
    "rollout show",
    "rollout start",
    "rollout undo",
    "rollout watch",
    "serve",
    "settings apply",
    "settings show",
    "status",
    "ticket create",
    "ticket list",
    "ticket revoke",
    "trust export",
    "trust init",
    "trust publish",
    "trust rotate",
    "trust rotate-online",
    "trust show",
    "trust sign",
    "trust status",
}


def test_the_commands_are_these() -> None:
    leaves = {path for path, command in ALL.items() if not isinstance(command, click.Group)}
    assert leaves - {"demo"} == LEAVES


@pytest.mark.parametrize("path", ["serve", "settings show"])
def test_every_setting_has_its_option(path: str) -> None:
    options = {option for parameter in ALL[path].params for option in parameter.opts}
    wanted = {f"--{name.replace('_', '-')}" for name in OrchestratorSettings.__struct_fields__}
    assert wanted <= options


def test_remote_commands_need_none_of_the_server_s_parts() -> None:
    code = (
        "import sys, orchestrator.cli.root as root\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_another_package_s_command_is_there_under_its_entry_s_name() -> None:
    program = typer.Typer()
    program.command("first")(lambda: None)
    root._add(program, EntryPoint("clock", "calendar:TextCalendar", root.COMMANDS))
    assert "clock" in {each.name for each in program.registered_commands}


def test_a_command_whose_extra_is_missing_says_so_when_it_is_called() -> None:
    program = typer.Typer()
    program.command("first")(lambda: None)
    root._add(program, EntryPoint("demo", "no_such_package:demo", root.COMMANDS))
    result = CliRunner().invoke(program, ["demo"])
    assert result.exit_code == 5
    assert "the command demo needs an extra" in result.stderr


def test_without_the_extra_cli_the_program_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(orchestrator.cli, "NEEDED", ("no_such_package",))
    with pytest.raises(SystemExit) as ended:
        orchestrator.cli.main()
    assert ended.value.code == 5
    assert "fieldwise[cli]" in capsys.readouterr().err


def test_a_defect_ends_with_70_and_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr(root, "app", broken)
    with pytest.raises(SystemExit) as ended:
        root.run()
    assert ended.value.code == 70
    told = capsys.readouterr().err
    assert "RuntimeError" in told
    assert "error: the command met a defect of its own" in told


def test_a_defect_under_json_is_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr(root, "app", broken)
    monkeypatch.setattr(sys, "argv", ["fieldwise", "status", "--json"])
    with pytest.raises(SystemExit) as ended:
        root.run()
    assert ended.value.code == 70
    assert json.loads(capsys.readouterr().err)["error"]["fault"] == "internal"


def test_the_package_gives_its_app_and_nothing_made_up() -> None:
    assert orchestrator.cli.app is root.app
    with pytest.raises(AttributeError):
        orchestrator.cli.made_up  # noqa: B018 - looking it up is the test
