"""``join`` and ``leave``."""

from typing import Annotated

import typer

from agent.cli.output import AsJson, show
from agent.cli.told import settings_of


def join(
    context: typer.Context,
    ticket: Annotated[str, typer.Argument(help="The ticket that the operator gave.")],
    *,
    json: AsJson = False,
) -> None:
    """Join a fleet."""
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        device_id, fleet = reached.join(ticket)
    found = {"device_id": device_id, "fleet": fleet}
    show(found, lambda: [f"this device is {device_id} of {fleet}"], as_json=json)


def leave(
    context: typer.Context,
    *,
    wipe: Annotated[
        bool, typer.Option("--wipe", help="Remove everything the agent knows as well.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Leave the fleet; what was learned stays and goes on, unless wiped."""
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        member = bool(reached.status().fleet)
        told = reached.leave(wipe=wipe)
    words = "; the orchestrator could not be told" if member and not told else ""
    found = {"told": told, "wiped": wipe}
    show(found, lambda: [f"{'wiped' if wipe else 'left the fleet'}{words}"], as_json=json)
