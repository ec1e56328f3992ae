"""The live table and the report, as people see them."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from demonstration.board import Board, Row
from demonstration.report import DeviceFindings, Findings

REFRESH_PER_SECOND = 2  # the figures change about once a second


@contextmanager
def live(board: Board, console: Console) -> Iterator[None]:
    """Show the board until the context is left, if there is a terminal to show it on."""
    if not console.is_terminal:
        yield
        return
    with Live(
        get_renderable=lambda: picture(board),
        console=console,
        refresh_per_second=REFRESH_PER_SECOND,
        transient=True,
    ):
        yield


def picture(board: Board) -> RenderableType:
    """The line and the table of this moment."""
    return Group(Text(board.line, style="bold"), fleet_table(board.rows))


def fleet_table(rows: tuple[Row, ...]) -> Table:
    table = Table()
    for name in ("device", "sees", "state", "backbone"):
        table.add_column(name)
    for name in ("classes", "samples", "while learning", "on test images", "last check-in"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.name,
            row.condition,
            row.state,
            row.backbone or "none",
            str(row.classes),
            str(row.samples),
            share(row.running_accuracy),
            share(row.test_accuracy),
            ago(row.checked_in_seconds),
        )
    return table


def share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def ago(seconds: float | None) -> str:
    return "" if seconds is None else f"{max(0.0, seconds):.0f} s ago"


def show_report(findings: Findings, problems: list[str], console: Console) -> None:
    """Print what was found, and what failed."""
    for table in (accuracy_table(findings), departure_table(findings)):
        console.print()
        console.print(table)
    console.print()
    kill = findings.kill
    console.print(
        f"{kill.name} was killed with {kill.samples_before} samples learned and came back with "
        f"{kill.samples_after}; of its {len(kill.answers_before)} answers to test images "
        f"{kill.changed_answers} changed."
    )
    console.print(f"All of it took {findings.seconds:.0f} seconds.")
    for problem in problems:
        console.print(f"FAILED: {problem}", style="bold red", highlight=False)
    if not problems:
        console.print("Everything went as promised.", style="bold green")


def accuracy_table(findings: Findings) -> Table:
    table = plain_table(f"Accuracy on test images of {findings.images} (and of joint training)")
    table.add_column("device", no_wrap=True)
    for name in ("learned", "before", "after", "switch", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    for device in findings.devices:
        table.add_row(*accuracy_row(device))
    return table


def accuracy_row(device: DeviceFindings) -> tuple[str, ...]:
    switch = device.switch
    return (
        f"{device.name}, {device.condition}",
        f"{device.learned}/{device.taught}",
        f"{share(device.before.accuracy)} ({share(device.before.bound) or 'unknown'})",
        f"{share(device.after.accuracy)} ({share(device.after.bound) or 'unknown'})",
        "never" if switch.seconds is None else f"{switch.seconds:.0f} s",
        f"{len(switch.failures)} of {switch.predictions}",
    )


def plain_table(title: str) -> Table:
    """A table without frames: it has to fit into 80 columns."""
    return Table(
        title=title,
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
    )


def departure_table(findings: Findings) -> Table:
    table = plain_table("What left each device, by its own ledger")
    table.add_column("device")
    table.add_column("kind")
    table.add_column("messages", justify="right")
    table.add_column("bytes", justify="right")
    for device in findings.devices:
        for each in device.departed:
            table.add_row(device.name, each.kind, str(each.messages), f"{each.bytes:,}")
    return table
