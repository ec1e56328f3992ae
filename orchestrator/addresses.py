"""Under which names and addresses a server is reached."""

import socket
from collections.abc import Sequence

from fieldwise.channel import join_address, split_address

LOOPBACK = ("localhost", "127.0.0.1", "::1")
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound
# Documentation's own network: asking the system for a way there sends nothing.
NOWHERE = ("192.0.2.1", 9)


def advertised(hosts: Sequence[str]) -> str:
    """Return the host that tickets name: the first one set, or this machine's address."""
    return hosts[0] if hosts else outward_address()


def outward_address() -> str:
    """Return the address of the interface towards other networks; loopback without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(NOWHERE)
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def certified(hosts: Sequence[str], listens: Sequence[str]) -> tuple[str, ...]:
    """Return every host that the server's certificate names.

    Args:
        hosts: Those that were set.
        listens: host:port of each port; addresses that are listened on are names as well.
    """
    bound = [host for host, _ in map(split_address, listens) if host not in WILDCARDS]
    own = socket.gethostname()
    named = [own] if own.isascii() and own else []
    return tuple(dict.fromkeys([*hosts, advertised(hosts), *bound, *named, *LOOPBACK]))


def local(listen: str, port: int) -> str:
    """Return host:port under which this very machine reaches a port."""
    host, _ = split_address(listen)
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with
    return join_address(near, port)
