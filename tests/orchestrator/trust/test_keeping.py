"""The leader's metadata: what is pushed gets on the list, what is not there is not rolled out."""

import asyncio
from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import BYTES_MAX, Role
from orchestrator.leadership import Replica
from orchestrator.rollout.backbone import Backbone
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.operations import Rollouts
from orchestrator.rollout.phases import Phase, Reason
from orchestrator.rollout.plan import Plan
from orchestrator.rollout.previewing import Previews
from orchestrator.storage.memory import memory_stores
from orchestrator.trust import keeping as module
from orchestrator.trust.documents import Document
from orchestrator.trust.keeping import LOOK_SECONDS, Keeping, listed_of
from orchestrator.trust.upkeep import PublisherKeys
from orchestrator.trust_ports import Kept
from tests.fleet_records import SetClock, backbone, join
from tests.publishers import Publisher, all_online, trusted

LEADER, OTHER = Replica("p1", "place"), Replica("p2", "place")


class Server:
    """One replica over stores in memory, which leads or does not."""

    def __init__(self, keys: PublisherKeys, beside: "Server | None" = None) -> None:
        self.clock = beside.clock if beside else SetClock()
        self.stores = beside.stores if beside else memory_stores(now=self.clock.now)
        self.term: int | None = None
        stores = self.stores
        self.keeping = Keeping(stores.trust, stores.backbones, keys, self.clock, lambda: self.term)
        self.controller = Controller(
            stores.rollouts, stores.backbones, self.clock, is_listed=self.keeping.is_listed
        )
        self.rollouts = Rollouts(
            stores.rollouts, stores.backbones, self.controller, self.clock, self.keeping
        )

    async def lead(self, replica: Replica = LEADER) -> int:
        self.term = (await self.stores.leadership.claim(replica, 60)).term
        return self.term

    async def push(self, version: str = "1", epoch: int = 1) -> Backbone:
        made = backbone(version)
        manifest = replace(made.manifest, epoch=epoch) if epoch > 1 else made.manifest
        published, _ = await self.stores.backbones.add(replace(made, manifest=manifest))
        await self.keeping.refresh()
        return published

    async def publish(self, *documents: Document) -> None:
        kept = [Kept(each.role, each.version, each.content) for each in documents]
        await self.stores.trust.keep(kept)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITED_SECONDS", 0.02)
    monkeypatch.setattr(module, "ASKED_SECONDS", 0.01)


async def refused(server: Server, version: str = "1") -> FieldwiseError:
    """What a start is refused with, and a preview as well."""
    plan, stores = Plan(f"lite0:{version}"), server.stores
    previews = Previews(stores.rollouts, stores.backbones, server.clock, server.keeping)
    with pytest.raises(FieldwiseError) as foreseen:
        await previews.preview(plan)
    with pytest.raises(FieldwiseError) as caught:
        await server.rollouts.start(plan)
    assert foreseen.value.fault is caught.value.fault
    return caught.value


async def test_what_is_pushed_can_be_rolled_out_at_once_where_the_server_has_the_keys() -> None:
    server = Server(all_online())
    await server.lead()
    await server.push()
    assert (await server.rollouts.start(Plan("lite0:1"))).title == "lite0:1"
    state = await server.keeping.state()
    trusted(state, state[Role.ROOT], server.clock.now())


async def test_what_does_not_fit_on_the_list_is_refused_before_it_spoils_the_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(all_online())
    await server.lead()
    pushed = [await server.push(str(number)) for number in range(4)]
    length = len((await server.keeping.state())[Role.TARGETS].content)
    limit = {**BYTES_MAX, Role.TARGETS: length + module.FRAME_BYTES}
    monkeypatch.setattr(module, "BYTES_MAX", limit)
    await server.keeping.check_room(listed_of(pushed[0]))  # it is there already
    while (fresh := backbone(f"9{len(pushed)}")) and len(pushed) < 30:
        try:
            await server.keeping.check_room(listed_of(fresh))
        except FieldwiseError as error:
            refusal = error
            break
        pushed.append((await server.stores.backbones.add(fresh))[0])
    assert (refusal.fault, "recall" in refusal.sentence) == (Fault.OVER_LIMIT, True)
    await server.keeping.refresh()
    assert len((await server.keeping.state())[Role.TARGETS].content) < limit[Role.TARGETS]


