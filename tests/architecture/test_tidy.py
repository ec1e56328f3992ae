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
SUPPRESSION = re.compile(r"#\s*(?:noqa|type: ignore)")
REASONED = re.compile(r"(?:noqa|type: ignore).*?[\]\d]\s+\S+\s+\S+")
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
FOLDERS = {*PROGRAMS, "tests", "tools", "benchmarks"}
EVERYTHING = sources(*sorted(FOLDERS))


def test_there_is_something_to_check() -> None:
    assert len(PRODUCT) > 20
    assert {name_of(path).partition("/")[0] for path in EVERYTHING} == FOLDERS


def test_a_file_of_401_lines_is_too_long() -> None:
    assert not is_too_long("line\n" * FILE_LINES_MAX)
    assert is_too_long("line\n" * FILE_LINES_MAX + "one more")


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_function_of_61_lines_is_too_long_wherever_it_hides(kind: str) -> None:
    """Its docstring is free; being a method or inside another function is not."""
    body = "\n".join(["        line = 1"] * (FUNCTION_LINES_MAX - 1))
    just = f'class Host:\n    {kind} grown(self):\n        """Two\n        lines."""\n{body}\n'
    assert long_functions(ast.parse(just)) == {}
    assert long_functions(ast.parse(f"{just}        line = 2\n")) == {"grown": 61}


@pytest.mark.parametrize("mark", ["noqa: S101", "type: ignore[misc]", "noqa"])
def test_a_suppression_without_a_reason_is_noticed(mark: str) -> None:
    assert bare_suppressions(f"value = 1  # {mark}\n") != []


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_a_file_has_one_subject_and_at_most_400_lines(path: Path) -> None:
    assert not is_too_long(path.read_text())


def is_too_long(text: str) -> bool:
    return len(text.splitlines()) > FILE_LINES_MAX


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    assert long_functions(parsed(path)) == {}


def long_functions(tree: ast.AST) -> dict[str, int]:
    lengths = {each.name: length_of(each) for each in functions(tree)}
    return {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX}


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
    assert bare_suppressions(path.read_text()) == []


def bare_suppressions(text: str) -> list[str]:
    marks = [line for line in text.splitlines() if SUPPRESSION.search(line)]
    return [line for line in marks if not REASONED.search(line)]


def test_tests_are_not_packages_that_could_shadow_the_product() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []
    assert list((ROOT / "proto").rglob("*.py")) == []
