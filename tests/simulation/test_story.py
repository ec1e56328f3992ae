"""Two rollouts as a person would tell them: ``quiet.txt`` and ``bad_bundle.txt`` are to be read.

After a change that is meant, write them anew: ``python -m tests.simulation.test_story``.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import pytest

from orchestrator.fleet.check_in import CheckIns, Orders
from orchestrator.paging import PageRequest
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.operations import Rollouts
from orchestrator.rollout.plan import Plan, Wave
from orchestrator.rollout.telling import told
from orchestrator.storage.memory import memory_stores
from tests.fleet_records import NOW, SetClock, backbone, caller, join
from tests.simulation.bundles import Trait
from tests.simulation.device_checks import check
from tests.simulation.devices import SimulatedDevice

TICK_SECONDS = 10
FIRST_SECONDS, STORY_SECONDS = 400, 900
CAMERAS = (
    "aisle",
    "bakery",
    "checkout",
    "deli",
    "entrance",
    "fruit",
    "garden",
    "hall",
    "inn",
    "jam",
)
PLAN = Plan("lite0:2", "kind=camera", waves=(Wave(devices=5), Wave()))
# How lite0:2 behaves, where it is not as good as lite0:1.
STORIES: Mapping[str, Mapping[str, Trait]] = {
    "quiet": {},
    "bad_bundle": {
        **dict.fromkeys(CAMERAS, Trait.WORSE),
        "checkout": Trait.WORSE_LATER,
        "entrance": Trait.FINE,
        "garden": Trait.KILLS,
    },
}


class Shop:
    """A few cameras, an orchestrator, and what there is to tell of them."""

    def __init__(self, traits: Mapping[str, Trait]) -> None:
        self._clock, self._stores = SetClock(), memory_stores()
        stores = self._stores
        controller = Controller(stores.rollouts, stores.backbones, self._clock)
        self._controller = controller
        self._rollouts = Rollouts(stores.rollouts, stores.backbones, controller, self._clock)
        self._check_ins = CheckIns(stores.check_ins, self._clock)
        old, new = backbone("1").digest, backbone("2").digest
        self._cameras = [
            SimulatedDevice(name, {old: Trait.FINE, new: trait}, False, NOW, Random(place))
            for place, name in enumerate(CAMERAS)
            for trait in [traits.get(name, Trait.FINE)]
        ]
        self.lines: list[str] = []

    async def open(self) -> None:
        """Every camera comes to serve lite0:1, which is not part of the story."""
        for version in ("1", "2"):
            await self._stores.backbones.add(backbone(version))
        for camera in self._cameras:
            await join(self._stores, camera.name, kind="camera")
        rollout = await self._rollouts.start(Plan("lite0:1", "kind=camera"))
        await self._pass(FIRST_SECONDS, rollout.id)
        self.lines.clear()

    async def roll_out(self) -> Sequence[str]:
        """Bring lite0:2 to the shop; returns what happened."""
        self._began = self._clock.now()
        rollout = await self._rollouts.start(PLAN)
        self._say(f"operator starts {rollout.id}: {rollout.title} to {rollout.cohort}")
        await self._pass(STORY_SECONDS, rollout.id)
        return self.lines

    async def _pass(self, seconds: int, rollout_id: str) -> None:
        self._began = self._clock.now()
        heard, counted = 0, ""
        for _ in range(0, seconds, TICK_SECONDS):
            self._clock.pass_by(TICK_SECONDS)
            for camera in self._cameras:
                await self._live(camera)
            await self._check_ins.flush()
            await self._controller.look_at_all()
            page = await self._rollouts.history(rollout_id, PageRequest(100))
            events = sorted(page.items, key=lambda event: event.sequence)
            for event in events[heard:]:
                self._say(f"{rollout_id}: {told(event)}")
            heard = len(events)
            seen = await self._rollouts.get(rollout_id)
            counts = ", ".join(f"{count} {place}" for place, count in seen.counts.items())
            if counts != counted:
                self._say(f"{rollout_id} {seen.phase}: {counts}")
                counted = counts

    async def _live(self, camera: SimulatedDevice) -> None:
        now, lived = self._clock.now(), len(camera.story)
        camera.pass_time(now)
        if camera.reachable and camera.due <= now:
            orders = await self._check_ins.check_in(caller(camera.name), camera.report())
            self._tell_orders(camera, orders)
            camera.hear(orders, now)
        check(camera)
        for phase in camera.story[lived:]:
            self._say(f"{camera.name} is {phase}")
        if not camera.alive:
            self._say(f"{camera.name} has fallen over")

    def _tell_orders(self, camera: SimulatedDevice, orders: Orders) -> None:
        target, permit = orders.target, orders.permit
        if target is not None and target.generation > camera.generation:
            back = ", which leads back" if target.back else ""
            self._say(f"{camera.name} hears of target {target.generation}{back}")
        if permit is not None:
            self._say(f"{camera.name} may start on it for {permit.seconds} s")

    def _say(self, line: str) -> None:
        self.lines.append(f"{self._clock.now() - self._began:>4.0f} s  {line}")


async def story(name: str) -> str:
    shop = Shop(STORIES[name])
    await shop.open()
    return "\n".join(await shop.roll_out()) + "\n"


def place_of(name: str) -> Path:
    return Path(__file__).with_name(f"{name}.txt")


@pytest.mark.parametrize("name", STORIES)
async def test_a_story_is_still_told_as_written(name: str) -> None:
    assert await story(name) == place_of(name).read_text()


if __name__ == "__main__":
    for each in STORIES:
        place_of(each).write_text(asyncio.run(story(each)))
