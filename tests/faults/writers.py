"""The functions of a program that do something to its disk, as its source has them."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

MODES = frozenset({"ab", "wb", "rb+"})


def writers(path: Path, calls: Collection[str]) -> list[str]:
    """Every function of a module that calls one of these, or opens a file to write.

    Args:
        path: The module.
        calls: Names of functions and methods that write.

    Returns:
        Their names, as ``function`` or ``Class.function``.
    """
    return [
        name
        for name, function in _functions(path)
        if any(_writes(node, calls) for node in ast.walk(function))
    ]


def _functions(path: Path) -> Iterator[tuple[str, ast.AST]]:
    for kind in ast.parse(path.read_text()).body:
        members = kind.body if isinstance(kind, ast.ClassDef) else [kind]
        prefix = f"{kind.name}." if isinstance(kind, ast.ClassDef) else ""
        for member in members:
            if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{prefix}{member.name}", member


def _writes(node: ast.AST, calls: Collection[str]) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    modes = {each.value for each in node.args if isinstance(each, ast.Constant)}
    return name in calls or (name == "open" and bool(modes & MODES))
