"""A whole agent changes its backbone while most of what it learned from is held no more."""

from collections.abc import Sized
from itertools import cycle
from pathlib import Path
from typing import NoReturn

import pytest

from agent.app import Agent
from agent.cli.desk import AWAITED
from agent.device.bundles import BundleFolder
from agent.learning.samples import Group, Share
from fieldwise import affine_file
from fieldwise.client import Device
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdatePhase
from tests.bundles import CLASSES, class_images, mapped_bundle, tiny_bundle, viewed_bundle
from tests.fakes.agent_inside import asking, install, running

TAUGHT = 160


def teach(device: Device) -> None:
    images = {name: iter(class_images(name, TAUGHT)) for name in CLASSES}
    for number, name in zip(range(TAUGHT), cycle(CLASSES), strict=False):
        device.teach(next(images[name]), name, burst=f"scene {number}")


def right(device: Device) -> float:
    asked = [(name, image) for name in CLASSES for image in class_images(name, 20, seed=5)]
    said = [device.predict(image).best == name for name, image in asked]
    return sum(said) / len(said)


def evict(agent: Agent, kept: int) -> int:
    """Let all but a few images of learned samples go; returns how many went."""
    learner, store = agent.serving.learner, agent.serving.store
    assert learner is not None
    learner.flush()
    images = [each.id for each in store.remembered() if each.share is Share.LEARN]
    store.commit(Group((), tuple(images[kept:]), store.counters()))
    return len(images) - kept


async def carried_over(agent: Agent, bundle: Path, kept: int) -> float:
    """Teach, let images go, change the backbone; returns the share of right answers then."""
    await asking(agent, teach)
    gone = evict(agent, kept)
    await install(agent, bundle)
    assert agent.installer.state.phase in {UpdatePhase.PROBATION, UpdatePhase.ACTIVE}
    status = await asking(agent, lambda device: device.status())
    assert status.carried_samples == gone
    assert sum(status.classes.values()) == status.learning.samples
    return await asking(agent, right)


@pytest.mark.parametrize("other", ["one view", "three views"])
async def test_what_is_held_no_more_is_known_after_the_change(tmp_path: Path, other: str) -> None:
    bundle = (
        tiny_bundle(tmp_path / "other", name="other", seed=7, width=40)
        if other == "one view"
        else viewed_bundle(tmp_path / "other")
    )
    async with running(tmp_path, passing_seconds_max=0.0) as agent:
        assert await carried_over(agent, bundle, 40) > 0.8


async def test_a_publishers_map_carries_over_where_no_image_is_held(tmp_path: Path) -> None:
    older = tiny_bundle(tmp_path / "older")
    bundle = mapped_bundle(tmp_path / "mapped", older)
    async with running(tmp_path, backbone=False, passing_seconds_max=0.0) as agent:
        await install(agent, older)
        assert await carried_over(agent, bundle, 0) > 0.8


@pytest.mark.parametrize("why", ["too large", "rubbish"])
async def test_a_publishers_map_that_is_none_is_refused_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    def none(*_: object) -> NoReturn:
        raise FieldwiseError(Fault.BUNDLE_INVALID, "no map")

    older = tiny_bundle(tmp_path / "older")
    bundle = mapped_bundle(tmp_path / "mapped", older)
    if why == "too large":
        monkeypatch.setattr(affine_file, "bytes_between", lambda *_: 10)
    else:
        monkeypatch.setattr(affine_file, "decode", none)
    async with running(tmp_path, backbone=False, passing_seconds_max=0.0) as agent:
        await install(agent, older)
        assert await carried_over(agent, bundle, 40) > 0.8


async def test_what_passes_through_predict_meanwhile_helps_where_no_image_is_held(
    tmp_path: Path,
) -> None:
    bundle = tiny_bundle(tmp_path / "other", name="other", seed=7, width=40)
    async with running(tmp_path, passing_pairs=40, passing_seconds_max=30.0) as agent:
        assert agent.serving.learner is not None
        await asking(agent, teach)
        gone = evict(agent, 0)

        def ask_on(device: Device) -> None:
            images = zip(*(class_images(name, 30, seed=8) for name in CLASSES), strict=True)
            asked = cycle([image for each in images for image in each])
            while agent.installer.state.phase in AWAITED:
                device.predict(next(asked))

        await agent.household.install(bundle)
        await asking(agent, ask_on)
        assert agent.installer.state.phase in {UpdatePhase.PROBATION, UpdatePhase.ACTIVE}
        status = await asking(agent, lambda device: device.status())
        assert status.carried_samples == gone


@pytest.mark.parametrize("roomy", [True, False])
async def test_features_are_kept_ahead_where_that_leaves_the_room_that_the_change_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, roomy: bool
) -> None:
    kept: list[int] = []
    bundle = tiny_bundle(tmp_path / "other", name="other", seed=7, width=40)
    async with running(tmp_path, passing_seconds_max=0.0) as agent:
        await asking(agent, teach)

        def missing_room(_: BundleFolder, wanted_bytes: int) -> int:
            begun = agent.installer.state.phase is UpdatePhase.MIGRATING
            return wanted_bytes if begun and not roomy else 0

        def keep_ahead(_: object, bundle: str, grids: Sized) -> None:
            kept.append(len(grids))

        monkeypatch.setattr(BundleFolder, "missing_room", missing_room)
        monkeypatch.setattr(type(agent.serving.store), "keep_ahead", keep_ahead)
        await install(agent, bundle)
        assert agent.installer.state.phase in {UpdatePhase.PROBATION, UpdatePhase.ACTIVE}
    assert bool(sum(kept)) == roomy
