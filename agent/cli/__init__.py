"""The device's program ``fieldwise-agent``: parse, call one function, print."""

import sys
from importlib.util import find_spec
from typing import Any

from fieldwise.errors import CATALOGUE, Fault

NEEDED = ("typer", "rich", "onnxruntime", "PIL", "watchfiles")


def main() -> None:
    """Run the program; without its extra say so in a sentence."""
    if any(find_spec(name) is None for name in NEEDED):
        print("error: the agent needs its extra: pip install 'fieldwise[agent]'", file=sys.stderr)
        sys.exit(CATALOGUE[Fault.EXTRA_MISSING].exit_code)
    from agent.cli.root import run

    run()


def __getattr__(name: str) -> Any:
    """Give ``app``, which is only there with the extra, to those who document it."""
    if name != "app":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from agent.cli.root import app

    return app
