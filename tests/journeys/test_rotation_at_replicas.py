"""Replicas with one PostgreSQL and one authority of a secret store rotate it, as the docs say."""

import shutil
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import pytest

from fieldwise import channel, identity
from fieldwise.v1alpha1 import device_pb2
from orchestrator.beforehand import create_authority
from orchestrator.publisher_file import all_online, write_publisher
from tests.databases import running_postgresql
from tests.orchestrators import Finished, Member, Orchestrator, join, run, serving, status_of

WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Plant:
    """What replicas have in common."""

    folder: Path
    database: str
    authority: Path
    publisher: Path

    @property
    def places(self) -> tuple[str, str]:
        return f"--database-url={self.database}", f"--authority-file={self.authority}"

    @property
    def flags(self) -> tuple[str, ...]:
        own = f"--publisher-file={self.publisher}", "--operator-token=known-to-every-replica"
        return *self.places, *own, "--device-check-ins-per-second=1000"

    def exported(self, file: Path) -> Finished:
        """Run the command where the old authority and the database can be read."""
        return run(self.folder / "c", "authority", "rotate", "export", str(file), *self.places)


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    authority, _ = create_authority(secrets, "plant-7")
    publisher = secrets / "publisher.json"
    write_publisher(publisher, all_online())
    with running_postgresql() as database:
        yield Plant(tmp_path, database.create(), authority, publisher)


def at(member: Member, replica: Orchestrator) -> Member:
    return replace(member, address=replica.told["device_address"])


def renewed(member: Member) -> Member:
    key = identity.generate_key()
    request = device_pb2.RenewRequest(certificate_request=identity.certificate_request(key))
    with member.calling() as stub:
        given = stub.Renew(request, timeout=60).credentials
    return replace(
        member,
        key=identity.key_pem(key),
        certificate=channel.pem_of(given.certificate),
        roots=channel.pem_of(*given.trust_roots),
    )


def settled(member: Member, replica: Orchestrator, revision: int) -> Member:
    """Wait until a replica has seen a step by itself; return the member as it renewed there."""
    deadline = time.monotonic() + WAIT_SECONDS
    metric = f"fieldwise_trust_revision {revision}.0"
    while metric not in figures(replica):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return renewed(at(member, replica))


def figures(replica: Orchestrator) -> str:
    with urllib.request.urlopen(f"http://{replica.told['metrics_address']}/metrics") as answer:
        text: str = answer.read().decode()
    return text


def is_shut_out(member: Member) -> bool:
    try:
        member.check_in()
    except grpc.RpcError as error:
        return status_of(error)[0] is grpc.StatusCode.UNAVAILABLE  # by TLS itself
    return False


def test_replicas_hand_their_authority_on_and_serve_every_device_at_each_step(
    plant: Plant,
) -> None:
    before = plant.folder / "before.json"
    shutil.copy(plant.authority, before)
    with serving(plant.folder / "a", *plant.flags) as here:
        with serving(plant.folder / "b", *plant.flags) as there:
            ticket = here.json("ticket", "create", "--uses=3")["token"]
            old = join(ticket)
            assert here.json("authority", "rotate", "begin")["trust_revision"] == 2
            early = plant.exported(plant.folder / "early.json")
            assert "authority rotate switch" in early.stderr
            both = settled(old, there, 2)
            assert both.roots.count(b"BEGIN CERTIFICATE") == 2
            assert there.json("authority", "rotate", "switch")["step"] == "switched"
            fresh = settled(both, here, 3)
            only_new = replace(fresh, roots=both.roots.partition(b"\n-----BEGIN")[0] + b"\n")
            for replica in (here, there):
                assert at(only_new, replica).check_in(sequence=2).next_seconds
            refused = here.told_json("authority", "rotate", "finish", "--force")
            assert refused.status != 0
            assert "rotate export" in refused.stderr
            successor = plant.folder / "successor.json"
            assert plant.exported(successor).status == 0
            successor.rename(plant.authority)
        # One that starts between has the new one alone; the other goes on with both.
        with serving(plant.folder / "b", *plant.flags) as there:
            assert here.json("authority", "rotate", "finish", "--force")["step"] == "settled"
            last = settled(fresh, there, 4)
            assert last.roots.count(b"BEGIN CERTIFICATE") == 1
            for replica in (here, there):
                assert at(last, replica).check_in(sequence=3).next_seconds
                assert is_shut_out(at(old, replica))
                newcomer = join(replica.json("ticket", "create")["token"])
                assert newcomer.roots == last.roots
            assert join(ticket).roots == last.roots
    with serving(plant.folder / "a", *plant.flags) as here:
        assert at(last, here).check_in(sequence=4).next_seconds
    shutil.copy(before, plant.authority)
    late = run(plant.folder / "d", "serve", *plant.flags)
    assert late.status != 0
    assert "it was rotated" in late.stderr
