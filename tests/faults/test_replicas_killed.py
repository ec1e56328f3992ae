"""SIGKILL of leaders and sudden ends of PostgreSQL, where the database says who may lead."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.databases import PostgreSql, running_postgresql
from tests.faults.conftest import Tried
from tests.killing import kill_over_and_over
from tests.object_stores import SeaweedFs
from tests.replicas import Replicas, replicas

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
    took = kill_over_and_over(both, lasting, tmp_path, ROLLOUTS, tried)
    record_property("failover seconds", [round(each, 1) for each in took])
