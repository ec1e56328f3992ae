"""SIGKILL of leaders and sudden ends of PostgreSQL, under rollouts that replicas bring along.

Every order and every permit that reaches a device is counted: none may be missing, none may come
twice, and never are more devices on their way than the plan lets.
"""

from collections.abc import Callable
from itertools import count
from pathlib import Path

from tests.databases import PostgreSql
from tests.replicas import (
    DEVICES,
    Played,
    Replicas,
    joined,
    push,
    round_of_calls,
    start,
    wait_until,
)


def kill_over_and_over(
    replicas: Replicas,
    lasting: PostgreSql,
    folder: Path,
    rollouts: int,
    tried: Callable[[str, int], None] = lambda _what, _number: None,
) -> list[float]:
    """Kill the leader and the database once in each of so many rollouts.

    Returns:
        The seconds without a leader after each kill.
    """
    devices = joined(replicas, DEVICES)
    digests = [push(replicas, folder, f"{each}.0.0", each) for each in (1, 2)]
    turns = count()

    def done(number: int, least: int) -> bool:
        round_of_calls(replicas, devices, next(turns))
        return sum(each.is_done and len(each.orders) == number for each in devices) >= least

    took: list[float] = []
    for number in range(1, rollouts + 1):
        wait_until(lambda: bool(replicas.leader()), "one of them leads")
        start(replicas, f"{2 - number % 2}.0.0")
        wait_until(lambda each=number: done(each, 1), "a first device is done")
        tried("kill -9 of the leader", 1)
        killed = replicas.leader() or next(iter(replicas.running))
        replicas.kill(killed)
        took.append(wait_until(lambda: bool(replicas.leader()), "another leads"))
        replicas.start(killed)
        wait_until(lambda each=number: done(each, DEVICES // 2), "half of the devices are done")
        tried("a sudden end of the database", 1)
        lasting.die()
        round_of_calls(replicas, devices, next(turns))
        lasting.rise()
        wait_until(lambda each=number: done(each, DEVICES), "every device is done")
    _all_went_by_the_plan(devices, [digests[(each + 1) % 2] for each in range(1, rollouts + 1)])
    return took


def _all_went_by_the_plan(devices: list[Played], brought: list[str]) -> None:
    expected = [(number, bytes.fromhex(digest)) for number, digest in enumerate(brought, start=1)]
    for device in devices:
        assert device.orders == expected
        assert device.permits == [number for number, _ in expected]
