"""The plan of a rollout from a file, from options, or from a file with options on top of it."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.plan_file import Tree, read_file
from orchestrator.cli.plan_reading import read_plan
from orchestrator.rollout.plan import Plan

BackboneName = Annotated[
    str | None,
    typer.Argument(help="NAME, NAME:VERSION or a digest's first 8 digits; or in the plan."),
]
PlanFile = Annotated[
    Path | None, typer.Option("--plan", help="YAML file; docs/rollouts.md has every key.")
]
Cohort = Annotated[
    str | None, typer.Option(help="Selector such as site=berlin,line!=3; all without one.")
]
Waves = Annotated[
    list[str] | None,
    typer.Option("--wave", help="20, 10% or rest; again for each, rest the last."),
]
Margin = Annotated[str | None, typer.Option(help="Loss that is not acceptable: 2%.")]
Promotion = Annotated[str | None, typer.Option(help="automatic, or manual between waves.")]
Undecided = Annotated[str | None, typer.Option(help="pause, promote or abort.")]
Overdue = Annotated[str | None, typer.Option(help="fail, pause or ignore.")]
OnAbort = Annotated[str | None, typer.Option(help="revert or hold.")]
DeviceDeadline = Annotated[str | None, typer.Option(help="Time of a device: 24h.")]
WaveDeadline = Annotated[str | None, typer.Option(help="Time of a wave: 7d.")]
Soak = Annotated[str | None, typer.Option(help="Time that a settled wave is watched: 2h.")]
InFlight = Annotated[str | None, typer.Option(help="Devices on their way at once.")]
StartsPerMinute = Annotated[str | None, typer.Option(help="Devices that start in a minute.")]
Bandwidth = Annotated[str | None, typer.Option(help="Of all downloads together: 5 MiB/s.")]
Window = Annotated[str | None, typer.Option(help="When devices start: '22:00-06:00 mon-fri UTC'.")]
MinimumAgent = Annotated[
    str | None, typer.Option("--minimum-agent-version", help="Older ones are excluded.")
]


def plan_from(
    file: Path | None,
    given: dict[str, str | None],
    parts: dict[str, dict[str, str | None]],
    waves: list[str],
) -> Plan:
    """Read a plan.

    Args:
        file: With the plan, None for none.
        given: Options by the key that they write.
        parts: Options by the part of the plan and the key in it.
        waves: In order; empty for those of the file.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` with every mistake, one to a line.
    """
    tree: dict[str, Tree] = read_file(file) if file else {}
    tree |= _written(given)
    for name, options in parts.items():
        below = tree.setdefault(name, {})
        if isinstance(below, dict):  # what is none is a mistake of the file, and told as one
            below |= _written(options)
    if waves:
        tree["waves"] = [*waves]
    return read_plan(tree)


def _written(options: dict[str, str | None]) -> dict[str, Tree]:
    return {key: text for key, text in options.items() if text is not None}
