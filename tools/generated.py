"""Files that are made from the code: written where they differ, or with ``--check`` only named."""

from collections.abc import Mapping, Sequence
from pathlib import Path


def stale(wanted: Mapping[Path, str]) -> dict[Path, str]:
    """Those files that are not there or not as they should be, with what they should be."""
    return {
        file: text for file, text in wanted.items() if not file.exists() or file.read_text() != text
    }


def settle(wanted: Mapping[Path, str], arguments: Sequence[str], command: str) -> int:
    """Write what is stale, or with ``--check`` say what to run; returns an exit status."""
    found = stale(wanted)
    if "--check" in arguments:
        for file in found:
            print(f"{file} is out of date: run `{command}`")
        return 1 if found else 0
    for file, text in found.items():
        file.write_text(text)
    return 0
