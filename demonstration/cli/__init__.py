"""``fieldwise demo``: the command, found through the entry point group ``fieldwise.commands``.

Every command of ``fieldwise`` imports this module, so what the demonstration needs is imported when
it is asked for.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fieldwise.errors import CATALOGUE, Fault

NEEDED = ("aiosqlite", "efficientnet_lite_pytorch", "onnxruntime", "onnxscript", "sklearn", "torch")


def demo(
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of class folders with photos, or one with train and test of such. "
            "Without it: the handwritten digits that scikit-learn ships.",
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the report there as well.")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep state and logs there; it must not exist yet."),
    ] = None,
) -> None:
    """Show a small fleet at work on this machine: learn, switch the backbone, survive a kill."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        typer.echo(
            f"error: the demonstration needs the extra [demo]: {', '.join(missing)} is missing\n"
            f"{CATALOGUE[Fault.EXTRA_MISSING].advice}",
            err=True,
        )
        raise typer.Exit(CATALOGUE[Fault.EXTRA_MISSING].exit_code)
    from demonstration.cli.playing import play

    raise typer.Exit(play(images, json_file, keep, Console()))
