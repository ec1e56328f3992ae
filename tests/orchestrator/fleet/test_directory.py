from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.verdict import Basis, Judgement, PairedCounts, Verdict
from orchestrator.fleet.device import DeviceState, Standing, Target
from orchestrator.fleet.directory import Directory, overview_of
from orchestrator.fleet.readings import Measure
from orchestrator.fleet.report import UpdateReport
from orchestrator.fleet.settings import DeviceSettings
from orchestrator.paging import PageRequest
from orchestrator.storage.memory import memory_stores
from tests.fleet_records import NOW, SetClock, join

LOSING = Verdict(
    1,
    Judgement.DECLINED,
    Basis.LABELLED,
    PairedCounts(both_right=1, only_old=2, only_new=1, scenes=4, scenes_worse=1),
)


async def test_a_directory_shows_tags_steers_and_removes() -> None:
    stores = memory_stores()
    directory = Directory(stores.devices, stores.members, SetClock())
    await join(stores, "d1", site="berlin")
    await join(stores, "d2", site="paris")
    seen = await directory.update_tags("d1", {"line": "3"}, ["site"])
    assert (seen.device.tags, seen.state) == ({"line": "3"}, DeviceState.NEW)
    assert await directory.apply_settings("site=paris", DeviceSettings(shrinkage=1)) == 1
    page = await directory.list("line", PageRequest())
    assert [each.device.id for each in page.items] == ["d1"]
    await directory.remove("d1")
    with pytest.raises(FieldwiseError) as caught:
        await directory.get("d1")
    assert caught.value.fault is Fault.NOT_FOUND


async def test_bad_tags_change_nothing() -> None:
    stores = memory_stores()
    directory = Directory(stores.devices, stores.members, SetClock())
    await join(stores, "d1", site="berlin")
    for put, drop in (({"a b": "c"}, []), ({}, [""])):
        with pytest.raises(FieldwiseError) as caught:
            await directory.update_tags("d1", put, drop)
        assert caught.value.fault is Fault.INVALID_ARGUMENT
    assert (await directory.get("d1")).device.tags == {"site": "berlin"}


def test_an_overview_counts_every_device_once_and_names_every_state() -> None:
    plain = Standing("d1", NOW, seen_at=NOW, bundle_in_use="a" * 64)
    fleet = [
        plain,
        replace(plain, device="d2", agent_version="0.1.0", seen_at=NOW - 15, verdict=LOSING),
        Standing("d3", NOW),
        replace(plain, device="d4", seen_at=NOW - 999, target=Target(1, "b" * 64)),
    ]
    seen = overview_of(fleet, NOW)
    assert set(seen.states) == set(DeviceState)
    assert sum(seen.states.values()) == len(fleet)
    assert seen.states[DeviceState.OFFLINE] == seen.states[DeviceState.NEW] == 1
    assert seen.bundles == {"a" * 64: 3}
    assert seen.targets == {"b" * 64: 1}
    assert seen.agents == {"": 3, "0.1.0": 1}
    silence, loss = seen.spreads[Measure.SILENCE], seen.spreads[Measure.LOSS]
    assert (silence.known, silence.devices[0], silence.total) == (3, 2, 1014)
    assert (loss.known, loss.total) == (1, 0.25)


def test_an_overview_tells_where_updates_stand() -> None:
    failed = UpdateReport(1, "a" * 64, UpdatePhase.REVERTED, UpdateFailure.HARM)
    held = UpdateReport(1, "a" * 64, UpdatePhase.IDLE, hold=UpdateHold.WINDOW)
    fleet = [
        Standing(f"d{number}", NOW, update=update)
        for number, update in enumerate((failed, held, held))
    ]
    seen = overview_of(fleet, NOW)
    assert seen.updates == {UpdatePhase.REVERTED: 1, UpdatePhase.IDLE: 2}
    assert seen.failures == {UpdateFailure.HARM: 1}
    assert seen.holds == {UpdateHold.WINDOW: 2}
