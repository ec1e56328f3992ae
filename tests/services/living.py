"""Live agents that learn and take backbones, for those who want to see figures of them."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fieldwise.client import Device
from tests.bundles import CLASSES, class_images, tiny_bundle
from tests.fakes.agent_process import AgentProcess
from tests.orchestrators import Orchestrator, join, serving
from tests.services.programs import until

PACE = ("--check-in-seconds=1", "--busy-check-in-seconds=1", "--metrics-seconds=1")
NAMED = ("--metrics-tag=site", "--metrics-worst-devices=5")
IMAGES = 120  # of each class, so that some 40 are held out


@contextmanager
def agents(folder: Path, names: str, ticket: str) -> Iterator[list[AgentProcess]]:
    """Run an agent of each name, all joined; none lets a new backbone wait or on probation."""
    with ExitStack() as stack:
        started = []
        for name in names:
            settings = {"probation_minutes": "0", "cpu_share": "1", "shared_classes": "all"}
            agent = AgentProcess(folder / name, **settings)
            agent.ask("join", ticket)
            agent.start()
            stack.callback(agent.stop)
            started.append(agent)
        yield started


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


def publish(running: Orchestrator, folder: Path, version: str, seed: int) -> Path:
    """Push another backbone; returns its bundle."""
    bundle = tiny_bundle(folder / version, version=version, seed=seed, width=32 + 8 * seed)
    running.json("backbone", "push", str(bundle))
    return bundle


def rolled_out(running: Orchestrator, folder: Path, version: str, seed: int) -> None:
    """Bring a backbone to every device, and wait until two of them have it."""
    publish(running, folder, version, seed)
    running.json("rollout", "start", f"tiny:{version}")

    def have_it() -> bool:
        devices = running.json("status")["devices_by_backbone"]
        return bool(devices.get(f"tiny:{version}", 0) == 2)

    until(have_it, lambda: str(running.json("status")))


def federated(running: Orchestrator, agents: Sequence[AgentProcess], backbone: str) -> None:
    """Let owners agree, and devices judge the head that comes of what they gave."""
    for agent in agents:
        agent.ask("consent", "weights")
    classes = [f"--class={name}" for name in CLASSES]
    campaign = running.json("federation", "start", backbone, *classes)["id"]

    def judged() -> bool:
        head = running.json("federation", "show", campaign)["head"]
        return bool(head) and sum(head["outcomes"].values()) == len(agents)

    until(judged, lambda: str(running.json("federation", "show", campaign)))


@contextmanager
def living(folder: Path) -> Iterator[Orchestrator]:
    """Two live agents that have learned, compared two backbones and federated; one is silent."""
    with serving(folder / "data", *PACE, *NAMED) as running:
        ticket = running.json("ticket", "create", "--uses=4", "--tag=site=berlin")["token"]
        join(ticket)
        with agents(folder, "ab", ticket) as both:
            rolled_out(running, folder, "1.0.0", 0)
            for agent in both:
                teach(agent)
            rolled_out(running, folder, "2.0.0", 1)
            for agent in both:
                with agent.device() as device:
                    use(device)
            federated(running, both, "tiny:2.0.0")
            yield running
