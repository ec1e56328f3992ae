"""Under a bound of the disk images leave room for the next backbone, so that it never waits."""

import asyncio
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from onnx import helper
from structlog.testing import capture_logs

from agent.app import Agent
from agent.upkeep import NO_ROOM
from fieldwise.client import Device
from fieldwise.update import UpdatePhase
from tests.bundles import CHANNELS, bundle_of, model_of
from tests.fakes.agent_inside import asking, install, running

MIB = 1024**2
WIDTH, HEARD = 32, 64
RULES = {"probation_minutes": 0.0, "latency_floor_seconds": 60.0}  # of a busy machine
SERVING = {UpdatePhase.PROBATION, UpdatePhase.ACTIVE}


@cache
def heavy(name: str, mib: int) -> bytes:
    """A bundle of so many MiB, a real backbone's share of a small disk, that runs fast.

    All of them compute the same features, by a layer in another order and padded with nothing:
    none can be declined for what it does.
    """
    inner = mib * MIB // (4 * (CHANNELS + WIDTH))
    dice = np.random.default_rng(5)
    filters = dice.normal(0, 0.4, (CHANNELS, 3, 4, 4)).astype(np.float32)
    wide = dice.normal(0, 1, (CHANNELS, inner)).astype(np.float32)
    narrow = np.zeros((inner, WIDTH), np.float32)
    narrow[:HEARD] = np.random.default_rng(6).normal(0, 1 / 8, (HEARD, WIDTH))
    wide[:, :HEARD] = np.random.default_rng(7).normal(0, 1 / 8, (CHANNELS, HEARD))
    order = np.random.default_rng([ord(letter) for letter in name]).permutation(inner)
    weights = {"filters": filters, "wide": wide[:, order], "narrow": narrow[order]}
    nodes = [
        helper.make_node("Conv", ["images", "filters"], ["waves"], strides=[2, 2]),
        helper.make_node("Relu", ["waves"], ["bright"]),
        helper.make_node("GlobalAveragePool", ["bright"], ["square"]),
        helper.make_node("Flatten", ["square"], ["pooled"]),
        helper.make_node("MatMul", ["pooled", "wide"], ["inner"]),
        helper.make_node("MatMul", ["inner", "narrow"], ["features"]),
    ]
    with TemporaryDirectory() as folder:
        model = model_of(nodes, weights, size=16, width=WIDTH)
        return bundle_of(Path(folder) / "bundle", model, name=name).read_bytes()


def noise(count: int, seed: int) -> list[NDArray[np.uint8]]:
    """Pixels that no encoding makes small: 42 KiB each."""
    dice = np.random.default_rng(seed)
    return [dice.integers(0, 256, (200, 200, 3), np.uint8) for _ in range(count)]


async def bring(agent: Agent, folder: Path, name: str, mib: int) -> UpdatePhase:
    path = folder / name
    path.write_bytes(heavy(name, mib))
    await install(agent, path)
    return agent.installer.state.phase


async def fill(agent: Agent, rounds: int, seed: int) -> None:
    """Teach more images than there is room for, looking at the bound all the while."""
    for turn in range(rounds):
        part = partial(teach, noise(40, seed + turn), f"{seed} {turn}")
        await asking(agent, part)
        await asyncio.to_thread(agent.upkeep.tick)
        assert agent.folder.size_bytes() <= agent.settings.disk_bytes_max


def teach(images: list[NDArray[np.uint8]], scene: str, device: Device) -> None:
    for number, image in enumerate(images):
        device.teach(image, f"class {number % 4}", burst=f"{scene} {number}")


async def test_backbones_of_the_usual_size_have_room_beside_images_that_filled_theirs(
    tmp_path: Path,
) -> None:
    bound = 64 * MIB
    rules = {**RULES, "disk_bytes_max": bound}
    async with running(tmp_path, backbone=False, **rules) as agent:
        assert await bring(agent, tmp_path, "first", 8) in SERVING
        for number, (name, mib) in enumerate((("second", 8), ("third", 9), ("fourth", 9))):
            await fill(agent, 2 if number else 26, 100 * number)
            assert agent.serving.learner is not None
            room = agent.serving.learner.settings.exemplar_bytes_max
            assert 0 < room - MIB < agent.serving.figures().exemplar_bytes <= room
            assert await bring(agent, tmp_path, name, mib) in SERVING
            assert agent.folder.size_bytes() <= bound


async def test_a_bound_without_room_for_images_beside_the_next_backbone_is_told_once(
    tmp_path: Path,
) -> None:
    rules = {**RULES, "disk_bytes_max": 40 * MIB}
    async with running(tmp_path, backbone=False, **rules) as agent:
        assert await bring(agent, tmp_path, "first", 8) in SERVING
        with capture_logs() as told:
            await fill(agent, 2, 0)
        assert agent.serving.figures().exemplars == 0
        assert agent.serving.figures().learned > 0
        (said,) = (each for each in told if each["event"] == NO_ROOM)
        assert 0 < said["missing"] < 40 * MIB
        assert await bring(agent, tmp_path, "second", 8) in {*SERVING, UpdatePhase.DECLINED}
