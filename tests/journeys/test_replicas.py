"""Two real orchestrators on one PostgreSQL and one object store: any of them serves any device."""

import asyncio
import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from urllib.request import urlopen

import grpc
import pytest

from agent.rpc.client import Departures, OrchestratorClient
from fieldwise import identity
from fieldwise.bundle import digest_of
from tests.databases import PostgreSql, running_postgresql
from tests.fakes.agent import TurnedClock
from tests.object_stores import SeaweedFs
from tests.orchestrators import Orchestrator, run, status_of
from tests.replicas import (
    DEVICES,
    Replicas,
    joined,
    leads,
    metric,
    push,
    replicas,
    round_of_calls,
    start,
    wait_until,
)

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def lasting() -> Iterator[PostgreSql]:
    """A PostgreSQL of its own, that keeps what it has committed when it dies."""
    with running_postgresql(lasting=True) as server:
        yield server


@pytest.fixture
def both(tmp_path: Path, lasting: PostgreSql, seaweedfs: SeaweedFs) -> Iterator[Replicas]:
    with replicas(tmp_path, lasting, seaweedfs) as started:
        wait_until(lambda: bool(started.leader()), "one of them leads")
        yield started


def test_a_device_joins_calls_and_downloads_wherever_it_comes_out(
    both: Replicas, tmp_path: Path
) -> None:
    devices = joined(both, 2)
    here, there = both.addresses()
    for turn in range(4):
        round_of_calls(both, devices, turn)
    push(both, tmp_path, "1.0.0", 1)
    start(both, "1.0.0")
    for device in devices:
        assert device.call(there)
    manifest = devices[0].wanted.hex()
    for first, second in ((here, there), (there, here)):
        found = json.loads(devices[0].download(manifest, first, second))
        graph = found["variants"][0]["graphs"][0]
        assert len(devices[0].download(graph["digest"], first, second)) == graph["size"]


def test_of_two_replicas_one_leads_and_tells_of_the_fleet(both: Replicas) -> None:
    leader = both.running[both.leader()]
    [other] = [each for each in both.running.values() if each is not leader]
    wait_until(lambda: metric(leader, "fieldwise_tickets_open") is not None, "the leader counts")
    assert metric(other, "fieldwise_tickets_open") is None
    for each in (leader, other):
        assert (metric(each, "fieldwise_metrics_series") or 0) > 100
    assert leader.stop() == 0
    wait_until(lambda: leads(other), "the other leads")
    wait_until(lambda: metric(other, "fieldwise_tickets_open") is not None, "it counts")


def test_a_device_that_was_removed_here_is_refused_there(both: Replicas) -> None:
    [device] = joined(both, 1)
    here, there = both.running.values()
    assert device.call(there.told["device_address"])
    here.json("device", "remove", device.member.device_id, "--yes")
    with pytest.raises(grpc.RpcError) as refused:
        device.call(there.told["device_address"])
    assert status_of(refused.value)[1] == "device-removed"


def test_a_replica_of_another_authority_does_not_start(both: Replicas, tmp_path: Path) -> None:
    database = next(each for each in both.flags if each.startswith("--database-url="))
    refused = run(tmp_path / "c", "serve", "--json", database)
    assert json.loads(refused.stderr)["error"]["fault"] == "authority-unusable"


def test_no_permit_is_lost_or_doubled_when_the_leader_is_killed(
    both: Replicas, tmp_path: Path
) -> None:
    devices = joined(both, DEVICES)
    digest = push(both, tmp_path, "1.0.0", 1)
    start(both, "1.0.0")
    turn = 0

    def goes_on(done: int) -> bool:
        nonlocal turn
        turn += 1
        round_of_calls(both, devices, turn)
        return sum(each.is_done for each in devices) >= done

    wait_until(lambda: goes_on(1), "a first device is done")
    killed = both.leader()
    both.kill(killed)
    wait_until(lambda: goes_on(DEVICES), "the other replica has brought all devices there")
    assert all(leads(each) for each in both.running.values())
    assert [each.orders for each in devices] == [[(1, bytes.fromhex(digest))]] * DEVICES
    assert [len(each.permits) for each in devices] == [1] * DEVICES
    both.start(killed)
    for device in devices:
        assert all(device.call(address) for address in both.addresses())
    ended = ("complete", {"healthy": DEVICES})

    def has_ended() -> bool:
        round_of_calls(both, devices, turn)
        [shown] = both.running[killed].json("rollout", "list")
        return (shown["phase"], shown["counts"]) == ended

    wait_until(has_ended, "the rollout is complete, for the restarted replica too")


