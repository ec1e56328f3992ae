"""The network cut at every kind of message between a device and its orchestrator.

The kinds come from the services' own descriptors. Around each cut goes a membership from beginning
to end: join, check in, renew, ask for another certificate, give a diagnosis, fetch a backbone and
bring it into use, take part in federation, leave.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldwise.v1alpha1 import device_pb2, enrolment_pb2
from tests.bundles import tiny_bundle
from tests.fakes.agent_process import wait_until
from tests.faults.conftest import Tried
from tests.faults.cutting import Cut, Proxy, Watchword
from tests.faults.fleets import ForkedOrchestrator
from tests.faults.forked import Mother
from tests.faults.forked_agent import Client, ForkedAgent
from tests.faults.sharing import agree, learn, share

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
SKIPS = (0, 1, 3)  # pieces that pass first: a fresh connection greets before it asks


def kinds() -> list[str]:
    """Every message that a device calls with, by its full name."""
    services = (
        device_pb2.DESCRIPTOR.services_by_name["Device"],
        enrolment_pb2.DESCRIPTOR.services_by_name["Enrolment"],
    )
    return [method.input_type.full_name for each in services for method in each.methods]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedOrchestrator]:
    folder = tmp_path_factory.mktemp("w")
    with (
        Mother("orchestrator") as orchestrators,
        ForkedOrchestrator(orchestrators, folder / "data", "--check-in-seconds=1") as running,
    ):
        path = tiny_bundle(folder / "b", name="fleets", seed=4, width=40, starter=True)
        running.ask("backbone", "push", str(path))
        running.ask("rollout", "start", "fleets", "--cohort=kind=agent")
        yield running


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("f") / "b", name="first", starter=True)


@pytest.mark.parametrize("skip", SKIPS)
@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("kind", kinds())
def test_a_membership_outlives_a_cut(
    kind: str,
    cut: Cut,
    skip: int,
    server: ForkedOrchestrator,
    first: Path,
    mother: Mother,
    tmp_path_factory: pytest.TempPathFactory,
    tried: Tried,
) -> None:
    if cut is Cut.BEFORE and skip:
        pytest.skip("before anything there is nothing to let pass")
    tried("the network cut at a kind of message")
    agent = ForkedAgent(
        mother,
        tmp_path_factory.mktemp("n") / "s",
        probation_minutes="0",
        diagnose="always",
        shared_classes="all",
        commit_samples="1",
    )
    agent.run_forked("backbone", "install", first)
    with (
        Proxy(server.told["device_address"]) as devices,
        Proxy(server.told["operator_address"]) as enrolment,
    ):
        own = enrolment if kind.endswith(("EnrolRequest", "ReviveRequest")) else devices
        with Watchword(own, kind, cut, skip) as watchword, Client(agent.socket) as client:
            trap = {"watchword": watchword.address, "proxy": devices.address}
            agent.start({"call_through": {**trap, "enrolment": enrolment.address}})
            live_in_fleet(agent, server)
            assert watchword.heard == set(kinds())
        agent.stop()
    assert client.failures == []


def live_in_fleet(agent: ForkedAgent, server: ForkedOrchestrator) -> None:
    ticket = server.ask("ticket", "create", "--tag=kind=agent")
    before = {each["id"] for each in server.ask("device", "list")}
    with agent.device() as device:

        def has_joined() -> bool:
            agent.run_forked("join", ticket["token"])  # again, where the answer was lost
            return bool(device.status().fleet)

        wait_until(has_joined)
        (joined,) = {each["id"] for each in server.ask("device", "list")} - before
        assert device.status().device_id == joined
        server.ask("device", "diagnose", joined)
        wait_until(lambda: device.status().backbone == "fleets:1.0.0")

        def is_diagnosed() -> bool:
            (asked,) = server.ask("device", "diagnose", joined, "--list")
            return bool(asked["state"] == "given")

        wait_until(is_diagnosed)
        learn(agent)
        agree(agent, "weights")
        share(agent, server, joined)

        def is_seen() -> bool:
            return bool(server.ask("device", "show", joined)["state"] == "healthy")

        wait_until(is_seen)

        def has_left() -> bool:
            agent.run_forked("leave")
            return not device.status().fleet

        wait_until(has_left)
