"""What is written about the code is true of it: reference tables, diagrams, paths and links."""

import configparser
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

import agent.cli
import orchestrator.cli
from fieldwise.errors import CATALOGUE, Fault
from tools import document

ROOT = Path(__file__).parents[2]
PAGES = [*document.pages(), ROOT / "CONTRIBUTING.md"]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
CODE = re.compile(r"`[^`\n]*`")  # a pattern in it may look like a link
SOURCE = re.compile(
    r"`((?:agent|orchestrator|fieldwise|bundler|demonstration|proto|tests|tools|docs)/[\w./]*)`"
)
PATH = re.compile(r"`([\w.]+/[\w./]*|\w+\.(?:py|md|toml|txt))`")
COMMAND = re.compile(
    r"(?:`|^ {4}(?:sudo )?)(fieldwise(?:-agent)?(?: [^`\n]*)?)(?:`|$)", re.MULTILINE
)
PROGRAMS: dict[str, click.Command] = {
    "fieldwise": typer.main.get_command(orchestrator.cli.app),
    "fieldwise-agent": typer.main.get_command(agent.cli.app),
}
SILHOUETTE = {"orchestrator": 2, "agent": 3}  # the program, and its column in the table of layers


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", document.pages(), ids=name_of)
def test_generated_parts_are_what_the_code_says(page: Path) -> None:
    """Settings, errors, metrics, commands with their options, and diagrams: run `make docs`."""
    assert document.filled(page.read_text()) == page.read_text()


def test_nothing_that_can_be_generated_is_left_out() -> None:
    used = {found[2] for page in PAGES for found in document.PART.finditer(page.read_text())}
    assert used == set(document.PARTS)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = LINK.findall(CODE.sub("", page.read_text()))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_source_that_is_named_exists(page: Path) -> None:
    names = SOURCE.findall(page.read_text())
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_every_command_of_make_is_real() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {each for page in PAGES for each in re.findall(r"\bmake ([a-z]+)`", page.read_text())}
    assert named <= targets


def silhouette(program: str) -> list[list[str]]:
    """The paths that the table of layers has for a program, row by row."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    table = text.partition("| layer |")[2].partition("\n\n")[0]
    rows = [line.split("|") for line in table.splitlines() if "`" in line]
    return [PATH.findall(row[SILHOUETTE[program]]) for row in rows]


def layers(program: str) -> dict[str, int]:
    """Each path of the law's layers with the number of its layer, from the top."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    lines = parser[f"importlinter:contract:{program}"]["layers"].split("\n")[1:]
    tails = {tail.strip("()"): at for at, line in enumerate(lines) for tail in line.split(" : ")}
    return {path_of(program, tail): at for tail, at in tails.items()}


def path_of(program: str, tail: str) -> str:
    path = tail.replace(".", "/")
    return f"{path}/" if (ROOT / program / path).is_dir() else f"{path}.py"


@pytest.mark.parametrize("program", SILHOUETTE)
def test_the_table_of_layers_tells_what_the_law_says(program: str) -> None:
    law, rows = layers(program), silhouette(program)
    assert sorted(path for row in rows for path in row) == sorted(law)
    spans = [sorted({law[path] for path in row}) for row in rows]
    assert [at for span in spans for at in span] == sorted({*law.values()})


def test_every_path_on_the_map_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    told = {path for program in SILHOUETTE for row in silhouette(program) for path in row}
    named = {*PATH.findall(text)} - told
    assert named
    assert [
        name
        for name in named
        if not (ROOT / name).exists() and not (ROOT / "tests" / name).exists()
    ] == []


def test_every_folder_is_on_the_map() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    folders = [path.parent.name for path in ROOT.glob("[a-z]*/[a-z]*.py")]
    assert [name for name in {*folders} if f"`{name}/`" not in text] == []


def unknown(line: str) -> Iterator[str]:
    """What a command line names that its program does not have."""
    program, *words = re.split(r"\s[|#>&]", line)[0].split()
    command = PROGRAMS[program]
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        found = command.commands.get(words.pop(0))
        if found is None:
            yield line
            return
        command = found
    options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    options |= {"--help"}
    yield from (word for word in words if is_option(word) and word.partition("=")[0] not in options)


def is_option(word: str) -> bool:
    return re.match(r"--\w", word) is not None


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_that_is_named_exists(page: Path) -> None:
    lines = COMMAND.findall(page.read_text().replace("\\\n", " "))
    assert [each for line in lines for each in unknown(line)] == []


@pytest.mark.parametrize("fault", Fault)
def test_every_command_of_an_advice_exists(fault: Fault) -> None:
    lines = COMMAND.findall(CATALOGUE[fault].advice)
    assert [each for line in lines for each in unknown(line)] == []


@pytest.mark.parametrize("line", ["fieldwise rolout list", "fieldwise-agent status --jsn"])
def test_a_command_that_does_not_exist_is_noticed(line: str) -> None:
    assert list(unknown(line)) != []
