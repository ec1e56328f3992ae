"""All commands of ``fieldwise`` in one program.

Other packages add commands through the entry point group ``fieldwise.commands``: the entry's name
is the command's, and what it loads is a function that typer can read.
"""

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated

import typer

from fieldwise import __version__
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli import (
    accounts,
    applicants,
    audit,
    authority,
    backbones,
    backup,
    denials,
    devices,
    diagnoses,
    explain,
    federation,
    migrate,
    rollouts,
    rotation,
    serve,
    settings,
    status,
    tickets,
    trust,
)
from orchestrator.cli.output import err, errors_shown, show_error
from orchestrator.cli.remote import remote

COMMANDS = "fieldwise.commands"

app = typer.Typer(
    name="fieldwise",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"fieldwise {__version__}")
        raise typer.Exit


@app.callback()
def fieldwise(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Run and look after a fleet of devices that learn in the field."""


def _assemble(program: typer.Typer) -> None:
    program.add_typer(serve.app)
    program.add_typer(migrate.app)
    program.add_typer(backup.app)
    program.add_typer(status.app)
    program.add_typer(explain.app)
    program.add_typer(settings.app, name="settings")
    authority.app.add_typer(rotation.app, name="rotate")
    program.add_typer(authority.app, name="authority")
    program.add_typer(accounts.app, name="account")
    program.add_typer(audit.app, name="audit")
    program.add_typer(tickets.app, name="ticket")
    remote(devices.app, "diagnose")(diagnoses.diagnose)
    for command in (
        applicants.pending,
        applicants.accept,
        applicants.reject,
        denials.deny,
        denials.undeny,
        denials.denied,
    ):
        remote(devices.app, command.__name__)(command)
    program.add_typer(devices.app, name="device")
    program.add_typer(backbones.app, name="backbone")
    program.add_typer(rollouts.app, name="rollout")
    program.add_typer(trust.app, name="trust")
    program.add_typer(federation.app, name="federation")
    for entry in entry_points(group=COMMANDS):
        _add(program, entry)


def _add(program: typer.Typer, entry: EntryPoint) -> None:
    try:
        command = entry.load()
    except ImportError as error:
        command = _missing(entry.name, error)
    program.command(entry.name)(command)


def _missing(name: str, reason: ImportError) -> Callable[[], None]:
    """A command whose extra is not installed, which says so; the others are not in its way."""
    sentence = f"the command {name} needs an extra that is not installed: {reason}"

    def command() -> None:
        with errors_shown(as_json=False):
            raise FieldwiseError(Fault.EXTRA_MISSING, sentence)

    return command


def run() -> None:
    """Run one command; a defect ends it with 70 and a traceback for the report."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the end of the program, told in the product's words
        as_json = "--json" in sys.argv
        told = "the command met a defect of its own"
        if as_json:
            told += f"; without --json a traceback is shown: {type(error).__name__}"
        else:
            err().print_exception()
        show_error(FieldwiseError(Fault.INTERNAL, told), as_json=as_json)
        sys.exit(70)


_assemble(app)
