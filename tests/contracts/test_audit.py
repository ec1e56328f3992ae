"""What every store promises about the audit log."""

import asyncio

from orchestrator.audit.chain import Verdict, Verifying
from orchestrator.audit.entry import Head, Kind, read
from orchestrator.storage.stores import Stores
from tests.audits import deed, pruned


async def verified(stores: Stores) -> Verdict:
    extent = await stores.audit.extent()
    verifying = Verifying(extent.cut)
    for each in await stores.audit.after(extent.cut.number, 10_000):
        verifying.take(each)
    return verifying.end(extent.head)


class TestAuditStore:
    async def test_an_empty_log_begins_and_ends_nowhere(self, stores: Stores) -> None:
        extent = await stores.audit.extent()
        assert (extent.cut, extent.head) == (Head(), Head())
        assert list(await stores.audit.after(0, 10)) == []
        assert list(await stores.audit.before(None, 10)) == []

    async def test_entries_follow_each_other(self, stores: Stores) -> None:
        made = [await stores.audit.append(deed(number)) for number in range(5)]
        assert [each.number for each in made] == [1, 2, 3, 4, 5]
        assert list(await stores.audit.after(0, 100)) == made
        assert list(await stores.audit.after(2, 2)) == made[2:4]
        assert list(await stores.audit.before(None, 2)) == made[:2:-1]
        assert list(await stores.audit.before(3, 100)) == made[1::-1]
        assert (await stores.audit.extent()).head == made[-1].head
        assert (await verified(stores)).is_whole

    async def test_the_chain_has_no_fork_however_many_append_at_once(self, stores: Stores) -> None:
        made = await asyncio.gather(*(stores.audit.append(deed(each)) for each in range(40)))
        assert sorted(each.number for each in made) == list(range(1, 41))
        verdict = await verified(stores)
        assert verdict.is_whole
        assert verdict.entries == 40

    async def test_pruning_takes_the_oldest_and_says_so(self, stores: Stores) -> None:
        made = [await stores.audit.append(deed(number)) for number in range(6)]
        told = await stores.audit.prune(4, pruned(Head()))
        assert told is not None
        entry = read(told.content)
        assert entry is not None
        assert entry.kind is Kind.HAPPENED
        assert entry.after == {"cut_number": 4, "cut_digest": made[3].digest}
        extent = await stores.audit.extent()
        assert (extent.cut, extent.head) == (made[3].head, told.head)
        assert [each.number for each in await stores.audit.after(0, 100)] == [5, 6, 7]
        assert (await verified(stores)).is_whole

    async def test_the_newest_entry_is_never_pruned(self, stores: Stores) -> None:
        assert await stores.audit.prune(10, pruned(Head())) is None
        await stores.audit.append(deed())
        assert await stores.audit.prune(10, pruned(Head())) is None
        await stores.audit.append(deed())
        assert await stores.audit.prune(2**40, pruned(Head())) is not None
        assert [each.number for each in await stores.audit.after(0, 100)] == [2, 3]
        assert (await verified(stores)).is_whole

    async def test_numbers_go_on_after_pruning_again_and_again(self, stores: Stores) -> None:
        for number in range(3):
            await stores.audit.append(deed(number))
            await stores.audit.append(deed(number))
            assert await stores.audit.prune(2**40, pruned(Head())) is not None
            assert (await verified(stores)).is_whole
        assert await stores.audit.prune(1, pruned(Head())) is None

    async def test_pruning_and_appending_at_once_leave_a_whole_log(self, stores: Stores) -> None:
        for number in range(10):
            await stores.audit.append(deed(number))
        deeds = [stores.audit.append(deed(each)) for each in range(10)]
        cuts = [stores.audit.prune(each, pruned(Head())) for each in (3, 5, 7)]
        await asyncio.gather(*deeds, *cuts)
        assert (await verified(stores)).is_whole
