"""``fieldwise-agent ledger``, on a state folder and on what an owner exported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.cli.output import columns, complain
from agent.device.clock import SystemClock
from agent.device.database import Database
from agent.device.folder import StateFolder
from agent.device.journal import DatabaseJournal
from agent.device.ledger import LedgerFile
from agent.device.ledger_chain import ALTERED as KIND
from agent.device.ledger_chain import Opening, Tail, linked
from agent.reporting import LedgerEntry
from fieldwise.errors import CATALOGUE, Fault, FieldwiseError

Run = Callable[..., tuple[int, str, str]]
ALTERED = CATALOGUE[Fault.LEDGER_ALTERED].exit_code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state folder from which five messages left."""
    state = StateFolder(tmp_path / "s")
    with state:
        database = Database(state.database)
        ledger = LedgerFile(state.ledger, DatabaseJournal(database), SystemClock())
        for number, kind in enumerate(("enrolment", *["check-in"] * 3, "leave")):
            ledger.append(kind, 100 + number, f"message {number}", 1000.0 + number)
        database.close()
    return state.path


def json_of(run: Run, *arguments: str | Path) -> Any:
    status, out, err = run(*arguments, "--json")
    assert status == 0, err
    return msgspec.json.decode(out)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ((), [1, 2, 3, 4, 5]),
        (("--entries", "2"), [4, 5]),
        (("--kind", "check-in"), [2, 3, 4]),
        (("--kind", "check-in", "--entries", "1"), [4]),
        (("--kind", "nothing"), []),
        (("--since", "2026-01-01"), []),
    ],
)
def test_the_entries_that_are_asked_for_are_shown(
    run: Run, wanted: tuple[str, ...], numbers: list[int]
) -> None:
    found = json_of(run, "ledger", "show", *wanted)
    assert [each["number"] for each in found["entries"]] == numbers
    assert found["totals"]["check-in"]["messages"] == 3


@pytest.mark.usefixtures("folder")
def test_without_a_command_it_shows(run: Run) -> None:
    status, out, _ = run("ledger", "--entries", "1")
    assert (status, "message 4" in out, "message 3" in out) == (0, True, False)


@pytest.mark.usefixtures("folder")
def test_without_a_daemon_there_is_nothing_to_follow(run: Run) -> None:
    assert run("ledger", "show", "--follow")[0] == CATALOGUE[Fault.UNREACHABLE].exit_code


def test_a_whole_ledger_is_verified_against_every_head(run: Run, folder: Path) -> None:
    entries = json_of(run, "ledger", "show")["entries"]
    heads = [part for each in entries for part in ("--head", f"{each['number']}:{each['digest']}")]
    found = json_of(run, "ledger", "verify", *heads)
    assert (found["whole"], found["end_checked"], found["heads"]) == (True, True, 5)
    assert found["ledger"]["head"]["number"] == 5
    status, out, _ = run("ledger", "verify", *heads)
    assert (status, "contains all 5 heads" in out) == (0, True)


def test_what_was_altered_is_refused_and_the_files_stay_as_they_are(run: Run, folder: Path) -> None:
    altered = (folder / "ledger").read_bytes().replace(b"message 2", b"message 7")
    (folder / "ledger").write_bytes(altered)
    status, _, err = run("ledger", "verify")
    assert (status, "from line 4 on" in err) == (ALTERED, True)
    assert (folder / "ledger").read_bytes() == altered
    assert run("ledger", "export", folder.parent / "export")[0] == ALTERED
    assert not (folder.parent / "export").exists()


def test_the_last_entries_cannot_be_cut_off(run: Run, folder: Path) -> None:
    lines = (folder / "ledger").read_bytes().splitlines(keepends=True)
    (folder / "ledger").write_bytes(b"".join(lines[:-2]))
    status, _, err = run("ledger", "verify")
    assert (status, "the agent kept as the last 5" in err) == (ALTERED, True)


def test_an_export_is_verified_anywhere_and_holds_against_heads(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    export = tmp_path / "export.jsonl"
    told = json_of(run, "ledger", "export", export)
    assert told["ledger"]["entries"] == 5
    assert run("ledger", "export", export)[0] == CATALOGUE[Fault.ALREADY_EXISTS].exit_code
    head = f"5:{told['ledger']['head']['digest']}"
    assert json_of(run, "ledger", "verify", export, "--head", head)["heads"] == 1
    assert run("ledger", "verify", export, "--head", f"5:{'f' * 64}")[0] == ALTERED
    assert run("ledger", "verify", export, "--head", "rubbish")[0] == 2
    export.write_bytes(export.read_bytes().replace(b"message 1", b"message 8"))
    assert run("ledger", "verify", export)[0] == ALTERED


def test_an_export_made_to_deceive_sends_no_terminal_a_command(run: Run, tmp_path: Path) -> None:
    """A whole chain: whoever exports chose every word of it."""
    opening = Opening(Tail(), fresh=True)
    entry = LedgerEntry(1, 1.0, KIND, 0, "\x1b[2Jall is well\u202e\n\x9b8m")
    entry = msgspec.structs.replace(entry, digest=linked(opening.digest(), entry))
    path = tmp_path / "export"
    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in (opening, entry)))
    status, out, _ = run("ledger", "verify", path)
    assert status == 0
    assert "\ufffd[2Jall is well\ufffd\ufffd\ufffd8m" in out
    assert all(line.isprintable() for line in out.splitlines())


def test_entries_and_errors_send_no_terminal_a_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert columns([["a\x1b[31m", "b"], ["c", "d\n\x07"]]) == [
        "a\ufffd[31m  b",
        "c       d\ufffd\ufffd",
    ]
    error = FieldwiseError(Fault.GRAPH_FAILED, "node '\x1b]0;title\x07' fails\nand so on")
    complain(error, as_json=False)
    said = capsys.readouterr().err
    assert said.startswith("error: node '\ufffd]0;title\ufffd' fails\nand so on\n")


def test_a_ledger_that_its_agent_has_is_verified_beside_it(run: Run, folder: Path) -> None:
    with StateFolder(folder):
        found = json_of(run, "ledger", "verify")
        assert (found["end_checked"], found["ledger"]["entries"]) == (False, 5)
        assert "a daemon runs" in run("ledger", "verify")[1]
        assert run("ledger", "export", folder.parent / "export")[0] == 0


def test_outside_of_any_folder_there_is_no_ledger(run: Run, tmp_path: Path) -> None:
    assert run("ledger", "verify")[0] == CATALOGUE[Fault.NOT_FOUND].exit_code
    (tmp_path / "s").mkdir()
    assert "nothing has left" in run("ledger", "verify")[1]
    none = run("ledger", "verify", "--head", f"1:{'a' * 64}")
    assert none[0] == CATALOGUE[Fault.NOT_FOUND].exit_code
    assert run("ledger", "export", tmp_path / "e")[0] == CATALOGUE[Fault.NOT_FOUND].exit_code
