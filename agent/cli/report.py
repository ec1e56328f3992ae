"""``report``: how learning went, in words, as JSON or as a page."""

import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from agent.cli.output import AsJson, show
from agent.cli.told import settings_of
from fieldwise.errors import Fault, FieldwiseError

Html = Annotated[Path | None, typer.Option(help="Write one self-contained page to this file.")]


def report(context: typer.Context, *, html: Html = None, json: AsJson = False) -> None:
    """Show how learning went: curve, classes, heads, calibration, drift, memory, newest verdict."""
    from agent.cli.desk import desk
    from agent.cli.page import page
    from agent.cli.table import report_lines

    with desk(settings_of(context)) as reached:
        found, status = reached.report(), reached.status()
    if html is not None:
        _write(html, page(found, status, time.time()))
    if html is None or json:
        whole = {**msgspec.to_builtins(found), "verdict": status.verdict}
        show(whole, lambda: report_lines(found, status), as_json=json)
    else:
        print(f"wrote {html}")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{path} cannot be written: {error.strerror}"
        ) from error
