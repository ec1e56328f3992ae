"""A fleet in a nutshell: the real use cases, simulated devices, and one seed that decides the rest.

Two replicas of the server share a store. In the first half of a run messages get lost, late and
doubled, devices lose power or die, owners turn back, replicas crash and are slow to save, operators
start rollouts by all kinds of plans, command them, recall bundles, write tags, settle settings and
remove devices, and the database is put back to an earlier state. In the second half all of that
stops but for a few devices that join, and everything must settle.

What must never happen is asserted after every tick, what must happen at last at the end.
"""

import heapq
from dataclasses import dataclass, field, fields
from random import Random

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.check_in import CheckIns, Orders
from orchestrator.fleet.device import Standing
from orchestrator.fleet.directory import Directory
from orchestrator.fleet.report import Report
from orchestrator.fleet.settings import DeviceSettings
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.operations import Rollouts
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.rollout import Kind, Rollout
from orchestrator.storage.memory import memory_stores
from orchestrator.storage.memory_contents import Contents
from tests.fleet_records import NOW, SetClock, backbone, caller, join
from tests.simulation import checks, endings
from tests.simulation.bundles import drawn
from tests.simulation.device_checks import check
from tests.simulation.devices import CALL_SECONDS, SimulatedDevice
from tests.simulation.operators import COHORTS, VERSIONS, Operators
from tests.simulation.storage import Deed, Given, InterruptedRollouts, copied

