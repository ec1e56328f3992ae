"""Calls of the command lines, with ``--json``, as a script would make them."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from demonstration.processes import program
from fieldwise.errors import Fault, FieldwiseError

CALL_SECONDS = 120  # packing a backbone is the longest of them, under 30 on a free core
SHOWN_CHARACTERS = 20


def call(name: str, arguments: Sequence[str | Path], variables: Mapping[str, str]) -> Any:
    """Run a command to its end and return what it printed as JSON.

    Args:
        name: The program, "fieldwise" or "fieldwise-agent".
        arguments: What follows it; ``--json`` is added.
        variables: Its whole environment.

    Raises:
        FieldwiseError: ``UNAVAILABLE`` with the command's own words when it fails.
    """
    words = [program(name), *map(str, arguments), "--json"]
    try:
        ended = subprocess.run(
            words, env=dict(variables), capture_output=True, timeout=CALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise FieldwiseError(
            Fault.UNAVAILABLE, f"{shown(name, arguments)} did not end within {CALL_SECONDS} seconds"
        ) from error
    if ended.returncode:
        said = (ended.stderr or ended.stdout).decode(errors="replace").strip()
        raise FieldwiseError(
            Fault.UNAVAILABLE,
            f"{shown(name, arguments)} ended with status {ended.returncode}: {said}",
        )
    return msgspec.json.decode(ended.stdout)


def shown(name: str, arguments: Sequence[str | Path]) -> str:
    """The command without what could be long or, as a ticket is, a secret."""
    words = [str(word) for word in arguments[:2]]
    return " ".join([name, *(word for word in words if len(word) <= SHOWN_CHARACTERS)])
