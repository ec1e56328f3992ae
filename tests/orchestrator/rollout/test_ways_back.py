"""Undo and recall, as operators see them."""

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateHold, UpdatePhase
from orchestrator.fleet.device import Target
from orchestrator.fleet.report import UpdateReport
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import DeviceClass, Plan
from orchestrator.rollout.rollout import Kind
from orchestrator.rollout.withholding import Withholding
from tests.fleet_records import backbone, caller, report, step
from tests.rollout_fleet import Fleet


@pytest.fixture
async def fleet() -> Fleet:
    made = Fleet()
    await made.prepare("d1", "d2")
    return made


async def test_an_undo_brings_the_backbone_before_unjudged(fleet: Fleet) -> None:
    first = await fleet.rollouts.start(Plan("lite0:1"))
    for device in ("d1", "d2"):
        await fleet.arrives(device)
    second = await fleet.rollouts.start(Plan("lite0:2"))
    undo = (await fleet.rollouts.undo(second.id)).rollout
    assert (undo.kind, undo.digest, undo.number) == (Kind.UNDO, first.digest, 3)
    target = fleet.target("d1")
    assert target is not None
    assert (target.digest, target.back) == (first.digest, True)
    named = (await fleet.rollouts.undo(second.id, first.id)).rollout
    assert named.digest == first.digest


async def test_an_undo_needs_something_earlier_that_is_allowed(fleet: Fleet) -> None:
    first = await fleet.rollouts.start(Plan("lite0:1"))
    second = await fleet.rollouts.start(Plan("lite0:2"))
    with pytest.raises(FieldwiseError, match=r"named is lite0:1 \(--to r1\)$") as caught:
        await fleet.rollouts.undo(second.id)
    assert caught.value.fault is Fault.NOT_FOUND
    with pytest.raises(FieldwiseError) as caught:
        await fleet.rollouts.undo(first.id, second.id)
    assert caught.value.fault is Fault.ILLEGAL_COMMAND
    await fleet.rollouts.recall("lite0:1")
    with pytest.raises(FieldwiseError) as caught:
        await fleet.rollouts.undo(second.id, first.id)
    assert caught.value.fault is Fault.ILLEGAL_COMMAND


async def test_an_undo_asks_devices_what_they_had_and_not_who_had_the_same_selector(
    fleet: Fleet,
) -> None:
    first = await fleet.rollouts.start(Plan("lite0:1"))
    for device in ("d1", "d2"):
        await fleet.arrives(device)
    await fleet.stores.devices.change_tags("d2", {"site": "paris"}, ())
    second = await fleet.rollouts.start(Plan("lite0:2", "site=berlin"))
    await fleet.arrives("d1")
    assert (await fleet.rollouts.get(second.id)).phase is Phase.COMPLETE
    undo = (await fleet.rollouts.undo(second.id)).rollout
    assert (undo.digest, undo.cohort) == (first.digest, "site=berlin")
    assert fleet.target("d1") == Target(3, first.digest, back=True)
    assert fleet.target("d2") == Target(1, first.digest)


async def test_an_undo_takes_along_who_was_ordered_and_has_other_tags_by_now(fleet: Fleet) -> None:
    for version in ("1", "2"):
        rollout = await fleet.rollouts.start(Plan(f"lite0:{version}", "site=berlin"))
        for device in ("d1", "d2"):
            await fleet.arrives(device)
    await fleet.stores.devices.change_tags("d2", {"site": "paris"}, ())
    change = await fleet.rollouts.undo(rollout.id)
    assert (change.ordered, change.rollout.counts) == (2, {Place.WAITING: 2})
    for device in ("d1", "d2"):
        assert fleet.target(device) == Target(3, backbone("1").digest, back=True)


async def test_an_undo_orders_nobody_who_is_excluded_and_counts_them_not(fleet: Fleet) -> None:
    for version in ("1", "2"):
        rollout = await fleet.rollouts.start(Plan(f"lite0:{version}"))
        for device in ("d1", "d2"):
            await fleet.arrives(device)
    pinned = UpdateReport(2, backbone("2").digest, UpdatePhase.ACTIVE, hold=UpdateHold.PINNED)
    told = report(fleet.next(), generation=2, bundle=backbone("2").digest, update=pinned)
    await fleet.check_ins.check_in(caller("d2"), told)
    change = await fleet.rollouts.undo(rollout.id)
    assert change.ordered == 1
    assert change.rollout.counts == {Place.EXCLUDED: 1, Place.WAITING: 1}
    assert fleet.target("d2") == Target(2, backbone("2").digest)


