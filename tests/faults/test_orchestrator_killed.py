"""SIGKILL of the orchestrator before and after everything it writes, and at random instants.

Around each kill goes a day of a small fleet: tickets, a device that joins, tags, settings, a bundle
that is pushed and rolled out to a real agent. Whoever asked asks again, as people and devices do.
At the end the day has had its effect, once, and the agent predicted all the while.
"""

import signal
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest

from tests.faults.conftest import Tried
from tests.faults.days import Fleet, commits, spend_a_day, spend_a_day_with
from tests.faults.trails import SIDES, trail_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
RANDOM_DAYS, KILLS_A_DAY = 5, 10


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("method", commits())
def test_an_orchestrator_killed_at_a_write_goes_on(
    method: str, side: str, fleet: Fleet, tmp_path: Path, tried: Tried
) -> None:
    tried("kill -9 of the orchestrator at a write")
    trail = tmp_path / "trail"
    fleet.server.die({"die_at_write": {"method": method, "side": side, "trail": str(trail)}})
    spend_a_day_with(fleet, method)
    if method == "SqlLeadership.resign":  # a lease is given back at an orderly stop
        assert fleet.server.child is not None
        fleet.server.child.send(signal.SIGTERM)
        spend_a_day(fleet)
    deaths = trail_of(trail)
    assert [death["method"] for death in deaths] == [method]


@pytest.mark.parametrize("seed", range(RANDOM_DAYS))
def test_an_orchestrator_killed_at_random_instants_goes_on(
    seed: int, fleet: Fleet, tried: Tried
) -> None:
    tried("kill -9 of the orchestrator at a random instant", KILLS_A_DAY)
    chance, over = Random(seed), Event()
    fleet.server.die(None)

    def kill() -> None:
        for _ in range(KILLS_A_DAY):
            over.wait(chance.uniform(0.2, 2.0))
            assert fleet.server.child is not None
            fleet.server.child.kill()

    killer = Thread(target=kill)
    killer.start()
    while killer.is_alive():
        spend_a_day(fleet)
    killer.join()
    spend_a_day(fleet)
