"""``fieldwise serve``: the orchestrator itself."""

import asyncio
import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli.output import as_line, errors_shown
from orchestrator.cli.setting_options import setting_options
from orchestrator.config import load_settings

if TYPE_CHECKING:
    from orchestrator.app import Started

app = typer.Typer()

NEEDED = (
    "aiosqlite",
    "alembic",
    "grpc_health",
    "grpc_reflection",
    "obstore",
    "prometheus_client",
    "sqlalchemy",
)


@app.command("serve")
@setting_options
def serve(flags: Mapping[str, object], config: Path | None, json: bool) -> None:
    """Run the orchestrator until it is told to stop; the first start makes all that it needs."""
    with errors_shown(as_json=json):
        settings = load_settings(config, os.environ, flags).settings
        missing = [name for name in NEEDED if find_spec(name) is None]
        if missing:
            raise FieldwiseError(
                Fault.EXTRA_MISSING,
                f"serving needs the extra [orchestrator]: {', '.join(missing)} is missing",
            )
        from fieldwise import logs
        from orchestrator.app import serve as serve_settings

        logs.configure(settings.log_level, settings.log_form)
        asyncio.run(serve_settings(settings, _announce_json if json else _announce))


def _announce(started: "Started") -> None:
    typer.echo(
        f"fieldwise serves the fleet {started.fleet} from {started.folder}\n"
        f"  devices    {started.device_address} (mutual TLS)\n"
        f"  operators  {started.operator_address} (TLS; tickets are traded here, too)\n"
        f"  metrics    http://{started.metrics_address}/metrics\n"
        "To let a device join:  fieldwise ticket create"
    )
    sys.stdout.flush()


def _announce_json(started: "Started") -> None:
    typer.echo(as_line(started))
    sys.stdout.flush()
