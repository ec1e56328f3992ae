"""An explanation is made of what the stores know of a device."""

from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import PublisherReport, PublisherTrouble
from fieldwise.update import UpdatePhase
from orchestrator.paging import Page, PageRequest
from orchestrator.rollout import explanations
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.explanations import Explanations
from orchestrator.rollout.operations import Rollouts
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import Plan, Promotion, Wave
from orchestrator.rollout.rollout import Rollout
from orchestrator.rollout_views import ExplanationView, RolloutDeviceView
from orchestrator.storage.memory import memory_stores
from tests.fleet_records import SetClock, backbone, join, report, sighting, step


class Fleet:
    def __init__(self) -> None:
        self.clock, self.stores = SetClock(), memory_stores()
        self.controller = Controller(self.stores.rollouts, self.stores.backbones, self.clock)
        self.rollouts = Rollouts(
            self.stores.rollouts, self.stores.backbones, self.controller, self.clock
        )

    async def prepare(self, *devices: str) -> None:
        for version in ("1", "2"):
            await self.stores.backbones.add(backbone(version))
        for device in devices:
            await join(self.stores, device, site="berlin")
            await self.serve(device, 0, None)

    async def serve(
        self, device: str, generation: int, version: str | None, count: int = 1
    ) -> None:
        """Let a device report that it serves a version, and has come to an end with that."""
        digest = backbone(version).digest if version else None
        update = step(generation, digest or "", UpdatePhase.ACTIVE) if digest else report(1).update
        told = report(count, generation=generation, bundle=digest, update=update)
        known = replace(told, agent_version="0.1.0")
        await self.stores.check_ins.keep([sighting(device, known, self.clock.now())])

    async def explain(self, device: str) -> ExplanationView:
        stores = self.stores
        asked = Explanations(stores.devices, stores.rollouts, stores.backbones, self.clock)
        return await asked.explain(device)

    async def devices(
        self, rollout: str, place: str = "", page: PageRequest | None = None
    ) -> Page[RolloutDeviceView]:
        stores = self.stores
        asked = Explanations(stores.devices, stores.rollouts, stores.backbones, self.clock)
        return await asked.devices(rollout, place, page or PageRequest())


@pytest.fixture
async def fleet() -> Fleet:
    made = Fleet()
    await made.prepare("d1", "d2", "d3")
    return made


def text(explanation: ExplanationView) -> str:
    return " ".join(explanation.sentences)


async def test_a_device_of_no_rollout_keeps_what_it_has(fleet: Fleet) -> None:
    explained = await fleet.explain("d1")
    assert (explained.title, explained.rollout, explained.wave) == ("", "", 0)
    assert "it keeps what it has" in text(explained)


async def test_a_device_is_told_of_its_rollout_and_of_one_to_come(fleet: Fleet) -> None:
    plan = Plan("lite0:1", "site=berlin", waves=(Wave(devices=1), Wave()))
    await fleet.rollouts.start(replace(plan, promotion=Promotion.MANUAL))
    first = [each for each in ("d1", "d2", "d3") if (await fleet.explain(each)).title]
    assert len(first) == 1
    explained = await fleet.explain(first[0])
    assert (explained.title, explained.rollout, explained.wave) == ("lite0:1", "r1", 1)
    assert "It has not heard of that yet" in text(explained)
    (other, *_) = {"d1", "d2", "d3"} - set(first)
    waiting = await fleet.explain(other)
    assert (waiting.title, waiting.rollout, waiting.wave) == ("", "r1", 2)
    assert "wave 1 is the newest that is open" in text(waiting)


async def test_a_complete_rollout_takes_who_joins_later(fleet: Fleet) -> None:
    await fleet.rollouts.start(Plan("lite0:1"))
    for device in ("d1", "d2", "d3"):
        await fleet.serve(device, 1, "1", count=2)
    await fleet.controller.look_at_all()
    assert "That is done." in text(await fleet.explain("d1"))
    await join(fleet.stores, "d4", site="berlin")
    assert "takes it in at its next check-in" in text(await fleet.explain("d4"))


async def test_a_device_that_refuses_the_metadata_is_told_of(fleet: Fleet) -> None:
    await fleet.rollouts.start(Plan("lite0:1"))
    digest = backbone("1").digest
    told = report(2, generation=1, update=step(1, digest, UpdatePhase.FETCHING))
    said = replace(told, publisher=PublisherReport(1, 9, 0, PublisherTrouble.REFUSED))
    await fleet.stores.check_ins.keep([sighting("d1", said, fleet.clock.now())])
    assert "refuses the publisher's metadata" in text(await fleet.explain("d1"))
    assert "metadata" not in text(await fleet.explain("d2"))


