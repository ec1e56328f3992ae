"""What the chart would run, run on this machine: the same commands, settings and keys.

Only where things lie and which ports are taken is changed, as on one machine they would meet.
"""

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests import charts

PROGRAMS = Path(sys.executable).parent
START_SECONDS = 120
PAUSE_SECONDS = 0.1
# Below those that the system gives out by itself, so that nobody gets one between choice and use.
PORTS = range(20_000, 32_000)
INSIDE = {
    "device_listen": 8443,
    "operator_listen": 8444,
    "metrics_listen": 9464,
    "health_listen": 9465,
}

Secrets = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Ports:
    """Where one replica listens on this machine."""

    device_listen: int
    operator_listen: int
    metrics_listen: int
    health_listen: int


def quiet_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on; another process is given others."""
    found: list[int] = []
    begin = os.getpid() * 101 % len(PORTS)
    for port in (*PORTS[begin:], *PORTS[:begin]):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("every port is taken")


def made_up(objects: list[charts.Manifest]) -> Secrets:
    """The Secrets that the chart makes itself, decoded."""
    return {
        each["metadata"]["name"]: {
            key: base64.b64decode(value).decode() for key, value in each["data"].items()
        }
        for each in charts.of_kind(objects, "Secret")
    }


def variables_of(container: charts.Manifest, secrets: Secrets) -> dict[str, str]:
    """The environment of a container, with what its Secrets hold."""
    variables = {}
    for name, source in charts.environment(container).items():
        wanted = source["secretKeyRef"] if isinstance(source, Mapping) else None
        variables[name] = secrets[wanted["name"]][wanted["key"]] if wanted else source
    return variables


@contextmanager
def running(
    command: list[str], variables: Mapping[str, str], log: Path
) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a container's command until the end of the block, with nobody else's settings."""
    nobodys = {name: text for name, text in os.environ.items() if "FIELDWISE" not in name}
    program = [str(PROGRAMS / command[0]), *command[1:]]
    with log.open("wb") as output:
        process = subprocess.Popen(
            program, env={**nobodys, **variables}, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@contextmanager
def orchestrator(
    objects: list[charts.Manifest], secrets: Secrets, volume: Path, ports: Ports
) -> "Iterator[subprocess.Popen[bytes]]":
    """Run the orchestrator's container on a volume; it is ready when the block begins.

    A file of a Secret that is mounted is looked for in the volume, where the caller put it.
    """
    container = charts.the_container(objects)
    file, log = volume / "fieldwise.toml", volume / "log"
    file.write_text(settings_here(objects, volume, ports))
    variables = {**variables_of(container, secrets), "FIELDWISE_CONFIG": str(file)}
    command = [*container["command"], *container["args"]]
    with running(command, variables, log) as process:
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container[kind]["grpc"]
            assert asked["port"] == INSIDE["health_listen"]
            await_health(f"127.0.0.1:{ports.health_listen}", asked["service"], process, log)
        yield process


def settings_here(objects: list[charts.Manifest], volume: Path, ports: Ports) -> str:
    """The settings of the chart with this machine's places in them."""
    text = charts.settings_file(objects)
    text = text.replace("/var/lib/fieldwise", str(volume)).replace("/etc/fieldwise", str(volume))
    for name, port in INSIDE.items():
        before = f'{name} = "0.0.0.0:{port}"'
        assert before in text
        text = text.replace(before, f'{name} = "127.0.0.1:{getattr(ports, name)}"')
    return text


def await_health(address: str, service: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Ask as a kubelet does, until it is said to be serving."""
    request = health_pb2.HealthCheckRequest(service=service)

    def serves() -> bool:
        with grpc.insecure_channel(address) as channel:
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=10)
            except grpc.RpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    await_that(serves, process, log)


def await_that(holds: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Ask until something is so, or the process has ended."""
    deadline = time.monotonic() + START_SECONDS
    while not holds():
        alive = time.monotonic() < deadline and process.poll() is None
        assert alive, f"it did not start:\n{log.read_text()[-3000:]}"
        time.sleep(PAUSE_SECONDS)


def stop(process: "subprocess.Popen[bytes]") -> int:
    """End it as a cluster does; return its status."""
    process.send_signal(signal.SIGTERM)
    return process.wait(START_SECONDS)
