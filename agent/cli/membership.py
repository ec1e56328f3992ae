"""``join`` and ``leave``."""

from typing import TYPE_CHECKING, Annotated

import typer

from agent.cli.output import AsJson, show
from agent.cli.told import settings_of

if TYPE_CHECKING:
    from agent.reporting import Joined


def join(
    context: typer.Context,
    ticket: Annotated[str, typer.Argument(help="The ticket that the operator gave.")],
    *,
    json: AsJson = False,
) -> None:
    """Join a fleet."""
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        joined = reached.join(ticket)
    show(joined, lambda: _told(joined), as_json=json)


def _told(joined: "Joined") -> list[str]:
    if not joined.fingerprint:
        return [f"this device is {joined.device_id} of {joined.fleet}"]
    return [
        f"waiting for the operator of {joined.fleet} to accept this device",
        f"fingerprint of its key: {joined.fingerprint}",
        "the daemon asks again by itself; `fieldwise-agent status` shows how it stands",
    ]


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
