"""A fleet in a nutshell: the real use cases, simulated devices, and one seed that decides the rest.

Two replicas of the server share a store. In the first half of a run messages get lost, late and
doubled, devices lose power or die, owners turn back, replicas crash and are slow to save, operators
start and stop rollouts, write tags, settle settings and remove devices, and the database is put
back to an earlier state. In the second half all of that stops but for a few devices that
join, most of them after the last rollout is complete, and everything must settle.

What must never happen is asserted after every tick, what must happen at last at the end.
"""

import heapq
from dataclasses import dataclass, field, fields
from random import Random

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdatePhase
from orchestrator.fleet.check_in import CheckIns
from orchestrator.fleet.device import Standing, is_ahead
from orchestrator.fleet.directory import Directory
from orchestrator.fleet.report import Report
from orchestrator.fleet.settings import DeviceSettings
from orchestrator.rollout import machine
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.machine import Phase, Place, Rollout
from orchestrator.rollout.operations import Rollouts
from orchestrator.storage.memory import Contents, memory_stores
from tests.fleet_records import NOW, SetClock, backbone, caller, join
from tests.simulation.bundles import drawn
from tests.simulation.checks import (
    check_counts,
    check_left,
    check_look,
    check_owner,
    check_progress,
    check_served,
    settled,
)
from tests.simulation.device_checks import check
from tests.simulation.devices import CALL_SECONDS, SimulatedDevice
from tests.simulation.storage import Deed, InterruptedRollouts, Promise, copied

TICK_SECONDS = 5
STORM_TICKS = 120
CALM_TICKS = 150
TROUBLE = 0.01  # that power goes at a step of a device's journal
LATE_JOINS = (10, 50, 90)  # of the calm ticks; the last leaves a device time enough
VERSIONS = ("1", "2", "3")
COHORTS = ("", "site=berlin", "site!=berlin", "line")


