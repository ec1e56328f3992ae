"""A disk that is full at every kind of write of an agent, one at a time, in the life of a member.

The kinds are the functions of the agent that write, as its source has them. Each is refused once by
the kernel; then there is room again. The agent says so or tries again, serves all the while, and
nothing that it took is lost.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import agent.device
from fieldwise.client import Device
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import CLASSES, class_images, tiny_bundle
from tests.fakes.agent_process import wait_until
from tests.faults.conftest import Tried
from tests.faults.fleets import ForkedOrchestrator
from tests.faults.forked import Mother
from tests.faults.forked_agent import Client, ForkedAgent
from tests.faults.trails import trail_of
from tests.faults.writers import writers

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
DEVICE = Path(agent.device.__file__).parent
# "Updater" is python-tuf's client, which writes what it has verified.
WRITERS = frozenset(
    {"writing", "write_file", "write_private", "unpack", "write", "write_bytes", "Updater"}
)
PACE = ("--check-in-seconds=1", "--applicant-retry-seconds=1")
LESSONS = 12

# What no life of a member comes to, and why; most of it is tried in `test_disk_full_apart`.
NOT_IN_A_LIFE = {
    "database.Database._migrate": "the first start, before there is anything to lose",
    "samples.DatabaseSamples._read_holdout_key": "likewise",
    "ledger.LedgerFile._begin": "likewise, and when the ledger is full",
    "samples.DatabaseSamples._drop_ahead": "only where the folder is bounded",
    "files.write_file": "its callers are tried",
    "predictions.DatabasePredictions.apply": "only where predictions shall not outlive a restart",
    "dropping.forget_images_apart": "only when images are over their age or their room",
    "forgetting.ForgettingSamples.forget": "only when the owner takes back a class",
    "forgetting.ForgettingSamples.set_absent": "likewise",
    "forgetting.ForgettingSamples._scrub_if_due": "likewise",
    "federation.DatabaseFederation.write_consent": "only in federation: test_disk_full_federating",
    "federation.DatabaseFederation.write_standing": "likewise",
    "federation.DatabaseFederation.note_departures": "likewise",
    "federation.DatabaseFederation.forget_deliveries": "likewise",
    "federation.DatabaseFederation.add_bare": "likewise",
    "heads.HeadFolder.write": "likewise",
    "ledger._cut_torn_line": "only after a power cut, see the tests of power",
}


def kinds() -> list[str]:
    """Every function of the agent that writes, as MODULE.FUNCTION."""
    return [
        f"{path.stem}.{name}"
        for path in sorted(DEVICE.glob("*.py"))
        for name in writers(path, WRITERS)
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedOrchestrator]:
    folder = tmp_path_factory.mktemp("w")
    with (
        Mother("orchestrator") as orchestrators,
        ForkedOrchestrator(orchestrators, folder / "data", *PACE) as running,
    ):
        path = tiny_bundle(folder / "b", name="fleets", seed=4, width=40, starter=True)
        running.ask("backbone", "push", str(path))
        running.ask("rollout", "start", "fleets", "--cohort=kind=agent")
        running.ask("settings", "apply", "retention_days=30")
        yield running


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("kind", [each for each in kinds() if each not in NOT_IN_A_LIFE])
def test_an_agent_outlives_a_full_disk_at_a_write(
    kind: str,
    count: int,
    server: ForkedOrchestrator,
    mother: Mother,
    tmp_path_factory: pytest.TempPathFactory,
    tried: Tried,
) -> None:
    tried("a full disk at a kind of write")
    folder = tmp_path_factory.mktemp("d")
    trail, first = folder / "trail", tiny_bundle(folder / "first", name="first", starter=True)
    agent = ForkedAgent(mother, folder / "s", probation_minutes="0", commit_samples="1")
    assert "in use" in agent.run_forked("backbone", "install", first)
    module, _, function = kind.partition(".")
    trap = {"module": f"agent.device.{module}", "function": function, "count": count}
    with Client(agent.socket) as client:
        child = agent.begin({"leave_no_room": {**trap, "trail": str(trail)}})
        wait_until(lambda: agent.socket.exists() or child.ended())
        if child.ended():  # it had no room to begin with, and whoever runs it begins again
            agent.start()
        taught = live(agent, server, folder)
        assert trail_of(trail) or count > 1, "this kind of write did not come"
        agent.kill()
        agent.start()
        with agent.device() as device:
            assert counted(device) == taught
            assert device.status().backbone == "later:1.0.0"
        agent.stop()
    assert client.failures == []
    assert not list(agent.folder.glob("*.altered"))


def live(agent: ForkedAgent, server: ForkedOrchestrator, folder: Path) -> int:
    """Apply, join, learn, change backbones twice, correct and leave; returns what it knows."""
    ticket = server.ask("ticket", "create", "--tag=kind=agent", "--admission=pending")
    later = tiny_bundle(folder / "later", name="later", seed=2, width=36, starter=True)
    taught = 0
    with agent.device() as device:
        join(agent, device, server, ticket)
        for number in range(LESSONS):
            teach(device, number)
            taught += 1
        wait_until(lambda: is_over(device))  # no room is looked for once a minute
        feedback(device)

        agent.run_forked("backbone", "pin")  # or a rollout that was turned down insists

        def has_installed() -> bool:
            agent.run_forked("backbone", "install", later, "--unsigned")  # a file of the owner's
            return device.status().backbone == "later:1.0.0"

        wait_until(has_installed)

        def has_left() -> bool:
            agent.run_forked("leave")
            return not device.status().fleet

        wait_until(has_left)
        wait_until(lambda: device.status().waiting_samples == 0)
        return counted(device)


def join(
    agent: ForkedAgent, device: Device, server: ForkedOrchestrator, ticket: dict[str, Any]
) -> None:
    """Apply with a ticket until the agent waits, or waits no more, and be let in."""

    def has_applied() -> bool:
        agent.run_forked("join", ticket["token"])
        status = device.status()
        return bool(status.fleet or (status.joining and status.joining.fleet))

    wait_until(has_applied)
    named = [
        each["device"]
        for each in server.ask("device", "pending")
        if each["ticket"] == ticket["ticket"]["id"]
    ]
    assert len(named) == 1, "it was to wait once"
    server.ask("device", "accept", *named)
    wait_until(lambda: device.status().device_id in named)


def is_over(device: Device) -> bool:
    """Whether the fleet's backbone serves, or was turned down for want of room."""
    status = device.status()
    turned_down = (status.update.phase, status.update.failure) == ("reverted", "disk-full")
    return turned_down or status.backbone == "fleets:1.0.0"


def teach(device: Device, number: int) -> None:
    """Teach one image, again where there was no room for it; nothing else may happen."""
    name = CLASSES[number % len(CLASSES)]
    image = class_images(name, 1, seed=number)[0]
    for _ in range(3):
        try:
            device.teach(image, name, burst=f"{number}")
        except FieldwiseError as error:
            if error.fault is not Fault.DISK_FULL:
                raise
        else:
            return
    raise AssertionError(f"lesson {number} was refused though there is room")


def feedback(device: Device) -> None:
    prediction = device.predict(class_images("red", 1, seed=99)[0])
    for _ in range(3):
        with suppress(FieldwiseError):
            device.feedback(prediction.id, "red")
            return


def counted(device: Device) -> int:
    learning = device.status().learning
    return learning.samples + learning.select_samples + learning.judge_samples
