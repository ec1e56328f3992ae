"""What commands print: words for people, JSON for programs, one sentence for what went wrong."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from fieldwise.errors import FieldwiseError

DASH = "\u2013"  # where there is nothing to say
INTERRUPTED = 130  # as shells report SIGINT

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def reporting_errors() -> Iterator[None]:
    """End the program with a sentence, advice and an exit code for whatever went wrong."""
    try:
        yield
    except FieldwiseError as error:
        complain(error, as_json="--json" in sys.argv)
        raise SystemExit(error.entry.exit_code) from error
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def legible(text: str | Path) -> str:
    """A name of a file, or a sentence with one, as a terminal may show it.

    What is not UTF-8 shows as U+FFFD, and whatever a terminal would obey but the ends of lines.
    """
    return "\n".join(map(printable, os.fsencode(text).decode(errors="replace").split("\n")))


def printable(text: str) -> str:
    """A line in which all that does not print shows as U+FFFD: others chose some of its words."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def complain(error: FieldwiseError, *, as_json: bool) -> None:
    """Say on standard error what went wrong and what to do about it."""
    sentence = legible(error.sentence)
    if as_json:
        told = {"fault": error.fault, "message": sentence, "advice": error.entry.advice}
        print(msgspec.json.encode({"error": told}).decode(), file=sys.stderr)
    else:
        print(f"error: {sentence}\n  {error.entry.advice}", file=sys.stderr)


def show(value: object, lines: Callable[[], Sequence[str]], *, as_json: bool) -> None:
    """Print a value as JSON, or the lines that say it to people."""
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
    else:
        print("\n".join(lines()))


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay rows out in columns as wide as their widest entry."""
    if not rows:
        return []
    shown = [[printable(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in shown
    ]


def size(count: float) -> str:
    """A number of bytes as people say it."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:  # noqa: PLR2004 - the step from unit to unit
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def percent(part: int, whole: int) -> str:
    """A share as people say it; a dash of nothing."""
    return f"{part / whole:.1%}" if whole else DASH


def with_error(part: int, whole: int) -> str:
    """A share with its standard error, in points, were the samples independent."""
    if not whole:
        return DASH
    share = part / whole
    return f"{share:.1%} ± {100 * (share * (1 - share) / whole) ** 0.5:.1f}"


def moment(seconds: float | None) -> str:
    """A time of the wall clock, or that there was none."""
    if seconds is None:
        return "never"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


class FileResults:
    """What became of many files: what is wrong with one does not keep the others.

    Args:
        as_json: Whether the results are printed as one JSON list at the end.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._results: list[dict[str, Any]] = []
        self._first: FieldwiseError | None = None

    def take(self, path: Path, work: Callable[[], object], words: Callable[[Any], str]) -> None:
        """Do the work of one file and note how it went."""
        try:
            result = work()
        except FieldwiseError as error:
            self._first = self._first or error
            self._note(path, failure_of(error))
            if not self._as_json:
                print(legible(f"{path}: {error.sentence}"), file=sys.stderr)
            return
        self._note(path, msgspec.to_builtins(result))
        if not self._as_json:
            print(f"{legible(path)}: {words(result)}")

    def finish(self) -> None:
        """Print what is left to print; end with the first file's fault, if any had one."""
        if self._as_json:
            print(msgspec.json.encode(self._results).decode())
        if self._first is None:
            return
        if self._as_json:
            complain(self._first, as_json=True)
        else:
            print(f"  {self._first.entry.advice}", file=sys.stderr)
        raise SystemExit(self._first.entry.exit_code)

    def _note(self, path: Path, result: dict[str, Any]) -> None:
        self._results.append({"file": legible(path), **result})


def failure_of(error: FieldwiseError) -> dict[str, str]:
    """What is told in JSON of a file that something is wrong with."""
    return {"fault": error.fault, "error": legible(error.sentence)}
