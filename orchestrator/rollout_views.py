"""What operators see of rollouts, as ``orchestrator.views`` has it for everything else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.rollout.evidence import Finding
from orchestrator.rollout.phases import Phase, Reason
from orchestrator.rollout.places import Exclusion, Place
from orchestrator.rollout.plan import Plan
from orchestrator.rollout.rollout import Actor, Event, Happening, Kind, Rollout
from orchestrator.rollout.telling import told
from orchestrator.views import BackboneView, moment


@dataclass(frozen=True, slots=True)
class RolloutView:
    """A rollout and where the devices of its cohort stand; the counts add up to the cohort.

    ``wave`` is the newest that is open, from 1 on; ``waves`` has the counts of each.
    """

    id: str
    digest: str
    title: str
    cohort: str
    kind: Kind
    phase: Phase
    reason: Reason | None
    created_at: datetime
    ended_at: datetime | None
    plan: Plan
    wave: int = 1
    waves: tuple[Mapping[Place, int], ...] = ()
    counts: Mapping[Place, int] = field(default_factory=dict)
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A rollout after a command, how many devices may still start on it and for how long at most.

    ``changed`` is false where the rollout was as the command wants it already; ``ordered`` counts
    the devices that got a new target.
    """

    rollout: RolloutView
    changed: bool = True
    may_still_start: int = 0
    within_seconds: int = 0
    ordered: int = 0


@dataclass(frozen=True, slots=True)
class EventView:
    """Something that happened to a rollout, in a sentence and in its parts."""

    sequence: int
    at: datetime
    actor: Actor
    kind: Happening
    sentence: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WavePreview:
    """A wave as a plan would make it.

    ``judging_devices`` have held-out samples to judge by. ``detectable_loss`` is the mean loss that
    this wave and those before it would most likely show to be harm, None where they can show none.
    """

    devices: int
    judging_devices: int
    detectable_loss: float | None


@dataclass(frozen=True, slots=True)
class PreviewView:
    """A rollout as it would be, had it been started now."""

    id: str
    digest: str
    title: str
    waves: tuple[WavePreview, ...]
    exclusions: Mapping[Exclusion, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PreviewedDevice:
    """One device of a preview; ``wave`` counts from 1, and is 0 where it is excluded."""

    id: str
    wave: int
    exclusion: Exclusion | None
    variant: str
    judge_samples: int


@dataclass(frozen=True, slots=True)
class ExplanationView:
    """What one device should run, why, and what it waits for.

    ``title`` is of the backbone that it should run, empty for none; ``wave`` is the device's in the
    rollout that it waits for or belongs to, from 1 on, 0 without any.
    """

    id: str
    title: str
    rollout: str
    wave: int
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RolloutDeviceView:
    """Where one device of a rollout's cohort stands; ``wave`` counts from 1.

    ``reason`` says in sentences what it does there, or waits for.
    """

    id: str
    wave: int
    place: Place
    reason: str


@dataclass(frozen=True, slots=True)
class RecallView:
    """A recalled backbone, the rollout that takes it back, and those that turn back because of it.

    There is none of either where it was recalled before.
    """

    backbone: BackboneView
    rollouts: tuple[str, ...]


def view_rollout(rollout: Rollout) -> RolloutView:
    return RolloutView(
        id=rollout.id,
        digest=rollout.digest,
        title=rollout.title,
        cohort=rollout.cohort,
        kind=rollout.kind,
        phase=rollout.phase,
        reason=rollout.reason,
        created_at=moment(rollout.created_at),
        ended_at=None if rollout.ended_at is None else moment(rollout.ended_at),
        plan=rollout.plan,
        wave=rollout.wave + 1,
        waves=tuple(dict(each) for each in rollout.tally),
        counts=dict(rollout.counts),
        finding=rollout.finding,
    )


def view_event(event: Event) -> EventView:
    return EventView(
        sequence=event.sequence,
        at=moment(event.at),
        actor=event.actor,
        kind=event.kind,
        sentence=told(event),
        facts={name: str(value) for name, value in event.facts.items()},
    )
