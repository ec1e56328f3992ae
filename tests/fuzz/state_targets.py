"""Targets of a device's own folder: what somebody with a stolen card, or a worn one, may change."""

from collections.abc import Sequence
from pathlib import Path

from agent.device.ledger import LedgerFile, Tail
from tests.fuzz.file_targets import SCRATCH
from tests.fuzz.target import Target


class Clock:
    def wall(self) -> float:
        return 1_800_000_000.0


class Keeper:
    """Keeps a tail in memory."""

    def __init__(self, tail: Tail | None) -> None:
        self._tail = tail

    def ledger_tail(self) -> Tail | None:
        return self._tail

    def write_ledger_tail(self, tail: Tail) -> None:
        self._tail = tail


def path() -> Path:
    return Path(SCRATCH.name) / "ledger"


def swept() -> Path:
    for each in Path(SCRATCH.name).glob("ledger*"):
        each.unlink()
    return path()


def written() -> Sequence[bytes]:
    keeper = Keeper(None)
    made = LedgerFile(swept(), keeper, Clock())  # type: ignore[arg-type]  # a clock of the wall alone
    for number in range(3):
        made.append("check-in", 100 + number, "what is", 1_800_000_000.0 + number)
    return [path().read_bytes()]


def read_ledger(content: bytes) -> None:
    """Open a ledger that anybody may have written to: it is whole, or begins anew and says so."""
    swept().write_bytes(content)
    opened = LedgerFile(path(), Keeper(Tail()), Clock())  # type: ignore[arg-type]  # as above
    opened.newest(10)


TARGETS = (
    Target("ledger", read_ledger, written, ("agent.device.ledger", "agent.device.ledger_chain")),
)
