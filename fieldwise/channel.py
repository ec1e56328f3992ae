"""Connections: how both sides of every wire are opened, and the limits they keep.

Devices only connect outwards, through whatever stands between: ``fieldwise.proxies`` chooses an
HTTP proxy, and gRPC asks it. Servers end connections after a while, with grace,
so that replicas share the load again and a replaced server certificate is seen.
"""

import ipaddress
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.proxies import Proxy, chosen_proxy

MIB = 1024 * 1024
PORT_MAX = 65_535
HOST_CHARACTERS_MAX = 253
RESPONSE_BYTES_MAX = 16 * MIB + 65_536  # the widest response of the wire, a page of 1,000 devices

METADATA_BYTES_MAX = 8192  # devices send some hundred bytes
HANDSHAKE_SECONDS = 20  # as long as gRPC's clients try to connect
IDLE_SECONDS = 600  # ten times the usual pace: who calls less often connects for each call

# 60 s keeps the address translation of most cellular networks alive while a call is open.
CLIENT_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 0),  # an idle device costs no radio
    ("grpc.max_receive_message_length", RESPONSE_BYTES_MAX),
    ("grpc.initial_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 60_000),
)


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What one listening port lets a peer do.

    Args:
        request_bytes_max: Widest message taken from a caller.
        streams_max: Calls at a time on one connection.
        connections_max: Connections at a time; further ones are closed at once.
        metadata_bytes_max: Headers of a call, names and values.
        handshake_seconds: Until TLS and the first words of HTTP/2 are through.
        idle_seconds: After which a connection without a call under way is closed.
        connection_age_seconds: Life of a connection, before gRPC's own jitter of a tenth.
        connection_grace_seconds: Time for calls under way to end after that.
    """

    request_bytes_max: int = 65_536
    streams_max: int = 100
    connections_max: int = 2000
    metadata_bytes_max: int = METADATA_BYTES_MAX
    handshake_seconds: int = HANDSHAKE_SECONDS
    idle_seconds: int = IDLE_SECONDS
    connection_age_seconds: int = 1800
    connection_grace_seconds: int = 300


def server_options(limits: ServerLimits) -> list[tuple[str, int]]:
    """Return the gRPC arguments of a server."""
    return [
        ("grpc.so_reuseport", 0),  # a second server on the port must fail, not take half of it
        ("grpc.max_receive_message_length", limits.request_bytes_max),
        ("grpc.max_send_message_length", RESPONSE_BYTES_MAX),
        ("grpc.max_concurrent_streams", limits.streams_max),
        # Beyond the first gRPC refuses some calls, beyond the second all: one bound is meant here.
        ("grpc.max_metadata_size", limits.metadata_bytes_max),
        ("grpc.absolute_max_metadata_size", limits.metadata_bytes_max),
        ("grpc.max_allowed_incoming_connections", limits.connections_max),
        ("grpc.server_handshake_timeout_ms", limits.handshake_seconds * 1000),
        ("grpc.max_connection_idle_ms", limits.idle_seconds * 1000),
        ("grpc.max_connection_age_ms", limits.connection_age_seconds * 1000),
        ("grpc.max_connection_age_grace_ms", limits.connection_grace_seconds * 1000),
        ("grpc.keepalive_time_ms", 120_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
    ]


def proxy_of(address: str, named: str = "") -> Proxy | None:
    """Return the proxy to a host:port, by a program's own setting and by the environment.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a malformed address or proxy.
    """
    return chosen_proxy(split_address(address)[0], named, os.environ)


def device_channel(
    address: str, *, key: bytes, certificate: bytes, roots: bytes, proxy: str = ""
) -> grpc.aio.Channel:
    """Open a mutual TLS channel to the device API; key, certificate and roots are PEM.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a malformed address or proxy.
    """
    credentials = grpc.ssl_channel_credentials(
        root_certificates=roots, private_key=key, certificate_chain=certificate
    )
    return _opened(address, credentials, proxy)


def pinned_channel(address: str, *, roots: bytes, proxy: str = "") -> grpc.aio.Channel:
    """Open a channel to a server that one of ``roots`` (PEM) vouches for, and to no other.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a malformed address or proxy.
    """
    credentials = grpc.ssl_channel_credentials(root_certificates=roots)
    return _opened(address, credentials, proxy)


def _opened(address: str, credentials: grpc.ChannelCredentials, named: str) -> grpc.aio.Channel:
    proxy = proxy_of(address, named)
    chosen = ("grpc.http_proxy", proxy.url) if proxy else ("grpc.enable_http_proxy", 0)
    return grpc.aio.secure_channel(address, credentials, options=[*CLIENT_OPTIONS, chosen])


def unix_address(path: Path) -> str:
    return f"unix:{path.absolute()}"


def pem_of(*certificates: bytes) -> bytes:
    """Return certificates in DER as one PEM text, in the same order."""
    return "".join(ssl.DER_cert_to_PEM_cert(each) for each in certificates).encode()


def check_address(text: str) -> str:
    """Return host:port as given.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for anything else.
    """
    split_address(text)
    return text


def split_address(text: str) -> tuple[str, int]:
    """Return host and port of "host:port"; an IPv6 host stands in brackets and is returned bare.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for anything else.
    """
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not _is_host(bare, bracketed=bare != host) or not _is_port(port):
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{text[:80]!r} is not an address of the form host:port"
        )
    return bare, int(port)


def join_address(host: str, port: int) -> str:
    """Return "host:port" of a bare host, an IPv6 one in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_host(host: str, *, bracketed: bool) -> bool:
    if bracketed:
        return _is_ipv6(host)
    plain = host.isascii() and host.isprintable() and not set(host) & set(" :/@[]")
    return plain and 0 < len(host) <= HOST_CHARACTERS_MAX


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len("65535") and int(text) <= PORT_MAX
