"""``ledger``: what left this device, and whether the record of it is whole."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from agent.cli.labels import moment_of
from agent.cli.output import AsJson, columns, legible, moment, printable, show, size
from agent.cli.told import settings_of
from agent.reporting import LedgerEntry, Total, Wanted

if TYPE_CHECKING:
    from agent.device.ledger_reading import Examined

app = typer.Typer(help="What left this device, and whether the record of it is whole.")

FOLLOW_SECONDS = 1.0  # the daemon answers without a look at its files where nothing is new
FOLLOWED_MAX = 1000  # more than leave within a second, and what one answer holds

Entries = Annotated[int, typer.Option(min=1, max=1000, help="Newest entries to show.")]


@app.callback(invoke_without_command=True)
def ledger(context: typer.Context, *, entries: Entries = 20, json: AsJson = False) -> None:
    """Show what left this device: every message, and how much of each kind."""
    if context.invoked_subcommand is None:
        _show(context, entries, Wanted(), as_json=json)


@app.command("show")
def show_entries(
    context: typer.Context,
    *,
    entries: Entries = 20,
    kind: Annotated[str, typer.Option(help="Only entries of this kind, such as check-in.")] = "",
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only entries since: 2026-11-22, 14:30, 90m, 2h, 3d."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on as messages leave.")] = False,
    json: AsJson = False,
) -> None:
    """Show the newest entries, and how much of each kind has left."""
    moment_since = moment_of(since, _now()) if since else 0.0
    wanted = Wanted(kind, moment_since)
    if follow:
        _follow(context, entries, wanted, as_json=json)
    else:
        _show(context, entries, wanted, as_json=json)


@app.command("verify")
def verify(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="An export; without one the ledger of the state folder.")
    ] = None,
    *,
    head: Annotated[
        list[str] | None,
        typer.Option(metavar="NUMBER:DIGEST", help="It has to contain this head; repeatable."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Walk the chain of the ledger, and say where it is broken; works without a daemon."""
    from agent.auditing import verified_file, verified_folder
    from fieldwise.ledger import parse_head

    heads = [parse_head(text) for text in head or []]
    is_checked = False
    if file is not None:
        found: Examined | None = verified_file(file, heads)
    else:
        found, is_checked = verified_folder(settings_of(context), heads)
    lines = list(_verified(found, len(heads)))
    if file is None and found is not None and not is_checked:
        lines.append("whether it ends where the agent left it was not looked at: a daemon runs,")
        lines.append("which sees to that before every message, or state.sqlite is not there")
    told = {"whole": True, "end_checked": is_checked, "heads": len(heads), "ledger": found}
    show(told, lambda: lines, as_json=json)


@app.command("export")
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to write it; it must not be there yet.")],
    *,
    json: AsJson = False,
) -> None:
    """Write the whole ledger to a file that anybody can verify."""
    from agent.auditing import export_to

    found = export_to(settings_of(context), file)
    words = [f"{found.entries:,} entries in {legible(file)}", f"head {found.head}"]
    told = {"file": legible(file), "ledger": found}
    show(told, lambda: words, as_json=json)


def _show(context: typer.Context, entries: int, wanted: Wanted, *, as_json: bool) -> None:
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        newest, totals = reached.ledger(entries, wanted)
    found = {"entries": newest, "totals": totals}
    show(found, lambda: _lines(newest, totals), as_json=as_json)


def _lines(newest: Sequence[LedgerEntry], totals: dict[str, Total]) -> list[str]:
    if not totals:
        return ["nothing has left this device"]
    sums = [
        (kind, f"{total.messages:,} messages", size(total.bytes)) for kind, total in totals.items()
    ]
    return [*columns([_row(each) for each in newest]), "", *columns(sums)]


def _row(entry: LedgerEntry) -> tuple[str, ...]:
    when = moment(entry.time)
    return (str(entry.number), when, entry.kind, size(entry.bytes), entry.summary)


def _follow(context: typer.Context, entries: int, wanted: Wanted, *, as_json: bool) -> None:
    """Print entries as the daemon writes them; without a daemon nothing leaves."""
    from agent.cli.desk import LISTENING_SECONDS
    from agent.rpc.owner import OwnerClient

    with OwnerClient(settings_of(context).owner_socket, LISTENING_SECONDS) as owner:
        last, _ = owner.ledger(1)
        newest, _ = owner.ledger(entries, wanted)
        after = max((each.number for each in (*last, *newest)), default=0)
        while True:
            for entry in filter(wanted.takes, newest):
                _print(entry, as_json=as_json)
            time.sleep(FOLLOW_SECONDS)
            # Of every kind: then the daemon knows without a look at its files that nothing is new.
            newest, _ = owner.ledger(FOLLOWED_MAX, Wanted(after=after))
            after = max((each.number for each in newest), default=after)


def _print(entry: LedgerEntry, *, as_json: bool) -> None:
    typer.echo(
        msgspec.json.encode(entry).decode() if as_json else printable("  ".join(_row(entry)))
    )


def _verified(found: "Examined | None", heads: int) -> Iterator[str]:
    if found is None:
        yield "nothing has left this device"
        return
    last = found.head.number
    yield f"whole: {found.entries:,} entries, {found.first:,} to {last:,}"
    if found.since is not None and found.until is not None:
        yield f"from {moment(found.since)} to {moment(found.until)}"
    yield f"head {found.head}"
    if heads:
        yield f"it contains {'the head' if heads == 1 else f'all {heads} heads'} asked for"
    if found.torn:
        yield "half a line at the end, as a power cut leaves it: that message was not sent"
    for entry in found.alterations:
        yield f"an alteration was found on {moment(entry.time)}, entry {entry.number:,}:"
        yield f"  {printable(entry.summary)}"  # whoever made an export chose it


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC).astimezone()
