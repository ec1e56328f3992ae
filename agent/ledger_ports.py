"""What the record of what leaves guarantees to those who write to it and read it."""

from collections.abc import Sequence
from typing import Protocol

from agent.reporting import EVERYTHING, LedgerEntry, Total, Wanted
from fieldwise.ledger import LedgerHead


class Ledger(Protocol):
    """The record of what leaves; see ``agent.device.ledger``."""

    def append(self, kind: str, size_bytes: int, summary: str, time: float) -> None:
        """Write down that a message is about to leave; durable on return.

        Raises:
            FieldwiseError: ``DISK_FULL``: then the message must not be sent.
        """
        ...

    def newest(self, count: int, only: Wanted = EVERYTHING) -> Sequence[LedgerEntry]:
        """The newest messages of those wanted, oldest of them first."""
        ...

    def head(self) -> LedgerHead:
        """Where the chain ends."""
        ...

    def totals(self) -> dict[str, Total]:
        """How much of each kind has left."""
        ...
