"""``fieldwise explain``: why a device runs what it runs, and what it waits for."""

import typer
from rich.text import Text

from orchestrator.cli.devices import DeviceId
from orchestrator.cli.output import Shown
from orchestrator.cli.remote import remote
from orchestrator.rpc.client import OperatorClient

app = typer.Typer()


@remote(app, "explain")
async def explain(client: OperatorClient, device: DeviceId) -> Shown:
    """Say in sentences what a device should run, why, and what it waits for."""
    found = await client.explain_device(device)
    return Shown(found, lambda: Text("\n".join(found.sentences)))
