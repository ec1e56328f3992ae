"""A device that calls as fast as it can, denied at one replica while it calls another."""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from fieldwise.bundle import digest_of
from fieldwise.v1alpha1 import device_pb2
from orchestrator.beforehand import create_authority
from orchestrator.publisher_file import all_online, write_publisher
from orchestrator.storage.blobs import folder_bundles
from tests.databases import running_postgresql
from tests.orchestrators import Member, Orchestrator, join, serving, status_of

WAIT_SECONDS = 120.0
FILE_BYTES = 64 * 1024 * 1024
# A device that calls on and on is put off for its rate, which is another refusal.
PAUSE_SECONDS, REFUSED_SECONDS = 0.01, 0.2
PIECE_SECONDS = 0.05  # 5 MB/s: the whole file takes longer than anything here waits


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[list[Orchestrator]]:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    authority, _ = create_authority(secrets, "plant-7")
    publisher = secrets / "publisher.json"
    write_publisher(publisher, all_online())
    with running_postgresql() as database, ExitStack() as stack:
        flags = (
            f"--database-url={database.create()}",
            f"--authority-file={authority}",
            f"--publisher-file={publisher}",
            "--operator-token=known-to-every-replica",
            "--device-check-ins-per-second=1000",
        )
        yield [stack.enter_context(serving(tmp_path / name, *flags)) for name in "ab"]


@dataclass
class Calls:
    """When calls were accepted, and with what others were refused."""

    accepted: list[float] = field(default_factory=list)
    refused: list[tuple[float, str]] = field(default_factory=list)

    def hammer(self, member: Member, stop: threading.Event) -> None:
        sequence = 0
        with member.calling() as stub:
            while not stop.wait(REFUSED_SECONDS if self.refused else PAUSE_SECONDS):
                sequence += 1
                report = device_pb2.CheckInRequest(incarnation=1, sequence=sequence)
                try:
                    stub.CheckIn(report, timeout=30)
                except grpc.RpcError as error:
                    self.refused.append((time.monotonic(), status_of(error)[1]))
                else:
                    self.accepted.append(time.monotonic())

    def download(self, member: Member, digest: bytes) -> None:
        request = device_pb2.DownloadRequest(digest=digest)
        try:
            with member.calling() as stub:
                for _ in stub.Download(request):
                    self.accepted.append(time.monotonic())
                    time.sleep(PIECE_SECONDS)
        except grpc.RpcError as error:
            self.refused.append((time.monotonic(), status_of(error)[1]))


def stored(folder: Path) -> bytes:
    """Lay a large file into the bundles of a replica; return its digest."""
    content = b"x" * FILE_BYTES
    digest = digest_of(content)

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    asyncio.run(folder_bundles(folder / "bundles").put(digest, pieces()))
    return bytes.fromhex(digest)


def wait_for(happened: list[object]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not happened and time.monotonic() < deadline:
        time.sleep(0.01)
    assert happened


def test_a_denied_device_is_refused_on_every_replica_and_its_download_ends(
    replicas: list[Orchestrator], capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = replicas
    token = here.json("ticket", "create")["token"]
    member = join(token)
    elsewhere = Member(
        member.device_id,
        member.key,
        member.certificate,
        member.roots,
        there.told["device_address"],
    )
    stop, calls, stream = threading.Event(), Calls(), Calls()
    threads = [
        threading.Thread(target=calls.hammer, args=(elsewhere, stop)),
        threading.Thread(target=stream.download, args=(elsewhere, stored(there.folder))),
    ]
    for thread in threads:
        thread.start()
    try:
        wait_for(calls.accepted)
        wait_for(stream.accepted)
        asked = time.monotonic()
        here.json("device", "deny", member.device_id)
        answered = time.monotonic()
        wait_for(calls.refused)
        wait_for(stream.refused)
        first_refused = calls.refused[0][0]
        assert all(moment < first_refused for moment in calls.accepted)
        assert {fault for _, fault in calls.refused} == {"device-denied"}
        assert len(stream.accepted) < FILE_BYTES / 262_144
        with capsys.disabled():
            sys.stdout.write(
                f"\nfrom the command `device deny` to the last accepted call: "
                f"{calls.accepted[-1] - asked:.2f} s, to its own answer: {answered - asked:.2f} s, "
                f"to the end of the open download: {stream.refused[0][0] - asked:.2f} s\n"
            )
        here.json("device", "undeny", member.device_id)
        accepted = len(calls.accepted)
        deadline = time.monotonic() + WAIT_SECONDS
        while len(calls.accepted) == accepted and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(calls.accepted) > accepted
    finally:
        stop.set()
        for thread in threads:
            thread.join()
