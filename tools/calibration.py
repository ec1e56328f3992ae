"""The table of what a gate sees, from what ``benchmarks.rollout_calibration`` measured."""

import json
from collections.abc import Iterator
from pathlib import Path

MEASURED = Path(__file__).resolve().parent.parent / "docs" / "rollout_calibration.json"


def calibration() -> Iterator[str]:
    """A row for every simulated fleet."""
    rows = json.loads(MEASURED.read_text())
    yield "| fleet | devices | to the end | aborted | undecided | one t-test | sequence |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        shares = (row[name] for name in ("promoted", "aborted", "undecided", "fixed", "sequence"))
        told = " | ".join(f"{100 * share:.1f} %" for share in shares)
        name = row["name"] if row["held_to"] else f"*{row['name']}*"
        yield f"| {name} | {row['devices']:,} | {told} |"
