"""What is written about the code is true of it: reference tables, diagrams, paths and links."""

import re
from pathlib import Path

import pytest

from tools import document

ROOT = Path(__file__).parents[2]
PAGES = [*document.pages(), ROOT / "CONTRIBUTING.md"]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
SOURCE = re.compile(
    r"`((?:agent|orchestrator|fieldwise|bundler|demonstration|proto|tests|tools|docs)/[\w./]*)`"
)


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
    links = LINK.findall(page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_source_that_is_named_exists(page: Path) -> None:
    names = SOURCE.findall(page.read_text())
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_every_command_of_make_is_real() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {each for page in PAGES for each in re.findall(r"\bmake ([a-z]+)`", page.read_text())}
    assert named <= targets
