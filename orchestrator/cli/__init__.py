"""The operator's program ``fieldwise``: parse, call one function, print."""

import sys
from importlib.util import find_spec
from typing import Any

from fieldwise.errors import CATALOGUE, Fault

NEEDED = ("typer", "rich")


def main() -> None:
    """Run the program; without the extra ``cli`` say so in a sentence."""
    if any(find_spec(name) is None for name in NEEDED):
        sys.stderr.write("error: commands need the extra [cli]: pip install 'fieldwise[cli]'\n")
        sys.exit(CATALOGUE[Fault.EXTRA_MISSING].exit_code)
    from orchestrator.cli.root import run

    run()


def __getattr__(name: str) -> Any:
    """Give ``app``, which is only there with the extra, to those who document it."""
    if name != "app":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from orchestrator.cli.root import app

    return app
