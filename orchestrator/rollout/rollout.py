"""What a rollout is at one moment: the record that is stored, the orders it gives, its history.

``orchestrator.rollout.machine`` changes it; nothing here decides anything.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.fleet.device import Target
from orchestrator.rollout.evidence import Finding
from orchestrator.rollout.phases import FORWARD, Phase, Reason
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import Plan


class Kind(StrEnum):
    """What a rollout was started for."""

    FORWARD = "forward"  # a backbone that every device judges
    UNDO = "undo"  # back to the backbone of an earlier rollout, which nobody judges again
    RECALL = "recall"  # away from a backbone, everywhere


@dataclass(frozen=True, slots=True)
class Needs:
    """What the bundle asks of a device, and the variants that it has."""

    agent_version: str = ""
    memory_mib: int = 0
    variants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rollout:
    """One backbone for one cohort; a recall has the backbone that it takes away.

    ``number`` is given by the store and rises; ``digest`` and ``title`` name the backbone;
    ``request`` is the fingerprint of the request that started it (``orchestrator.repeats``).
    ``thresholds`` are empty until a look finds the first device: ``waves.py`` says what they are.
    ``wave`` is the newest that is open, from 0 on; ``wave_started_at`` is when its devices might
    first start, ``wave_settled_at`` since when all of it has settled. ``finding`` is what the gate
    said last of it. ``silent_before`` is the share of the cohort that was offline at the start,
    ``overdue_accepted`` how many overdue devices an operator has gone on with. ``to_end`` is set
    where an operator wants no further gate to wait for evidence, ``patient`` where one resumed what
    was undecided: the wave waits for more evidence until its deadline.

    ``tally`` counts the devices of each wave by place, as of the last look. ``watched`` is true
    while devices may still move on it; afterwards nothing of it changes any more, unless a newcomer
    is welcomed or a bundle recalled. ``revision`` rises with every save and every welcome, so that
    of two writers who read the same rollout only one can save it.
    """

    number: int
    digest: str
    title: str
    cohort: str
    created_at: float
    plan: Plan
    kind: Kind = Kind.FORWARD
    request: str = ""
    needs: Needs = Needs()
    thresholds: tuple[float, ...] = ()
    silent_before: float = 0.0
    phase: Phase = Phase.RUNNING
    reason: Reason | None = None
    wave: int = 0
    to_end: bool = False
    wave_started_at: float | None = None
    wave_settled_at: float | None = None
    overdue_accepted: int = 0
    patient: bool = False
    finding: Finding | None = None
    tally: tuple[Mapping[Place, int], ...] = ()
    watched: bool = True
    ended_at: float | None = None
    revision: int = 0

    @property
    def id(self) -> str:
        """How people name it: ``r7``."""
        return f"r{self.number}"

    @property
    def counts(self) -> Mapping[Place, int]:
        """Devices of the whole cohort by place."""
        total: Counter[Place] = Counter()
        for wave in self.tally:
            total.update(wave)
        return {place: total[place] for place in Place if total[place]}

    @property
    def last_wave(self) -> int:
        return len(self.plan.waves) - 1


@dataclass(frozen=True, slots=True)
class Order:
    """A new target for one device; it replaces whatever target the device had.

    ``before`` are the digests that the device can go back to, the newest first; ``at`` is when it
    was given.
    """

    device: str
    target: Target
    before: tuple[str, ...] = ()
    at: float = 0.0


class Happening(StrEnum):
    """What a rollout's history tells of."""

    STARTED = "started"
    WAVE_OPENED = "wave-opened"
    FINDING = "finding"
    AWAITS_PROMOTION = "awaits-promotion"
    PAUSED = "paused"
    RESUMED = "resumed"
    REVERTING = "reverting"
    HELD = "held"
    COMPLETE = "complete"
    REVERTED = "reverted"
    SUPERSEDED = "superseded"
    RETRIED = "retried"
    REVOKED = "revoked"
    PROMOTED = "promoted"


class Actor(StrEnum):
    """Who or what made it happen."""

    OPERATOR = "operator"
    GATE = "gate"
    FLEET = "fleet"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a rollout; the store numbers them from 1 on.

    ``facts`` are for a sentence: ``wave`` (from 1), ``devices``, ``reason``, ``outcome``,
    ``reasons``, ``mean_loss``, ``bound``, each where it applies.
    """

    at: float
    kind: Happening
    actor: Actor
    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    sequence: int = 0


def is_way_back(rollout: Rollout, target: Target) -> bool:
    """Tell whether a target that a rollout gave leads away from its backbone."""
    return rollout.kind is Kind.RECALL or target.digest != rollout.digest


def may_start(rollout: Rollout, target: Target) -> bool:
    """Tell whether devices get start permits for a target that the rollout gave.

    The way back is always open, whatever became of the rollout.
    """
    return is_way_back(rollout, target) or rollout.phase in FORWARD
