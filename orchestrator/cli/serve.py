"""``fieldwise serve``: the orchestrator itself."""

import asyncio
import os
import shlex
import sys
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.settings import DEFAULT
from orchestrator.cli.output import as_line, errors_shown
from orchestrator.cli.setting_options import setting_options
from orchestrator.config import OrchestratorSettings, load_settings

if TYPE_CHECKING:
    from orchestrator.started import Started

app = typer.Typer()

# Who decides what devices install, which is not the same to whoever may get hold of the server.
SIGNED = {
    True: "signed by this server itself: its keys are online (docs/trust.md, to change that)",
    False: "signed by a publisher whose keys are elsewhere",
}
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
        effective = load_settings(config, os.environ, flags)
        settings = effective.settings
        check_extra()
        check_cluster(settings)
        from fieldwise import logs
        from orchestrator.foreground import serve as serve_settings

        logs.configure(settings.log_level, settings.log_form)
        hint = ticket_command(settings.folder, effective.origins["data_folder"])
        announce = _announce_json if json else partial(_announce, hint)
        asyncio.run(serve_settings(settings, announce))


def check_cluster(settings: OrchestratorSettings) -> None:
    """Refuse to go on without the client of the cluster that a setting asks for.

    Raises:
        FieldwiseError: ``EXTRA_MISSING``.
    """
    if settings.needs_cluster and find_spec("kubernetes") is None:
        raise FieldwiseError(
            Fault.EXTRA_MISSING,
            "leader_election and operator_login by kubernetes need the extra [kubernetes]",
        )


def check_extra() -> None:
    """Refuse to go on without the parts of a server.

    Raises:
        FieldwiseError: ``EXTRA_MISSING``.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise FieldwiseError(
            Fault.EXTRA_MISSING,
            f"serving needs the extra [orchestrator]: {', '.join(missing)} is missing",
        )


def ticket_command(folder: Path, origin: str) -> str:
    """Return the command that makes a ticket here, from whatever shell it is called."""
    command = "fieldwise ticket create"
    if origin == DEFAULT:
        return command
    return f"{command} --data-folder {shlex.quote(str(folder.absolute()))}"


def _announce(hint: str, started: "Started") -> None:
    typer.echo(
        f"fieldwise serves the fleet {started.fleet} from {started.folder}\n"
        f"  devices    {started.device_address} (mutual TLS)\n"
        f"  operators  {started.operator_address} (TLS; tickets are traded here, too)\n"
        f"  metrics    http://{started.metrics_address}/metrics\n"
        f"  backbones  {SIGNED[started.signs_backbones]}\n"
        f"To let a device join:  {hint}"
    )
    sys.stdout.flush()


def _announce_json(started: "Started") -> None:
    typer.echo(as_line(started))
    sys.stdout.flush()