async def test_a_publisher_elsewhere_minds_the_length_of_the_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(Publisher().founding())
    await server.lead()
    monkeypatch.setattr(module, "BYTES_MAX", {Role.TARGETS: 0})
    await server.keeping.check_room(listed_of(backbone()))


async def test_a_recall_takes_it_off_the_list_at_once() -> None:
    server = Server(all_online())
    await server.lead()
    first, second = await server.push("1"), await server.push("2")
    await server.rollouts.recall("lite0:1")
    state = await server.keeping.state()
    assert set(state[Role.TARGETS].listed) == {second.digest}
    trusted(state, state[Role.ROOT], server.clock.now())
    assert first.digest not in state[Role.TARGETS].listed


async def test_what_was_pushed_before_there_was_a_list_gets_on_the_first() -> None:
    server = Server(all_online())
    old = await server.push()
    assert await server.keeping.state() == {}
    await server.keeping.look(await server.lead())
    state = await server.keeping.state()
    assert dict(state[Role.TARGETS].listed) == {old.digest: listed_of(old)}


async def test_a_replica_that_does_not_lead_waits_for_the_one_that_does() -> None:
    keys = all_online()
    leader = Server(keys)
    other = Server(keys, leader)
    term = await leader.lead()
    await leader.keeping.look(term)
    await other.push()

    async def later() -> None:
        await asyncio.sleep(0.05)
        await leader.keeping.look(term)

    started, _ = await asyncio.gather(other.rollouts.start(Plan("lite0:1")), later())
    assert started.title == "lite0:1"


@pytest.mark.usefixtures("impatient")
async def test_without_a_leader_a_rollout_is_put_off() -> None:
    keys = all_online()
    leader = Server(keys)
    await leader.keeping.look(await leader.lead())
    other = Server(keys, leader)
    await other.push()
    assert (await refused(other)).fault is Fault.UNAVAILABLE


async def test_of_two_that_take_themselves_for_leaders_one_signs() -> None:
    keys = all_online()
    old = Server(keys)
    await old.keeping.look(await old.lead())
    await old.stores.leadership.resign(LEADER)
    new = Server(keys, old)
    await new.lead(OTHER)
    await old.stores.backbones.add(backbone("1"))
    assert old.term is not None
    with pytest.raises(FieldwiseError) as caught:
        await old.keeping.look(old.term)
    assert caught.value.fault is Fault.CONFLICT
    before = (await old.keeping.state())[Role.TIMESTAMP].version
    await new.keeping.refresh()
    assert (await new.keeping.state())[Role.TIMESTAMP].version > before


async def test_looks_at_once_sign_once() -> None:
    server = Server(all_online())
    term = await server.lead()
    await asyncio.gather(*(server.keeping.look(term) for _ in range(5)))
    state = await server.keeping.state()
    assert state[Role.TIMESTAMP].version == int(server.clock.now())