TICK_SECONDS = 5
CALM_TICK_SECONDS = 10
STORM_TICKS = 120
CALM_TICKS = 150
TROUBLE = 0.01  # that power goes at a step of a device's journal
LOOKED_INTO_TICKS = 3  # from one close look at a rollout to the next; each looks at it twice
LATE_JOINS = (10, 50, 90)  # of the calm ticks; the last leaves a device time enough


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
        backbones = self.stores.backbones
        self.controller = Controller(self.stores.rollouts, backbones, self.clock)
        self.slow_controller = Controller(slow, backbones, self.clock)
        rollouts = Rollouts(self.stores.rollouts, backbones, self.slow_controller, self.clock)
        self.operators = Operators(self.dice, self.clock, self.contents, rollouts, self.say)
        self.directory = Directory(self.stores.devices, self.stores.members, self.clock)
        self.devices: dict[str, SimulatedDevice] = {}
        self.mail: list[tuple[float, int, Deed]] = []
        self.posted = 0
        self.backup: Contents | None = None
        self.meddled: set[str] = set()
        self.restored = False
        self.before: dict[str, Standing] = {}
        self.phases: dict[int, Phase] = {}
        self.known: dict[int, Rollout] = {}
        self.told: dict[int, int] = {}
        self.stormy = True
        self.ticks = 0

    async def run(self) -> None:
        for version in VERSIONS:
            await self.stores.backbones.add(backbone(version))
        for _ in range(self.dice.randint(2, 9)):
            await self.join()
        for _ in range(STORM_TICKS):
            await self.tick()
        if self.forgetful:
            await self.put_back()
        await self.clear_up()
        for tick in range(CALM_TICKS):
            if tick in LATE_JOINS:
                await self.join()
            await self.tick()
        await self.check_end()

    async def tick(self) -> None:
        self.ticks += 1
        self.clock.pass_by(TICK_SECONDS if self.stormy else CALM_TICK_SECONDS)
        if self.stormy:
            await self.storm()
        for device in self.devices.values():
            self.work(device)
        while self.mail and self.mail[0][0] <= self.clock.now():
            await heapq.heappop(self.mail)[2]()
        await self.look()
        for replica in self.replicas:
            if self.chance(0.5):
                await replica.flush()
        await self.check_tick()

    async def look(self) -> None:
        """Let replicas look at the rollouts; in the calm a second one would see the same."""
        for controller in (self.slow_controller, self.controller) if self.stormy else ():
            if self.dice.random() < 0.5:
                await controller.look_at_all()
        if not self.stormy:
            await self.controller.look_at_all()

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
        recalled = await self.stores.backbones.recalled()
        try:
            orders = await self.dice.choice(self.replicas).check_in(caller(device.name), report)
        except FieldwiseError as error:
            known = device.name in self.contents.devices
            _expect(error, Fault.DEVICE_REMOVED if known else Fault.DEVICE_UNKNOWN)
            assert self.contents.member(device.name) is None
            device.gone = True
            return
        if orders.permit is not None:
            assert orders.target is not None
            assert orders.target.digest not in recalled, "a recalled bundle may be started"
        given = self.given(device.name, orders)
        late = self.dice.choice([0, 5, 20, 60]) if self.unlucky(0.2) else 0

        async def answer() -> None:
            in_time = self.clock.now() - sent <= CALL_SECONDS
            hears = device.reachable and device.incarnation == life and in_time
            if hears and device.hear(orders, self.clock.now()):
                self.note_start(device, given)

        if not self.unlucky(0.2):
            self.post(self.clock.now() + late, answer)

    def given(self, name: str, orders: Orders) -> Given | None:
        """The permit of a reply that has just been made."""
        if orders.permit is None:
            return None
        standing = self.contents.devices[name].standing
        rollout = self.contents.rollouts[standing.rollout]
        return Given(orders.permit.seconds, standing, rollout, self.operators.promises)

    def note_start(self, device: SimulatedDevice, given: Given | None) -> None:
        self.say(f"{device.name} begins generation {device.generation}")
        assert given is not None, f"{device.name} began without a permit"
        # What a removed device begins leads nowhere: it is refused whatever it would fetch.
        if self.contents.member(device.name) is None:
            return
        if checks.check_start(given, self.clock.now()):
            promise = given.promises.get(given.rollout.number)
            if promise is not None:
                promise.keep(self.clock.now())

    # What goes wrong, and what operators do meanwhile.

    async def storm(self) -> None:
        for device in self.devices.values():
            self.harm(device)
        deeds: list[tuple[float, Deed]] = [
            (0.04, self.operators.start),
            (0.08, self.operators.command),
            (0.01, self.operators.recall),
            (0.05, self.retag),
            (0.01, self.remove),
            (0.02, self.newcomer_arrives),
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
            self.meddled.add(device.name)
            device.act_as_owner()
        device.disk_full = self.dice.random() < 0.02

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
            self.operators.start,
            self.operators.command,
            self.operators.recall,
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
        self.restored = True
        self.operators.promises = {}  # those of before are kept by the permits of before
        self.before.clear()
        self.phases.clear()
        self.known.clear()
        self.told.clear()
        self.say("the database is put back")
        if self.dice.random() < 0.5:
            await self.operators.start()

    async def clear_up(self) -> None:
        """End the storm: most of what is dead comes back or is removed."""
        self.stormy = False
        for device in self.devices.values():
            device.let_go()
            if device.alive or self.dice.random() < 0.2:
                continue
            device.restart(self.clock.now())
        await self.operators.let_all_go_on()

    # What must hold.

    async def check_tick(self) -> None:
        self.check_progress()
        now, recalled = self.clock.now(), await self.stores.backbones.recalled()
        closely = self.ticks % LOOKED_INTO_TICKS == 0
        for device in self.devices.values():
            check(device)
        for rollout in self.contents.newest_rollouts():
            if not rollout.watched and rollout.phase is not Phase.COMPLETE:
                continue
            cohort = await self.stores.rollouts.cohort(rollout)
            checks.check_limits(rollout, cohort, self.devices, now)
            if rollout.watched and closely:
                checks.check_look(rollout, cohort, now, recalled)
            elif not rollout.watched:
                checks.check_left(rollout, cohort, now)

    def check_progress(self) -> None:
        """Check what has changed since it was checked last; records are never changed in place."""
        for name, device in self.contents.devices.items():
            if self.before.get(name) is not device.standing:
                self.check_standing(name, device.standing)
        for number, rollout in self.contents.rollouts.items():
            if self.known.get(number) is not rollout:
                self.check_rollout(number, rollout)

    def check_standing(self, name: str, standing: Standing) -> None:
        if (before := self.before.get(name)) is not None:
            checks.check_progress(before, standing)
            known = self.contents.rollouts.values()
            recalls = {each.number for each in known if each.kind is Kind.RECALL}
            checks.check_owner(before, standing, self.phases, recalls)
        self.before[name] = standing

    def check_rollout(self, number: int, rollout: Rollout) -> None:
        events, phase = self.contents.events[number], self.phases.get(number)
        checks.check_phase(phase, rollout, events)
        turned = phase is not None and phase is not rollout.phase
        if turned and rollout.phase is Phase.REVERTED:
            meddled, now = None if self.restored else self.meddled, self.clock.now()
            checks.check_reverted(rollout, self.contents, self.devices, meddled, now)
        fresh = events[self.told.get(number, 0) :]
        checks.check_step(self.known.get(number), rollout, fresh)
        self.phases[number], self.known[number] = rollout.phase, rollout
        self.told[number] = len(events)

    async def check_end(self) -> None:
        for replica in self.replicas:
            await replica.flush()
        now, recalled = self.clock.now(), await self.stores.backbones.recalled()
        rollouts = self.contents.newest_rollouts()
        for member in self.contents.fleet():
            device = self.devices[member.id]
            if device.reachable:
                owner = self.contents.rollouts.get(member.standing.rollout)
                endings.check_device(device, member.standing, owner, now, recalled)
                endings.check_served(member, rollouts)
                if device.name not in self.meddled and not self.restored:
                    endings.check_recalled(device, member.standing, recalled)
                revision = member.settings.revision if member.settings else 0
                assert device.settings_revision == revision, f"{device.name} kept old settings"
        for rollout in rollouts:
            cohort = await self.stores.rollouts.cohort(rollout)
            endings.check_rollout(rollout, cohort, self.devices, now, recalled)

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
