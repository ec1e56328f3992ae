"""Addresses are read strictly, and both sides of a connection keep to their limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise import channel
from fieldwise.errors import Fault, FieldwiseError


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("fleet.example:8443", "fleet.example", 8443),
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("[::1]:65535", "::1", 65535),
        ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, host: str, port: int) -> None:
    assert channel.split_address(text) == (host, port)
    assert channel.check_address(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":8443",
        "host",
        "host:",
        "host:65536",
        "host:-1",
        "host:٣",
        "::1:8443",
        "[::1]8443",
        "[host]:1",
        "unix:/run/x:1",
        "dns:///host:1",
        "user@host:1",
        "a b:1",
        "h\n:1",
        "h" * 254 + ":1",
        "höst:1",
    ],
)
def test_anything_else_is_refused_with_what_was_given(text: str) -> None:
    with pytest.raises(FieldwiseError) as refused:
        channel.split_address(text)
    assert refused.value.fault is Fault.INVALID_ARGUMENT
    assert "host:port" in refused.value.sentence


@given(st.text(max_size=300))
def test_no_text_at_all_breaks_the_reader(text: str) -> None:
    assert port_or_refused(text) in {*range(65_536), Fault.INVALID_ARGUMENT}


def port_or_refused(text: str) -> int | Fault:
    try:
        return channel.split_address(text)[1]
    except FieldwiseError as error:
        return error.fault


def test_a_second_server_on_a_port_fails_instead_of_taking_half_of_it() -> None:
    assert dict(channel.server_options(channel.ServerLimits()))["grpc.so_reuseport"] == 0


def test_limits_of_a_server_are_what_grpc_is_told() -> None:
    limits = channel.ServerLimits(
        100, streams_max=7, connection_age_seconds=60, connection_grace_seconds=5
    )
    told = dict(channel.server_options(limits))
    assert told["grpc.max_receive_message_length"] == 100
    assert told["grpc.max_concurrent_streams"] == 7
    assert told["grpc.max_connection_age_ms"] == 60_000
    assert told["grpc.max_connection_age_grace_ms"] == 5_000


def test_clients_never_ping_faster_than_servers_bear() -> None:
    client = dict(channel.CLIENT_OPTIONS)["grpc.keepalive_time_ms"]
    server = dict(channel.server_options(channel.ServerLimits()))
    assert client >= server["grpc.http2.min_ping_interval_without_data_ms"]
