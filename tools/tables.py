"""The tables of docs/reference.md, read from the code that they describe."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect as shapes

from fieldwise.errors import CATALOGUE
from fieldwise.settings import describe, is_secret, variable_name
from orchestrator import metric_names


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield line(head)
    yield line(["---"] * len(head))
    yield from (line(row) for row in rows)


def line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def errors() -> Iterator[str]:
    """Every fault with its status, exit code and advice."""
    rows = (
        (f"`{fault}`", entry.status, str(entry.exit_code), entry.advice)
        for fault, entry in CATALOGUE.items()
    )
    return table(("error", "gRPC status", "exit status", "what to do"), rows)


def metrics() -> Iterator[str]:
    """Every metric with its kind, its labels and its meaning."""
    rows = (
        (f"`{entry.name}`", entry.kind, ", ".join(f"`{name}`" for name in entry.labels), entry.text)
        for entry in metric_names.CATALOGUE
    )
    return table(("metric", "kind", "labels", "meaning"), rows)


def settings(shape: type[msgspec.Struct], prefix: str, flag: Callable[[str], str]) -> Iterator[str]:
    """Every setting with its names, its bounds and its default."""
    described = shapes.type_info(shape)
    assert isinstance(described, shapes.StructType)
    rows = (
        (
            f"`{field.name}`",
            f"`{variable_name(prefix, field.name)}`",
            f"`{flag(field.name)}`",
            kind(field.type),
            default(field, secret=is_secret(shape, field.name)),
            describe(shape, field.name),
        )
        for field in described.fields
    )
    return table(("in a file", "in the environment", "flag", "value", "default", "meaning"), rows)


def variables(shape: type[msgspec.Struct], prefix: str) -> Iterator[str]:
    """Every setting of a program that takes all of them from its environment."""
    described = shapes.type_info(shape)
    assert isinstance(described, shapes.StructType)
    rows = (
        (
            f"`{variable_name(prefix, field.name)}`",
            kind(field.type),
            default(field, secret=is_secret(shape, field.name)),
            describe(shape, field.name),
        )
        for field in described.fields
    )
    return table(("in the environment", "value", "default", "meaning"), rows)


def kind(described: shapes.Type) -> str:
    """A type and its bounds in words."""
    match described:
        case shapes.Metadata(type=inner):
            return kind(inner)
        case shapes.UnionType(types=types):
            given = [each for each in types if not isinstance(each, shapes.NoneType)]
            return " or ".join(kind(each) for each in given)
        case shapes.VarTupleType(item_type=item) | shapes.ListType(item_type=item):
            return f"list of {kind(item)}"
        case _:
            return plain_kind(described)


def plain_kind(described: shapes.Type) -> str:
    match described:
        case shapes.EnumType(cls=enumeration):
            return ", ".join(f"`{each.value}`" for each in enumeration)
        case shapes.LiteralType(values=values):
            return ", ".join(f"`{each}`" for each in values)
        case shapes.IntType() | shapes.FloatType():
            return number(described)
        case shapes.StrType(pattern=pattern):
            return f"text like `{pattern}`" if pattern else "text"
        case _:
            words = {shapes.BoolType: "`true` or `false`", shapes.CustomType: "path"}
            return words[type(described)]


def number(described: shapes.IntType | shapes.FloatType) -> str:
    name = "whole number" if isinstance(described, shapes.IntType) else "number"
    low = f"from {described.ge:,}" if described.ge is not None else ""
    above = f"above {described.gt:,}" if described.gt is not None else ""
    high = f"to {described.le:,}" if described.le is not None else ""
    below = f"below {described.lt:,}" if described.lt is not None else ""
    return " ".join(part for part in (name, low, above, high, below) if part)


def default(field: shapes.Field, *, secret: bool) -> str:
    """The default as it is written in a file; the home folder as ``~``."""
    made = field.default_factory is not msgspec.NODEFAULT
    value: Any = field.default_factory() if made else field.default
    if value is msgspec.NODEFAULT:
        return "required"
    if value is None or (secret and not value):
        return "none"
    return f"`{written(value)}`"


def written(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case Enum():
            return str(value.value)
        case Path() if value.is_relative_to(Path.home()):
            return f"~/{value.relative_to(Path.home())}"
        case tuple() | list():
            return ", ".join(str(each) for each in value) or " "
        case _:
            return str(value)
