"""A disk that is full at the kinds of write that only a device in federation comes to.

As in ``test_disk_full_anywhere`` each is refused once by the kernel, and then there is room again:
the owner's word is what was said last, and what was to leave leaves.
"""

import pytest

from tests.bundles import CLASSES, tiny_bundle
from tests.fakes.agent_process import wait_until
from tests.faults.conftest import Tried
from tests.faults.fleets import ForkedOrchestrator, insist
from tests.faults.forked import Mother
from tests.faults.forked_agent import Client, ForkedAgent
from tests.faults.sharing import agree, learn, share, standing
from tests.faults.test_disk_full_anywhere import NOT_IN_A_LIFE, kinds
from tests.faults.trails import trail_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
FEDERATING = [each for each in kinds() if each.startswith(("federation.", "heads."))]
SETTINGS = {"shared_classes": "all", "commit_samples": "1", "probation_minutes": "0"}


def test_none_of_these_kinds_comes_in_another_life() -> None:
    assert set(FEDERATING) <= set(NOT_IN_A_LIFE)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("kind", FEDERATING)
def test_a_device_in_federation_outlives_a_full_disk_at_a_write(
    kind: str,
    count: int,
    fleets: ForkedOrchestrator,
    mother: Mother,
    tmp_path_factory: pytest.TempPathFactory,
    tried: Tried,
) -> None:
    tried("a full disk at a kind of write")
    folder = tmp_path_factory.mktemp("d")
    agent, trail = ForkedAgent(mother, folder / "s", **SETTINGS), folder / "trail"
    bundle = tiny_bundle(folder / "b", name="fleets", starter=True)
    assert "in use" in agent.run_forked("backbone", "install", bundle)
    module, _, function = kind.partition(".")
    trap = {"module": f"agent.device.{module}", "function": function, "count": count}
    with Client(agent.socket) as client:
        agent.start({"leave_no_room": {**trap, "trail": str(trail)}})
        live(agent, fleets)
        assert trail_of(trail) or count > 1, "this kind of write did not come"
        agent.kill()
        agent.start()
        assert standing(agent)["consent"] == "off"
        agent.stop()
    assert client.failures == []


def live(agent: ForkedAgent, server: ForkedOrchestrator) -> None:
    """Join, agree, give, weigh what comes of it, withdraw, and forget a class."""
    ticket = server.ask("ticket", "create", "--tag=kind=agent")["token"]
    with agent.device() as device:

        def has_joined() -> bool:
            agent.run_forked("join", ticket)
            return bool(device.status().fleet)

        wait_until(has_joined)
        learn(agent)
        agree(agent, "weights")
        share(agent, server, insist(device.status).device_id)
        wait_until(lambda: bool(standing(agent).get("report", {}).get("outcome")))
    agree(agent, "off")
    wait_until(
        lambda: "{" in agent.run_forked("forget", f"--class={CLASSES[0]}", "--yes", "--json")
    )
