"""What is kept of each deed that changes the fleet, and the chain that its entries are links of.

A deed of an operator is two entries: one that it begins, committed before anything is done, with
who asks for what and how the thing is; and one that it ended, with the outcome and how the thing is
then. So no change stands without an entry, whatever dies in between: a beginning without an end
says that the outcome is not known. What devices do, and what the orchestrator does by itself, is
one entry when it is done.

An entry is a text, and its digest is over that text and the digest before it: SHA-256 of a fixed
word, the digest of the entry before (32 zero bytes for the first) and the text's bytes. Whoever
changes, removes, puts in or moves an entry has to write all that follow anew, and then the end of
the chain is another than the one that somebody else noted down.

Texts are bounded: what is too long for an entry stands there with its size and digest.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from orchestrator.rights import Operator

DOMAIN = b"fieldwise audit entry\n"
NO_DIGEST = "0" * 64
PART_BYTES_MAX = 2048  # a plan of a rollout has a few hundred; three such parts make an entry
NAME_CHARACTERS_MAX = 256
SENTENCE_CHARACTERS_MAX = 512
ENTRY_BYTES_MAX = 20_480  # three parts, names and a sentence, each character escaped at worst


# A moment that a calendar has: another was written by nobody of ours.
Seconds = Annotated[float, msgspec.Meta(ge=0, lt=253_402_300_800)]


class Kind(StrEnum):
    """What an entry tells."""

    BEGUN = "begun"
    ENDED = "ended"
    HAPPENED = "happened"


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody does, before it has a place in the chain.

    Attributes:
        at: Seconds since 1970, by the clock of the replica.
        kind: What it tells.
        who: Name of the person, program or device.
        login: By which way they were let in.
        subject: What that way calls them for good, where it has a word for it.
        method: What was called.
        thing: What it is about: ``device d-1``; empty where nothing is named.
        asked: What was asked for, without secrets.
        before: How the thing was; None where that is not known, or there was none.
        after: How it is then, and what was made.
        of: Number of the entry that says it began.
        outcome: ``ok``, or the fault.
        told: The sentence of a fault.
    """

    at: Seconds
    kind: Kind
    who: str
    login: str
    subject: str = ""
    method: str
    thing: str = ""
    asked: Mapping[str, Any] = {}
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    of: int = 0
    outcome: str = ""
    told: str = ""


class Entry(Deed, frozen=True, kw_only=True):
    """A deed with its place."""

    number: int


class Head(msgspec.Struct, frozen=True, order=True):
    """Where a chain ends, or where it was cut off: a number and the digest of that entry."""

    number: int = 0
    digest: str = NO_DIGEST

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"


class Kept(msgspec.Struct, frozen=True):
    """An entry as stored: its number, its text and its digest."""

    number: int
    content: str
    digest: str

    @property
    def head(self) -> Head:
        return Head(self.number, self.digest)


def sealed(deed: Deed, last: Head) -> Kept:
    """Give a deed the place after the last entry."""
    fields = {name: getattr(deed, name) for name in deed.__struct_fields__}
    entry = Entry(number=last.number + 1, **fields)
    content = msgspec.json.encode(entry, order="deterministic").decode()
    return Kept(entry.number, content, digest_after(last.digest, content))


def digest_after(previous: str, content: str) -> str:
    """Return the digest of a text that follows an entry."""
    return hashlib.sha256(DOMAIN + bytes.fromhex(previous) + content.encode()).hexdigest()


def read(content: str) -> Entry | None:
    """Read an entry's text; None for one that no orchestrator has written."""
    if len(content) > ENTRY_BYTES_MAX:
        return None
    try:
        return msgspec.json.decode(content, type=Entry)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def begun(
    who: Operator, method: str, thing: str, asked: Mapping[str, Any], before: Any, at: float
) -> Deed:
    """Return that somebody begins to do something."""
    return Deed(
        at=at,
        kind=Kind.BEGUN,
        who=_short(who.name),
        login=who.login,
        subject=_short(who.subject),
        method=method,
        thing=_short(thing),
        asked=bounded(asked),
        before=None if before is None else bounded(before),
    )


def ended(
    beginning: Deed, number: int, at: float, outcome: str, *, told: str = "", after: Any = None
) -> Deed:
    """Return that what began has ended.

    Args:
        beginning: What ``begun`` returned.
        number: Its number in the chain.
        at: Seconds since 1970.
        outcome: ``ok``, or the fault.
        told: The sentence of a fault.
        after: How the thing is then.
    """
    return Deed(
        at=at,
        kind=Kind.ENDED,
        who=beginning.who,
        login=beginning.login,
        subject=beginning.subject,
        method=beginning.method,
        thing=beginning.thing,
        after=None if after is None else bounded(after),
        of=number,
        outcome=outcome,
        told=told[:SENTENCE_CHARACTERS_MAX],
    )


def happened(
    who: Operator,
    method: str,
    thing: str,
    at: float,
    *,
    outcome: str = "ok",
    told: str = "",
    after: Mapping[str, Any] | None = None,
) -> Deed:
    """Return that something was done, in one entry."""
    return Deed(
        at=at,
        kind=Kind.HAPPENED,
        who=_short(who.name),
        login=who.login,
        subject=_short(who.subject),
        method=method,
        thing=_short(thing),
        after=None if after is None else bounded(after),
        outcome=outcome,
        told=told[:SENTENCE_CHARACTERS_MAX],
    )


def bounded(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a part of an entry, or what identifies it where it is too long to stand there."""
    encoded = msgspec.json.encode(part, order="deterministic")
    if len(encoded) <= PART_BYTES_MAX:
        return part
    return {"bytes": len(encoded), "sha256": hashlib.sha256(encoded).hexdigest()}


def _short(text: str) -> str:
    return text[:NAME_CHARACTERS_MAX]
