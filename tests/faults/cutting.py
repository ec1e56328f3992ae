"""A wire that is cut: a TCP proxy that takes every connection at one place of a call.

The proxy sees encrypted bytes and no messages. So whoever calls says when a call begins, and from
then on the proxy counts pieces: it lets ``skip`` of them pass each way and cuts at the next.
"""

import socket
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

PIECE_BYTES = 16_384
CONNECT_SECONDS = 5


class Cut(StrEnum):
    """Where the wire is cut, as the caller sees it."""

    BEFORE = "before"  # nothing of the request leaves
    REQUEST = "request"  # half a piece of the request has left
    ANSWER = "answer"  # the request has arrived, and nothing of the answer comes back
    MIDDLE = "middle"  # half a piece of the answer comes back
    AFTER = "after"  # right after a piece of the answer


@dataclass(slots=True)
class Proxy:
    """Passes bytes between a free port of its own and an address.

    Args:
        target: host:port of the server.
    """

    target: str
    cuts: int = 0
    _plan: tuple[Cut, int] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _open: set[socket.socket] = field(default_factory=set)
    _listener: socket.socket = field(default_factory=socket.socket)

    @property
    def address(self) -> str:
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def __enter__(self) -> Self:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._drop_all()

    def arm(self, cut: Cut, skip: int) -> None:
        """A call begins now: cut it so."""
        with self._lock:
            self._plan = (cut, skip)
            if cut is Cut.BEFORE:
                self._cut()

    def disarm(self) -> None:
        """The call is over: a cut whose piece has not come is not made."""
        with self._lock:
            self._plan = None

    def _cut(self) -> None:
        self._plan = None
        self.cuts += 1
        self._drop_all()

    def _drop_all(self) -> None:
        with self._lock:
            for each in self._open:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:  # it has ended by itself
                    continue
            self._open.clear()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            try:
                host, _, port = self.target.rpartition(":")
                server = socket.create_connection((host, int(port)), CONNECT_SECONDS)
                server.settimeout(None)
            except OSError:
                caller.close()
                continue
            with self._lock:
                self._open |= {caller, server}
            for source, sink, answers in ((caller, server, False), (server, caller, True)):
                threading.Thread(
                    target=self._carry, args=(source, sink, answers), daemon=True
                ).start()

    def _carry(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        try:
            while data := source.recv(PIECE_BYTES):
                with self._lock:
                    passed, cuts = self._judge(data, answers=answers)
                sink.sendall(passed)
                if cuts:
                    with self._lock:
                        self._cut()
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        finally:
            if answers:  # each of the pair once; the other direction ends with it
                with self._lock:
                    self._open -= {source, sink}
                source.close()
                sink.close()

    def _judge(self, data: bytes, *, answers: bool) -> tuple[bytes, bool]:
        """What of a piece passes, and whether the wire is cut then."""
        if self._plan is None or (self._plan[0] is not Cut.REQUEST) is not answers:
            return data, False
        cut, skip = self._plan
        if skip:
            self._plan = (cut, skip - 1)
            return data, False
        self._plan = None
        left = {Cut.ANSWER: 0, Cut.AFTER: len(data)}.get(cut, len(data) // 2)
        return data[:left], True


@dataclass(slots=True)
class Watchword:
    """Hears from a trapped agent which message is about to leave, before it does.

    Args:
        proxy: Is armed when the message that is waited for comes.
        kind: Full name of its message type.
        cut: Where to cut.
        skip: How many pieces to let pass.
    """

    proxy: Proxy
    kind: str
    cut: Cut
    skip: int
    heard: set[str] = field(default_factory=set)
    _listener: socket.socket = field(default_factory=socket.socket)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._listener.getsockname()
        return host, port

    def __enter__(self) -> Self:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        armed = False
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            with caller:
                kind = caller.recv(PIECE_BYTES).decode()
                self.heard.add(kind)
                if kind == self.kind and not armed:
                    armed = True
                    self.proxy.arm(self.cut, self.skip)
                caller.sendall(b"go")
