"""A device of the simulation: the agent's own update machine, with simulated hands.

What decides is ``agent.update.machine.step`` itself. Around it is what the agent's installer does,
with a value for the journal, a set for the disk and dice for time and luck: the state is written
first, the deeds follow in their order, and power may go before the writing, after it, or at any
moment of the work. What must be true of a device at every moment is in ``device_checks.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from agent.update import machine
from agent.update.events import (
    Action,
    Confirmed,
    Deed,
    Event,
    Failed,
    Fetched,
    HoldChanged,
    Installed,
    Judged,
    Lacking,
    Lost,
    Migrated,
    Outcome,
    Permitted,
    Pinned,
    ProbationPassed,
    Refused,
    Restarted,
    RolledBack,
    Stranded,
    Targeted,
    Unpinned,
    UpdateState,
    Verified,
)
from agent.update.telling import told
from fieldwise.update import UNDER_WAY, UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.verdict import Basis, Judgement, PairedCounts, Verdict
from orchestrator.fleet.check_in import Orders
from orchestrator.fleet.device import Target
from orchestrator.fleet.report import Report, UpdateReport
from tests.simulation.bundles import JUDGING, PROBATION, VERIFYING, Trait

CALL_SECONDS = 30  # a reply that comes later finds no one waiting
WORK_SECONDS = {
    Deed.FETCH: (5, 40),
    Deed.VERIFY: (2, 10),
    Deed.MIGRATE: (5, 30),
    Deed.JUDGE: (2, 15),
    Deed.WATCH: (20, 60),
}
RETRY_SECONDS = 10  # for a journal that cannot be written
BACK_SECONDS = 15  # until a supervisor has started an agent again that fell over
LACKING_BYTES = 1_000_000
OWN_WORK = UNDER_WAY - {UpdatePhase.PROBATION}


@dataclass(frozen=True, slots=True)
class Job:
    """Work under way, and when it ends."""

    action: Action
    ends_at: float


@dataclass(slots=True)
class SimulatedDevice:
    """What is true of a device, whatever the orchestrator has heard.

    ``journal`` and ``disk`` outlive a power loss, ``state``, ``serving`` and ``job`` do not.
    ``disk`` holds the bundles that are there whole, ``spoiled`` those that were. ``trouble`` is the
    likelihood that power goes at a step of the journal. ``proven`` are the bundles whose golden
    vectors came out right here, ``accepted`` those that judging and the owner have let pass, or
    that had nothing to be judged against, ``on_trial`` those that have served on probation and not
    stood it to its end, unless somebody put them back to serve or there was nothing else.
    """

    name: str
    traits: Mapping[str, Trait]
    cautious: bool  # its owner wants to be asked
    due: float
    dice: Random
    alive: bool = True
    gone: bool = False
    back_at: float | None = None
    trouble: float = 0.0
    disk_full: bool = False
    incarnation: int = 1
    sequence: int = 0
    settings_revision: int = 0
    journal: UpdateState = field(default_factory=UpdateState)
    state: UpdateState = field(default_factory=UpdateState)
    disk: set[str] = field(default_factory=set)
    spoiled: set[str] = field(default_factory=set)
    serving: str | None = None
    job: Job | None = None
    now: float = 0.0
    proven: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)
    on_trial: set[str] = field(default_factory=set)
    history: dict[int, set[UpdatePhase]] = field(default_factory=dict)
    targets: dict[int, str] = field(default_factory=dict)
    story: list[str] = field(default_factory=list)

    @property
    def reachable(self) -> bool:
        return self.alive and not self.gone

    @property
    def bundle(self) -> str | None:
        """What the journal names as in use."""
        return self.journal.in_use.digest if self.journal.in_use else None

    @property
    def generation(self) -> int:
        return self.journal.generation

    @property
    def update(self) -> UpdateReport:
        """How a report tells where the update stands."""
        news = told(self.journal)
        place = (news.generation, news.digest or None, news.phase, news.failure, news.hold)
        return UpdateReport(*place)

    def report(self) -> Report:
        self.sequence += 1
        return Report(
            incarnation=self.incarnation,
            sequence=self.sequence,
            generation=self.generation,
            bundle_in_use=self.bundle,
            update=self.update,
            settings_revision=self.settings_revision,
            verdict=self.journal.verdict,
        )

    # What comes from outside.

    def hear(self, orders: Orders, now: float) -> bool:
        """Obey a reply; returns whether an update was begun."""
        self.now, self.due = now, now + orders.next_seconds
        if orders.settings and orders.settings.revision > self.settings_revision:
            self.settings_revision = orders.settings.revision
        if target := orders.target:
            self._take_target(target)
        before = self.journal.phase
        if orders.permit and self.alive:
            self.tell(Permitted(orders.permit.generation))
        begun = before is UpdatePhase.IDLE and self.journal.phase is UpdatePhase.FETCHING
        pinned = self.journal.pinned and not self.spoiled  # else what was pinned may come again
        assert not (begun and pinned), f"{self.name} began though its owner pinned it"
        return begun

    def _take_target(self, target: Target) -> None:
        """Hear what to run; what the journal did not get was never heard."""
        known, before = self.generation, self.journal
        own = before.pinned and before.wish.by_owner and before.phase in OWN_WORK
        self.tell(Targeted(target.generation, target.digest, back=target.back))
        kept = self.journal.wish == before.wish
        assert kept or not own, f"{self.name} gave up what the owner of a pinned device installs"
        if self.generation > known:
            given = self.targets.setdefault(target.generation, target.digest)
            assert given == target.digest, "one generation was given to two bundles"

    def act_as_owner(self) -> None:
        """Do what an owner may do at any moment."""
        known = sorted(self.traits)
        word = self.dice.choice(["roll back", "pin", "unpin", "yes", "no", "install", "later"])
        before = self.journal.before
        if word == "roll back" and before is not None and before.digest in self.disk:
            self.tell(RolledBack())
        elif word == "install":
            digest = self.dice.choice(known)
            self.disk.add(digest)
            self.tell(Installed(digest))
        elif word == "later":
            self.tell(HoldChanged(self.dice.choice([UpdateHold.WINDOW, UpdateHold.CONDITIONS])))
        else:
            words = {"pin": Pinned(), "unpin": Unpinned(), "yes": Confirmed(), "no": Refused()}
            if word in words:
                self.tell(words[word])

    def let_go(self) -> None:
        """The owner lets everything take its course, and has made some room."""
        self.trouble, self.disk_full, self.cautious = 0.0, False, False

    def _release(self) -> None:
        """Nothing holds any more: what waited for the owner's word gets it."""
        hold = self.journal.hold
        if hold is UpdateHold.CONFIRMATION:
            self.tell(Confirmed())
        elif hold is not None and hold is not UpdateHold.PINNED:
            self.tell(HoldChanged(None))

    # Time and power.

    def pass_time(self, now: float) -> None:
        """Do a little work, or come back from a power loss."""
        self.now = now
        if not self.alive:
            if self.back_at is not None and now >= self.back_at:
                self.restart(now)
            return
        if not self.trouble:
            self.tell(Unpinned())
            self._release()
        if self.job is not None and now >= self.job.ends_at:
            self._finish(self.job)

    def lose_power(self, seconds: float | None = None) -> None:
        """Everything that is not on the disk is gone; after so long somebody starts it again."""
        self.alive, self.job, self.serving = False, None, None
        self.back_at = None if seconds is None else self.now + seconds

    def restart(self, now: float) -> None:
        """Start on what the journal says, before anything foreign is opened."""
        self.now, self.due, self.alive, self.back_at = now, now, True, None
        self.incarnation += 1
        self.sequence = 0
        self.state = self.journal
        for _ in range(2):  # the pair in use, and the one before
            if self.alive and self.bundle is not None and self.bundle not in self.disk:
                self._resume(Lost())
        if not self.alive:
            return
        if self.bundle is not None:
            self._serve()
        self._resume(Restarted())

    def _resume(self, event: Event) -> None:
        """Go on with an update, or try again later where the journal cannot be written."""
        if self.tell(event) or not self.alive:
            return
        if self.disk_full:
            self.lose_power(BACK_SECONDS)
        else:  # the pair to fall back to is gone as well
            self.tell(Stranded())

    def spoil_disk(self) -> None:
        """A file of some bundle is damaged; it is found out at the next start."""
        if self.disk and not self.alive:
            spoiled = self.dice.choice(sorted(self.disk))
            self.disk.discard(spoiled)
            self.spoiled.add(spoiled)

    # The machine and its hands.

    def tell(self, event: Event) -> bool:
        """Take an event as the installer does; False where it could not and nothing changed.

        The journal may be full, or the pair that should serve cannot be opened.
        """
        state, actions = machine.step(self.state, event)
        if state == self.state:
            return True
        if isinstance(event, Confirmed) and self.state.phase is UpdatePhase.JUDGING:
            self.accepted.add(self.state.wanted)
        serves = any(action.deed is Deed.SERVE for action in actions)
        opened = state.in_use is None or state.in_use.digest in self.disk
        if self.disk_full or (serves and not opened):
            return False
        if self.dice.random() < self.trouble:
            self.lose_power(BACK_SECONDS)
            return True
        self._write(state)
        self._note_trial(event)
        if self.dice.random() < self.trouble:
            self.lose_power(BACK_SECONDS)
            return True
        self.state = state
        for action in actions:
            self._carry_out(action)
        return True

    def _write(self, state: UpdateState) -> None:
        if state.phase is not self.journal.phase:
            self.story.append(f"{state.phase}{f' ({state.failure})' if state.failure else ''}")
        self.journal = state
        self.history.setdefault(state.generation, set()).add(told(state).phase)

    def _note_trial(self, event: Event) -> None:
        serving = self.bundle or ""
        if self.journal.phase is UpdatePhase.PROBATION:
            self.on_trial.add(serving)
        elif self.journal.phase is UpdatePhase.ACTIVE or isinstance(event, RolledBack | Lost):
            self.on_trial.discard(serving)

    def _carry_out(self, action: Action) -> None:
        match action.deed:
            case Deed.CANCEL:
                self.job = None
            case Deed.SERVE:
                self._serve()
            case Deed.DISCARD:
                self._discard()
            case deed:
                at_least, at_most = WORK_SECONDS[deed]
                self.job = Job(action, self.now + self.dice.uniform(at_least, at_most))

    def _serve(self) -> None:
        assert self.bundle in self.disk, f"{self.name} serves what is not on its disk"
        self.serving = self.bundle

    def _discard(self) -> None:
        state = self.state
        kept = {pair.digest for pair in (state.in_use, state.before) if pair is not None}
        if state.phase in UNDER_WAY:
            kept.add(state.wanted)
        self.disk &= kept

    def _finish(self, job: Job) -> None:
        outcome = self._outcome(job.action)
        if outcome is None:
            self.lose_power(BACK_SECONDS)
            return
        self.job = None
        if self.tell(outcome):
            return
        self.job = Job(job.action, self.now + RETRY_SECONDS)
        falls_back = self.journal.phase is UpdatePhase.PROBATION and isinstance(outcome, Failed)
        if falls_back and not self.disk_full:
            self.tell(Stranded())

    def _outcome(self, action: Action) -> Outcome | None:
        """How work ends; None where the agent falls over."""
        wanted, work = self.state.wanted, action.work
        trait = self.traits[wanted]
        if action.deed is Deed.FETCH:
            return self._fetched(work)
        if action.deed is not Deed.WATCH and wanted not in self.disk:
            return Failed(work, UpdateFailure.LOAD_FAILED)
        if action.deed is Deed.VERIFY:
            return self._verified(work, trait)
        if action.deed is Deed.MIGRATE:
            return None if trait is Trait.KILLS else self._migrated(work)
        judges = action.deed is Deed.JUDGE
        return self._judged(work, trait) if judges else self._watched(work, trait)

    def _fetched(self, work: int) -> Outcome:
        if self.state.wanted not in self.disk and self.dice.random() < self.trouble * 3:
            return Lacking(work, LACKING_BYTES)
        self.disk.add(self.state.wanted)
        return Fetched(work)

    def _verified(self, work: int, trait: Trait) -> Outcome:
        if trait in VERIFYING:
            return Failed(work, VERIFYING[trait])
        self.proven.add(self.state.wanted)
        return Verified(work, "fp32")

    def _migrated(self, work: int) -> Outcome:
        if self.state.in_use is None or self.state.wish.back:
            self.accepted.add(self.state.wanted)
        return Migrated(work)

    def _judged(self, work: int, trait: Trait) -> Outcome:
        failure = JUDGING.get(trait)
        judgement = Judgement.DECLINED if failure else Judgement.ACCEPTED
        few = failure is None and self.cautious and self.dice.random() < 0.2
        basis = Basis.TOO_FEW if few else Basis.LABELLED
        verdict = Verdict(
            self.state.generation,
            Judgement.HELD if few else judgement,
            basis,
            self._counts(worse=trait is Trait.WORSE, few=few),
        )
        if failure is None and (self.state.wish.confirmed or not (few or self.cautious)):
            self.accepted.add(self.state.wanted)
        return Judged(work, verdict, failure, ask=self.cautious)

    def _counts(self, *, worse: bool, few: bool) -> PairedCounts:
        samples = 4 if few else 60
        old, new = (20, 2) if worse else (self.dice.randint(0, 1), self.dice.randint(0, 1))
        scenes = samples // 2
        return PairedCounts(samples - old - new, old, new, 0, scenes, min(old, 12), min(new, 2))

    def _watched(self, work: int, trait: Trait) -> Outcome | None:
        if trait is Trait.KILLS_LATER:
            return None
        if trait in PROBATION:
            return Failed(work, PROBATION[trait])
        return ProbationPassed(work)
