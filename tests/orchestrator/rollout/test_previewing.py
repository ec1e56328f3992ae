"""A preview says what a start would do, and does nothing."""

from dataclasses import replace

import pytest

from fieldwise.answers import LearningCounters
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.paging import PageRequest
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.operations import Rollouts
from orchestrator.rollout.orders import wave_in
from orchestrator.rollout.places import Exclusion
from orchestrator.rollout.plan import DeviceClass, Plan, Wave
from orchestrator.rollout.previewing import Previews
from orchestrator.storage.memory import memory_stores
from orchestrator.storage.stores import Stores
from tests.fleet_records import NOW, SetClock, backbone, join, report, roll_out, sighting

PLAN = Plan("lite0:1", "site=berlin", waves=(Wave(devices=3), Wave(share=0.5), Wave()))


async def fleet_of(count: int, *, judge_samples: int = 0) -> Stores:
    """A fleet of agents 0.1.0 in Berlin, each with so many held-out samples, and one elsewhere."""
    stores = memory_stores()
    await stores.backbones.add(backbone())
    told = replace(
        report(1), agent_version="0.1.0", learning=LearningCounters(judge_samples=judge_samples)
    )
    for number in range(count):
        await join(stores, f"d{number:02}", site="berlin")
    await join(stores, "elsewhere", site="rome")
    await stores.check_ins.keep([sighting(f"d{number:02}", told) for number in range(count)])
    return stores


def previews(stores: Stores) -> Previews:
    return Previews(stores.rollouts, stores.backbones, SetClock())


async def drawn_by(found: Previews, plan: Plan, rollout: str) -> dict[str, int]:
    """Waves by device, page by page."""
    waves: dict[str, int] = {}
    token = ""
    while True:
        page = await found.devices(plan, rollout, PageRequest(size=3, token=token))
        waves |= {each.id: each.wave for each in page.items}
        token = page.next_token
        if not token:
            return waves


async def test_a_preview_draws_the_waves_that_a_start_then_has() -> None:
    stores = await fleet_of(20)
    found = previews(stores)
    preview = await found.preview(PLAN)
    assert (preview.id, preview.title) == ("r1", "lite0:1")
    assert [each.devices for each in preview.waves] == [3, 10, 7]
    waves = await drawn_by(found, PLAN, preview.id)
    assert list(waves) == [f"d{number:02}" for number in range(20)]
    assert not (await stores.rollouts.list(PageRequest())).items
    clock = SetClock()
    controller = Controller(stores.rollouts, stores.backbones, clock)
    started = await Rollouts(stores.rollouts, stores.backbones, controller, clock).start(PLAN)
    assert started.id == preview.id
    assert {device: wave_in(started, device) + 1 for device in waves} == waves


async def test_a_preview_has_the_next_number_and_keeps_it_for_its_list() -> None:
    stores = await fleet_of(8)
    await roll_out(stores)
    found = previews(stores)
    assert (await found.preview(PLAN)).id == "r2"
    assert await drawn_by(found, PLAN, "r2") == await drawn_by(found, PLAN, "r2")
    assert await drawn_by(found, PLAN, "r2") != await drawn_by(found, PLAN, "r3")


async def test_an_excluded_device_is_in_no_wave_and_says_why() -> None:
    stores = await fleet_of(4)
    found = previews(stores)
    old = replace(PLAN, minimum_agent_version="0.2.0")
    preview = await found.preview(old)
    assert preview.exclusions == {Exclusion.AGENT_TOO_OLD: 4}
    assert [each.devices for each in preview.waves] == [0, 0, 0]
    assert set((await drawn_by(found, old, "r1")).values()) == {0}
    missing = replace(PLAN, classes=(DeviceClass("int8"),))
    page = await found.devices(missing, "r1", PageRequest())
    assert {(each.exclusion, each.variant) for each in page.items} == {
        (Exclusion.VARIANT_MISSING, "int8")
    }


async def test_a_wave_shows_less_loss_the_more_devices_can_judge_behind_it() -> None:
    untaught = await previews(await fleet_of(40)).preview(PLAN)
    assert [each.detectable_loss for each in untaught.waves] == [None] * 3
    assert [each.judging_devices for each in untaught.waves] == [0] * 3
    taught = await previews(await fleet_of(40, judge_samples=200)).preview(PLAN)
    losses = [each.detectable_loss for each in taught.waves if each.detectable_loss is not None]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.05
    assert sum(each.judging_devices for each in taught.waves) == 40


async def test_what_could_not_be_started_has_no_preview() -> None:
    stores = await fleet_of(1)
    found = previews(stores)
    with pytest.raises(FieldwiseError) as unknown:
        await found.preview(Plan("lite9"))
    assert unknown.value.fault is Fault.NOT_FOUND
    clock = SetClock(NOW)
    controller = Controller(stores.rollouts, stores.backbones, clock)
    await Rollouts(stores.rollouts, stores.backbones, controller, clock).recall("lite0:1")
    with pytest.raises(FieldwiseError) as recalled:
        await found.preview(PLAN)
    assert recalled.value.fault is Fault.ILLEGAL_COMMAND
    with pytest.raises(FieldwiseError) as no_id:
        await found.devices(PLAN, "seven", PageRequest())
    assert no_id.value.fault is Fault.NOT_FOUND
