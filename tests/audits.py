"""Audit logs for tests: entries to write, and whole logs to tamper with."""

from collections.abc import Sequence

from orchestrator.audit import entry
from orchestrator.audit.chain import PRUNE, Verdict, Verifying, cut_told
from orchestrator.audit.entry import Deed, Head, Kept, sealed
from orchestrator.rights import Login, Operator
from tests.fleet_records import NOW

ALICE = Operator("alice", Login.ACCOUNT, "0123456789abcdef")


def deed(number: int = 0, who: Operator = ALICE, method: str = "UpdateDeviceTags") -> Deed:
    return entry.begun(who, method, f"device d-{number}", {"set": {"n": str(number)}}, None, NOW)


def pruned(cut: Head) -> Deed:
    return entry.happened(ALICE, PRUNE, "audit log", NOW, after=cut_told(cut))


def chained(*deeds: Deed, after: Head | None = None) -> list[Kept]:
    """Link deeds to a chain."""
    last, made = after or Head(), []
    for each in deeds:
        made.append(sealed(each, last))
        last = made[-1].head
    return made


def log(entries: int = 5) -> list[Kept]:
    return chained(*(deed(number) for number in range(entries)))


def judged(
    kept: Sequence[Kept], head: Head | None = None, cut: Head | None = None, *seen: Head
) -> Verdict:
    """What verifying says of entries, by default of a log that ends with the last of them."""
    verifying = Verifying(cut or Head(), seen)
    for each in kept:
        verifying.take(each)
    return verifying.end(head or (kept[-1].head if kept else Head()))
