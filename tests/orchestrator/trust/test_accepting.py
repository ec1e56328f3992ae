"""What a publisher sends is kept for its signatures alone, as a whole or not at all."""

from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import PublisherReport, Role
from orchestrator.leadership import Replica
from orchestrator.storage.memory import memory_stores
from orchestrator.trust.accepting import EXPORTED_MAX, Accepting
from orchestrator.trust.documents import Document
from orchestrator.trust.drafting import new_list, new_root, signed
from orchestrator.trust.keeping import Keeping, listed_of
from orchestrator.trust.signing_keys import by_id
from orchestrator.trust.upkeep import DAY, PublisherKeys
from tests.fleet_records import NOW, SetClock, backbone, join, report, sighting
from tests.publishers import Publisher, all_online, key, listed, trusted


class Server:
    """A leader over stores in memory, and what comes in to it."""

    def __init__(self, keys: PublisherKeys) -> None:
        self.clock = SetClock()
        self.stores = memory_stores(now=self.clock.now)
        self.term: int | None = None
        self.forgot = False
        stores = self.stores
        self.keeping = Keeping(stores.trust, stores.backbones, keys, self.clock, lambda: self.term)
        self.accepting = Accepting(
            stores.trust, stores.backbones, self.keeping, self.clock, self._forget
        )

    def _forget(self) -> PublisherKeys:
        self.forgot = True
        return replace(self.keeping.keys, root={}, targets={})

    async def lead(self) -> None:
        self.term = (await self.stores.leadership.claim(Replica("p", "place"), 60)).term
        await self.keeping.look(self.term)

    async def refused(self, fault: Fault, *roots: Document, targets: Document | None = None) -> str:
        before = await self.keeping.state()
        with pytest.raises(FieldwiseError) as caught:
            await self.accepting.publish(
                [each.content for each in roots], targets.content if targets else b""
            )
        assert caught.value.fault is fault, caught.value.sentence
        after = await self.keeping.state()
        assert {r: d.content for r, d in after.items()} == {r: d.content for r, d in before.items()}
        return caught.value.sentence


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
async def server(publisher: Publisher) -> Server:
    made = Server(publisher.founding())
    await made.lead()
    return made


async def test_a_first_root_and_list_are_taken_and_brought_to_devices(publisher: Publisher) -> None:
    server = Server(publisher.server_keys)
    await server.lead()
    root, targets = publisher.root(), publisher.list(1, listed())
    done = await server.accepting.publish([root.content], targets.content)
    assert (done.root_version, done.targets_version, done.changed) == (1, 1, True)
    trusted(await server.keeping.state(), root, NOW)
    again = await server.accepting.publish([root.content], targets.content)
    assert not again.changed


async def test_a_newer_list_is_in_force_at_once(server: Server, publisher: Publisher) -> None:
    await server.accepting.publish([], publisher.list(2, listed(), floor=1).content)
    state = await server.keeping.state()
    known = trusted(state, publisher.root(), NOW)
    assert known.targets.version == 2
    assert state[Role.TARGETS].floor == 1


async def test_nothing_is_taken_without_enough_signatures() -> None:
    publisher = Publisher(roots=3, lists=3, threshold=2)
    server = Server(publisher.founding())
    await server.lead()
    draft = new_list(2, NOW + DAY, [listed()], 0)
    assert "lacks 2 of the 2" in await server.refused(Fault.METADATA_INVALID, targets=draft)
    half = signed(draft, publisher.lists[:1])
    assert "lacks 1 of the 2" in await server.refused(Fault.METADATA_INVALID, targets=half)
    stranger = signed(half, [key(), publisher.roots[0], publisher.online])
    await server.refused(Fault.METADATA_INVALID, targets=stranger)
    done = await server.accepting.publish([], signed(half, publisher.lists[2:]).content)
    assert done.targets_version == 2


async def test_a_list_does_not_go_back(server: Server, publisher: Publisher) -> None:
    await server.accepting.publish([], publisher.list(5, listed(), floor=3).content)
    for version in (4, 5):
        await server.refused(Fault.CONFLICT, targets=publisher.list(version, listed("2"), floor=3))
    lower = publisher.list(6, listed("2"), floor=2)
    assert "only rises" in await server.refused(Fault.METADATA_INVALID, targets=lower)


