"""``backbone install`` and ``backbone list``."""

from pathlib import Path
from typing import Annotated

import typer

from agent.cli.output import AsJson, columns, show
from agent.cli.told import settings_of

app = typer.Typer(no_args_is_help=True, help="Backbones on this device.")


@app.command("install")
def install(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A bundle file.")],
    *,
    json: AsJson = False,
) -> None:
    """Bring a backbone from a bundle file into use; no fleet is needed for it."""
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        digest, title = reached.install(file)
    found = {"digest": digest, "backbone": title}
    show(found, lambda: [f"{title} is in use ({digest[:12]})"], as_json=json)


@app.command("list")
def list_backbones(context: typer.Context, *, json: AsJson = False) -> None:
    """List the backbones that are on this device."""
    from agent.cli.desk import desk
    from agent.device.bundles import BundleFolder
    from agent.device.folder import StateFolder

    settings = settings_of(context)
    with desk(settings) as reached:
        status = reached.status()
    titles = BundleFolder(StateFolder(settings.state_folder).bundles).titles()
    found = [
        {"digest": digest, "backbone": title, "in_use": title == status.backbone}
        for digest, title in titles.items()
    ]
    rows = [
        (digest[:12], title, "in use" * (title == status.backbone))
        for digest, title in titles.items()
    ]
    show(found, lambda: columns(rows) or ["there is no backbone yet"], as_json=json)
