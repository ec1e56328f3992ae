"""Real orchestrators for tests: processes on free loopback ports, and what a device calls."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from typer.testing import CliRunner

from fieldwise import channel, identity, ticket
from fieldwise.v1alpha1 import device_pb2, device_pb2_grpc, enrolment_pb2, enrolment_pb2_grpc

PROGRAM = Path(sys.executable).parent / "fieldwise"
START_SECONDS = 300  # on a machine that runs many test processes beside it
STOP_SECONDS = 30
LISTEN = (
    "--device-listen=127.0.0.1:0",
    "--operator-listen=127.0.0.1:0",
    "--metrics-listen=127.0.0.1:0",
    "--advertise-hosts=127.0.0.1,localhost",
)


def environment(folder: Path) -> dict[str, str]:
    """Variables of a child: the data folder, and nobody else's settings."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("FIELDWISE_")}
    return {**kept, "FIELDWISE_DATA_FOLDER": str(folder)}


@dataclass(frozen=True, slots=True)
class Orchestrator:
    """A running ``fieldwise serve``; addresses are host:port."""

    process: subprocess.Popen[bytes]
    folder: Path
    log: Path
    told: dict[str, str]

    def run(self, *arguments: str) -> "Finished":
        return run(self.folder, *arguments)

    def json(self, *arguments: str) -> Any:
        """Run a command with --json in this process, which is faster, and return its answer."""
        done = self.told_json(*arguments)
        assert done.status == 0, done.stderr
        return json.loads(done.stdout)

    def told_json(self, *arguments: str) -> "Finished":
        """Run a command with --json in this process, to whatever end."""
        from orchestrator.cli import app

        result = CliRunner(env=environment(self.folder)).invoke(app, [*arguments, "--json"])
        return Finished(result.exit_code, result.stdout, result.stderr)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command printed, and its exit status."""

    status: int
    stdout: str
    stderr: str


def run(folder: Path, *arguments: str) -> Finished:
    """Run one command to its end."""
    done = subprocess.run(
        [PROGRAM, *arguments],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


@contextmanager
def serving(folder: Path, *flags: str, listen: Sequence[str] = LISTEN) -> Iterator[Orchestrator]:
    """Run an orchestrator on free ports for as long as the context lasts."""
    log = folder.parent / f"{folder.name}.log"
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [PROGRAM, "serve", "--json", *listen, *flags],
            env=environment(folder),
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield Orchestrator(process, folder, log, announcement(process, log))
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(STOP_SECONDS)
        assert process.stdout is not None
        process.stdout.close()


def announcement(process: subprocess.Popen[bytes], log: Path) -> dict[str, str]:
    """What a server says once it listens."""
    assert process.stdout is not None
    deadline = time.monotonic() + START_SECONDS
    readable, _, _ = select.select([process.stdout], [], [], deadline - time.monotonic())
    line = process.stdout.readline() if readable else b""
    assert line, f"the orchestrator did not start:\n{log.read_text()}"
    told: dict[str, str] = json.loads(line)
    return told


@dataclass(frozen=True, slots=True)
class Member:
    """A device that has joined, with all that it needs to call."""

    device_id: str
    key: bytes
    certificate: bytes
    roots: bytes
    address: str

    @contextmanager
    def calling(self) -> Iterator[device_pb2_grpc.DeviceStub]:
        credentials = grpc.ssl_channel_credentials(self.roots, self.key, self.certificate)
        with grpc.secure_channel(self.address, credentials) as opened:
            yield device_pb2_grpc.DeviceStub(opened)

    def check_in(self, **fields: Any) -> device_pb2.CheckInResponse:
        """Check in as the first report of the first start, but for what is given."""
        report = {"incarnation": 1, "sequence": 1, "agent_version": "0.1.0", **fields}
        with self.calling() as stub:
            return stub.CheckIn(device_pb2.CheckInRequest(**report), timeout=60)

    def download(self, digest: str, offset: int = 0) -> list[device_pb2.DownloadResponse]:
        request = device_pb2.DownloadRequest(digest=bytes.fromhex(digest), offset=offset)
        with self.calling() as stub:
            return list(stub.Download(request, timeout=60))


def enrol(text: str, key: identity.PrivateKey) -> enrolment_pb2.EnrolResponse:
    """Ask with a ticket, as the agent does; the answer may be to wait."""
    read = ticket.decode_ticket(text)
    request = enrolment_pb2.EnrolRequest(
        ticket_id=read.ticket_id,
        ticket_secret=read.secret,
        certificate_request=identity.certificate_request(key),
        facts=enrolment_pb2.DeviceFacts(agent_version="0.1.0", processors=2),
        knows_pending=True,
    )
    credentials = grpc.ssl_channel_credentials(channel.pem_of(read.authority))
    with grpc.secure_channel(read.address, credentials) as opened:
        return enrolment_pb2_grpc.EnrolmentStub(opened).Enrol(request, timeout=60)


def join(text: str, key: identity.PrivateKey | None = None) -> Member:
    """Trade a ticket for credentials, of a fleet that makes nobody wait."""
    own = key or identity.generate_key()
    given = enrol(text, own).credentials
    return Member(
        device_id=given.device_id,
        key=identity.key_pem(own),
        certificate=channel.pem_of(given.certificate),
        roots=channel.pem_of(*given.trust_roots),
        address=given.device_address,
    )


def status_of(error: grpc.RpcError) -> tuple[grpc.StatusCode, str]:
    """The status and the fault's name of a failed call of a synchronous stub."""
    assert isinstance(error, grpc.Call)
    return error.code(), dict(error.trailing_metadata() or ()).get("fieldwise-fault", "")
