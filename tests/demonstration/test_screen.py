import io
from pathlib import Path

import pytest
from rich.console import Console

from demonstration.board import Board, Row
from demonstration.cli import playing, screen
from demonstration.report import (
    Answer,
    Departed,
    DeviceFindings,
    Examination,
    Findings,
    KillFindings,
    Switch,
)
from demonstration.story import Options
from fieldwise.errors import Fault, FieldwiseError

DEVICE = DeviceFindings(
    name="north",
    condition="plain",
    classes=("a", "b"),
    taught=20,
    learned=16,
    before=Examination("lite0:1", right=9, total=10, bound=0.95),
    after=Examination("lite1:1", right=8, total=10, bound=None),
    switch=Switch(seconds=3.2, predictions=40, failures=()),
    departed=(Departed("check-in", 4, 4321),),
)
ANSWERS = (Answer("a", 0.9),)
FINDINGS = Findings("digits", 61.0, (DEVICE,), KillFindings("north", 16, 16, ANSWERS, ANSWERS))


def console() -> Console:
    return Console(file=io.StringIO(), width=160)


def text_of(shown: Console) -> str:
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


def test_the_table_shows_what_the_board_knows() -> None:
    board = Board(lambda _line: None)
    board.open([Row("north", "plain"), Row("east", "inverted")])
    board.note("north", state="active", backbone="lite0:1", samples=7, running_accuracy=0.5)
    board.note("north", checked_in_seconds=2.4)
    shown = console()
    shown.print(screen.picture(board))
    north = next(line for line in text_of(shown).splitlines() if "north" in line)
    assert [
        cell.strip() for cell in north.split("│") if cell.strip() not in {"", "0", "north", "plain"}
    ] == ["active", "lite0:1", "7", "50.0%", "2 s ago"]


def test_every_line_is_told_as_it_comes() -> None:
    told: list[str] = []
    board = Board(told.append)
    board.say("one")
    board.say("two")
    assert told == ["one", "two"]
    assert board.line == "two"


def test_the_report_shows_every_figure_and_every_problem() -> None:
    shown = console()
    screen.show_report(FINDINGS, ["something broke"], shown)
    text = text_of(shown)
    for figure in (
        "16/20",
        "90.0%",
        "95.0%",
        "80.0% (unknown)",
        "3 s",
        "4,321",
        "something broke",
    ):
        assert figure in text
    assert "as promised" not in text


def test_a_run_without_problems_ends_with_status_0_and_a_report_for_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "run", lambda _options, _board: (FINDINGS, "lite1:1"))
    shown = console()
    assert playing.play(None, tmp_path / "report.json", None, shown) == 0
    assert (tmp_path / "report.json").exists()
    assert "as promised" in text_of(shown)


def test_a_broken_promise_ends_with_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "run", lambda _options, _board: (FINDINGS, "lite1:1"))
    monkeypatch.setattr(playing, "problems", lambda _findings, _title: ["something broke"])
    assert playing.play(None, None, None, console()) == playing.FAILED


def test_a_story_that_cannot_go_on_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(_options: Options, _board: Board) -> tuple[Findings, str]:
        raise FieldwiseError(Fault.UNAVAILABLE, "the server ended")

    monkeypatch.setattr(playing, "run", stuck)
    shown = console()
    assert playing.play(None, None, None, shown) == playing.FAILED
    assert "the server ended" in text_of(shown)


def test_after_an_interrupt_the_shell_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_options: Options, _board: Board) -> tuple[Findings, str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(playing, "run", interrupted)
    assert playing.play(None, None, None, console()) == playing.INTERRUPTED


@pytest.mark.parametrize("name", ["x" * 120, "."])
def test_a_folder_that_cannot_be_kept_is_refused(tmp_path: Path, name: str) -> None:
    assert playing.play(None, None, tmp_path / name, console()) == playing.FAILED
