"""``fieldwise-agent``: the settings that all commands share, and the commands."""

import os
from pathlib import Path
from typing import Annotated

import typer

from agent.cli import (
    backbone,
    diagnose,
    federation,
    labels,
    learning,
    ledger,
    membership,
    report,
    running,
    sources,
)
from agent.cli.output import reporting_errors
from fieldwise import __version__

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Learns on this device from its own images, and keeps them here.",
)

app.command("run")(running.run_command)
app.command("status")(running.status)
app.command("report")(report.report)
app.command("settings")(running.settings_command)
app.command("teach")(learning.teach)
app.command("predict")(learning.predict)
app.command("feedback")(learning.feedback)
app.command("ask")(labels.ask)
app.command("answer")(labels.answer)
app.command("forget")(labels.forget)
app.command("watch")(sources.watch)
app.command("camera")(sources.camera)
app.command("join")(membership.join)
app.command("leave")(membership.leave)
app.add_typer(ledger.app, name="ledger")
app.add_typer(backbone.app, name="backbone")
app.command("consent")(federation.consent)
app.add_typer(federation.app, name="federation")
app.add_typer(diagnose.app, name="diagnose")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"fieldwise-agent {__version__}")
        raise typer.Exit


@app.callback()
def shared(
    context: typer.Context,
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings.", envvar="FIELDWISE_AGENT_CONFIG")
    ] = None,
    state_folder: Annotated[Path | None, typer.Option(help="Where the agent's state is.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE of any setting; repeatable.")
    ] = None,
) -> None:
    from agent.cli.told import read_flags
    from agent.config import load_settings
    from fieldwise.logs import LogLevel, configure

    flags = read_flags(set_ or [])
    if state_folder is not None:
        flags["state_folder"] = str(state_folder)
    context.obj = load_settings(config, os.environ, flags)
    # A command speaks by what it prints; only what goes wrong beside that is logged.
    configure(LogLevel.WARNING, context.obj.settings.log_form)


def run() -> None:
    """Run the program."""
    with reporting_errors():
        app()
