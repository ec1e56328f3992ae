"""``fieldwise ticket``: who may join."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.text import Text

from orchestrator.cli.output import Shown, ago, facts, local, pairs_from, seconds_from, table, tags
from orchestrator.cli.remote import collect, more, remote
from orchestrator.cli.repeating import Request, named, repeatable
from orchestrator.rpc.client import OperatorClient
from orchestrator.views import TicketView

app = typer.Typer(no_args_is_help=True, help="Tickets: the right of devices to join the fleet.")


class Asks(StrEnum):
    """What a ticket asks for beside itself."""

    FLEET = "fleet"
    PENDING = "pending"


Limit = Annotated[int, typer.Option(min=0, help="How many to show; 0 for all.")]


@remote(app, "create")
async def create(
    client: OperatorClient,
    *,
    uses: Annotated[int, typer.Option(min=1, help="How many devices may join with it.")] = 1,
    lifetime: Annotated[str, typer.Option(help="How long it is good: 30m, 12h, 7d.")] = "1d",
    tag: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE to write on every device that joins.")
    ] = None,
    admission: Annotated[
        Asks,
        typer.Option(
            help="Who lets devices in: fleet as the fleet's settings say, pending an operator as "
            "well, for each (`device pending`, `device accept`)."
        ),
    ] = Asks.FLEET,
    request: Request = "",
) -> Shown:
    """Make a ticket and print it; it is shown only this once."""
    given, request = pairs_from(tag or [], "tag"), named(request)
    with repeatable(f"--request {request}"):
        created = await client.create_ticket(
            uses,
            seconds_from(lifetime),
            given,
            request,
            needs_word=admission is Asks.PENDING,
        )
    ticket = created.ticket
    devices = "one device" if ticket.uses_allowed == 1 else f"{ticket.uses_allowed:,} devices"
    return Shown(
        {"token": created.token, "ticket": ticket},
        lambda: Text(created.token),
        note=f"Ticket {ticket.id} for {devices}, until {local(ticket.expires_at)}. "
        "On the device: fieldwise-agent join TICKET",
    )


@remote(app, "list")
async def list_tickets(client: OperatorClient, *, limit: Limit = 100) -> Shown:
    """List tickets, newest first."""
    found, cut = await collect(client.list_tickets, limit)
    columns = ("ticket", "uses#", "expires", "revoked", "asks for", "tags")
    return Shown(found, lambda: table(columns, map(_row, found)), note=more(cut, limit))


@remote(app, "revoke")
async def revoke(
    client: OperatorClient,
    ticket: Annotated[str, typer.Argument(help="Id of the ticket, as `ticket list` shows it.")],
) -> Shown:
    """Let no further device join with a ticket; those that have joined stay."""
    revoked = await client.revoke_ticket(ticket)
    return Shown(revoked, lambda: facts([("revoked", revoked.id), ("uses", f"{revoked.uses:,}")]))


def _row(ticket: TicketView) -> tuple[str, ...]:
    return (
        ticket.id,
        f"{ticket.uses:,} of {ticket.uses_allowed:,}",
        ago(ticket.expires_at),
        "yes" if ticket.revoked else "",
        "an operator's word" if ticket.needs_word else "",
        tags(ticket.tags),
    )
