"""SIGKILL of leaders and sudden ends of PostgreSQL, under rollouts that two replicas bring along.

Every order and every permit that reaches a device is counted: none may be missing, none may come
twice, and never are more devices on their way than the plan lets.
"""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.databases import PostgreSql, running_postgresql
from tests.faults.conftest import Tried
from tests.object_stores import SeaweedFs
from tests.replicas import (
    DEVICES,
    Played,
    Replicas,
    joined,
    push,
    replicas,
    round_of_calls,
    start,
    wait_until,
)

pytestmark = [pytest.mark.faults, pytest.mark.services, pytest.mark.timeout(1800)]
ROLLOUTS = 10  # with two kills in each


@pytest.fixture(scope="module")
def lasting() -> Iterator[PostgreSql]:
    with running_postgresql(lasting=True) as server:
        yield server


@pytest.fixture
def both(tmp_path: Path, lasting: PostgreSql, seaweedfs: SeaweedFs) -> Iterator[Replicas]:
    with replicas(tmp_path, lasting, seaweedfs) as started:
        yield started


def test_no_order_is_lost_or_doubled_over_twenty_kills(
    both: Replicas,
    lasting: PostgreSql,
    tmp_path: Path,
    tried: Tried,
    record_property: Callable[[str, object], None],
) -> None:
    devices = joined(both, DEVICES)
    digests = [push(both, tmp_path, f"{each}.0.0", each) for each in (1, 2)]
    turns = count()

    def done(number: int, least: int) -> bool:
        round_of_calls(both, devices, next(turns))
        return sum(each.is_done and len(each.orders) == number for each in devices) >= least

    took: list[float] = []
    for number in range(1, ROLLOUTS + 1):
        wait_until(lambda: bool(both.leader()), "one of them leads")
        start(both, f"{2 - number % 2}.0.0")
        wait_until(lambda each=number: done(each, 1), "a first device is done")
        tried("kill -9 of the leader", 1)
        killed = both.leader() or next(iter(both.running))
        both.kill(killed)
        took.append(wait_until(lambda: bool(both.leader()), "the other leads"))
        both.start(killed)
        wait_until(lambda each=number: done(each, DEVICES // 2), "half of the devices are done")
        tried("a sudden end of the database", 1)
        lasting.die()
        round_of_calls(both, devices, next(turns))
        lasting.rise()
        wait_until(lambda each=number: done(each, DEVICES), "every device is done")
    _all_went_by_the_plan(devices, [digests[(number + 1) % 2] for number in range(1, ROLLOUTS + 1)])
    record_property("failover seconds", [round(each, 1) for each in took])


def _all_went_by_the_plan(devices: list[Played], brought: list[str]) -> None:
    expected = [(number, bytes.fromhex(digest)) for number, digest in enumerate(brought, start=1)]
    for device in devices:
        assert device.orders == expected
        assert device.permits == [number for number, _ in expected]