def test_devices_hear_their_targets_while_the_database_is_away_and_nothing_is_lost(
    both: Replicas, lasting: PostgreSql, tmp_path: Path
) -> None:
    devices = joined(both, DEVICES)
    digest = push(both, tmp_path, "1.0.0", 1)
    start(both, "1.0.0")
    for turn in range(3):
        round_of_calls(both, devices, turn)
    assert 0 < sum(len(each.permits) for each in devices) < DEVICES
    granted = [list(each.permits) for each in devices]
    lasting.die()
    try:
        for device in devices:
            assert all(device.call(address) for address in both.addresses())
        assert [each.permits for each in devices] == granted
        for replica in both.running.values():
            assert is_ready(replica)
            wait_until(lambda each=replica: metric(each, "fieldwise_ready") == 0, "it is noticed")
            assert is_ready(replica)
        with pytest.raises(grpc.RpcError) as refused:
            devices[0].member.download(digest)
        assert status_of(refused.value)[0] is grpc.StatusCode.UNAVAILABLE
    finally:
        lasting.rise()
    turns = count(3)

    def all_done() -> bool:
        round_of_calls(both, devices, next(turns))
        return all(each.is_done for each in devices)

    wait_until(all_done, "every device is done")
    round_of_calls(both, devices, next(turns))  # what they are is in their next reports
    assert [each.orders for each in devices] == [[(1, bytes.fromhex(digest))]] * DEVICES
    assert [len(each.permits) for each in devices] == [1] * DEVICES
    wait_until(lambda: phase_of(replica) == "complete", "its phase is told")


def phase_of(replica: Orchestrator) -> str:
    [rollout] = replica.json("rollout", "list")
    return str(rollout["phase"])


def is_ready(replica: Orchestrator) -> bool:
    with urlopen(f"http://{replica.told['metrics_address']}/readyz", timeout=60) as page:
        return bool(page.status == 200)


async def downloaded(
    make: Callable[[], OrchestratorClient], digest: str, offsets: tuple[int, ...]
) -> list[bytes]:
    client = make()
    found = [[each.content async for each in client.download(digest, at)] for at in offsets]
    await client.close()
    return [b"".join(each) for each in found]


class Written:
    """A ledger that a test reads."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def append(self, kind: str, _size_bytes: int, summary: str, _time: float) -> None:
        self.entries.append((kind, summary))


@pytest.mark.parametrize("hosts", [("127.0.0.1",), ("elsewhere.example",), ()])
def test_files_come_from_the_bucket_itself_where_the_owner_named_it(
    both: Replicas, tmp_path: Path, hosts: tuple[str, ...]
) -> None:
    [device] = joined(both, 1)
    digest = push(both, tmp_path, "1.0.0", 1)
    ledger = Written()
    member = device.member
    make = partial(
        OrchestratorClient,
        both.addresses()[1],
        member.key,
        identity.certificate_der(identity.load_pem_certificate(member.certificate)),
        (identity.certificate_der(identity.load_pem_certificate(member.roots)),),
        Departures(ledger, TurnedClock()),
        hosts,
    )
    whole, rest = asyncio.run(downloaded(make, digest, (0, 10)))
    assert digest_of(whole) == digest
    assert rest == whole[10:]
    by_link = [summary for kind, summary in ledger.entries if kind == "download by link"]
    asked = [f"asks 127.0.0.1 for file {digest} from byte {offset} on" for offset in (0, 10)]
    assert by_link == (asked if hosts == ("127.0.0.1",) else [])
