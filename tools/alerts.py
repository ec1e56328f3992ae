"""The alerts as docs/monitoring.md lists them, read from the rules that the chart brings."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from tools import tables

RULES = Path(__file__).parents[1] / "helm" / "fieldwise" / "files" / "rules" / "alerts.yaml"


def alerts() -> Iterator[str]:
    """Every alert with its severity, how long it has to hold, and what it says."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    rows = (
        (
            f"[{rule['alert']}](runbooks/{rule['alert']}.md)",
            rule["labels"]["severity"],
            rule.get("for", "at once"),
            rule["annotations"]["summary"],
        )
        for group in groups
        for rule in group["rules"]
    )
    return tables.table(("alert", "severity", "after", "what it says"), rows)
