"""Dashboards are what the code says, and none of their panels is dead."""

import math
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from fieldwise.client import Device
from tests.bundles import CLASSES, class_images, tiny_bundle
from tests.fakes.agent_process import AgentProcess
from tests.orchestrators import Orchestrator, join, serving
from tests.services.programs import prometheus, query, until
from tests.services.test_alerts import METRIC, written
from tools.dashboards.__main__ import FOLDER, stale
from tools.dashboards.boards import BOARDS

PACE = ("--check-in-seconds=1", "--busy-check-in-seconds=1", "--metrics-seconds=1")
IMAGES = 120  # of each class, so that some 40 are held out
VARIABLES = {"$job": "orchestrator", "$rollout": ".*", "$__rate_interval": "30s"}


def test_every_dashboard_is_what_the_code_says() -> None:
    assert stale() == {}, "run `make dashboards`"
    assert sorted(file.name for file in FOLDER.iterdir()) == sorted(
        f"{board.name}.json" for board in BOARDS
    )


def test_every_dashboard_and_every_panel_asks_a_question() -> None:
    for board in BOARDS:
        titles = [panel.title for panel in board.panels]
        assert all(title.endswith("?") for title in (board.title, *titles))
        assert len(titles) == len(set(titles))


def test_panels_read_no_metric_that_nobody_writes() -> None:
    for board in BOARDS:
        read = {
            name
            for panel in board.panels
            for each in panel.asked
            for name in METRIC.findall(each.query)
        }
        assert read <= written()


def teach(agent: AgentProcess) -> None:
    """Let an application teach, ask how learning goes, and ask for what things are."""
    with agent.device() as device:
        for name in CLASSES:
            for number, image in enumerate(class_images(name, IMAGES)):
                device.teach(image, name, burst=f"{name} {number}")
        until(lambda: device.learning_report().novelty_rate, lambda: "novelty was never told")
        use(device)


def use(device: Device) -> None:
    for name in CLASSES:
        for image in class_images(name, 5, seed=7):
            device.predict(image)


def rolled_out(running: Orchestrator, folder: Path, version: str, seed: int) -> None:
    """Bring a backbone to every device, and wait until two of them have it."""
    bundle = tiny_bundle(folder / version, version=version, seed=seed, width=32 + 8 * seed)
    running.json("backbone", "push", str(bundle))
    running.json("rollout", "start", f"tiny:{version}")

    def have_it() -> bool:
        devices = running.json("status")["devices_by_backbone"]
        return bool(devices.get(f"tiny:{version}", 0) == 2)

    until(have_it, lambda: str(running.json("status")))


@contextmanager
def living(folder: Path) -> Iterator[Orchestrator]:
    """Two live agents that have learned and compared two backbones, and one that is silent."""
    with ExitStack() as stack:
        running = stack.enter_context(serving(folder / "data", *PACE))
        ticket = running.json("ticket", "create", "--uses=4")["token"]
        join(ticket)
        agents = [
            AgentProcess(folder / name, probation_minutes="0", cpu_share="1") for name in "ab"
        ]
        for agent in agents:
            agent.ask("join", ticket)
            agent.start()
            stack.callback(agent.stop)
        rolled_out(running, folder, "1.0.0", 0)
        for agent in agents:
            teach(agent)
        rolled_out(running, folder, "2.0.0", 1)
        for agent in agents:
            with agent.device() as device:
                use(device)
        yield running


def has_figures(found: list[dict[str, Any]]) -> bool:
    return any(math.isfinite(float(each["value"][1])) for each in found)


@pytest.mark.services
@pytest.mark.timeout(1800)
def test_no_panel_is_dead_where_devices_live(tmp_path: Path) -> None:
    with living(tmp_path) as running, prometheus(tmp_path, running.told["metrics_address"]) as base:
        asked = {
            f"{board.name}: {panel.title} {each.name}": each.query
            for board in BOARDS
            for panel in board.panels
            for each in panel.asked
        }
        for variable, value in VARIABLES.items():
            asked = {title: each.replace(variable, value) for title, each in asked.items()}
        assert not [each for each in asked.values() if re.search(r"\$\w", each)]

        def dead() -> list[str]:
            return [title for title, each in asked.items() if not has_figures(query(base, each))]

        until(lambda: not dead(), lambda: "\n".join(dead()))
