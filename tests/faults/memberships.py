"""What an agent keeps of being a member, and the life of a membership from beginning to end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import agent.device
from fieldwise.client import Device
from tests.bundles import tiny_bundle
from tests.fakes.agent_process import wait_until
from tests.faults.fleets import ForkedOrchestrator
from tests.faults.forked import Mother
from tests.faults.forked_agent import ForkedAgent
from tests.faults.test_disk_full_anywhere import PACE, WRITERS, join
from tests.faults.trails import trail_of
from tests.faults.traps import RENEWALS
from tests.faults.writers import writers

DEVICE = Path(agent.device.__file__).parent
MODULES = ("identity", "publisher", "trust")
TAKES_AWAY = frozenset({"unlink", "rmtree"})
# Of a member's backbone: the fleet's, and one that only an owner has, whom nobody vouches for.
FLEETS, OWN = "fleets:1.0.0", "own:1.0.0"


def kinds() -> list[str]:
    """Every function that writes or takes away what a membership is, as MODULE.FUNCTION."""
    return [
        f"{module}.{name}"
        for module in MODULES
        for name in writers(DEVICE / f"{module}.py", WRITERS | TAKES_AWAY)
    ]


@dataclass(frozen=True, slots=True)
class Backbones:
    """Files of backbones: what an agent begins with, and what its owner installs at the end."""

    first: Path
    own: Path


@contextmanager
def fleet_with_backbone(folder: Path) -> Iterator[tuple[ForkedOrchestrator, Backbones]]:
    """Run an orchestrator that rolls a backbone out to every agent."""
    with (
        Mother("orchestrator") as orchestrators,
        ForkedOrchestrator(orchestrators, folder / "data", *PACE) as running,
    ):
        path = tiny_bundle(folder / "b", name="fleets", seed=4, width=40, starter=True)
        running.ask("backbone", "push", str(path))
        running.ask("rollout", "start", "fleets", "--cohort=kind=agent")
        first = tiny_bundle(folder / "first", name="first", starter=True)
        own = tiny_bundle(folder / "own", name="own", seed=2, width=36, starter=True)
        yield running, Backbones(first, own)


def made(mother: Mother, folder: Path, backbones: Backbones) -> ForkedAgent:
    """An agent with a backbone, outside any fleet."""
    made = ForkedAgent(mother, folder / "s", probation_minutes="0")
    assert "in use" in made.run_forked("backbone", "install", backbones.first)
    return made


def live(agent: ForkedAgent, server: ForkedOrchestrator, aged: Path) -> None:
    """Apply, be let in, follow the publisher, renew and leave.

    Args:
        agent: Has the trap ``grow_old`` at every start.
        server: Whom it joins.
        aged: What that trap writes.
    """
    ticket = server.ask("ticket", "create", "--tag=kind=agent", "--admission=pending")
    with agent.device() as device:
        join(agent, device, server, ticket)
        joined = device.status().device_id
        wait_until(lambda: device.status().backbone == FLEETS)
        assert device.status().publisher.in_use_listed
        wait_until(lambda: len(trail_of(aged)) >= RENEWALS)
        wait_until(lambda: bool(server.ask("device", "show", joined)["state"] == "healthy"))
        assert device.status().device_id == joined

        def has_left() -> bool:
            agent.run_forked("leave")
            return not device.status().fleet

        wait_until(has_left)
        assert joined not in {each["id"] for each in server.ask("device", "list", "--limit=0")}


def is_free(agent: ForkedAgent, device: Device, backbones: Backbones) -> bool:
    """Whether nothing is left of a membership: the owner installs what nobody vouches for."""
    agent.run_forked("backbone", "install", backbones.own)
    status = device.status()
    return not status.fleet and not status.publisher.root_version and status.backbone == OWN


def trap_at(kind: str, trail: Path, **given: Any) -> dict[str, Any]:
    """Where a program is to fail."""
    module, _, function = kind.partition(".")
    place = {"module": f"agent.device.{module}", "function": function}
    return {**place, "trail": str(trail), **given}
