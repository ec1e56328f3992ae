"""A real server between callers that mean ill and callers that mean well, both on raw sockets."""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest

from fieldwise import channel, identity
from fieldwise.channel import HANDSHAKE_SECONDS
from fieldwise.ticket import decode_ticket
from fieldwise.v1alpha1 import device_pb2
from orchestrator.metrics_http import CONNECTIONS_MAX
from orchestrator.rpc.server import OPERATORS_MIN
from tests.orchestrators import Member, Orchestrator, join, serving

WAIT_SECONDS = 120.0  # for what the server does by itself, on a machine that does much beside
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
ENROL = "/fieldwise.v1alpha1.Enrolment/Enrol"
MIB = 1024**2
BOMB_BYTES = 200 * MIB


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """One that takes 1,000 connections of devices, and so 100 of others."""
    folder = tmp_path_factory.mktemp("abused") / "data"
    with serving(folder, "--connections-max=1000") as started:
        yield started


@pytest.fixture(scope="module")
def member(server: Orchestrator) -> Member:
    return join(server.json("ticket", "create")["token"])


def dialled(address: str) -> socket.socket:
    host, port = channel.split_address(address)
    return socket.create_connection((host, port), timeout=30)


def secured(address: str, certificate: tuple[Path, Path] | None = None) -> ssl.SSLSocket:
    """TLS up to the point at which HTTP/2 would begin."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    if certificate:
        context.load_cert_chain(*certificate)
    return context.wrap_socket(dialled(address), server_hostname="localhost")


def is_ended(connection: socket.socket) -> bool:
    """Whether the other side closes a connection, sooner or later."""
    connection.settimeout(WAIT_SECONDS)
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def answers(server: Orchestrator) -> bool:
    """Whether an operator is served."""
    return server.told_json("ticket", "list").status == 0


def memory_of(server: Orchestrator) -> int:
    """The most bytes that the server has had resident."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def test_who_stops_in_the_middle_of_a_handshake_loses_the_connection(
    server: Orchestrator, member: Member
) -> None:
    assert HANDSHAKE_SECONDS < WAIT_SECONDS
    operators = server.told["operator_address"]
    hello = ssl.MemoryBIO()
    halves = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    halves.check_hostname, halves.verify_mode = False, ssl.CERT_NONE
    with ExitStack() as stack:
        silent = [stack.enter_context(dialled(each)) for each in (operators, member.address) * 3]
        begun = stack.enter_context(dialled(operators))
        with pytest.raises(ssl.SSLWantReadError):
            halves.wrap_bio(ssl.MemoryBIO(), hello).do_handshake()
        begun.sendall(hello.read()[:60])
        quiet = stack.enter_context(secured(operators))
        greeted = stack.enter_context(secured(operators))
        greeted.sendall(PREFACE[:10])
        assert answers(server)
        member.check_in()
        assert all(map(is_ended, [*silent, begun, quiet, greeted]))
    assert answers(server)


def test_many_handshakes_at_once_do_not_end_the_server(
    server: Orchestrator, member: Member
) -> None:
    """gRPC ended the process here as long as it was handed a certificate at every connection."""

    def shake(_number: int) -> bool:
        with suppress(OSError), secured(server.told["operator_address"]):
            return True
        return False

    with ThreadPoolExecutor(24) as callers:
        made = sum(callers.map(shake, range(600)))
    assert server.process.poll() is None
    assert made > 300
    assert answers(server)
    member.check_in()


def test_without_a_certificate_of_the_fleet_nothing_is_said_on_the_device_port(
    server: Orchestrator, member: Member, tmp_path: Path
) -> None:
    other = identity.generate_key()
    (tmp_path / "key").write_bytes(identity.key_pem(other))
    (tmp_path / "certificate").write_bytes(self_signed(other))
    for certificate in (None, (tmp_path / "certificate", tmp_path / "key")):
        with ExitStack() as stack:
            try:
                opened = stack.enter_context(secured(member.address, certificate))
                opened.sendall(PREFACE + SETTINGS)
                said = opened.recv(65_536)
            except OSError:  # TLS 1.3 tells a caller only when he reads
                said = b""
        assert said == b""
    member.check_in()


