"""One small rollout as a person would tell it; ``story.txt`` beside this file is to be read.

After a change that is meant, write it anew: ``python -m tests.simulation.test_story > FILE``.
"""

import asyncio
from pathlib import Path
from random import Random

from orchestrator.fleet.check_in import CheckIns
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.operations import Rollouts
from orchestrator.storage.memory import memory_stores
from tests.fleet_records import NOW, SetClock, backbone, caller, join
from tests.simulation.devices import SimulatedDevice

STORY = Path(__file__).with_name("story.txt")
TICK_SECONDS = 10


async def story() -> list[str]:
    """Three cameras: one does well, one gets a bundle that fails on it, one sleeps for a while."""
    dice, clock, stores = Random(3), SetClock(), memory_stores()
    controller = Controller(stores.rollouts, clock)
    rollouts = Rollouts(stores.rollouts, stores.backbones, controller, clock)
    check_ins = CheckIns(stores.check_ins, clock)
    published, _ = await stores.backbones.add(backbone())
    spoiled = {"bakery": frozenset({published.digest})}
    cameras = [
        SimulatedDevice(name, spoiled.get(name, frozenset()), tidy=True, due=NOW)
        for name in ("aisle", "bakery", "checkout")
    ]
    lines: list[str] = []
    for camera in cameras:
        await join(stores, camera.name, kind="camera")
    rollout = await rollouts.start("lite0:1", "kind=camera")
    lines.append(f"   0 s  operator starts {rollout.id}: {rollout.title} to {rollout.cohort}")
    before = ""
    for _ in range(45):
        clock.pass_by(TICK_SECONDS)
        for camera in cameras:
            asleep = camera.name == "checkout" and clock.now() - NOW < 300
            if not asleep:
                lines += await _live(camera, check_ins, dice, clock)
        seen = await rollouts.get(rollout.id)
        counts = ", ".join(f"{count} {place}" for place, count in seen.counts.items())
        if (told := f"{rollout.id} {seen.phase}: {counts}") != before:
            lines.append(f"{clock.now() - NOW:>4.0f} s  {told}")
            before = told
    return lines


async def _live(
    camera: SimulatedDevice, check_ins: CheckIns, dice: Random, clock: SetClock
) -> list[str]:
    time, phase = f"{clock.now() - NOW:>4.0f} s  {camera.name}", camera.update.phase
    lines: list[str] = []
    camera.step(dice, clock.now())
    if camera.update.phase is not phase:
        lines.append(f"{time} is {camera.update.phase}")
    if camera.due <= clock.now():
        orders = await check_ins.check_in(caller(camera.name), camera.report())
        target = f"target {orders.target.generation}" if orders.target else "no target"
        permit = f", may start for {orders.permit.seconds} s" if orders.permit else ""
        lines.append(f"{time} checks in: {target}{permit}, next in {orders.next_seconds} s")
        camera.hear(orders, clock.now())
    return lines


async def test_the_story_is_still_told_as_written() -> None:
    assert "\n".join(await story()) + "\n" == STORY.read_text()


if __name__ == "__main__":
    print("\n".join(asyncio.run(story())))  # noqa: T201 - this is how the file is written
