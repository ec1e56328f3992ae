"""Plays the demonstration for a person: what it shows, what it keeps, and the exit status."""

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console

from demonstration.board import Board
from demonstration.cli.screen import live, show_report
from demonstration.report import problems, write_json
from demonstration.story import Options, run
from fieldwise.errors import Fault, FieldwiseError

FAILED = 1  # a promise of the demonstration was not kept, or it could not be played to its end
FOLDER_BYTES_MAX = 70  # a socket has 108 bytes for its whole path
INTERRUPTED = 130  # what a shell expects after Ctrl-C


def play(images: Path | None, json_file: Path | None, keep: Path | None, console: Console) -> int:
    """Play, show the report, and return the exit status.

    Args:
        images: Folder of class folders; None for digits.
        json_file: Where the report for machines goes, if anywhere.
        keep: Where state and logs stay, if anywhere.
        console: Where everything is shown.
    """
    began = time.monotonic()
    board = Board(lambda line: told(line, time.monotonic() - began, console))
    try:
        with stopped_in_order(), folder(keep) as place, live(board, console):
            findings, title = run(Options(images, place), board)
    except FieldwiseError as error:
        console.print(f"FAILED: {error.sentence}", style="bold red", highlight=False, markup=False)
        return FAILED
    except KeyboardInterrupt:
        console.print("Interrupted; every process of the demonstration has been stopped.")
        return INTERRUPTED
    found = problems(findings, title)
    show_report(findings, found, console)
    if json_file is not None:
        write_json(json_file, findings, found)
    return FAILED if found else 0


def told(line: str, seconds: float, console: Console) -> None:
    """Print a line of the story; on a terminal the live table passes over it."""
    console.print(f"[{seconds:4.0f} s] {line}", markup=False, highlight=False)


@contextmanager
def folder(keep: Path | None) -> Iterator[Path]:
    """A folder under a short path, for the sake of the Unix sockets in it."""
    if keep is not None:
        yield kept(keep.resolve())
        return
    with tempfile.TemporaryDirectory(prefix="fw-", dir="/tmp", ignore_cleanup_errors=True) as made:
        yield Path(made)


def kept(place: Path) -> Path:
    """Make the folder that is to be kept.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` when it exists, or its path is too long.
    """
    if len(bytes(place)) > FOLDER_BYTES_MAX:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"{place} has a path of more than {FOLDER_BYTES_MAX} bytes, too long for Unix sockets",
        )
    try:
        place.mkdir(parents=True)
    except OSError as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{place} cannot be made: {error.strerror}"
        ) from error
    return place


@contextmanager
def stopped_in_order() -> Iterator[None]:
    """Let SIGTERM end the story as Ctrl-C does, so that no child is left behind."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
