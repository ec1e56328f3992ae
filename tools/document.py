"""Fill the generated parts of docs/ and of the chart from the code; with ``--check`` only compare.

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``. What is around it is
written by people and stays.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import agent.config
import aggregator.config
import orchestrator.config
from fieldwise.settings import flag_name
from fieldwise.strategies import KNOWN
from tools import alerts, calibration, callers, chart, commands, diagrams, powers, roles, tables
from tools.generated import settle

ROOT = Path(__file__).resolve().parent.parent
PART = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def agent_settings() -> Iterator[str]:
    shape, prefix = agent.config.AgentSettings, agent.config.PREFIX
    return tables.settings(shape, prefix, lambda name: f"--set {name}=")


def orchestrator_settings() -> Iterator[str]:
    shape, prefix = orchestrator.config.OrchestratorSettings, orchestrator.config.PREFIX
    return tables.settings(shape, prefix, flag_name)


def aggregator_settings() -> Iterator[str]:
    return tables.variables(aggregator.config.Settings, aggregator.config.PREFIX)


def strategies() -> Iterator[str]:
    rows = (
        (
            f"`{name}`",
            ", ".join(f"`{option}`" for option in each.options),
            "yes" if each.robust else "",
            "yes" if each.proven else "by name",
        )
        for name, each in KNOWN.items()
    )
    return tables.table(("strategy", "options", "robust", "held to an oracle"), rows)


def agent_commands() -> Iterator[str]:
    from agent.cli import app  # noqa: PLC0415 - needs typer, which the other parts do without

    return commands.commands(app, "fieldwise-agent", ())


def operator_commands() -> Iterator[str]:
    from orchestrator.cli import app  # noqa: PLC0415 - needs typer, which the other parts do without

    names = orchestrator.config.OrchestratorSettings.__struct_fields__
    return commands.commands(app, "fieldwise", names)


def dashboards() -> Iterator[str]:
    from tools.dashboards.boards import BOARDS  # noqa: PLC0415 - needs the SDK of Grafana

    rows = ((f"`{each.name}.json`", each.title, each.text) for each in BOARDS)
    return tables.table(("file", "question", "what it shows"), rows)


PARTS: Mapping[str, Callable[[], Iterator[str]]] = {
    "agent-settings": agent_settings,
    "orchestrator-settings": orchestrator_settings,
    "aggregator-settings": aggregator_settings,
    "strategies": strategies,
    "errors": tables.errors,
    "methods": callers.table,
    "metrics": tables.metrics,
    "alerts": alerts.alerts,
    "dashboards": dashboards,
    "agent-commands": agent_commands,
    "operator-commands": operator_commands,
    "device-update": diagrams.device_update,
    "rollout-phases": diagrams.rollout_phases,
    "judging-powers": powers.powers,
    "rollout-calibration": calibration.calibration,
    "chart-values": chart.values,
    "roles": roles.table,
}


def pages() -> list[Path]:
    own = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", chart.CHART / "README.md"]
    return [*own, *sorted((ROOT / "docs").rglob("*.md"))]


def filled(text: str) -> str:
    """The page with every generated part as the code says now."""
    return PART.sub(lambda found: found[1] + part(found[2]) + found[3], text)


def fresh() -> dict[Path, str]:
    """Every file with generated parts, as it has to be."""
    parts = {page: filled(page.read_text()) for page in pages()}
    return {**parts, chart.SCHEMA: chart.schema(), roles.FILE: roles.rules()}


def part(name: str) -> str:
    return "\n" + "\n".join(PARTS[name]()).strip("\n") + "\n\n"


if __name__ == "__main__":
    sys.exit(settle(fresh(), sys.argv[1:], "make docs"))
