"""Devices that brought a good ticket and wait for somebody's word.

An applicant is known by its key. It gets the id that it will have as a member at once, so that who
accepts it knows what it will be called. A use of its ticket is reserved for it, and given back when
it is rejected or does not come in time: a ticket never lets in more than it says, and nobody waits
who could not be let in. What was decided is kept until its time is over, in case an answer is
lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.device import Facts

REASON_CHARACTERS_MAX = 256


class Stage(StrEnum):
    """How far an applicant is."""

    WAITING = "waiting"
    ACCEPTED = "accepted"  # it was not here since
    JOINED = "joined"
    REJECTED = "rejected"


class JoinOutcome(StrEnum):
    """How a request to join ended, as operators count it."""

    JOINED = "joined"
    WAITING = "waiting"
    REJECTED = "rejected"
    BAD_TICKET = "bad_ticket"  # unknown, wrong, used up, expired or revoked
    PUT_OFF = "put_off"  # too many wait, or too many wrong tickets came
    FAILED = "failed"


OUTCOMES: Mapping[Fault, JoinOutcome] = MappingProxyType(
    {
        Fault.ADMISSION_REFUSED: JoinOutcome.REJECTED,
        Fault.DEVICE_REMOVED: JoinOutcome.REJECTED,
        Fault.TICKET_INVALID: JoinOutcome.BAD_TICKET,
        Fault.BUSY: JoinOutcome.PUT_OFF,
    }
)
RESERVING = frozenset({Stage.WAITING, Stage.ACCEPTED})  # have a use of a ticket that may come back


@dataclass(frozen=True, slots=True)
class Applicant:
    """One applicant.

    Attributes:
        device: The id that it has once it is a member.
        fingerprint: Of its key.
        ticket: The id of the ticket that it brought.
        facts: What it says of itself.
        applied_at: When it first asked.
        asked_at: When somebody was last asked about it.
        expires_at: When it is forgotten.
        stage: How far it is.
        tags: Those that it gets as a member.
        reason: Why it waits or was rejected.
        number: Given by the store; sorts applicants by age.
    """

    device: str
    fingerprint: str
    ticket: str
    facts: Facts
    applied_at: float
    asked_at: float
    expires_at: float
    stage: Stage = Stage.WAITING
    tags: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    number: int = 0


def check_settled(found: Applicant, stage: Stage) -> bool:
    """Tell whether an applicant changes when an operator wants it accepted or rejected.

    Raises:
        FieldwiseError: ``ILLEGAL_COMMAND`` where it is too late for that.
    """
    if found.stage is stage or (found.stage, stage) == (Stage.JOINED, Stage.ACCEPTED):
        return False
    if found.stage in RESERVING:
        return True
    hint = {
        Stage.JOINED: "is a member already: take it out with `device remove`",
        Stage.REJECTED: "was rejected: it has to join again",
    }
    raise FieldwiseError(Fault.ILLEGAL_COMMAND, f"the device {found.device} {hint[found.stage]}")


def rejected(reason: str) -> FieldwiseError:
    """What a device hears that nobody wants."""
    return FieldwiseError(
        Fault.ADMISSION_REFUSED, f"the fleet does not take this device: {reason or 'rejected'}"
    )
