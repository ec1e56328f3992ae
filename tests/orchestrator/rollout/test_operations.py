from collections.abc import Sequence
from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdatePhase
from orchestrator.fleet.check_in import CheckIns
from orchestrator.fleet.device import Target
from orchestrator.paging import PageRequest
from orchestrator.rollout.controller import BREAK_SECONDS, Controller
from orchestrator.rollout.operations import Rollouts, rollout_number
from orchestrator.rollout.phases import Phase, Reason
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import GateRules, Limits, Plan, Wave
from orchestrator.rollout.rollout import Event, Happening, Kind, Order, Rollout
from orchestrator.rollout.withholding import Withholding
from orchestrator.storage.memory import memory_stores
from orchestrator.storage.memory_contents import Contents
from orchestrator.storage.memory_rollouts import MemoryRollouts
from tests.fleet_records import SetClock, backbone, caller, join, report, roll_out, step

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


@pytest.fixture
async def fleet() -> Fleet:
    made = Fleet()
    await made.prepare("d1", "d2")
    return made


async def test_a_start_orders_the_cohort_at_once(fleet: Fleet) -> None:
    rollout = await fleet.rollouts.start(replace(ALL, cohort="site=berlin"))
    assert (rollout.phase, rollout.counts) == (Phase.RUNNING, {Place.WAITING: 2})
    await fleet.calls("d1")
    assert (await fleet.rollouts.get(rollout.id)).counts == {Place.WAITING: 1, Place.PERMITTED: 1}


async def test_who_joins_later_gets_the_target_at_the_next_look(fleet: Fleet) -> None:
    await fleet.rollouts.start(ALL)
    await join(fleet.stores, "d3")
    await fleet.controller.look_at_all()
    assert await fleet.calls("d3") is not None


async def test_who_joins_later_does_not_get_what_everyone_declined(fleet: Fleet) -> None:
    first = await fleet.rollouts.start(Plan("lite0:1"))
    for device in ("d1", "d2"):
        await fleet.arrives(device)
    second = await fleet.rollouts.start(Plan("lite0:2"))
    for device in ("d1", "d2"):
        await fleet.calls(device)
        await fleet.calls(device, UpdatePhase.DECLINED)
    seen = await fleet.rollouts.get(second.id)
    assert (seen.phase, seen.reason) == (Phase.PAUSED, Reason.UNDECIDED)
    await join(fleet.stores, "d3")
    await fleet.controller.look_at_all()
    assert await fleet.calls("d3") == Target(1, first.digest)
    await fleet.rollouts.promote(second.id)
    assert fleet.target("d3") == Target(2, second.digest)


async def test_a_rollout_that_a_newer_one_overtakes_at_its_start_ends_as_superseded(
    fleet: Fleet,
) -> None:
    old = await roll_out(fleet.stores)
    new = await fleet.rollouts.start(ALL)
    await fleet.controller.look_at_all()
    overtaken = await fleet.stores.rollouts.get(old.number)
    assert (overtaken.phase, overtaken.counts) == (Phase.SUPERSEDED, {Place.SUPERSEDED: 2})
    assert [each.number for each in await fleet.stores.rollouts.watched()] == [new.number]


@pytest.mark.parametrize("word", ["pause", "hold", "abort"])
async def test_a_stop_says_how_many_may_still_start(word: str) -> None:
    fleet = Fleet()
    await fleet.prepare("d1", "d2", "d3")
    rollout = await fleet.rollouts.start(ALL)
    for device in ("d1", "d2"):
        await fleet.calls(device)
    fleet.clock.pass_by(5)
    change = await getattr(fleet.rollouts, word)(rollout.id)
    assert (change.changed, change.may_still_start) == (True, 2)
    assert 45 <= change.within_seconds <= 48
    await fleet.calls("d3")
    again = await getattr(fleet.rollouts, word)(rollout.id)
    assert (again.changed, again.may_still_start) == (False, 2)


