"""Everything that a container of the tests' network sends, as it leaves it: whom it calls, which
names it asks for.

Frames are read where the bridge takes them up, so an attempt counts that comes to nothing.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

ALL_FRAMES = 3  # ETH_P_ALL
ETHERNET_BYTES, IP_KIND = 14, b"\x08\x00"
TCP, UDP, NAMES_PORT = 6, 17, 53
UDP_BYTES, NAMES_BYTES = 8, 12
LOOK_SECONDS = 0.2
FRAME_BYTES = 65_536


@dataclass(slots=True)
class Watched:
    """What each address of the network sent: to which addresses and ports, and for which names."""

    calls: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=dict)

    def see(self, frame: bytes) -> None:
        """Take a frame down; what is not of IPv4's TCP or UDP is left out."""
        packet = frame[ETHERNET_BYTES:]
        if frame[12:ETHERNET_BYTES] != IP_KIND or packet[9] not in {TCP, UDP}:
            return
        content = packet[4 * (packet[0] & 15) :]
        source, target = (socket.inet_ntoa(packet[at : at + 4]) for at in (12, 16))
        port = int.from_bytes(content[2:4])
        self.calls.setdefault(source, set()).add((target, port))
        if (packet[9], port) == (UDP, NAMES_PORT):
            self.names.setdefault(source, set()).add(_asked(content[UDP_BYTES + NAMES_BYTES :]))


def _asked(question: bytes) -> str:
    """The name in the first question of a DNS message."""
    labels = []
    while question[0]:
        labels.append(question[1 : question[0] + 1].decode())
        question = question[question[0] + 1 :]
    return ".".join(labels)


@contextmanager
def watched() -> Iterator[Watched]:
    """Watch all interfaces of this network namespace until the end of the block."""
    seen, over = Watched(), threading.Event()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_FRAMES)) as tap:
        tap.settimeout(LOOK_SECONDS)

        def watch() -> None:
            while not over.is_set():
                try:
                    seen.see(tap.recv(FRAME_BYTES))
                except TimeoutError:
                    continue

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield seen
        finally:
            over.set()
            thread.join()
