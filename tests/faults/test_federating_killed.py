"""SIGKILL of an agent that takes part in federation, before and after all that it writes for it.

Whoever runs the agent starts it again, and its owner asks again. The owner's word is what was said
last, what was to leave leaves, an update that was under way ends, and an application predicts all
the while.
"""

from itertools import count

import pytest

from tests.bundles import tiny_bundle
from tests.fakes.agent_process import wait_until
from tests.faults.conftest import Tried
from tests.faults.days import Fleet, roll_out
from tests.faults.fleets import ForkedOrchestrator
from tests.faults.forked import Mother
from tests.faults.forked_agent import Client, ForkedAgent, kept
from tests.faults.sharing import agree, learn, share, standing
from tests.faults.test_disk_full_federating import FEDERATING, SETTINGS, live
from tests.faults.trails import SIDES, trail_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]
STEPS_MAX = 30


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("kind", FEDERATING)
def test_a_device_in_federation_killed_at_a_write_goes_on(
    kind: str,
    side: str,
    fleets: ForkedOrchestrator,
    mother: Mother,
    tmp_path_factory: pytest.TempPathFactory,
    tried: Tried,
) -> None:
    tried("kill -9 of an agent in federation at a write")
    folder = tmp_path_factory.mktemp("f")
    agent, trail = ForkedAgent(mother, folder / "s", **SETTINGS), folder / "trail"
    bundle = tiny_bundle(folder / "b", name="fleets", starter=True)
    assert "in use" in agent.run_forked("backbone", "install", bundle)
    module, _, function = kind.partition(".")
    trap = {"module": f"agent.device.{module}", "function": function, "side": side}
    with Client(agent.socket) as client:
        with kept(agent, {"die_at_call": {**trap, "trail": str(trail)}}):
            live(agent, fleets)
        assert [each["died"] for each in trail_of(trail)] == [side]
        agent.kill()
        agent.start()
        assert standing(agent)["consent"] == "off"
        agent.stop()
    assert client.failures == []
    assert not list(agent.folder.glob("*.altered"))


@pytest.mark.parametrize("side", SIDES)
def test_a_device_in_federation_killed_at_each_step_of_an_update_shares_on(
    side: str,
    fleet: Fleet,
    tmp_path_factory: pytest.TempPathFactory,
    tried: Tried,
) -> None:
    """One update after another, killed at its first step, its second, until it has no further."""
    agent = fleet.agent
    with agent.device() as device:
        joined = device.status().device_id
    if standing(agent)["consent"] == "off":
        learn(agent)
        agree(agent, "weights")
    for number in count(1):
        assert number < STEPS_MAX, "there is always a step left to die at"
        trail = tmp_path_factory.mktemp("t") / "trail"
        agent.stop()
        trap = {"side": side, "count": number, "trail": str(trail)}
        with kept(agent, {"die_at_step": trap}):
            fleet.days += 1
            roll_out(fleet, fleet.days)
            assert standing(agent)["consent"] == "weights"
            share(agent, fleet.server, joined)
        agent.kill()
        agent.start()
        if not any("died" in each for each in trail_of(trail)):
            break
        tried("kill -9 of an agent in federation at a journaled step")
    wait_until(lambda: standing(agent).get("consent") == "weights")
    assert not list(agent.folder.glob("*.altered"))
