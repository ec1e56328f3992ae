"""SIGKILL of an agent before and after all that it writes, or takes away, of being a member.

It applies, is let in, fetches what its publisher signed, renews, and leaves. Whoever runs it starts
it again, and its owner asks again. It applied once and was one device; what serves is what its
publisher vouches for; and when it has left, nobody vouches for what its owner installs.
"""

from collections.abc import Iterator

import pytest

from tests.fakes.agent_process import wait_until
from tests.faults.conftest import Tried
from tests.faults.fleets import ForkedOrchestrator
from tests.faults.forked import Mother
from tests.faults.forked_agent import Client, kept
from tests.faults.memberships import (
    Backbones,
    fleet_with_backbone,
    is_free,
    kinds,
    live,
    made,
    trap_at,
)
from tests.faults.trails import SIDES, trail_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
COUNTS = (1, 2, 3)  # a membership is written when it is given, and twice when it is renewed


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[ForkedOrchestrator, Backbones]]:
    with fleet_with_backbone(tmp_path_factory.mktemp("w")) as running:
        yield running


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("kind", kinds())
def test_a_member_killed_at_a_write_stays_one_device_and_leaves_free(
    kind: str,
    side: str,
    count: int,
    fleet: tuple[ForkedOrchestrator, Backbones],
    mother: Mother,
    tmp_path_factory: pytest.TempPathFactory,
    tried: Tried,
) -> None:
    server, backbones = fleet
    folder = tmp_path_factory.mktemp("k")
    agent, trail, aged = made(mother, folder, backbones), folder / "trail", folder / "aged"
    grows = {"grow_old": str(aged)}
    with Client(agent.socket) as client:
        died = {"die_at_call": trap_at(kind, trail, side=side, count=count)}
        with kept(agent, {**grows, **died}, grows):
            live(agent, server, aged)
        deaths = [each["died"] for each in trail_of(trail)]
        assert deaths == [side] or (not deaths and count > 1)
        tried("kill -9 of an agent at a write of its membership", len(deaths))
        agent.kill()
        agent.start()
        with agent.device() as device:
            wait_until(lambda: is_free(agent, device, backbones))
        agent.stop()
    assert client.failures == []
    assert not list(agent.folder.glob("*.altered"))
