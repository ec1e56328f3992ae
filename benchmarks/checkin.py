"""What a check-in costs the server with everything on that stands around it, and what a fleet does.

    python -m benchmarks.checkin [--json FILE] [--only call fleet] [--devices N] [--calls N]
        [--database sqlite postgresql]

``call``: processor time of ``fieldwise serve`` for a check-in over mutual TLS, over that of an
empty unary call of a bare grpc.aio server, both on as many open connections, in turns, by the
kernel's account. The device is a settled one with a full report; everything is as a fleet has it:
counting, translated errors, the log, bounds of messages, certificate and membership, orders, and
the report's writing a second later. SQLite is in the server's own process and in its time;
PostgreSQL's processes are counted apart and beside it. What the server does by itself, whether
anybody calls or not (it looks every second at rollouts, denials and its leadership), is measured
before, told as ``idle_cores``, and not laid upon calls.

``fleet``: so many devices, each on a connection of its own, that call every minute; then the server
is ended and started again, and all of them come back as agents do.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trustme
from google.protobuf.empty_pb2 import Empty

from benchmarks import checkin_fleet
from benchmarks.checkin_bare import SERVICE
from benchmarks.checkin_devices import Papers, Played, joined, report_of
from benchmarks.checkin_ground import Ground, grounds, settle
from benchmarks.federation_programs import processor_seconds
from fieldwise import channel
from fieldwise.v1alpha1 import device_pb2

CONNECTIONS, CALLS, ROUNDS = 32, 4_000, 5
DEVICES = 10_000
DATABASES = ("sqlite", "postgresql")
SETTLED_SECONDS = 2.5  # until reports are written: what a call leaves to be done belongs to it
IDLE_SECONDS = 10.0

Figures = dict[str, float]


def figures_of_call(databases: Sequence[str], calls: int, rounds: int = ROUNDS) -> Figures:
    """Microseconds of processor time a call, of every kind, and their ratios to the empty one."""
    found: Figures = {}
    for database in databases:
        with TemporaryDirectory(dir="/tmp") as folder, grounds(Path(folder), database) as ground:
            own = asyncio.run(_call_by_call(ground, calls, rounds))
        first = database == databases[0]
        found |= own if first else {f"{database}.{key}": each for key, each in own.items()}
    return found


async def _call_by_call(ground: Ground, calls: int, rounds: int) -> Figures:
    text = await asyncio.to_thread(ground.server.ticket, CONNECTIONS)
    papers = await joined(text, 1, CONNECTIONS)
    async with AsyncExitStack() as stack:
        devices = [Played(each) for each in papers]
        for each in devices:
            each.connect()
            stack.push_async_callback(each.disconnect)
        await settle(ground, devices)
        bare = stack.enter_context(_bare_server(ground.folder, devices[0]))
        empty, sized = await _bare_calls(stack, bare)
        report = report_of(devices[0])
        idle = await _idle_cores(ground.server.pid)
        laps: dict[str, list[float]] = {"empty": [], "sized": [], "check_in": [], "database": []}
        for _ in range(rounds + 1):  # the first warms both up
            laps["empty"].append(
                await _lap(bare.pid, calls, [partial(each, Empty()) for each in empty])
            )
            laps["sized"].append(
                await _lap(bare.pid, calls, [partial(each, report) for each in sized])
            )
            before = ground.database_seconds()
            laps["check_in"].append(
                await _lap(
                    ground.server.pid,
                    calls,
                    [each.check_in for each in devices],
                    idle,
                    SETTLED_SECONDS,
                )
            )
            laps["database"].append((ground.database_seconds() - before) / calls * 1e6)
    micros = {kind: statistics.median(each[1:]) for kind, each in laps.items()}
    return _ratios(micros) | {"report_bytes": float(report.ByteSize()), "idle_cores": idle}


def _ratios(micros: dict[str, float]) -> Figures:
    whole = micros["check_in"] + micros["database"]
    return {
        "empty_mtls_us": micros["empty"],
        "bare_same_messages_us": micros["sized"],
        "check_in_us": micros["check_in"],
        "check_in_database_us": micros["database"],
        "ratio_to_empty_mtls": micros["check_in"] / micros["empty"],
        "ratio_to_bare_same_messages": micros["check_in"] / micros["sized"],
        "ratio_with_database": whole / micros["empty"],
    }


async def _lap(
    server: int,
    calls: int,
    ways: Sequence[Callable[[], Awaitable[Any]]],
    idle_cores: float = 0.0,
    settled_seconds: float = 0.0,
) -> float:
    """Microseconds of the server's processor time a call, each connection calling on and on."""
    before, began = processor_seconds(server), time.monotonic()

    async def one(call: Callable[[], Awaitable[Any]]) -> None:
        for _ in range(calls // len(ways)):
            await call()

    await asyncio.gather(*map(one, ways))
    await asyncio.sleep(settled_seconds)
    idle = idle_cores * (time.monotonic() - began)
    return (processor_seconds(server) - before - idle) / (calls // len(ways) * len(ways)) * 1e6


async def _idle_cores(server: int) -> float:
    """What a server takes that nobody calls."""
    before = processor_seconds(server)
    await asyncio.sleep(IDLE_SECONDS)
    return (processor_seconds(server) - before) / IDLE_SECONDS


async def _bare_calls(stack: AsyncExitStack, bare: "_Bare") -> tuple[list[Any], list[Any]]:
    empty: list[Any] = []  # awaitable, which their types do not say
    sized: list[Any] = []
    for each in bare.papers:
        opened = await stack.enter_async_context(
            channel.device_channel(
                each.address, key=each.key, certificate=each.certificate, roots=each.roots
            )
        )
        empty.append(
            opened.unary_unary(
                f"/{SERVICE}/Empty",
                request_serializer=Empty.SerializeToString,
                response_deserializer=Empty.FromString,
            )
        )
        sized.append(
            opened.unary_unary(
                f"/{SERVICE}/Sized",
                request_serializer=device_pb2.CheckInRequest.SerializeToString,
                response_deserializer=device_pb2.CheckInResponse.FromString,
            )
        )
    return empty, sized


class _Bare:
    """The bare server as a process, and papers of its clients."""

    def __init__(self, pid: int, papers: Sequence[Papers]) -> None:
        self.pid = pid
        self.papers = papers


@contextmanager
def _bare_server(folder: Path, device: Played) -> Iterator[_Bare]:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    kind = trustme.KeyType.ECDSA
    server, client = (authority.issue_cert("127.0.0.1", key_type=kind) for _ in range(2))
    roots = authority.cert_pem.bytes()
    response = device_pb2.CheckInResponse(
        target=device_pb2.Target(generation=device.generation, bundle_digest=device.digest),
        next_seconds=60,
        unix_seconds=int(time.time()),
    )
    own = server.private_key_pem.bytes(), server.cert_chain_pems[0].bytes()
    contents = dict(zip(("key", "pem"), own, strict=True))
    contents |= {"roots": roots, "response": response.SerializeToString()}
    files = [folder / f"bare.{name}" for name in contents]
    for file, content in zip(files, contents.values(), strict=True):
        file.write_bytes(content)
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.checkin_bare", *map(str, files)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        address = f"127.0.0.1:{int(process.stdout.readline())}"
        theirs = client.private_key_pem.bytes(), client.cert_chain_pems[0].bytes()
        each = Papers(0, address, *theirs, roots)
        yield _Bare(process.pid, [each] * CONNECTIONS)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs="+", choices=("call", "fleet"), default=("call", "fleet"))
    parser.add_argument("--database", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--devices", type=int, default=DEVICES)
    parser.add_argument("--calls", type=int, default=CALLS)
    asked = parser.parse_args()
    found: Figures = {}
    if "call" in asked.only:
        found |= figures_of_call(asked.database, asked.calls)
    if "fleet" in asked.only:
        found |= checkin_fleet.figures(asked.devices)
    for key, figure in found.items():
        print(f"{key:40} {figure:,.3f}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
