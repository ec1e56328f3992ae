"""What a device tells its orchestrator and what it is told, as values; the wire is elsewhere.

A report says what is, orders say what should be. Both are level-triggered: they repeat themselves
until something changes, so a lost one costs a delay and never a state.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.update.events import UpdateState
from fieldwise.answers import LearningCounters, LearningSigns, VitalSigns
from fieldwise.diagnosis import Diagnosis, DiagnosisRule, DiagnosisStep
from fieldwise.federation import FederationReport, HeadOffer, RoundOffer
from fieldwise.ledger import LedgerHead
from fieldwise.trust import PublisherReport

PACE_SECONDS_MAX = 86_400
PERMIT_SECONDS_MAX = 600
NO_SIGNS = LearningSigns()  # what a device says that has seen nothing


class Steering(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings that an operator may steer; None leaves the device's own value."""

    exemplar_bytes_max: Annotated[int, Meta(ge=1 << 20, le=64 << 30)] | None = None
    shrinkage: Annotated[float, Meta(ge=0.001, le=10)] | None = None
    learning_paused: bool | None = None
    retention_days: Annotated[int, Meta(ge=0, le=36_500)] | None = None


class SteeringRevision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A revision of steered settings; 0 for the device's own."""

    revision: Annotated[int, Meta(ge=0)] = 0
    steering: Steering = Steering()


@dataclass(frozen=True, slots=True)
class Report:
    """One check-in, as the device means it."""

    incarnation: int
    sequence: int
    update: UpdateState
    vital_signs: VitalSigns
    learning: LearningCounters
    agent_version: str
    settings_revision: int
    execution_provider: str
    signs: LearningSigns = NO_SIGNS
    diagnosis_rule: DiagnosisRule = DiagnosisRule.ASK
    federation: FederationReport | None = None
    ledger: LedgerHead | None = None
    publisher: PublisherReport | None = None
    trust_revision: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """What a device should run; an empty variant is the device's choice.

    With ``back`` an operator takes a bundle back: neither judging nor probation.
    """

    generation: int
    digest: str
    variant: str = ""
    back: bool = False


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to start on a target, for so many seconds from its receipt.

    ``bytes_per_second`` bounds the download; 0 for no bound.
    """

    generation: int
    seconds: int
    bytes_per_second: int = 0


@dataclass(frozen=True, slots=True)
class DiagnosisRequest:
    """An operator asks for a diagnosis; it may be answered for so many seconds from its receipt."""

    id: str
    seconds: int


class DiagnosisNote(msgspec.Struct, frozen=True):
    """The newest request for a diagnosis, as the device keeps it.

    Attributes:
        id: Of the request.
        device_id: The membership that it came to: another fleet hears nothing of it.
        until: When it is over, seconds since 1970.
        step: The owner's word, or that it is waited for.
        told: Whether the orchestrator was told that step.
    """

    id: str
    device_id: str
    until: float
    step: DiagnosisStep
    told: bool = False


@dataclass(frozen=True, slots=True)
class DiagnosisAnswer:
    """How a request stands on the device; with a diagnosis where the owner allowed it."""

    id: str
    step: DiagnosisStep
    diagnosis: Diagnosis | None = None


@dataclass(frozen=True, slots=True)
class Software:
    """Versions of what the agent runs on."""

    python_version: str
    system: str
    kernel: str
    architecture: str


@dataclass(frozen=True, slots=True)
class Orders:
    """The answer to a report; ``steering_refusal`` says why settings in it cannot be obeyed."""

    target: Target | None
    permit: Permit | None
    steering: SteeringRevision | None
    steering_refusal: str
    next_seconds: int
    unix_seconds: int
    diagnosis: DiagnosisRequest | None = None
    round: RoundOffer | None = None
    head: HeadOffer | None = None
    trust_revision: int = 0  # of what is to be trusted, where that is newer; 0 where it is not
    metadata_version: int = 0  # of the publisher's newest timestamp; 0 where nothing is said of it


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What hardware asks to join."""

    agent_version: str
    architecture: str
    memory_bytes: int
    processors: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a fleet gives to a device that joins or renews; certificates in DER.

    ``publisher_root`` is metadata to begin from where the device has none; empty for none.
    """

    device_id: str
    fleet: str
    certificate: bytes
    trust_roots: tuple[bytes, ...]
    device_address: str
    publisher_root: bytes = b""
    trust_revision: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of a file that is being fetched."""

    offset: int
    content: bytes
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A fleet has not decided yet about the key of that fingerprint: ask again after a while."""

    fingerprint: str
    retry_seconds: int


class Application(msgspec.Struct, frozen=True):
    """What a device keeps that waits for a fleet's word.

    Attributes:
        ticket: The text that it asks with, a secret.
        fleet: That the ticket is of.
        fingerprint: Of the key that it asks for, as operators compare it.
        retry_seconds: How often it is to ask.
    """

    ticket: str
    fleet: str
    fingerprint: str
    retry_seconds: int

    def __repr__(self) -> str:
        return f"Application(fleet={self.fleet!r}, fingerprint={self.fingerprint!r})"


@dataclass(frozen=True, slots=True)
class Joined:
    """What came of joining: a device's id, or the fingerprint of a key that waits."""

    device_id: str
    fleet: str
    fingerprint: str = ""


class Membership(msgspec.Struct, frozen=True):
    """What makes a device a member of a fleet: key in PEM, certificates in DER.

    ``enrolment_address`` is where it joined, empty in what older agents wrote, and
    ``trust_revision`` that of the roots, 0 there.
    """

    device_id: str
    fleet: str
    device_address: str
    key: bytes
    certificate: bytes
    trust_roots: tuple[bytes, ...]
    enrolment_address: str = ""
    trust_revision: int = 0


class Role(StrEnum):
    """What a backbone is on the device for."""

    IN_USE = "in-use"
    BEFORE = "before"
    WANTED = "wanted"


@dataclass(frozen=True, slots=True)
class Backbone:
    """A backbone on the device.

    Attributes:
        digest: Of its manifest, hexadecimal.
        title: NAME:VERSION; empty where the manifest is not here yet.
        variant: Empty before it is chosen.
        role: What it is there for.
    """

    digest: str
    title: str
    variant: str
    role: Role


class Total(msgspec.Struct, frozen=True):
    """How much of one kind left the device since the ledger began."""

    messages: int = 0
    bytes: int = 0


class LedgerEntry(msgspec.Struct, frozen=True):
    """One message: its number, when (seconds since 1970), kind, encoded size, what it said."""

    number: int
    time: float
    kind: str
    bytes: int
    summary: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries of a ledger.

    Attributes:
        kind: Of this kind only; empty for every kind.
        since: Written at or after, seconds since 1970.
        after: With a higher number than this.
    """

    kind: str = ""
    since: float = 0.0
    after: int = 0

    def takes(self, entry: LedgerEntry) -> bool:
        right = not self.kind or entry.kind == self.kind
        return right and entry.time >= self.since and entry.number > self.after


EVERYTHING = Wanted()
