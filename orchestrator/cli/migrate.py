"""``fieldwise migrate``: bring the database's tables up to date, without a server."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import typer

from orchestrator.cli.output import Shown, errors_shown, facts, show
from orchestrator.cli.serve import check_extra
from orchestrator.cli.setting_options import setting_options
from orchestrator.config import load_settings

app = typer.Typer()


@app.command("migrate")
@setting_options
def migrate(flags: Mapping[str, object], config: Path | None, json: bool) -> None:
    """Bring the database's tables up to date and end; `serve` does the same as it starts."""
    with errors_shown(as_json=json):
        settings = load_settings(config, os.environ, flags).settings
        check_extra()
        from orchestrator.beforehand import migrate as migrate_tables

        version = asyncio.run(migrate_tables(settings))
        show(
            Shown({"tables": version}, lambda: facts([("version of the tables", version)])),
            as_json=json,
        )
