"""``fieldwise authority``: the root of a fleet, founded apart from any server."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import FLEET_PATTERN
from orchestrator.cli.output import Shown, errors_shown, facts, show
from orchestrator.cli.remote import Json
from orchestrator.cli.serve import check_extra
from orchestrator.cli.setting_options import setting_options
from orchestrator.config import load_settings

app = typer.Typer(help="The root that every device of a fleet trusts.", no_args_is_help=True)


@app.callback()
def authority() -> None:
    """The root that every device of a fleet trusts."""


@app.command("create")
def create(
    fleet: Annotated[str, typer.Argument(help="Name of the fleet; it is fixed from then on.")],
    folder: Annotated[
        Path, typer.Option(help="Folder for authority.json and authority.pem.")
    ] = Path(),
    json: Json = False,
) -> None:
    """Found a fleet's authority for a secret store; without one, `serve` founds it itself.

    authority.json holds the key: who has it can make devices. authority.pem is the certificate, for
    the --ca of operators.
    """
    with errors_shown(as_json=json):
        if not re.fullmatch(FLEET_PATTERN, fleet):
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT,
                f"{fleet[:64]!r} cannot name a fleet: 1 to 63 of a-z, 0-9, dots and hyphens can",
            )
        check_extra()
        from orchestrator.beforehand import create_authority

        secret, public = create_authority(folder, fleet)
        value = {"fleet": fleet, "authority": secret, "certificate": public}
        rows = [("fleet", fleet), ("keep secret", str(secret)), ("for operators", str(public))]
        show(Shown(value, lambda: facts(rows)), as_json=json)


@app.command("show")
@setting_options
def show_certificate(flags: Mapping[str, object], config: Path | None, json: bool) -> None:
    """Print the authority's certificate, for the --ca of operators on other machines."""
    with errors_shown(as_json=json):
        settings = load_settings(config, os.environ, flags).settings
        from orchestrator.home import stored_root

        root = stored_root(settings.folder, settings.authority_file)
        show(Shown({"certificate": root}, lambda: Text(root.rstrip())), as_json=json)
