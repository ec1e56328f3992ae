"""A device of the simulation: it obeys the wire's rules and fails in every way a device may."""

from dataclasses import dataclass, field
from random import Random

from fieldwise.update import UNDER_WAY, UpdateFailure, UpdatePhase
from orchestrator.fleet.check_in import Orders
from orchestrator.fleet.report import NOTHING_BEGUN, Report, UpdateReport

CALL_SECONDS = 30  # a reply that comes later finds no one waiting
NEXT_STEP = {
    UpdatePhase.FETCHING: UpdatePhase.VERIFYING,
    UpdatePhase.VERIFYING: UpdatePhase.MIGRATING,
    UpdatePhase.MIGRATING: UpdatePhase.ACTIVE,
}


@dataclass(slots=True)
class SimulatedDevice:
    """What is true of a device, whatever the orchestrator has heard.

    ``spoiled`` are the bundles that fail here; ``history`` holds the phases that each generation
    has reached; ``tidy`` devices forget the update before as soon as they hear of a new target.
    """

    name: str
    spoiled: frozenset[str]
    tidy: bool
    due: float
    alive: bool = True
    gone: bool = False
    incarnation: int = 1
    sequence: int = 0
    generation: int = 0
    wanted: str | None = None
    bundle: str | None = None
    before: str | None = None
    update: UpdateReport = NOTHING_BEGUN
    may_start_until: float = -1.0
    settings_revision: int = 0
    history: dict[int, set[UpdatePhase]] = field(default_factory=dict)
    targets: dict[int, str] = field(default_factory=dict)

    @property
    def reachable(self) -> bool:
        return self.alive and not self.gone

    def report(self) -> Report:
        self.sequence += 1
        return Report(
            incarnation=self.incarnation,
            sequence=self.sequence,
            generation=self.generation,
            bundle_in_use=self.bundle,
            update=self.update,
            settings_revision=self.settings_revision,
        )

    def hear(self, orders: Orders, now: float) -> None:
        """Obey a reply; one of an older target changes nothing."""
        self.due = now + orders.next_seconds
        if orders.settings and orders.settings.revision > self.settings_revision:
            self.settings_revision = orders.settings.revision
        if orders.target and orders.target.generation > self.generation:
            self._retarget(orders.target.generation, orders.target.digest)
        if orders.permit and orders.permit.generation == self.generation:
            self.may_start_until = now + orders.permit.seconds

    def step(self, dice: Random, now: float) -> bool:
        """Do a little work; return whether an update was begun."""
        if self._may_begin(now):
            self._enter(UpdatePhase.FETCHING)
            return True
        if self.update.phase in UNDER_WAY and dice.random() < 0.5:
            self._advance(dice)
        return False

    def turn_back(self) -> None:
        """Fall back to the pair from before, as an owner or a watchdog may decide."""
        if self.update.phase is UpdatePhase.ACTIVE and self.before is not None:
            self.bundle = self.before
            self._enter(UpdatePhase.REVERTED, UpdateFailure.INTERNAL)

    def restart(self, now: float) -> None:
        """Come back from a power loss: what was journaled is there, a permit is not."""
        self.alive = True
        self.incarnation += 1
        self.sequence = 0
        self.may_start_until = -1.0
        self.due = now

    def _retarget(self, generation: int, digest: str) -> None:
        assert self.targets.setdefault(generation, digest) == digest
        self.generation, self.wanted = generation, digest
        self.may_start_until = -1.0
        if self.bundle == digest:
            self._enter(UpdatePhase.ACTIVE)
        elif self.tidy or self.update.phase in UNDER_WAY:
            self._enter(UpdatePhase.IDLE)

    def _may_begin(self, now: float) -> bool:
        untried = self.update.generation != self.generation or self.update.phase is UpdatePhase.IDLE
        return self.wanted not in (None, self.bundle) and untried and now < self.may_start_until

    def _advance(self, dice: Random) -> None:
        phase = NEXT_STEP[self.update.phase]
        if self.wanted in self.spoiled and (phase is UpdatePhase.ACTIVE or dice.random() < 0.3):
            self._enter(UpdatePhase.REVERTED, UpdateFailure.GOLDEN_MISMATCH)
            return
        if phase is UpdatePhase.ACTIVE:
            self.before, self.bundle = self.bundle, self.wanted
        self._enter(phase)

    def _enter(self, phase: UpdatePhase, failure: UpdateFailure | None = None) -> None:
        self.update = UpdateReport(self.generation, self.wanted, phase, failure)
        self.history.setdefault(self.generation, set()).add(phase)
