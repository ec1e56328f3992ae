"""``fieldwise audit``: who did what, and whether that is the whole of it."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer
from rich.console import RenderableType
from rich.text import Text

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.audit import export_file
from orchestrator.audit.chain import Verdict, Verifying
from orchestrator.audit.entry import Entry, Head, Kept, Kind, read
from orchestrator.cli.confirming import Yes, confirm
from orchestrator.cli.output import Shown, errors_shown, facts, local, show, table
from orchestrator.cli.remote import collect, more, remote
from orchestrator.paging import Page
from orchestrator.rpc.audit_client import Piece
from orchestrator.rpc.client import OperatorClient

app = typer.Typer(no_args_is_help=True, help="The audit log: who did what to the fleet.")

DETAILS_CHARACTERS = 120

Limit = Annotated[int, typer.Option(min=0, help="How many to show; 0 for all.")]
Seen = Annotated[
    list[str] | None,
    typer.Option("--head", help="NUMBER:DIGEST noted down earlier, which has to be in the log."),
]


@remote(app, "list")
async def list_entries(
    client: OperatorClient,
    *,
    limit: Limit = 100,
    who: Annotated[str, typer.Option(help="Only the deeds of this name.")] = "",
    method: Annotated[str, typer.Option(help="Only calls of this method.")] = "",
) -> Shown:
    """List entries, newest first."""

    async def fetch(token: str) -> Page[Kept]:
        return await client.audit.list(token, who=who, method=method)

    found, cut = await collect(fetch, limit)
    columns = ("entry#", "when", "who", "by", "what", "about", "outcome", "details")
    return Shown(
        [_told(each) for each in found],
        lambda: table(columns, map(_row, found)),
        note=more(cut, limit),
    )


@remote(app, "verify")
async def verify(client: OperatorClient, *, head: Seen = None) -> Shown:
    """Read the whole log, and show whether an entry was changed, taken out, put in or moved."""
    seen = [export_file.parse_head(each) for each in head or []]
    verifying: Verifying | None = None
    async with aclosing(client.audit.export()) as pieces:
        async for piece in pieces:
            verifying = verifying or Verifying(piece.cut or Head(), seen)
            for each in piece.entries:
                verifying.take(each)
            if piece.head is not None:
                return _judged(verifying.end(piece.head))
    raise FieldwiseError(Fault.UNAVAILABLE, "the server ended before the log did; try again")


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="What `audit export` has written.")],
    *,
    head: Seen = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look at a log in a file, without a server, as `audit verify` looks at the server's."""
    with errors_shown(as_json=json):
        seen = [export_file.parse_head(each) for each in head or []]
        show(_judged(export_file.verify_lines(_lines(file), seen)), as_json=json)


@remote(app, "export")
async def export(
    client: OperatorClient,
    file: Annotated[Path, typer.Argument(help="File to write; it must not be there yet.")],
) -> Shown:
    """Write the whole log into a file, for whoever checks it elsewhere."""
    async with aclosing(client.audit.export()) as pieces:
        head, entries = await _write(file, pieces)
    return Shown(
        {"file": str(file), "entries": entries, "head": str(head)},
        lambda: facts([("written", str(file)), ("entries", f"{entries:,}"), ("head", str(head))]),
    )


@remote(app, "prune")
async def prune(
    client: OperatorClient,
    context: typer.Context,
    until: Annotated[int, typer.Argument(min=1, help="Number of the last entry to go.")],
    *,
    yes: Yes = False,
) -> Shown:
    """Take away the oldest entries for good; an entry stays that says so. Export them before."""
    confirm(context, f"Take away every entry up to {until}, for good?", yes=yes)
    cut, head = await client.audit.prune(until)
    return Shown(
        {"cut": str(cut), "head": str(head)},
        lambda: facts([("begins after", str(cut)), ("ends with", str(head))]),
    )


def _judged(verdict: Verdict) -> Shown:
    """Show a verdict on a whole log.

    Raises:
        FieldwiseError: ``AUDIT_BROKEN`` for one that is not whole.
    """
    if not verdict.is_whole:
        lines = [each.sentence for each in verdict.findings]
        raise FieldwiseError(Fault.AUDIT_BROKEN, "\n".join(lines))
    told = {
        "whole": True,
        "entries": verdict.entries,
        "cut": str(verdict.cut),
        "head": str(verdict.head),
        "without_end": list(verdict.open_deeds),
    }
    return Shown(
        told,
        lambda: _verdict(verdict),
        note="Note the head down elsewhere: `--head` then shows a log that was shortened or "
        "written anew.",
    )


def _verdict(verdict: Verdict) -> RenderableType:
    rows = [("whole", f"{verdict.entries:,} entries"), ("head", str(verdict.head))]
    if verdict.cut.number:
        rows.append(("pruned up to", str(verdict.cut)))
    if verdict.open_deeds:
        numbers = ", ".join(map(str, verdict.open_deeds[:20]))
        rows.append(("outcome unknown", f"{len(verdict.open_deeds):,}: {numbers}"))
    return facts(rows)


def _told(kept: Kept) -> object:
    entry = read(kept.content)
    return {"digest": kept.digest, "entry": entry or {"number": kept.number, "unreadable": True}}


def _row(kept: Kept) -> tuple[str | Text, ...]:
    entry = read(kept.content)
    if entry is None:
        return (str(kept.number), "", "", "", "unreadable", "", "", "")
    when = local(datetime.fromtimestamp(entry.at, UTC))
    told = (str(entry.number), when, entry.who, entry.login, entry.method, entry.thing)
    return (*told, _outcome(entry), _details(entry))


def _outcome(entry: Entry) -> str:
    return "begins" if entry.kind is Kind.BEGUN else entry.outcome


def _details(entry: Entry) -> str:
    parts: Sequence[tuple[str, object]] = (
        ("", entry.told),
        ("asked ", entry.asked),
        ("before ", entry.before),
        ("after ", entry.after),
    )
    shown = [
        f"{name}{part if isinstance(part, str) else msgspec.json.encode(part).decode()}"
        for name, part in parts
        if part
    ]
    text = "; ".join(shown)
    return text if len(text) <= DETAILS_CHARACTERS else text[: DETAILS_CHARACTERS - 1] + "…"


@contextmanager
def _fresh(file: Path) -> Iterator[BinaryIO]:
    """Open a file that is not there yet; half of one would be in the way of the next try."""
    try:
        with file.open("xb") as stream:
            try:
                yield stream
            except BaseException:
                file.unlink()
                raise
    except FileExistsError as error:
        raise FieldwiseError(Fault.ALREADY_EXISTS, f"{file} is there already") from error
    except OSError as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{file} cannot be written: {error.strerror}"
        ) from error


async def _write(file: Path, pieces: AsyncIterator[Piece]) -> tuple[Head, int]:
    entries = 0
    with _fresh(file) as stream:
        async for piece in pieces:
            if piece.cut is not None:
                stream.write(export_file.first_line(piece.cut))
            stream.writelines(map(export_file.entry_line, piece.entries))
            entries += len(piece.entries)
            if piece.head is not None:
                stream.write(export_file.last_line(piece.head))
                return piece.head, entries
        raise FieldwiseError(Fault.UNAVAILABLE, "the server ended before the log did; try again")


def _lines(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as stream:
            while line := stream.readline(export_file.LINE_BYTES_MAX + 1):
                yield line
    except OSError as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{file} cannot be read: {error.strerror}"
        ) from error
