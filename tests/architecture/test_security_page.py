"""Every promise of docs/security.md is one that a test would notice to be broken."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ATTACKERS = (
    "Somebody on the network",
    "A stolen device",
    "A broken orchestrator",
    "A curious operator",
    "A hostile device in the fleet, and in federation",
)


@cache
def names_in(file: str) -> frozenset[str]:
    path = ROOT / file
    tree = ast.parse(path.read_text()) if path.exists() else ast.Module([], [])
    found = (
        each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return frozenset(each.name for each in found if each.name.startswith("test_"))


def missing(page: str) -> list[str]:
    return [f"{file}::{name}" for file, name in PROOF.findall(page) if name not in names_in(file)]


def promises(page: str) -> list[str]:
    """Rows of the tables that say what is promised."""
    tables = re.findall(r"\| promised \| proved by \|\n\|[-|]+\|\n((?:\|.*\n)+)", page)
    return [row for table in tables for row in table.splitlines()]


def test_every_test_that_is_named_exists() -> None:
    assert PROOF.findall(PAGE)
    assert missing(PAGE) == []


def test_a_test_that_is_gone_is_noticed() -> None:
    own = "tests/architecture/test_security_page.py"
    assert missing(f"`{own}::test_a_test_that_is_gone_is_noticed`") == []
    assert missing(f"`{own}::test_that_never_was`") == [f"{own}::test_that_never_was"]
    assert missing("`tests/nowhere.py::test_x`") == ["tests/nowhere.py::test_x"]


@pytest.mark.parametrize("row", promises(PAGE), ids=lambda row: row[2:60])
def test_a_promise_names_a_test(row: str) -> None:
    assert PROOF.search(row)


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_of_every_attacker_is_said_what_is_promised_and_what_is_not(attacker: str) -> None:
    sections = dict(re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE))
    assert promises(sections[attacker])
    assert "Not promised:" in sections[attacker]