async def test_a_clock_that_is_off_where_it_was_signed_is_told(
    server: Server, publisher: Publisher
) -> None:
    behind = publisher.list(2, listed(), now=NOW - 1000 * DAY)
    told = await server.refused(Fault.METADATA_EXPIRED, targets=behind)
    assert "2027-01-15" in told
    assert "was the clock right where it was signed?" in told
    ahead = publisher.list(2, listed(), now=NOW + 1000 * DAY)
    assert "too long" in await server.refused(Fault.METADATA_INVALID, targets=ahead)
    root = publisher.root(2, now=NOW + 3000 * DAY)
    assert "too long" in await server.refused(Fault.METADATA_INVALID, root)
    await server.refused(Fault.METADATA_EXPIRED, publisher.root(2, now=NOW - 1000 * DAY))


async def test_a_root_is_rotated_by_old_keys_and_new(server: Server, publisher: Publisher) -> None:
    first = publisher.root()
    new = Publisher()
    new.online = publisher.online
    await server.refused(Fault.METADATA_INVALID, new.root(2), targets=new.list(2))
    stolen = signed(new_root(2, NOW + DAY, new.holders), publisher.roots)
    await server.refused(Fault.METADATA_INVALID, stolen, targets=new.list(2))
    both = new.root(2, *publisher.roots)
    told = await server.refused(Fault.METADATA_INVALID, both)
    assert "lacks 1 of the 1 signatures that root 2 asks for" in told
    await server.accepting.publish([both.content], new.list(2, listed()).content)
    trusted(await server.keeping.state(), first, NOW)
    await server.refused(Fault.METADATA_INVALID, targets=publisher.list(3))
    await server.refused(Fault.CONFLICT, new.root(4))
    other = publisher.root(2)
    await server.refused(Fault.CONFLICT, other)


async def test_roots_that_expired_on_the_way_lead_on(server: Server, publisher: Publisher) -> None:
    old = publisher.root(2, now=NOW - 1000 * DAY)
    new = publisher.root(3)
    assert (await server.accepting.publish([old.content, new.content])).root_version == 3


async def test_an_online_key_that_the_server_lacks_is_refused_before_it_locks_devices_out(
    server: Server, publisher: Publisher
) -> None:
    old, publisher.online = publisher.online, key()
    told = await server.refused(Fault.METADATA_INVALID, publisher.root(2))
    assert "put the new publisher.json in its place first" in told
    server.keeping.keys = PublisherKeys(online=by_id([old, publisher.online]))
    await server.accepting.publish([publisher.root(2).content])
    state = await server.keeping.state()
    assert state[Role.TIMESTAMP].signers == {publisher.online.key_id}


async def test_a_list_that_says_of_a_backbone_what_it_is_not_is_refused(
    server: Server, publisher: Publisher
) -> None:
    pushed, _ = await server.stores.backbones.add(backbone())
    false = replace(listed_of(pushed), epoch=9)
    told = await server.refused(Fault.METADATA_INVALID, targets=publisher.list(2, false))
    assert "lite0:1" in told
    await server.accepting.publish([], publisher.list(2, listed_of(pushed)).content)


@pytest.mark.parametrize("content", [b"{}", b"\xff", b"[" * 10_000, b"null"])
async def test_rubbish_is_refused(server: Server, content: bytes) -> None:
    for roots, targets in (([content], b""), ([], content)):
        with pytest.raises(FieldwiseError) as caught:
            await server.accepting.publish(roots, targets)
        assert caught.value.fault is Fault.METADATA_INVALID


async def test_without_a_root_a_list_is_refused(publisher: Publisher) -> None:
    server = Server(publisher.server_keys)
    await server.lead()
    await server.refused(Fault.NOT_FOUND, targets=publisher.list())