async def test_a_stop_without_permits_says_none(fleet: Fleet) -> None:
    change = await fleet.rollouts.hold((await fleet.rollouts.start(ALL)).id)
    assert (change.may_still_start, change.within_seconds) == (0, 0)
    assert change.rollout.phase is Phase.HELD


async def test_a_pause_now_takes_the_target_back_and_a_resume_gives_it_again(
    fleet: Fleet,
) -> None:
    await fleet.rollouts.start(Plan("lite0:1"))
    for device in ("d1", "d2"):
        await fleet.arrives(device)
    had = backbone("1").digest
    rollout = await fleet.rollouts.start(Plan("lite0:2"))
    await fleet.calls("d1")
    await fleet.calls("d1", UpdatePhase.MIGRATING)
    change = await fleet.rollouts.pause(rollout.id, now=True)
    assert change.ordered == 2
    targets = [fleet.target(device) for device in ("d1", "d2")]
    assert targets == [Target(3, had, back=True)] * 2
    resumed = await fleet.rollouts.resume(rollout.id)
    assert resumed.ordered == 2
    assert fleet.target("d1") == Target(4, rollout.digest)
    history = await fleet.rollouts.history(rollout.id, PageRequest())
    kinds = [event.kind for event in reversed(history.items)]
    told = [Happening.STARTED, Happening.PAUSED, Happening.REVOKED, Happening.RESUMED]
    assert [kind for kind in kinds if kind is not Happening.FINDING] == told


async def test_a_promotion_orders_the_next_wave_at_once(fleet: Fleet) -> None:
    rollout = await fleet.rollouts.start(replace(ALL, waves=(Wave(devices=1), Wave())))
    assert sum(fleet.target(device) is not None for device in ("d1", "d2")) == 1
    change = await fleet.rollouts.promote(rollout.id)
    assert (change.rollout.wave, change.ordered) == (1, 1)
    again = await fleet.rollouts.promote(rollout.id, to_end=True)
    assert again.rollout.to_end


async def test_a_retry_orders_the_failed_again(fleet: Fleet) -> None:
    lenient = GateRules(failed_share_max=1.0, rollback_share_max=1.0)
    rollout = await fleet.rollouts.start(replace(ALL, gate=lenient))
    await fleet.calls("d1")
    await fleet.calls("d1", UpdatePhase.REVERTED)
    change = await fleet.rollouts.retry(rollout.id)
    assert change.ordered == 1
    assert fleet.target("d1") == Target(2, rollout.digest)
    assert not (await fleet.rollouts.retry(rollout.id)).changed


async def test_an_abort_brings_devices_back_to_what_each_had(fleet: Fleet) -> None:
    await fleet.rollouts.start(Plan("lite0:1"))
    await fleet.arrives("d1")
    rollout = await fleet.rollouts.start(Plan("lite0:2"))
    await fleet.arrives("d1")
    change = await fleet.rollouts.abort(rollout.id)
    assert change.rollout.phase is Phase.REVERTING
    assert fleet.target("d1") == Target(3, backbone("1").digest, back=True)
    assert fleet.target("d2") == Target(2, backbone("2").digest)  # it never had anything
    await fleet.arrives("d1")
    ended = await fleet.rollouts.get(rollout.id)
    assert (ended.phase, ended.reason) == (Phase.REVERTED, Reason.OPERATOR)


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


async def test_devices_wait_for_their_turn_where_few_may_be_under_way(fleet: Fleet) -> None:
    limits = Limits(in_flight=1, bytes_per_second=1000)
    await fleet.rollouts.start(replace(ALL, limits=limits))
    first = await fleet.check_ins.check_in(caller("d1"), report(1))
    assert first.permit is not None
    assert first.permit.bytes_per_second == 1000
    assert (await fleet.check_ins.check_in(caller("d2"), report(1))).permit is None
    await fleet.calls("d1", UpdatePhase.ACTIVE)
    fleet.clock.pass_by(2)
    assert (await fleet.check_ins.check_in(caller("d2"), report(2))).permit is not None


