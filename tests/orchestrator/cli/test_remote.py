"""How a command finds its server, and how it fetches long lists."""

import shlex
from pathlib import Path

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli.remote import Asked, collect, more, resolve
from orchestrator.cli.serve import ticket_command
from orchestrator.connection import Connection, write_connection
from orchestrator.paging import Page

NEAR = Connection("127.0.0.1:8444", "NEAR PEM", "near-token")
NOTHING = Asked(None, None, None)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIELDWISE_DATA_FOLDER", str(tmp_path))
    return tmp_path


def fault_of(asked: Asked) -> Fault:
    with pytest.raises(FieldwiseError) as refused:
        resolve(asked)
    return refused.value.fault


def test_on_the_server_s_machine_nothing_has_to_be_said(folder: Path) -> None:
    write_connection(folder, NEAR)
    assert resolve(NOTHING) == NEAR


def test_what_is_said_goes_first(folder: Path) -> None:
    write_connection(folder, NEAR)
    (folder / "ca.pem").write_text("FAR PEM")
    far = Asked("far:1", "far-token", folder / "ca.pem")
    assert resolve(far) == Connection("far:1", "FAR PEM", "far-token")
    assert resolve(Asked(None, "other", None)) == Connection(NEAR.address, NEAR.authority, "other")


def test_what_is_missing_is_named(folder: Path) -> None:
    (folder / "ca.pem").write_text("PEM")
    assert fault_of(NOTHING) is Fault.UNREACHABLE
    assert fault_of(Asked("far:1", "t", None)) is Fault.INVALID_ARGUMENT
    assert fault_of(Asked("far:1", None, folder / "ca.pem")) is Fault.UNAUTHENTICATED
    assert fault_of(Asked("far", "t", folder / "ca.pem")) is Fault.INVALID_ARGUMENT
    assert fault_of(Asked("far:1", "t", folder / "missing")) is Fault.INVALID_ARGUMENT
    (folder / "ca.pem").write_bytes(b"\xff\xfe")
    assert fault_of(Asked("far:1", "t", folder / "ca.pem")) is Fault.INVALID_ARGUMENT


def test_the_token_of_this_machine_s_server_is_handed_to_no_other(folder: Path) -> None:
    write_connection(folder, NEAR)
    (folder / "far.pem").write_text("FAR PEM")
    assert fault_of(Asked("far:1", None, folder / "far.pem")) is Fault.UNAUTHENTICATED
    (folder / "own.pem").write_text("NEAR PEM\n")
    assert resolve(Asked("far:1", None, folder / "own.pem")).token == NEAR.token
    assert resolve(Asked("far:1", None, None)).token == NEAR.token


def test_a_file_without_a_token_is_named_and_no_other_taken(folder: Path) -> None:
    write_connection(folder, NEAR)
    (folder / "token").write_text("\n")
    assert fault_of(Asked(None, None, None, token_file=folder / "token")) is Fault.UNAUTHENTICATED


def test_a_token_is_read_from_its_file_at_each_command(folder: Path) -> None:
    write_connection(folder, NEAR)
    file = folder / "token"
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        assert resolve(Asked(None, None, None, token_file=file)).token == token
    for said in ("said", "said\n"):
        assert resolve(Asked(None, said, None, token_file=file)).token == "said"


def test_a_file_without_a_token_is_named(folder: Path) -> None:
    for spoil in (
        lambda _: None,
        lambda path: path.write_bytes(b"\xff"),
        lambda path: path.mkdir(),
    ):
        file = folder / "spoilt"
        file.unlink(missing_ok=True)
        spoil(file)
        with pytest.raises(FieldwiseError) as refused:
            resolve(Asked("far:1", None, None, token_file=file))
        assert refused.value.fault is Fault.INVALID_ARGUMENT
        assert f"--token-file: {file}" in refused.value.sentence


def test_where_the_cluster_knows_operators_the_folder_opens_nothing(folder: Path) -> None:
    write_connection(folder, Connection(NEAR.address, NEAR.authority, ""))
    assert fault_of(NOTHING) is Fault.UNAUTHENTICATED
    assert resolve(Asked(None, "hers", None)).token == "hers"


def test_the_data_folder_is_found_as_serve_finds_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("variable", "file", "option", "home/x"):
        (folder / name).mkdir(parents=True)
        write_connection(folder / name, Connection(f"{name[:4]}:1", "PEM", "t"))
    (folder / "settings.toml").write_text(f'data_folder = "{folder}/file"\n')
    monkeypatch.delenv("FIELDWISE_DATA_FOLDER")
    monkeypatch.setenv("FIELDWISE_CONFIG", str(folder / "settings.toml"))
    assert resolve(NOTHING).address == "file:1"
    monkeypatch.setenv("FIELDWISE_DATA_FOLDER", str(folder / "variable"))
    assert resolve(NOTHING).address == "vari:1"
    monkeypatch.setenv("HOME", str(folder / "home"))
    monkeypatch.setenv("FIELDWISE_DATA_FOLDER", "~/x")
    assert resolve(NOTHING).address == "home:1"
    assert resolve(Asked(None, None, None, str(folder / "option"))).address == "opti:1"


def test_the_hint_of_serve_works_from_another_shell(folder: Path) -> None:
    given = folder / "data folder"
    assert ticket_command(given, "default") == "fieldwise ticket create"
    words = shlex.split(ticket_command(given, "--data-folder"))
    assert words == ["fieldwise", "ticket", "create", "--data-folder", str(given)]


async def numbers(token: str) -> Page[int]:
    """Ten numbers in pages of four."""
    start = int(token or 0)
    return Page(tuple(range(start, min(start + 4, 10))), str(start + 4) if start < 8 else "")


@pytest.mark.parametrize(
    ("limit", "count", "cut"),
    [(0, 10, False), (10, 10, False), (9, 9, True), (4, 4, True), (1, 1, True), (99, 10, False)],
)
async def test_as_many_pages_are_fetched_as_are_shown(limit: int, count: int, cut: bool) -> None:
    assert await collect(numbers, limit) == (list(range(count)), cut)
    assert bool(more(cut, limit)) == cut
