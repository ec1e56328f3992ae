"""What commands print: tables for people, JSON for programs, errors as a sentence with advice.

A command returns ``Shown``: a value, and how a person wants to see it. With ``--json`` the value is
printed instead, and errors are an object on standard error. Colours are for terminals only.

Devices choose some of what is printed, and a terminal obeys what it is sent: no character gets out
that is not printable, but for the line ends of our own texts.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.rollout.telling import span

PIPED_COLUMNS = 1000  # a pipe has no width, and no cell that commands show is wider


@dataclass(frozen=True, slots=True)
class Shown:
    """What a command found out.

    Args:
        value: For programs; dataclasses, enumerations and moments are fine.
        render: For people.
        note: For people, on standard error: it does not go through a pipe.
    """

    value: object
    render: Callable[[], RenderableType]
    note: str = ""


def out() -> Console:
    return Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS, highlight=False)


def err() -> Console:
    return Console(stderr=True, highlight=False)


def show(shown: Shown, *, as_json: bool) -> None:
    """Print what a command found out."""
    if as_json:
        typer.echo(msgspec.json.format(as_line(shown.value), indent=2))
        return
    if shown.note:
        err().print(Text(clean(shown.note)), soft_wrap=True)
    rendered = shown.render()
    if isinstance(rendered, Text):
        rendered = _cell(rendered)
    # Text goes out as it is, however long: a ticket must not be broken at a window's edge.
    out().print(rendered, soft_wrap=isinstance(rendered, Text))


def as_line(value: object) -> str:
    """Return a value as one line of JSON, in which strings hold printable characters only."""
    text = msgspec.json.encode(value, enc_hook=str).decode()
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)


def clean(text: str) -> str:
    """Return a text with a mark in place of whatever a terminal would obey, line ends excepted."""
    return "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text)


@contextmanager
def errors_shown(*, as_json: bool) -> Iterator[None]:
    """End the program with the sentence, the advice and the exit status of an error."""
    try:
        yield
    except FieldwiseError as error:
        show_error(error, as_json=as_json)
        raise typer.Exit(error.entry.exit_code) from error


def show_error(error: FieldwiseError, *, as_json: bool) -> None:
    if as_json:
        told = {"fault": error.fault, "message": error.sentence, "advice": error.entry.advice}
        typer.echo(as_line({"error": told}), err=True)
        return
    console = err()
    for line in error.sentence.splitlines():
        console.print(Text.assemble(("error: ", "bold red"), clean(line)), soft_wrap=True)
    console.print(Text(error.entry.advice), soft_wrap=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """Lay rows out under columns; a column whose name ends in # is aligned to the right."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        right = column.endswith("#")
        made.add_column(column.rstrip("#"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        made.add_row(*map(_cell, row))
    return made


def facts(pairs: Iterable[tuple[str, str | Text]]) -> Table:
    """Lay out what is known of one thing."""
    made = Table(box=None, pad_edge=False, show_header=False)
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(name, _cell(value))
    return made


def _cell(value: str | Text) -> Text:
    if isinstance(value, str):
        return Text(clean(value))
    return Text(clean(value.plain), style=value.style)


def ago(when: datetime | None) -> str:
    """How long ago, in the largest unit that says enough: "12 s ago"."""
    if when is None:
        return "never"
    seconds = (datetime.now(UTC) - when).total_seconds()  # noqa: TID251 - shown to a person, decides nothing
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def local(when: datetime | None) -> str:
    return "" if when is None else when.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def tags(entries: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(entries.items()))


def size(count: int) -> str:
    """Bytes in the unit that people read: "5.1 MiB"."""
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if count >= 1 << power:
            return f"{count / (1 << power):.1f} {unit}"
    return f"{count} B"


def ratio(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def pairs_from(texts: Sequence[str], what: str) -> dict[str, str]:
    """Read KEY=VALUE arguments.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for anything else, or a key that comes twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT, f"{text!r} is no {what} of the form KEY=VALUE"
            )
        if key in found:
            raise FieldwiseError(Fault.INVALID_ARGUMENT, f"the {what} {key} is given twice")
        found[key] = value
    return found


SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
TIME = re.compile("([0-9]{1,9})([smhd])")


def seconds_from(text: str) -> int:
    """Read a time such as 90s, 30m, 12h or 7d.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for anything else.
    """
    found = TIME.fullmatch(text)
    if found is None:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{text!r} is no time such as 90s, 30m, 12h or 7d"
        )
    return int(found[1]) * SECONDS[found[2]]
