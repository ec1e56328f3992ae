"""``fieldwise status``: the fleet at a glance."""

import typer
from rich.table import Table
from rich.text import Text

from orchestrator.cli.devices import COLOURS
from orchestrator.cli.output import Shown, facts
from orchestrator.cli.remote import remote
from orchestrator.cli.rollout_screens import COLOURS as PHASE_COLOURS
from orchestrator.fleet.device import DeviceState
from orchestrator.rollout.phases import Phase
from orchestrator.rpc.client import OperatorClient
from orchestrator.views import FleetView

app = typer.Typer()


@remote(app, "status")
async def status(client: OperatorClient) -> Shown:
    """Show the fleet at a glance: devices by state and backbone, rollouts, open tickets."""
    fleet = await client.fleet()
    return Shown(fleet, lambda: _facts(fleet))


def _facts(fleet: FleetView) -> Table:
    states = [(name, count) for name, count in fleet.devices_by_state.items() if count]
    return facts(
        [
            ("fleet", fleet.fleet),
            ("orchestrator", fleet.version),
            ("devices", f"{sum(fleet.devices_by_state.values()):,}"),
            *[(f"  {name}", Text(f"{count:,}", style=_colour(name))) for name, count in states],
            ("backbones in use", f"{len(fleet.devices_by_backbone):,}"),
            *[(f"  {name}", f"{count:,}") for name, count in fleet.devices_by_backbone.items()],
            ("rollouts running", f"{fleet.rollouts_running:,}"),
            *[
                (f"  {phase}", Text(f"{count:,}", style=PHASE_COLOURS[Phase(phase)]))
                for phase, count in fleet.rollouts_by_phase.items()
                if count and phase != Phase.RUNNING and phase in set(Phase)
            ],
            ("tickets open", f"{fleet.tickets_open:,}"),
        ]
    )


def _colour(state: str) -> str:
    known = state in set(DeviceState)
    return COLOURS[DeviceState(state)] if known else ""
