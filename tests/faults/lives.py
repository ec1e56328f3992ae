"""The life of an orchestrator, answer by answer: what it has to know from then on."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fieldwise import identity
from tests.faults.days import fingerprint_of
from tests.faults.fleets import ask
from tests.faults.recording import Op
from tests.orchestrators import enrol

Holds = Callable[["Seen"], bool]


@dataclass(frozen=True, slots=True)
class Seen:
    """What an orchestrator says of itself after a start."""

    tickets: dict[str, Any]
    devices: dict[str, Any]
    backbones: dict[str, Any]
    rollouts: dict[str, Any]
    campaigns: dict[str, Any]
    heads: dict[str, list[dict[str, Any]]]
    denied: set[str]
    applicants: set[str]
    accounts: dict[str, Any]
    revision: int
    signed: dict[str, int]
    audited: int


@dataclass(slots=True)
class Life:
    """What an orchestrator did to its disk, and what it had answered at which moment."""

    root: Path
    left: Path
    answered: list[tuple[float, str, Holds]] = field(default_factory=list)
    ops: Sequence[Op] = ()

    def ask(self, *arguments: str) -> Any:
        return ask(self.root, *arguments)

    def note(self, told: str, holds: Holds) -> None:
        """Remember an answer, and what has to hold from now on."""
        self.answered.append((time.time(), told, holds))


def look(folder: Path) -> Seen:
    def listed(kind: str, key: str = "id", what: str = "list") -> dict[str, Any]:
        limit = ["--limit=0"][: what == "list"]
        return {each[key]: each for each in ask(folder, kind, what, *limit)}

    campaigns = listed("federation")
    return Seen(
        listed("ticket"),
        listed("device"),
        listed("backbone", "name"),
        listed("rollout"),
        {each: ask(folder, "federation", "show", each) for each in campaigns},
        {each: ask(folder, "federation", "head", "list", each) for each in campaigns},
        set(listed("device", "device", "denied")),
        set(listed("device", "device", "pending")),
        listed("account", "name"),
        ask(folder, "authority", "rotate", "status")["trust_revision"],
        versions(folder),
        head_of(folder),
    )


def versions(folder: Path) -> dict[str, int]:
    """Of what is signed, by its role."""
    return {each["role"]: each["version"] for each in ask(folder, "trust", "status")["metadata"]}


def let_in(life: Life, known: str) -> None:
    """One device waits and is let in, one is turned away, one is kept out for a while."""
    ticket = ask(life.root, "ticket", "create", "--uses=2", "--admission=pending")["token"]
    keys = [identity.generate_key() for _ in range(2)]
    for key in keys:
        assert enrol(ticket, key).HasField("pending")
    accepted, rejected = (named_by(life, key) for key in keys)
    life.note("a device waits", lambda seen: accepted in {*seen.applicants, *seen.devices})
    ask(life.root, "device", "accept", accepted)
    assert enrol(ticket, keys[0]).credentials.device_id == accepted
    life.note("it was let in", lambda seen: accepted in seen.devices)
    ask(life.root, "device", "reject", rejected)
    life.note("another one was not", lambda seen: rejected not in seen.applicants)
    for each in (accepted, known):
        ask(life.root, "device", "deny", each)
    life.note("a device was denied", lambda seen: accepted in seen.denied)
    ask(life.root, "device", "undeny", known)
    life.note("another one no longer", lambda seen: known not in seen.denied)
    for name in ("stays", "goes"):
        ask(life.root, "account", "create", name, "--role=viewer")
    ask(life.root, "account", "revoke", "goes")
    life.note("an account was made", lambda seen: not seen.accounts["stays"]["revoked_at"])
    life.note("one was revoked", lambda seen: seen.accounts["goes"]["revoked_at"])


def named_by(life: Life, key: identity.PrivateKey) -> str:
    shown = fingerprint_of(key)
    pending = ask(life.root, "device", "pending")
    (found,) = (each["device"] for each in pending if each["fingerprint"] == shown)
    return str(found)


def has_signed(life: Life) -> Holds:
    """No role goes back behind what devices may have seen."""
    shown = {
        each["role"]: each["version"] for each in ask(life.root, "trust", "status")["metadata"]
    }
    return lambda seen: all(seen.signed.get(role, 0) >= shown[role] for role in shown)


def has_audited(life: Life) -> Holds:
    number = head_of(life.root)
    return lambda seen: seen.audited >= number


def rotate(life: Life) -> None:
    """One authority follows another."""
    for step in ("begin", "switch", "finish"):
        told = ask(life.root, "authority", "rotate", step, *["--force"][: step == "finish"])
        life.note(f"rotation: {step}", has_revision(told["trust_revision"]))


def has_revision(revision: int) -> Holds:
    return lambda seen: seen.revision >= revision


def head_of(folder: Path) -> int:
    """How many entries the audit log has had, all of which are in their place."""
    told = ask(folder, "audit", "verify")
    assert told["whole"]
    return int(told["head"].partition(":")[0])
