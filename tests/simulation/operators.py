"""What operators of the simulated fleet do, and what they were told."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.device import has_arrived, has_declined, has_failed
from orchestrator.rollout.operations import Change, Rollouts
from orchestrator.rollout.phases import FORWARD, Phase
from orchestrator.rollout.placing import exclusion_of, target_of
from orchestrator.rollout.plan import (
    GateRules,
    Limits,
    OnAbort,
    Overdue,
    Plan,
    Promotion,
    Undecided,
    Wave,
    Window,
)
from orchestrator.rollout.rollout import Kind, Rollout
from orchestrator.storage.memory_contents import Contents
from tests.fleet_records import NOW, SetClock
from tests.simulation.storage import Promise

VERSIONS = ("1", "2", "3")
COHORTS = ("", "site=berlin", "site!=berlin", "line")
WAVES = (
    (Wave(),),
    (Wave(),),
    (Wave(devices=1), Wave()),
    (Wave(share=0.3), Wave()),
    (Wave(devices=1), Wave(share=0.5), Wave()),
    (Wave(devices=2, promotion=Promotion.MANUAL), Wave()),
)
# Who breaks a gate's rule is found out by the gate's own tests; here it has to let some pass.
LENIENT = GateRules(
    failed_share_max=0.7, rollback_share_max=0.7, declined_share_max=0.9, silent_share_max=0.9
)


@dataclass
class Operators:
    """Whatever they do is drawn from ``dice``; ``promises`` are by number of the rollout."""

    dice: Random
    clock: SetClock
    contents: Contents
    rollouts: Rollouts
    say: Callable[[str], None]
    promises: dict[int, Promise] = field(default_factory=dict)

    async def start(self) -> None:
        plan = self._plan()
        try:
            rollout = await self.rollouts.start(plan)
        except FieldwiseError as error:
            self._refused(error)
            return
        cohort = plan.cohort or "all"
        self.say(f"operator starts {rollout.id}: {plan.backbone} to {cohort}")

    async def command(self) -> None:
        """Command some rollout something, whether that is lawful or not."""
        known = [each for each in self.contents.rollouts.values() if each.watched]
        if not known:
            return
        rollout = self.dice.choice(known)
        now = self.dice.random() < 0.5
        deeds: dict[str, Callable[[], Awaitable[Change]]] = {
            "pauses": lambda: self.rollouts.pause(rollout.id, now=now),
            "resumes": lambda: self.rollouts.resume(rollout.id),
            "promotes": lambda: self.rollouts.promote(rollout.id, to_end=now),
            "aborts": lambda: self.rollouts.abort(rollout.id),
            "holds": lambda: self.rollouts.hold(rollout.id, now=now),
            "retries": lambda: self.rollouts.retry(rollout.id),
            "undoes": lambda: self.rollouts.undo(rollout.id),
        }
        word = self.dice.choice([*deeds, "pauses", "resumes", "promotes"])
        revokes = now and word in {"pauses", "holds"}
        await self._do(rollout, word, deeds[word], revokes=revokes)

    async def recall(self) -> None:
        if self.dice.random() < 0.7:  # or soon nothing would be left to bring
            return
        version = self.dice.choice(VERSIONS[1:])
        recalled = await self.rollouts.recall(f"lite0:{version}")
        if recalled.rollouts:
            self.say(f"operator recalls lite0:{version}")

    async def let_all_go_on(self) -> None:
        """The storm is over: half of what waits for a word gets it."""
        for rollout in list(self.contents.rollouts.values()):
            if rollout.phase is Phase.PAUSED and self.dice.random() < 0.5:
                await self.rollouts.resume(rollout.id)
                self.promises.pop(rollout.number, None)

    async def _do(
        self,
        rollout: Rollout,
        word: str,
        deed: Callable[[], Awaitable[Change]],
        *,
        revokes: bool,
    ) -> None:
        try:
            change = await deed()
        except FieldwiseError as error:
            self._refused(error)
            return
        told = f"{change.may_still_start} may still start" if change.may_still_start else ""
        self.say(f"operator {word} {rollout.id} {told}".rstrip())
        if change.rollout.kind is Kind.UNDO and change.rollout.number != rollout.number:
            self._check_undone(rollout, change.rollout)
            return
        if revokes and change.rollout.phase in {Phase.PAUSED, Phase.HELD}:
            self._check_revoked(change.rollout)
        # A stop that found it stopped already changes nothing, whoever promoted it meanwhile; and
        # one who found nothing to do while it ran was told nothing of a stop by somebody else.
        if self.contents.rollouts[rollout.number].phase in FORWARD:
            self.promises.pop(rollout.number, None)
        elif change.rollout.phase not in FORWARD:
            until = self.clock.now() + change.within_seconds
            self.promises[rollout.number] = Promise(change.may_still_start, until)

    def _check_revoked(self, rollout: Rollout) -> None:
        """Fail where a device that had begun, or may yet, was not taken back on demand."""
        for device in self.contents.fleet():
            standing = device.standing
            ends = has_arrived(standing) or has_failed(standing) or has_declined(standing)
            if target_of(rollout, standing) is None or ends:
                continue
            had = standing.before[:1] == (rollout.digest,)
            gone = {rollout.digest, *self._recalled()}
            kept = had or not set(standing.before) - gone
            assert kept, f"{device.id} was not taken back"

    def _check_undone(self, undone: Rollout, undo: Rollout) -> None:
        """Fail where a device was left with what was undone, whatever its tags are."""
        for device in self.contents.fleet():
            left = device.standing.rollout == undone.number and undo.phase in FORWARD
            assert not left or exclusion_of(undo, device.standing), f"{device.id} was left behind"

    def _recalled(self) -> Iterator[str]:
        backbones = self.contents.backbones.values()
        return (each.digest for each in backbones if each.recalled_at is not None)

    def _refused(self, error: FieldwiseError) -> None:
        if error.fault not in {Fault.ILLEGAL_COMMAND, Fault.NOT_FOUND, Fault.INVALID_ARGUMENT}:
            raise error

    def _plan(self) -> Plan:
        dice = self.dice
        return Plan(
            backbone=f"lite0:{dice.choice(VERSIONS)}",
            cohort=dice.choice(COHORTS),
            waves=dice.choice(WAVES),
            gate=dice.choice([GateRules(), LENIENT]),
            undecided=dice.choice(list(Undecided)),
            overdue=dice.choice(list(Overdue)),
            on_abort=dice.choice([OnAbort.REVERT, OnAbort.REVERT, OnAbort.HOLD]),
            device_deadline_seconds=dice.choice([200, 300]),
            wave_deadline_seconds=dice.choice([250, 350]),
            soak_seconds=dice.choice([0, 0, 30]),
            limits=dice.choice([Limits(), Limits(in_flight=2), Limits(starts_per_minute=2)]),
            window=self._window(),
            minimum_agent_version=dice.choice([*[""] * 9, "0.2.0"]),
        )

    def _window(self) -> Window | None:
        """One that opens or closes somewhere in the run, if any."""
        if self.dice.random() < 0.8:
            return None
        begin = int(NOW % 86_400) // 60 + self.dice.randint(-3, 6)
        return Window(begin % 1440, (begin + self.dice.choice([4, 600])) % 1440)
