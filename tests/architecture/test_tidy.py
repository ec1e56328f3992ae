"""The style of the house as far as a machine can see it: sizes, names, calls."""

import ast
import re
import statistics
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ("agent", "bundler", "demonstration", "fieldwise", "orchestrator")
GENERATED = ("fieldwise/v1alpha1", "fieldwise/onnx")
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
FUNCTION_LINES_MEDIAN_MAX = 12
DRAWERS = re.compile(r"(?:^|_)(?:utils?|common|manager|helpers?)(?:_|$)", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK|NotImplementedError)\b")
TALKERS = re.compile(r"^(?:\w+/cli(?:/.*)?\.py|tools/.*|benchmarks/.*)$")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(*folders: str) -> list[Path]:
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if not name_of(path).startswith(GENERATED))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(tree: ast.AST) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def length_of(function: Function) -> int:
    """Lines from ``def`` to the end, the docstring not counted."""
    assert function.end_lineno is not None
    first = function.body[0]
    described = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if described else 0
    return function.end_lineno - function.lineno + 1 - docstring


PRODUCT = sources(*PROGRAMS)
EVERYTHING = sources(*PROGRAMS, "tests", "tools", "benchmarks")


def test_there_is_something_to_check() -> None:
    assert len(PRODUCT) > 20


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_a_file_has_one_subject_and_at_most_400_lines(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= FILE_LINES_MAX


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    lengths = {each.name: length_of(each) for each in functions(parsed(path))}
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX} == {}


def test_half_of_all_functions_have_at_most_12_lines() -> None:
    trees = [parsed(path) for path in PRODUCT]
    lengths = [length_of(each) for tree in trees for each in functions(tree)]
    assert statistics.median(lengths) <= FUNCTION_LINES_MEDIAN_MAX


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_no_drawer_collects_what_has_no_name(path: Path) -> None:
    nodes = ast.walk(parsed(path))
    names = [each.name for each in nodes if isinstance(each, Function | ast.ClassDef)]
    assert [name for name in [*names, *path.relative_to(ROOT).parts] if is_drawer(name)] == []


def is_drawer(name: str) -> bool:
    """Whether a word of a name in snake case, camel case or a file name is a drawer's."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.removesuffix(".py"))
    return DRAWERS.search(words) is not None


@pytest.mark.parametrize("name", ["utils.py", "test_utils.py", "PoolManager", "wire_helpers"])
def test_a_drawer_is_recognised_by_its_name(name: str) -> None:
    assert is_drawer(name)


@pytest.mark.parametrize("path", [*PRODUCT, *sources("tools")], ids=name_of)
def test_nothing_is_left_unfinished(path: Path) -> None:
    assert UNFINISHED.findall(path.read_text()) == []


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_only_a_command_line_prints(path: Path) -> None:
    nodes = ast.walk(parsed(path))
    called = [each.func for each in nodes if isinstance(each, ast.Call)]
    prints = [each.lineno for each in called if isinstance(each, ast.Name) and each.id == "print"]
    assert TALKERS.match(name_of(path)) or prints == []


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_every_suppression_says_why(path: Path) -> None:
    lines = path.read_text().splitlines()
    marks = [line for line in lines if re.search(r"#\s*(?:noqa|type: ignore)", line)]
    bare = [
        line for line in marks if not re.search(r"(?:noqa|type: ignore).*?[\]\d]\s+\S+\s+\S+", line)
    ]
    assert bare == []


def test_tests_are_not_packages_that_could_shadow_the_product() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []
    assert list((ROOT / "proto").rglob("*.py")) == []