@dataclass
class World:
    """A run; ``trace`` tells what happened, in order.

    Args:
        seed: Decides every fault and every order of events.
    """

    seed: int
    trace: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = Random(self.seed)
        self.clock = SetClock(NOW)
        self.forgetful = self.dice.choice([0.0, 0.02, 0.1])
        self.contents = Contents()
        self.stores = memory_stores(self.contents)
        self.replicas = [CheckIns(self.stores.check_ins, self.clock) for _ in range(2)]
        slow = InterruptedRollouts(self.contents, self.interrupt)
        self.controller = Controller(self.stores.rollouts, self.clock)
        self.slow_controller = Controller(slow, self.clock)
        self.rollouts = Rollouts(
            self.stores.rollouts, self.stores.backbones, self.slow_controller, self.clock
        )
        self.directory = Directory(self.stores.devices, self.stores.members, self.clock)
        self.devices: dict[str, SimulatedDevice] = {}
        self.mail: list[tuple[float, int, Deed]] = []
        self.posted = 0
        self.backup: Contents | None = None
        self.promises: dict[int, Promise] = {}
        self.issued: dict[tuple[str, int], int] = {}
        self.before: dict[str, Standing] = {}
        self.phases: dict[int, Phase] = {}
        self.stormy = True

    async def run(self) -> None:
        for version in VERSIONS:
            await self.stores.backbones.add(backbone(version))
        for _ in range(self.dice.randint(1, 8)):
            await self.join()
        for _ in range(STORM_TICKS):
            await self.tick()
        if self.forgetful:
            await self.put_back()
        self.clear_up()
        for tick in range(CALM_TICKS):
            if tick in LATE_JOINS:
                await self.join()
            await self.tick()
        await self.check_end()

    async def tick(self) -> None:
        self.clock.pass_by(TICK_SECONDS)
        if self.stormy:
            await self.storm()
        for device in self.devices.values():
            self.work(device)
        while self.mail and self.mail[0][0] <= self.clock.now():
            await heapq.heappop(self.mail)[2]()
        for controller in (self.slow_controller, self.controller):
            if self.chance(0.5):
                await controller.look_at_all()
        for replica in self.replicas:
            if self.chance(0.5):
                await replica.flush()
        await self.check_tick()

    # Devices and their calls.

    async def join(self) -> SimulatedDevice:
        name = f"d{len(self.devices):02}"
        tags = {"site": self.dice.choice(["berlin", "paris"])} if self.dice.random() < 0.7 else {}
        traits = {backbone(version).digest: drawn(self.dice, 0.15) for version in VERSIONS}
        now, own = self.clock.now(), Random(self.dice.getrandbits(64))
        device = SimulatedDevice(name, traits, self.unlucky(0.2), now, own)
        device.trouble = TROUBLE if self.stormy else 0.0
        self.devices[name] = device
        await join(self.stores, name, now=now, **tags)
        return self.devices[name]

    def work(self, device: SimulatedDevice) -> None:
        device.pass_time(self.clock.now())
        if device.reachable and device.due <= self.clock.now():
            device.due = self.clock.now() + 2 * TICK_SECONDS  # the retry, should no reply come
            self.call(device)

    def call(self, device: SimulatedDevice) -> None:
        now, report, life = self.clock.now(), device.report(), device.incarnation
        copies = 2 if self.unlucky(0.1) else 1
        for _ in range(0 if self.unlucky(0.2) else copies):
            late = self.dice.choice([0, 10, 25, 90, 300]) if self.unlucky(0.3) else 0

            async def arrive() -> None:
                await self.serve(device, report, now, life)

            self.post(now + late, arrive)

    async def serve(self, device: SimulatedDevice, report: Report, sent: float, life: int) -> None:
        try:
            orders = await self.dice.choice(self.replicas).check_in(caller(device.name), report)
        except FieldwiseError as error:
            known = device.name in self.contents.devices
            _expect(error, Fault.DEVICE_REMOVED if known else Fault.DEVICE_UNKNOWN)
            assert self.contents.member(device.name) is None
            device.gone = True
            return
        late = self.dice.choice([0, 5, 20, 60]) if self.unlucky(0.2) else 0

        async def answer() -> None:
            in_time = self.clock.now() - sent <= CALL_SECONDS
            hears = device.reachable and device.incarnation == life and in_time
            if hears and device.hear(orders, self.clock.now()):
                self.note_start(device)

        if not self.unlucky(0.2):
            self.post(self.clock.now() + late, answer)

    def note_start(self, device: SimulatedDevice) -> None:
        number = self.issued.get((device.name, device.generation))
        promise = self.promises.get(number) if number else None
        self.say(f"{device.name} begins generation {device.generation}")
        # What a removed device begins leads nowhere: it is refused whatever it would fetch.
        if promise is not None and self.contents.member(device.name) is not None:
            promise.devices -= 1
            assert promise.devices >= 0, "more devices began than the stop had told"
            assert self.clock.now() <= promise.until, "a device began later than the stop had told"

    # What goes wrong, and what operators do meanwhile.

    async def storm(self) -> None:
        for device in self.devices.values():
            self.harm(device)
        deeds: list[tuple[float, Deed]] = [
            (0.04, self.start),
            (0.02, self.stop),
            (0.05, self.retag),
            (0.01, self.remove),
            (0.02, self.join),
            (0.02, self.steer),
            (0.05, self.crash),
            (self.forgetful, self.keep_backup),
            (self.forgetful / 2, self.put_back),
        ]
        for likelihood, deed in deeds:
            if self.dice.random() < likelihood:
                await deed()

    def harm(self, device: SimulatedDevice) -> None:
        if device.alive and self.dice.random() < 0.01:
            device.lose_power()
        elif not device.alive and self.dice.random() < 0.05:
            device.restart(self.clock.now())
        if device.alive and self.dice.random() < 0.005:
            device.act_as_owner()
        device.disk_full = self.dice.random() < 0.02

    async def start(self) -> None:
        version, cohort = self.dice.choice(VERSIONS), self.dice.choice(COHORTS)
        rollout = await self.rollouts.start(f"lite0:{version}", cohort)
        self.say(f"operator starts {rollout.id}: lite0:{version} to {cohort or 'all'}")

    async def stop(self) -> None:
        running = [each for each in self.contents.rollouts.values() if each.phase is Phase.RUNNING]
        if not running:
            return
        rollout = self.dice.choice(running)
        try:
            stopped = await self.rollouts.stop(rollout.id)
        except FieldwiseError as error:
            _expect(error, Fault.ILLEGAL_COMMAND)
            return
        until = self.clock.now() + stopped.within_seconds
        self.promises[rollout.number] = Promise(stopped.may_still_start, until)
        self.say(f"operator stops {rollout.id}: {stopped.may_still_start} may still start")

    async def retag(self) -> None:
        for device in self.some_members():
            put = {"site": self.dice.choice(["berlin", "paris"])}
            await self.directory.update_tags(device, put, {"line"})

    async def steer(self) -> None:
        settings = DeviceSettings(retention_days=self.dice.randint(0, 3))
        await self.directory.apply_settings(self.dice.choice(COHORTS), settings)

    async def remove(self) -> None:
        for device in self.some_members():
            await self.directory.remove(device)
            self.say(f"operator removes {device}")

    async def crash(self) -> None:
        self.replicas[self.dice.randrange(2)] = CheckIns(self.stores.check_ins, self.clock)

    async def interrupt(self) -> None:
        if not self.unlucky(0.15):
            return
        deeds = (
            self.start,
            self.stop,
            self.retag,
            self.remove,
            self.reports_arrive,
            self.newcomer_arrives,
        )
        self.check_progress()
        await self.dice.choice(deeds)()
        self.check_progress()

    async def reports_arrive(self) -> None:
        for device in self.devices.values():
            if device.reachable and self.dice.random() < 0.5:
                await self.serve(device, device.report(), self.clock.now(), device.incarnation)

    async def newcomer_arrives(self) -> None:
        device = await self.join()
        await self.serve(device, device.report(), self.clock.now(), device.incarnation)

    async def keep_backup(self) -> None:
        self.backup = copied(self.contents)

    async def put_back(self) -> None:
        if self.backup is None:
            return
        restored = copied(self.backup)
        for each in fields(Contents):
            setattr(self.contents, each.name, getattr(restored, each.name))
        for place in range(2):
            self.replicas[place] = CheckIns(self.stores.check_ins, self.clock)
        self.promises.clear()
        self.issued.clear()
        self.before.clear()
        self.phases.clear()
        self.say("the database is put back")
        if self.dice.random() < 0.5:
            await self.start()

    def clear_up(self) -> None:
        """End the storm: most of what is dead comes back or is removed."""
        self.stormy = False
        for device in self.devices.values():
            device.let_go()
            if device.alive or self.dice.random() < 0.2:
                continue
            device.restart(self.clock.now())

    # What must hold.

    async def check_tick(self) -> None:
        self.check_progress()
        for device in self.devices.values():
            check(device)
        for rollout in self.contents.newest_rollouts():
            if rollout.watched:
                await self.check_look(rollout)
            elif rollout.phase is Phase.COMPLETE:
                cohort = await self.stores.rollouts.cohort(rollout)
                check_left(rollout, cohort, self.clock.now())

    def check_progress(self) -> None:
        for name, device in self.contents.devices.items():
            standing = device.standing
            if (before := self.before.get(name)) is not None:
                check_progress(before, standing)
                check_owner(before, standing, self.phases)
            if standing.target is not None:
                self.issued[name, standing.target.generation] = standing.rollout
            self.before[name] = standing
        for number, rollout in self.contents.rollouts.items():
            phase = self.phases.get(number, Phase.RUNNING)
            lawful = {phase, *machine.COMMANDS[phase].values()}
            assert phase is Phase.RUNNING or rollout.phase in lawful, "an end was undone"
            if rollout.phase is Phase.COMPLETE and self.phases.get(number) is Phase.RUNNING:
                assert settled(rollout), f"{rollout.id} completed by no one"
            self.phases[number] = rollout.phase

    async def check_look(self, rollout: Rollout) -> None:
        cohort = await self.stores.rollouts.cohort(rollout)
        seen = check_look(rollout, cohort, self.clock.now())
        if seen.phase in {Phase.COMPLETE, Phase.SUPERSEDED} and not seen.watched:
            for standing in cohort:
                self.check_settled(rollout, standing)

    def check_settled(self, rollout: Rollout, standing: Standing) -> None:
        place = machine.place_of(rollout, standing, self.clock.now())
        if place is Place.SUPERSEDED:
            return
        assert standing.target is not None
        device = self.devices[standing.device]
        reached = set(device.history.get(standing.target.generation, set()))
        if device.bundle == standing.target.digest:
            reached.add(UpdatePhase.ACTIVE)  # also where it was before a generation came again
        truth = {Place.HEALTHY: UpdatePhase.ACTIVE, Place.FAILED: UpdatePhase.REVERTED}
        assert place in truth, f"{rollout.id} ended with {standing.device} {place}"
        assert truth[place] in reached, f"{standing.device} is called {place} and never was"

    async def check_end(self) -> None:
        for replica in self.replicas:
            await replica.flush()
        for member in self.contents.fleet():
            device = self.devices[member.id]
            if device.reachable:
                self.check_device(device, member.standing)
                check_served(member, self.contents.newest_rollouts())
                revision = member.settings.revision if member.settings else 0
                assert device.settings_revision == revision, f"{device.name} kept old settings"
        for rollout in self.contents.rollouts.values():
            await self.check_rollout(rollout)

    def check_device(self, device: SimulatedDevice, standing: Standing) -> None:
        told = (standing.generation, standing.bundle_in_use, standing.update)
        assert told == (device.generation, device.bundle, device.update), "the store is behind"
        if standing.target is None:
            return
        phase = self.contents.rollouts[standing.rollout].phase
        if phase is Phase.STOPPED or (phase is not Phase.RUNNING and is_ahead(standing)):
            return
        generation = standing.target.generation
        assert device.generation == generation, f"{device.name} never heard of its target"
        ended = device.history.get(generation, set()) & {UpdatePhase.ACTIVE, UpdatePhase.REVERTED}
        serves = device.bundle == standing.target.digest
        assert serves or ended, f"{device.name} never came to an end with {generation}"

    async def check_rollout(self, rollout: Rollout) -> None:
        cohort = await self.stores.rollouts.cohort(rollout)
        lost = [each for each in cohort if not self.devices[each.device].reachable]
        if rollout.phase is Phase.RUNNING:
            assert not cohort or lost, f"{rollout.id} never ended: {dict(rollout.counts)}"
        elif rollout.watched:
            assert lost, f"{rollout.id} is {rollout.phase} and still watched"
        else:
            check_counts(rollout, cohort, self.clock.now())

    # Chance and the record of it.

    def chance(self, likelihood: float) -> bool:
        return not self.stormy or self.dice.random() < likelihood

    def unlucky(self, likelihood: float) -> bool:
        return self.stormy and self.dice.random() < likelihood

    def some_members(self) -> list[str]:
        members = [device.id for device in self.contents.fleet()]
        return [self.dice.choice(members)] if members else []

    def post(self, due: float, deed: Deed) -> None:
        self.posted += 1
        heapq.heappush(self.mail, (due, self.posted, deed))

    def say(self, event: str) -> None:
        self.trace.append(f"{self.clock.now() - NOW:>5.0f} s  {event}")


def _expect(error: FieldwiseError, fault: Fault) -> None:
    if error.fault is not fault:
        raise error