async def test_an_operator_wins_against_a_busy_controller() -> None:
    fleet = Fleet(races=6)
    await fleet.prepare("d1")
    rollout = await fleet.rollouts.start(ALL)
    assert (await fleet.rollouts.hold(rollout.id)).rollout.phase is Phase.HELD


async def test_an_operator_who_always_loses_is_told() -> None:
    fleet = Fleet(races=1000)
    await fleet.prepare("d1")
    with pytest.raises(FieldwiseError) as caught:
        await fleet.rollouts.start(ALL)
    assert caught.value.fault is Fault.CONFLICT


async def test_a_rollout_that_others_keep_changing_can_be_looked_at_all_the_same(
    fleet: Fleet,
) -> None:
    rollout = await fleet.rollouts.start(ALL)
    await fleet.calls("d1")
    store = RacedRollouts(fleet.contents, 1000)
    controller = Controller(store, fleet.stores.backbones, fleet.clock)
    raced = Rollouts(store, fleet.stores.backbones, controller, fleet.clock)
    assert (await raced.get(rollout.id)).counts == {Place.WAITING: 2}


async def test_a_conflict_does_not_keep_the_controller_from_other_rollouts(fleet: Fleet) -> None:
    old = await roll_out(fleet.stores)
    new = await roll_out(fleet.stores)
    store = RacedRollouts(fleet.contents, 1)
    await Controller(store, fleet.stores.backbones, fleet.clock).look_at_all()
    assert (await store.get(new.number)).counts == {}
    assert (await store.get(old.number)).counts == {Place.WAITING: 2}


async def test_a_device_that_knows_more_than_a_restored_database_is_ordered_by_what_was_complete(
    fleet: Fleet,
) -> None:
    started = await fleet.rollouts.start(ALL)
    for device in ("d1", "d2"):
        await fleet.arrives(device)
    assert not (await fleet.stores.rollouts.get(started.number)).watched
    ahead = report(
        fleet.next(), generation=9, bundle="f" * 64, update=step(9, "f" * 64, UpdatePhase.ACTIVE)
    )
    await fleet.check_ins.check_in(caller("d1"), ahead)
    await fleet.controller.look_at_all()
    assert fleet.target("d1") == Target(10, started.digest)


@pytest.mark.parametrize("again", [False, True], ids=["suspended", "started again"])
async def test_an_orchestrator_that_was_away_takes_nobody_for_lost_until_it_has_listened(
    fleet: Fleet, again: bool
) -> None:
    started = await fleet.rollouts.start(ALL)
    for device in ("d1", "d2"):
        await fleet.calls(device)
        await fleet.calls(device, UpdatePhase.MIGRATING)
    fleet.clock.pass_by(2 * BREAK_SECONDS)
    store, backbones = fleet.stores.rollouts, fleet.stores.backbones
    controller = Controller(store, backbones, fleet.clock) if again else fleet.controller
    await controller.look_at_all()
    seen = await store.get(started.number)
    assert (seen.phase, seen.counts) == (Phase.RUNNING, {Place.OFFLINE: 2})
    for _ in range(4):
        fleet.clock.pass_by(BREAK_SECONDS / 2)
        await controller.look_at_all()
    assert (await store.get(started.number)).reason is Reason.HARM


@pytest.mark.parametrize(("name", "cohort"), [("lite9", ""), ("!", ""), ("lite0", "=")])
async def test_a_start_that_makes_no_sense_starts_nothing(
    fleet: Fleet, name: str, cohort: str
) -> None:
    with pytest.raises(FieldwiseError):
        await fleet.rollouts.start(Plan(name, cohort))
    assert (await fleet.rollouts.list(PageRequest())).items == ()


@pytest.mark.parametrize("text", ["", "r", "r0", "7", "r-1", "r1 ", "r" + "9" * 19, "r٣"])
def test_what_names_no_rollout_is_not_found(text: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        rollout_number(text)
    assert caught.value.fault is Fault.NOT_FOUND