class TestHandingOver:
    async def test_a_server_of_its_own_hands_its_keys_over_once_and_for_all(self) -> None:
        server = Server(all_online())
        pushed, _ = await server.stores.backbones.add(backbone("1"))
        await server.lead()
        state = await server.keeping.state()
        first, before = state[Role.ROOT], state[Role.TARGETS]
        publisher = Publisher()
        publisher.online = next(iter(server.keeping.keys.online.values()))
        targets = publisher.list(before.version + 1, listed_of(pushed))
        await server.refused(Fault.METADATA_INVALID, publisher.root(2), targets=targets)
        await server.accepting.publish([publisher.root(2).content], targets.content, hand_over=True)
        assert server.forgot
        assert server.keeping.keys.root == server.keeping.keys.targets == {}
        after = await server.keeping.state()
        trusted(after, first, NOW)
        await server.stores.backbones.add(backbone("2"))
        await server.keeping.refresh()
        assert (await server.keeping.state())[Role.TARGETS].content == targets.content
        assert not await server.keeping.lists()

    async def test_keys_that_could_not_be_forgotten_are_forgotten_at_the_next_try(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = Server(all_online())
        await server.lead()
        before = (await server.keeping.state())[Role.TARGETS]
        publisher = Publisher()
        publisher.online = next(iter(server.keeping.keys.online.values()))
        root, targets = publisher.root(2).content, publisher.list(before.version + 1).content

        def no_room() -> PublisherKeys:
            raise FieldwiseError(Fault.DISK_FULL, "no room")

        with monkeypatch.context() as patch:
            patch.setattr(server.accepting, "_forget", no_room)
            with pytest.raises(FieldwiseError):
                await server.accepting.publish([root], targets, hand_over=True)
        assert server.keeping.keys.root
        await server.accepting.publish([], targets, hand_over=True)
        assert server.forgot
        assert server.keeping.keys.root == server.keeping.keys.targets == {}

    async def test_it_is_done_when_it_is_given_again_wherever_it_ended_before(self) -> None:
        server = Server(all_online())
        await server.lead()
        own, publisher = server.keeping.keys, Publisher()
        publisher.online = next(iter(own.online.values()))
        state = await server.keeping.state()
        targets = publisher.list(state[Role.TARGETS].version + 1).content
        sent = [state[Role.ROOT].content, publisher.root(2).content]
        done = await server.accepting.publish(sent, targets, hand_over=True)
        server.keeping.keys, server.forgot = own, False
        for _ in range(2):  # and once more, as where only the answer was lost
            again = await server.accepting.publish(sent, targets, hand_over=True)
            assert again == replace(done, changed=False)
            assert server.keeping.keys.root == {}
            assert server.forgot
        other = Publisher()
        other.online = publisher.online
        with pytest.raises(FieldwiseError) as caught:
            await server.accepting.publish([other.root(2).content], hand_over=True)
        assert caught.value.fault is Fault.CONFLICT

    async def test_there_is_nothing_to_hand_over_twice(
        self, server: Server, publisher: Publisher
    ) -> None:
        for roots in ([publisher.root(2).content], []):
            with pytest.raises(FieldwiseError) as caught:
                await server.accepting.publish(roots, hand_over=True)
            assert caught.value.fault is Fault.ILLEGAL_COMMAND
        assert not server.forgot


async def test_what_waits_for_a_signature_is_shown(server: Server, publisher: Publisher) -> None:
    new, _ = await server.stores.backbones.add(backbone("1"))
    gone, _ = await server.stores.backbones.add(replace(backbone("2"), recalled_at=NOW))
    await server.accepting.publish([], publisher.list(2, listed_of(gone), listed("9")).content)
    view = await server.accepting.trust()
    waits = {f"{each.name}:{each.version}": each.waits for each in view.backbones}
    assert waits == {"lite0:1": "listing", "lite0:2": "delisting", "lite0:9": ""}
    online = {each.role: each.is_online for each in view.metadata}
    assert online == {
        Role.ROOT: False,
        Role.TARGETS: False,
        Role.SNAPSHOT: True,
        Role.TIMESTAMP: True,
    }
    assert new.digest in {each.digest for each in view.backbones}


async def test_what_devices_say_is_shown_most_of_them_first(server: Server) -> None:
    for device, version in (("d1", 1), ("d2", 7), ("d3", 7)):
        await join(server.stores, device)
        said = replace(report(1), publisher=PublisherReport(1, version))
        await server.stores.check_ins.keep([sighting(device, said)])
    view = await server.accepting.trust()
    assert [(each.targets_version, each.devices) for each in view.devices] == [(7, 2), (1, 1)]


async def test_every_root_can_be_fetched_some_at_a_time(
    server: Server, publisher: Publisher
) -> None:
    await server.accepting.publish([publisher.root(n).content for n in range(2, 12)])
    first, targets, more = await server.accepting.export(1)
    assert (len(first), more) == (EXPORTED_MAX, True)
    rest, _, more = await server.accepting.export(1 + EXPORTED_MAX)
    assert (len(rest), more) == (11 - EXPORTED_MAX, False)
    assert targets == (await server.keeping.state())[Role.TARGETS].content
    [newest], _, _ = await server.accepting.export(0)
    assert newest == rest[-1]
    assert (await server.accepting.export(50))[0] == []


async def test_before_there_is_any_nothing_can_be_fetched(publisher: Publisher) -> None:
    with pytest.raises(FieldwiseError) as caught:
        await Server(publisher.server_keys).accepting.export(0)
    assert caught.value.fault is Fault.NOT_FOUND
