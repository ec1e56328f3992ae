"""An agent that takes part in federation, with a partner that is played."""

import json
from functools import partial
from typing import Any

from fieldwise.federation import RowKind
from tests.bundles import CLASSES, class_images
from tests.fakes.agent_process import wait_until
from tests.faults.fleets import ForkedOrchestrator, insist
from tests.faults.forked_agent import ForkedAgent
from tests.faults.partners import band, see_through

LESSONS = 20  # of each class: ten of them at least are learned, and the others held out


def standing(agent: ForkedAgent) -> dict[str, Any]:
    """How an agent stands to federation; nothing where it does not answer."""
    told = agent.run_forked("federation", "show", "--json")
    found: dict[str, Any] = json.loads(told) if told.endswith("}\n") else {}
    return found


def agree(agent: ForkedAgent, consent: str) -> None:
    """Say what the owner agrees to, again until it is so."""

    def is_so() -> bool:
        agent.run_forked("consent", consent)
        return bool(standing(agent).get("consent") == consent)

    wait_until(is_so)


def learn(agent: ForkedAgent) -> None:
    """Teach enough of every class for it to leave."""
    with agent.device() as device:
        for name in CLASSES:
            for number, image in enumerate(class_images(name, LESSONS)):
                insist(partial(device.teach, image, name, burst=f"{name} {number}"))


def share(agent: ForkedAgent, server: ForkedOrchestrator, device_id: str) -> None:
    """Let an agent and a partner come to a head over the backbone that the agent has in use.

    Both have to give for that; the campaign wants two and has an hour.
    """
    with agent.device() as device:
        backbone = insist(device.status).backbone
    server.ask("device", "tag", device_id, f"shares={device_id}")
    bundle = server.ask("backbone", "show", backbone)["digest"]
    (partner,) = band(server, f"shares={device_id}", bundle, [RowKind.MEANS])
    classes = [f"--class={name}" for name in CLASSES]
    cohort = f"--cohort=shares={device_id}"
    campaign = server.ask("federation", "start", backbone, *classes, cohort)["id"]
    see_through(server, campaign, (partner,))
    server.ask("device", "remove", partner.member.device_id, "--yes")
