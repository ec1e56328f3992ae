"""Bundles that do harm, brought to a real fleet: the device refuses them, and no prediction fails.

One crashes on load, one fails when it runs, one is slow, one computes something else than its
golden vectors, and one is worse on the device's own held-out samples. Each rollout ends by itself,
and the next one succeeds.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fieldwise.client import Device
from tests.bundles import CLASSES, Spoiled, class_images, spoiled_bundle, tiny_bundle
from tests.disappointing import blind_bundle, slow_bundle
from tests.fakes.agent_process import wait_until
from tests.faults.conftest import Tried
from tests.faults.fleets import ForkedOrchestrator
from tests.faults.forked import Mother
from tests.faults.forked_agent import Client, ForkedAgent

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
# On a quick machine the slow bundle takes no tenth of a second, which people take for at once.
QUICK = {"latency_floor_seconds": "0.02", "cpu_share": "1"}
LESSONS_MAX, JUDGED = 2000, 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedOrchestrator]:
    folder = tmp_path_factory.mktemp("b")
    with (
        Mother("orchestrator") as orchestrators,
        ForkedOrchestrator(orchestrators, folder / "data", "--check-in-seconds=1") as running,
    ):
        yield running


def spoiled(what: Spoiled) -> Callable[[Path], Path]:
    return lambda path: spoiled_bundle(path, what, name=f"{what}-bundle")


# How each is made and called, how its update ends on the device, and for which reasons.
BUNDLES: dict[str, tuple[Callable[[Path], Path], str, str, set[str]]] = {
    "crashes-on-load": (
        spoiled(Spoiled.LOAD),
        "load-bundle:1.0.0",
        "reverted",
        {"load-failed", "bundle-invalid"},
    ),
    "fails-on-run": (spoiled(Spoiled.RUN), "run-bundle:1.0.0", "reverted", {"load-failed"}),
    "golden-differs": (
        spoiled(Spoiled.GOLDEN),
        "golden-bundle:1.0.0",
        "reverted",
        {"golden-mismatch"},
    ),
    "slow": (lambda path: slow_bundle(path, "8.0.0"), "tiny:8.0.0", "declined", {"too-slow"}),
    "worse": (lambda path: blind_bundle(path, "9.0.0"), "tiny:9.0.0", "declined", {"harm"}),
}


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_that_does_harm_is_turned_down_while_the_old_one_serves(
    name: str,
    server: ForkedOrchestrator,
    mother: Mother,
    tmp_path_factory: pytest.TempPathFactory,
    tried: Tried,
) -> None:
    tried("a bundle that does harm")
    make, title, phase, failures = BUNDLES[name]
    folder = tmp_path_factory.mktemp("b")
    agent = ForkedAgent(mother, folder / "s", probation_minutes="0.02", **QUICK)
    first = tiny_bundle(folder / "first", name="first", starter=True)
    assert "in use" in agent.run_forked("backbone", "install", first)
    agent.start()
    ticket = server.ask("ticket", "create", f"--tag=kind={name}")
    agent.run_forked("join", ticket["token"])
    with Client(agent.socket) as client, agent.device() as device:
        teach(device, JUDGED if name == "worse" else 0)
        server.ask("backbone", "push", str(make(folder / "bad")))
        rollout = server.ask("rollout", "start", title, f"--cohort=kind={name}")

        def is_turned_down() -> bool:
            return str(device.status().update.phase) == phase

        wait_until(is_turned_down, seconds=400)  # a slow one is slow to be found out
        assert device.status().update.failure in failures
        assert device.status().backbone == "first:1.0.0"

        def is_over() -> bool:
            return bool(server.ask("rollout", "show", rollout["id"])["phase"] != "running")

        wait_until(is_over, seconds=120)
        good = tiny_bundle(folder / "good", name=f"good-{name}", seed=3, width=48, starter=True)
        server.ask("backbone", "push", str(good))
        server.ask("rollout", "start", f"good-{name}", f"--cohort=kind={name}")
        wait_until(lambda: device.status().backbone == f"good-{name}:1.0.0", seconds=120)
    assert client.failures == []
    assert client.answered
    assert client.away == 0
    agent.stop()


def teach(device: Device, judged: int) -> None:
    """Teach scenes of one image: each class, and until so many of them are held out to judge by."""
    for number in range(LESSONS_MAX):
        name = CLASSES[number % len(CLASSES)]
        device.teach(class_images(name, 1, seed=number)[0], name, burst=f"{number}")
        if number % 10 == 9 and device.status().learning.judge_samples >= judged:
            return
    raise AssertionError("too little was held out")