class TestKeysElsewhere:
    async def test_what_is_pushed_waits_for_a_signature(self) -> None:
        publisher = Publisher()
        server = Server(publisher.founding())
        await server.lead()
        pushed = await server.push()
        error = await refused(server)
        assert error.fault is Fault.NOT_VOUCHED
        assert "lite0:1 is not on the publisher's list" in error.sentence
        await server.publish(publisher.list(2, listed_of(pushed)))
        assert (await server.rollouts.start(Plan("lite0:1"))).title == "lite0:1"

    async def test_without_a_root_nothing_is_rolled_out(self) -> None:
        server = Server(Publisher().server_keys)
        await server.lead()
        await server.push()
        assert (await refused(server)).fault is Fault.NOT_VOUCHED

    async def test_what_is_below_the_floor_is_not_rolled_out_even_when_it_is_listed(self) -> None:
        publisher = Publisher()
        server = Server(publisher.founding())
        await server.lead()
        pushed = await server.push()
        await server.publish(publisher.list(2, listed_of(pushed), floor=2))
        error = await refused(server)
        assert error.fault is Fault.BELOW_FLOOR
        assert "the publisher's floor is 2" in error.sentence

    @pytest.mark.usefixtures("impatient")
    async def test_a_list_that_no_snapshot_means_yet_is_not_enough(self) -> None:
        publisher = Publisher()
        server = Server(publisher.founding())
        await server.keeping.look(await server.lead())
        pushed = await server.push()
        await server.publish(publisher.list(2, listed_of(pushed)))
        server.term = None
        assert (await refused(server)).fault is Fault.UNAVAILABLE
        await server.lead()
        await server.rollouts.start(Plan("lite0:1"))

    @pytest.mark.parametrize("floor", [0, 2], ids=["delisted", "below the floor"])
    async def test_a_rollout_pauses_when_its_backbone_is_withdrawn_until_it_is_listed_again(
        self, floor: int
    ) -> None:
        publisher = Publisher()
        server = Server(publisher.founding())
        await server.lead()
        await join(server.stores, "d1")
        pushed = await server.push()
        await server.publish(publisher.list(2, listed_of(pushed)))
        rollout = await server.rollouts.start(Plan("lite0:1"))
        assert rollout.phase is Phase.RUNNING
        left = (listed_of(pushed),) if floor else ()
        await server.publish(publisher.list(3, *left, floor=floor))
        server.clock.pass_by(LOOK_SECONDS)
        await server.controller.look_at_all()
        paused = await server.rollouts.get(rollout.id)
        assert (paused.phase, paused.reason) == (Phase.PAUSED, Reason.UNLISTED)
        for deed in (server.rollouts.resume, server.rollouts.promote, server.rollouts.retry):
            with pytest.raises(FieldwiseError) as caught:
                await deed(rollout.id)
            assert caught.value.fault is (Fault.BELOW_FLOOR if floor else Fault.NOT_VOUCHED)
        if not floor:
            await server.publish(publisher.list(4, listed_of(pushed)))
            assert (await server.rollouts.resume(rollout.id)).rollout.phase is Phase.RUNNING
            await server.controller.look_at_all()
            assert (await server.rollouts.get(rollout.id)).phase is Phase.RUNNING

    async def test_what_was_listed_a_moment_ago_is_not_taken_for_withdrawn(self) -> None:
        publisher = Publisher()
        server = Server(publisher.founding())
        await server.lead()
        await server.keeping.refresh()
        assert not await server.keeping.is_listed("a" * 64)
        pushed = await server.push()
        await server.publish(publisher.list(2, listed_of(pushed)))
        assert await server.keeping.is_listed(pushed.digest)

    async def test_an_abort_goes_on_though_nothing_is_listed(self) -> None:
        publisher = Publisher()
        server = Server(publisher.founding())
        await server.lead()
        pushed = await server.push()
        await server.publish(publisher.list(2, listed_of(pushed)))
        rollout = await server.rollouts.start(Plan("lite0:1"))
        await server.publish(publisher.list(3))
        assert (await server.rollouts.pause(rollout.id)).rollout.phase is Phase.PAUSED
        assert (await server.rollouts.abort(rollout.id)).rollout.phase is Phase.REVERTED

    async def test_a_recall_leaves_the_list_to_the_publisher(self) -> None:
        publisher = Publisher()
        server = Server(publisher.founding())
        await server.lead()
        pushed = await server.push()
        await server.publish(publisher.list(2, listed_of(pushed)))
        await server.rollouts.recall("lite0:1")
        assert pushed.digest in (await server.keeping.state())[Role.TARGETS].listed


async def test_an_undo_does_not_go_back_to_what_is_not_listed_any_more() -> None:
    publisher = Publisher()
    server = Server(publisher.founding())
    await server.lead()
    first, second = await server.push("1"), await server.push("2")
    await server.publish(publisher.list(2, listed_of(first), listed_of(second)))
    earlier = await server.rollouts.start(Plan("lite0:1"))
    later = await server.rollouts.start(Plan("lite0:2"))
    await server.publish(publisher.list(3, listed_of(second)))
    with pytest.raises(FieldwiseError) as caught:
        await server.rollouts.undo(later.id, to=earlier.id)
    assert caught.value.fault is Fault.NOT_VOUCHED


async def test_a_spoiled_store_is_told_and_signs_nothing() -> None:
    server = Server(all_online())
    await server.stores.trust.keep([Kept(Role.ROOT, 1, b"{}")])
    with pytest.raises(FieldwiseError) as caught:
        await server.keeping.look(await server.lead())
    assert caught.value.fault is Fault.METADATA_INVALID
