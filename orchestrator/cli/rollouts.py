"""``fieldwise rollout``: bring a backbone to a cohort."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from orchestrator.cli.backbones import Reference
from orchestrator.cli.devices import Cohort
from orchestrator.cli.output import Shown, ago, facts, local, table
from orchestrator.cli.remote import collect, more, remote
from orchestrator.cli.tickets import Limit
from orchestrator.rollout.phases import Phase
from orchestrator.rpc.client import OperatorClient
from orchestrator.views import RolloutView, StopView

app = typer.Typer(no_args_is_help=True, help="Rollouts: bring a backbone to a cohort of devices.")

COLOURS = {
    Phase.RUNNING: "cyan",
    Phase.COMPLETE: "green",
    Phase.HELD: "yellow",
    Phase.PAUSED: "yellow",
    Phase.REVERTING: "red",
    Phase.REVERTED: "red",
    Phase.SUPERSEDED: "dim",
}
RolloutId = Annotated[str, typer.Argument(help="Id of the rollout, as `rollout list` shows it.")]


@remote(app, "start")
async def start(client: OperatorClient, backbone: Reference, *, cohort: Cohort = "") -> Shown:
    """Bring a backbone to every device of a cohort, at once; devices that join later follow."""
    started = await client.start_rollout(backbone, cohort)
    return Shown(started, lambda: _facts(started))


@remote(app, "list")
async def list_rollouts(client: OperatorClient, *, limit: Limit = 100) -> Shown:
    """List rollouts, newest first, with counts of a moment ago."""
    found, cut = await collect(client.list_rollouts, limit)
    columns = ("rollout", "phase", "backbone", "cohort", "devices", "started")
    return Shown(found, lambda: table(columns, map(_row, found)), note=more(cut, limit))


@remote(app, "show")
async def show_rollout(client: OperatorClient, rollout: RolloutId) -> Shown:
    """Show where the devices of a rollout stand now."""
    found = await client.get_rollout(rollout)
    return Shown(found, lambda: _facts(found))


@remote(app, "stop")
async def stop(client: OperatorClient, rollout: RolloutId) -> Shown:
    """Let no further device start; tells how many still may, on permits already given."""
    stopped = await client.stop_rollout(rollout)
    return Shown(stopped, lambda: _facts(stopped.rollout), note=_may_start(stopped))


def _may_start(stopped: StopView) -> str:
    if not stopped.may_still_start:
        return "No further device starts on it."
    return (
        f"{stopped.may_still_start:,} devices may still start on it, "
        f"for {stopped.within_seconds} s at most."
    )


def _counts(rollout: RolloutView) -> str:
    return ", ".join(f"{count:,} {place}" for place, count in rollout.counts.items())


def _row(rollout: RolloutView) -> tuple[str | Text, ...]:
    return (
        rollout.id,
        Text(rollout.phase, style=COLOURS[rollout.phase]),
        rollout.title,
        rollout.cohort or "all",
        _counts(rollout) or "none yet",
        ago(rollout.created_at),
    )


def _facts(rollout: RolloutView) -> Table:
    return facts(
        [
            ("rollout", rollout.id),
            ("phase", Text(rollout.phase, style=COLOURS[rollout.phase])),
            ("backbone", rollout.title),
            ("digest", rollout.digest),
            ("cohort", rollout.cohort or "all"),
            ("started", local(rollout.created_at)),
            ("ended", local(rollout.ended_at)),
            ("devices", f"{sum(rollout.counts.values()):,}"),
            *[(f"  {place}", f"{count:,}") for place, count in rollout.counts.items()],
        ]
    )