@pytest.mark.parametrize("to", ["r1", ""])
async def test_an_undo_chooses_variants_as_the_rollout_did_that_brought_the_backbone(
    fleet: Fleet, to: str
) -> None:
    classes = (DeviceClass("fp32", "aarch64"),)
    for plan in (Plan("lite0:1", classes=classes), Plan("lite0:2")):
        await fleet.rollouts.start(plan)
        for device in ("d1", "d2"):
            await fleet.arrives(device)
    await fleet.rollouts.undo("r2", to)
    assert fleet.target("d1") == Target(3, backbone("1").digest, "fp32", back=True)


async def test_an_undo_of_devices_that_had_different_backbones_tells_what_can_be_named(
    fleet: Fleet,
) -> None:
    await fleet.rollouts.start(Plan("lite0:1"))
    for device in ("d1", "d2"):
        await fleet.arrives(device)
    await fleet.stores.devices.change_tags("d2", {"site": "paris"}, ())
    await fleet.rollouts.start(Plan("lite0:2", "site=paris"))
    await fleet.arrives("d2")
    await fleet.stores.backbones.add(backbone("3"))
    third = await fleet.rollouts.start(Plan("lite0:3"))
    with pytest.raises(FieldwiseError) as caught:
        await fleet.rollouts.undo(third.id)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
    for told in ("lite0:1 on 1 device (--to r1)", "lite0:2 on 1 device (--to r2)", "abort r3"):
        assert told in caught.value.sentence
    assert (await fleet.rollouts.undo(third.id, "r2")).rollout.title == "lite0:2"
    await fleet.rollouts.recall("lite0:2")
    assert (await fleet.rollouts.undo(third.id)).rollout.title == "lite0:1"


async def test_nothing_undoes_a_recall(fleet: Fleet) -> None:
    await fleet.rollouts.start(Plan("lite0:1"))
    recall = (await fleet.rollouts.recall("lite0:1")).rollouts[0]
    with pytest.raises(FieldwiseError) as caught:
        await fleet.rollouts.undo(recall.id)
    assert caught.value.fault is Fault.ILLEGAL_COMMAND


async def test_a_recall_turns_everything_back_that_brings_the_bundle(fleet: Fleet) -> None:
    await fleet.rollouts.start(Plan("lite0:1"))
    await fleet.arrives("d1")
    await fleet.arrives("d2")
    second = await fleet.rollouts.start(Plan("lite0:2"))
    await fleet.arrives("d1")
    recalled = await fleet.rollouts.recall("lite0:2")
    recall, turned = recalled.rollouts
    assert (recall.kind, recall.phase, turned.number) == (Kind.RECALL, Phase.REVERTING, 2)
    assert turned.phase is Phase.REVERTED
    assert turned.counts == {Place.SUPERSEDED: 2}
    for device in ("d1", "d2"):
        target = fleet.target(device)
        assert target is not None
        assert (target.digest, target.back) == (backbone("1").digest, True)
        await fleet.arrives(device)
    assert (await fleet.rollouts.get(recall.id)).phase is Phase.REVERTED
    assert (await fleet.rollouts.recall("lite0:2")).rollouts == ()
    with pytest.raises(FieldwiseError) as caught:
        await fleet.rollouts.start(second.plan)
    assert caught.value.fault is Fault.ILLEGAL_COMMAND


async def test_a_recall_reaches_a_device_that_declined_what_came_after(fleet: Fleet) -> None:
    await fleet.rollouts.start(Plan("lite0:1"))
    await fleet.arrives("d1")
    third, _ = await fleet.stores.backbones.add(backbone("3"))
    await fleet.rollouts.start(Plan("lite0:2"))
    await fleet.arrives("d1")
    await fleet.rollouts.start(Plan("lite0:3"))
    await fleet.calls("d1")
    await fleet.calls("d1", UpdatePhase.DECLINED)
    await fleet.rollouts.recall("lite0:2")
    assert fleet.target("d1") == Target(4, backbone("1").digest, back=True)
    assert third.digest != backbone("1").digest


