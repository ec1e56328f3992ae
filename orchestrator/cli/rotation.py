"""``fieldwise authority rotate``: one authority follows another while every device stays."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from orchestrator.cli.output import Shown, errors_shown, facts, show
from orchestrator.cli.remote import remote
from orchestrator.cli.serve import check_extra
from orchestrator.cli.setting_options import setting_options
from orchestrator.config import load_settings
from orchestrator.enrolment.succession import Step
from orchestrator.identity_views import RotationView
from orchestrator.rpc.client import OperatorClient

app = typer.Typer(
    no_args_is_help=True, help="Replace the authority: begin, switch, finish (docs/identity.md)."
)

NEXT = {
    Step.SETTLED: "nothing: it is settled",
    Step.BEGUN: "`authority rotate switch`, once no device is behind or you need not wait for it",
    Step.SWITCHED: "`authority rotate finish`, once no device is behind",
}


@remote(app, "status")
async def status(client: OperatorClient) -> Shown:
    """Show how far the rotation is, and which devices lag behind."""
    return _shown(await client.identities.rotation())


@remote(app, "begin")
async def begin(client: OperatorClient) -> Shown:
    """Make a successor of the authority; devices get it as a further root."""
    return _shown(await client.identities.begin_rotation())


@remote(app, "switch")
async def switch(client: OperatorClient) -> Shown:
    """Let the successor sign from now on; whoever trusts only the old one is served as well."""
    return _shown(await client.identities.switch_rotation())


@remote(app, "finish")
async def finish(
    client: OperatorClient,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Even while devices lag behind: they have to revive.")
    ] = False,
) -> Shown:
    """Trust the old authority no longer."""
    return _shown(await client.identities.finish_rotation(force=force))


@app.command("export")
@setting_options
def export(
    flags: Mapping[str, object],
    config: Path | None,
    json: bool,
    file: Annotated[Path, typer.Argument(help="Where to write it; it must not be there.")],
) -> None:
    """Write the successor, with its key, for the secret store that authority_file comes from.

    To be run where the old authority and the database can be read, between switch and finish.
    """
    with errors_shown(as_json=json):
        check_extra()
        from orchestrator.beforehand import export_successor

        settings = load_settings(config, os.environ, flags).settings
        export_successor(settings, file)
        show(Shown({"authority": file}, lambda: facts([("keep secret", str(file))])), as_json=json)


def _shown(rotation: RotationView) -> Shown:
    return Shown(rotation, lambda: _facts(rotation))


def _facts(rotation: RotationView) -> Table:
    behind = f"{rotation.behind:,} of {rotation.devices:,} devices"
    return facts(
        [
            ("step", rotation.step),
            ("trust revision", f"{rotation.trust_revision}"),
            ("authority", rotation.root),
            ("successor", rotation.successor or "none"),
            ("behind", behind),
            ("of those", ", ".join(rotation.behind_ids)),
            ("oldest reported", f"{rotation.oldest_revision}"),
            ("next", NEXT[rotation.step]),
        ]
    )