async def test_a_recalled_backbone_is_named(fleet: Fleet) -> None:
    await fleet.rollouts.start(Plan("lite0:1"))
    for device in ("d1", "d2", "d3"):
        await fleet.serve(device, 1, "1", count=2)
    await fleet.controller.look_at_all()
    await fleet.rollouts.recall("lite0:1")
    assert "That backbone was recalled." in text(await fleet.explain("d1"))


async def test_an_unknown_device_is_not_explained(fleet: Fleet) -> None:
    with pytest.raises(FieldwiseError) as refused:
        await fleet.explain("d9")
    assert refused.value.fault is Fault.NOT_FOUND


async def test_every_device_of_a_rollout_is_listed_with_its_place_and_what_it_waits_for(
    fleet: Fleet,
) -> None:
    rollout = await fleet.rollouts.start(Plan("lite0:1", waves=(Wave(devices=1), Wave())))
    [first] = [
        each.device
        for each in await fleet.stores.rollouts.cohort(rollout)
        if each.target is not None
    ]
    await fleet.serve(first, 1, "1", count=2)
    found = (await fleet.devices(rollout.id)).items
    assert [each.id for each in found] == ["d1", "d2", "d3"]
    by_id = {each.id: each for each in found}
    done = by_id.pop(first)
    assert (done.wave, done.place, done.reason) == (1, Place.HEALTHY, "That is done.")
    for each in by_id.values():
        assert (each.wave, each.place) == (2, Place.WAITING)
        assert "wave 1 is the newest that is open" in each.reason
    waiting = await fleet.devices(rollout.id, "waiting", PageRequest(1))
    assert [each.id for each in waiting.items] == sorted(by_id)[:1]
    rest = await fleet.devices(rollout.id, "waiting", PageRequest(1, waiting.next_token))
    assert [each.id for each in rest.items] == sorted(by_id)[1:]
    assert rest.next_token == ""
    assert (await fleet.devices(rollout.id, "failed")).items == ()


async def test_no_page_reads_more_of_a_cohort_than_it_has_to(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = await fleet.rollouts.start(Plan("lite0:1"))
    store, read = fleet.stores.rollouts, list[int]()
    genuine = store.cohort

    async def cohort(meant: Rollout, after: str = "", size: int | None = None) -> object:
        found = await genuine(meant, after, size)
        read.append(len(found))
        return found

    monkeypatch.setattr(store, "cohort", cohort)
    first = await fleet.devices(rollout.id, "", PageRequest(1))
    assert ([each.id for each in first.items], read) == (["d1"], [2])
    monkeypatch.setattr(explanations, "READ_AT_ONCE", 2)
    last = await fleet.devices(rollout.id, "waiting", PageRequest(2, first.next_token))
    assert ([each.id for each in last.items], last.next_token) == (["d2", "d3"], "")
    assert read[1:] == [2, 0]


async def test_who_is_excluded_taken_over_or_on_his_way_back_is_listed_so(fleet: Fleet) -> None:
    picky = await fleet.rollouts.start(Plan("lite0:1", minimum_agent_version="9"))
    excluded = (await fleet.devices(picky.id)).items
    assert {each.place for each in excluded} == {Place.EXCLUDED}
    assert all("or 0.1.0 is the oldest that will do" in each.reason for each in excluded)
    first = await fleet.rollouts.start(Plan("lite0:1"))
    for name in ("d1", "d2", "d3"):
        await fleet.serve(name, 1, "1", count=2)
    second = await fleet.rollouts.start(Plan("lite0:2"))
    taken = (await fleet.devices(first.id)).items
    assert {(each.place, each.reason) for each in taken} == {
        (Place.SUPERSEDED, f"A newer rollout than {first.id} has it.")
    }
    for name in ("d1", "d2", "d3"):
        await fleet.serve(name, 2, "2", count=3)
    await fleet.rollouts.abort(second.id)
    back = (await fleet.devices(second.id, Place.WAITING.value)).items
    assert len(back) == 3
    assert all("It has not heard of that yet" in each.reason for each in back)


async def test_a_place_or_rollout_that_there_is_not_is_refused(fleet: Fleet) -> None:
    rollout = await fleet.rollouts.start(Plan("lite0:1"))
    with pytest.raises(FieldwiseError, match="there are excluded, waiting") as caught:
        await fleet.devices(rollout.id, "lost")
    assert caught.value.fault is Fault.INVALID_ARGUMENT
    with pytest.raises(FieldwiseError) as caught:
        await fleet.devices("r9")
    assert caught.value.fault is Fault.NOT_FOUND