async def test_a_device_whose_way_back_is_recalled_too_keeps_what_it_runs_until_a_newer_rollout(
    fleet: Fleet,
) -> None:
    await fleet.stores.backbones.add(backbone("3"))
    for version in ("1", "2"):
        await fleet.rollouts.start(Plan(f"lite0:{version}"))
        await fleet.arrives("d1")
    await fleet.rollouts.recall("lite0:2")
    back = Target(3, backbone("1").digest, back=True)
    assert fleet.target("d1") == back
    recall = (await fleet.rollouts.recall("lite0:1")).rollouts[0]
    told = report(fleet.next(), generation=3, bundle=backbone("2").digest)
    orders = await fleet.check_ins.check_in(caller("d1"), told)
    assert (orders.target, orders.permit) == (back, None)
    await fleet.controller.look_at_all()
    for number in (recall.number - 1, recall.number):
        ended = await fleet.stores.rollouts.get(number)
        assert (ended.phase, ended.watched) == (Phase.REVERTED, False)
        assert set(ended.counts) == {Place.EXCLUDED}
    await fleet.rollouts.start(Plan("lite0:3"))
    assert fleet.target("d1") == Target(4, backbone("3").digest)


async def test_an_owner_who_refuses_the_way_back_keeps_a_rollout_turning_back(
    fleet: Fleet,
) -> None:
    for version in ("1", "2"):
        rollout = await fleet.rollouts.start(Plan(f"lite0:{version}", "site=berlin"))
        for device in ("d1", "d2"):
            await fleet.arrives(device)
    await fleet.rollouts.abort(rollout.id)
    await fleet.arrives("d2")
    await fleet.calls("d1", UpdatePhase.DECLINED)
    await fleet.controller.look_at_all()
    reverting = await fleet.rollouts.get(rollout.id)
    assert reverting.phase is Phase.REVERTING
    assert reverting.counts == {Place.HEALTHY: 1, Place.DECLINED: 1}
    target = fleet.target("d1")
    await fleet.rollouts.retry(rollout.id)
    assert fleet.target("d1") == target
    assert (await fleet.rollouts.hold(rollout.id)).rollout.phase is Phase.HELD


async def test_a_recall_goes_on_for_a_device_that_is_heard_after_its_end(fleet: Fleet) -> None:
    await fleet.stores.backbones.add(backbone("3"))
    for version in ("3", "1"):
        await fleet.rollouts.start(Plan(f"lite0:{version}"))
        for device in ("d1", "d2"):
            await fleet.arrives(device)
    recall = (await fleet.rollouts.recall("lite0:2")).rollouts[0]
    await fleet.controller.look_at_all()
    assert (await fleet.stores.rollouts.get(recall.number)).phase is Phase.REVERTED
    gone, had = backbone("2").digest, backbone("3").digest
    serving = step(0, gone, UpdatePhase.ACTIVE)
    for _ in range(2):
        told = report(fleet.next(), generation=2, bundle=gone, update=serving)
        await fleet.check_ins.check_in(caller("d1"), told)
    await fleet.controller.look_at_all()
    assert (await fleet.stores.rollouts.get(recall.number)).phase is Phase.REVERTING
    assert fleet.target("d1") == Target(3, had, back=True)
    await fleet.arrives("d1")
    assert (await fleet.stores.rollouts.get(recall.number)).phase is Phase.REVERTED
    assert fleet.target("d2") == Target(2, backbone("1").digest)


async def test_recalled_content_is_withheld_but_for_what_others_share(fleet: Fleet) -> None:
    withholding = Withholding(fleet.stores.backbones, fleet.clock)
    gone, kept = backbone("2"), backbone("1")
    [graph] = gone.manifest.variants[0].files
    await withholding.check(gone.digest)
    await fleet.rollouts.recall("lite0:2")
    fleet.clock.pass_by(5)
    for digest in (gone.digest, graph.digest):
        with pytest.raises(FieldwiseError) as caught:
            await withholding.check(digest)
        assert caught.value.fault is Fault.NOT_FOUND
    for digest in (kept.digest, gone.manifest.golden.digest):
        await withholding.check(digest)


async def test_content_that_the_store_lacks_is_awaited_only_for_what_is_still_offered(
    fleet: Fleet,
) -> None:
    withholding = Withholding(fleet.stores.backbones, fleet.clock)
    gone, kept = backbone("2"), backbone("1")
    [graph] = kept.manifest.variants[0].files
    await fleet.rollouts.recall("lite0:2")
    for digest in (kept.digest, graph.digest, gone.manifest.golden.digest):
        assert (await withholding.lacking(digest)).fault is Fault.UNAVAILABLE
    for digest in (gone.digest, "00" * 32):
        assert (await withholding.lacking(digest)).fault is Fault.NOT_FOUND