def self_signed(key: identity.PrivateKey) -> bytes:
    from orchestrator.enrolment.authority import found_authority

    return identity.certificate_pem(found_authority("x", key, time.time()).certificate)


def test_more_connections_than_are_allowed_are_closed_at_once_and_the_rest_work(
    server: Orchestrator, member: Member
) -> None:
    with ExitStack() as stack:
        held = [
            stack.enter_context(dialled(server.told["operator_address"]))
            for _ in range(OPERATORS_MIN + 20)
        ]
        for each in held:
            each.setblocking(False)
        refused = 0
        for _ in range(3000):
            refused = sum(map(is_closed, held))
            if refused >= 20:
                break
            time.sleep(0.01)
        assert refused >= 20
        member.check_in()  # the other port is a server of its own
    for _ in range(3000):  # the places are free again when they have gone
        if answers(server):
            break
        time.sleep(0.01)
    assert answers(server)


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize("algorithm", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_a_compressed_message_that_grows_beyond_the_limit_costs_no_memory(
    server: Orchestrator, algorithm: grpc.Compression
) -> None:
    """Some hundred KiB that would be 200 MiB."""
    before = memory_of(server)
    roots = channel.pem_of(decode_ticket(server.json("ticket", "create")["token"]).authority)
    credentials = grpc.ssl_channel_credentials(roots)
    address = server.told["operator_address"]
    with (
        grpc.secure_channel(address, credentials) as opened,
        pytest.raises(grpc.RpcError) as refused,
    ):
        opened.unary_unary(ENROL)(bytes(BOMB_BYTES), timeout=120, compression=algorithm)
    assert isinstance(refused.value, grpc.Call)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert memory_of(server) - before < 32 * MIB
    assert answers(server)


@pytest.fixture
def metrics(server: Orchestrator) -> tuple[str, int]:
    return channel.split_address(server.told["metrics_address"])


async def scraped(place: tuple[str, int]) -> bytes:
    reader, writer = await asyncio.open_connection(*place)
    writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
    content = await reader.read()
    writer.close()
    return content


async def test_slow_callers_keep_no_scrape_out(metrics: tuple[str, int]) -> None:
    """As many as there are places drip a request, and as many never read what they asked for."""
    held: list[Any] = []
    for number in range(3 * CONNECTIONS_MAX):
        reader, writer = await asyncio.open_connection(*metrics)
        writer.write(b"GET /metrics HTTP/1.0\r\nX: " if number % 2 else b"G")
        held.append((reader, writer))
    assert b"fieldwise_ready" in await asyncio.wait_for(scraped(metrics), WAIT_SECONDS)
    ended = [asyncio.ensure_future(until_ended(reader)) for reader, _ in held]
    for _, writer in held[-CONNECTIONS_MAX:]:
        writer.write(b"a")
    assert b"fieldwise_ready" in await asyncio.wait_for(scraped(metrics), WAIT_SECONDS)
    assert all(await asyncio.wait_for(asyncio.gather(*ended), WAIT_SECONDS))
    for _, writer in held:
        writer.close()


async def until_ended(reader: asyncio.StreamReader) -> bool:
    try:
        while await reader.read(65_536):
            pass
    except ConnectionError:
        return True
    return True


def test_headers_beyond_the_limit_are_refused_and_the_connection_goes_on(
    server: Orchestrator, member: Member
) -> None:
    report = device_pb2.CheckInRequest(incarnation=1, sequence=9, agent_version="0.1.0")
    with member.calling() as stub:
        with pytest.raises(grpc.RpcError) as refused:
            stub.CheckIn(report, timeout=60, metadata=(("x", "y" * 9000),))
        assert isinstance(refused.value, grpc.Call)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        stub.CheckIn(report, timeout=60)
