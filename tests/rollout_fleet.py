"""A fleet in memory whose devices do what a test says, with the use cases of operators."""

from collections.abc import Sequence

from fieldwise.update import UpdatePhase
from orchestrator.fleet.check_in import CheckIns
from orchestrator.fleet.device import Target
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.operations import Rollouts
from orchestrator.rollout.plan import Plan
from orchestrator.rollout.rollout import Event, Order, Rollout
from orchestrator.storage.memory import memory_stores
from orchestrator.storage.memory_contents import Contents
from orchestrator.storage.memory_rollouts import MemoryRollouts
from tests.fleet_records import SetClock, backbone, caller, join, report, step

ALL = Plan("lite0")


class RacedRollouts(MemoryRollouts):
    """Rollouts that another writer saves first, the first so many times."""

    def __init__(self, contents: Contents, races: int) -> None:
        super().__init__(contents)
        self.races = races

    async def save(
        self,
        rollout: Rollout,
        orders: Sequence[Order] = (),
        events: Sequence[Event] = (),
        term: int | None = None,
    ) -> Rollout:
        if self.races > 0:
            self.races -= 1
            await super().save(await self.get(rollout.number))
        return await super().save(rollout, orders, events, term)


class Fleet:
    def __init__(self, races: int = 0) -> None:
        self.clock, self.contents = SetClock(), Contents()
        self.stores = memory_stores(self.contents)
        store, backbones = RacedRollouts(self.contents, races), self.stores.backbones
        self.controller = Controller(store, backbones, self.clock)
        self.rollouts = Rollouts(store, backbones, self.controller, self.clock)
        self.check_ins = CheckIns(self.stores.check_ins, self.clock)
        self.sequence = 0

    async def prepare(self, *devices: str) -> None:
        for version in ("1", "2"):
            await self.stores.backbones.add(backbone(version))
        for device in devices:
            await join(self.stores, device, site="berlin")

    async def calls(self, device: str, phase: UpdatePhase | None = None) -> Target | None:
        """Let a device check in with what it was ordered, so far as the phase says."""
        standing = self.contents.devices[device].standing
        target, in_use = standing.target, standing.bundle_in_use
        told = report(self.next(), bundle=in_use)
        if target is not None and phase is not None:
            serves = phase is UpdatePhase.ACTIVE
            told = report(
                self.next(),
                generation=target.generation,
                bundle=target.digest if serves else in_use,
                update=step(target.generation, target.digest, phase),
            )
        return (await self.check_ins.check_in(caller(device), told)).target

    async def arrives(self, device: str) -> None:
        await self.calls(device)
        await self.calls(device, UpdatePhase.ACTIVE)
        await self.controller.look_at_all()

    def next(self) -> int:
        self.sequence += 1
        return self.sequence

    def target(self, device: str) -> Target | None:
        return self.contents.devices[device].standing.target
