"""A real object store for tests: one SeaweedFS for a session, with a place for each of them."""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import obstore

from orchestrator.storage.buckets import Bucket, opened

PROGRAM = Path(sys.executable).parent / "weed"
START_SECONDS = 120
ACCESS_KEY, SECRET_KEY = "reader", "hush-hush-hush"
NAMED = ("master.port", "volume.port", "filer.port", "s3.port")

_NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class SeaweedFs:
    """A running server that speaks S3."""

    endpoint: str

    def bucket(self) -> Bucket:
        """Return a bucket with nothing under its prefix; one serves all, as each costs volumes."""
        prefix = f"test-{next(_NUMBERS)}"
        bucket = Bucket("fleet", prefix, self.endpoint, "", ACCESS_KEY, SECRET_KEY)
        obstore.put(opened(bucket), "made", b"")
        return bucket

    def flags(self, bucket: Bucket) -> tuple[str, ...]:
        """Return the settings of an orchestrator that keeps its bundles there, as flags."""
        return (
            f"--bundle-url=s3://{bucket.name}/{bucket.prefix}",
            f"--bundle-endpoint={self.endpoint}",
            f"--bundle-public-endpoint={self.endpoint}",
            f"--bundle-access-key={ACCESS_KEY}",
            f"--bundle-secret-key={SECRET_KEY}",
        )


@contextmanager
def running_seaweedfs() -> Iterator[SeaweedFs]:
    """Run a server until the end of the block; without one the test fails, and says why."""
    folder = Path(tempfile.mkdtemp(prefix="fw-s3-"))
    ports = dict(zip((*NAMED, *(f"{each}.grpc" for each in NAMED)), free_ports(8), strict=True))
    try:
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(_command(folder, ports), stdout=log, stderr=log)
        try:
            endpoint = f"http://127.0.0.1:{ports['s3.port']}"
            _await_answer(process, endpoint, folder / "log")
            yield SeaweedFs(endpoint)
        finally:
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(folder)


def free_ports(number: int) -> list[int]:
    """Return ports of the loopback that nobody listens on, all different."""
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in opened:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in opened]


def _command(folder: Path, ports: Mapping[str, int]) -> list[str]:
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    who = {"name": "fieldwise", "credentials": credentials, "actions": ["Admin"]}
    access = folder / "access.json"
    access.write_text(json.dumps({"identities": [who]}))
    (folder / "data").mkdir()
    return [
        str(PROGRAM),
        "server",
        f"-dir={folder / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        "-s3",
        f"-s3.config={access}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.volumeSizeLimitMB=64",
        "-master.telemetry=false",
        "-volume.max=16",
        *(f"-{name}={port}" for name, port in ports.items()),
    ]


def _await_answer(process: subprocess.Popen[bytes], endpoint: str, log: Path) -> None:
    """Wait until it refuses a caller without a key, which it does when it is ready."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urlopen(endpoint, timeout=10).close()
        except HTTPError as answer:
            with answer:
                if answer.code == 403:
                    return
        except (URLError, OSError):
            pass
        time.sleep(0.1)
    raise AssertionError(f"SeaweedFS did not start:\n{log.read_text()[-2000:]}")
