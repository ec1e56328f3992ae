from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import replace

import pytest

from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, RowKind, Update, UpdateReceipt, read_content
from orchestrator.federation.campaign import Campaign, Tally
from orchestrator.federation.contribution import Answer, Submission
from orchestrator.federation.machine import reconcile, turned
from orchestrator.federation.offering import Offering
from orchestrator.federation.phases import CampaignTurn
from orchestrator.federation.receiving import Receiving
from orchestrator.federation.sweeping import EXPECTED_SECONDS, Sweeping
from orchestrator.storage.memory import memory_stores
from tests.campaigns import SPACE, agree, ask, asking, head_of, partners, update
from tests.fleet_records import NOW, SetClock


class Files:
    """``UpdateFiles`` in memory, which fail where a test wants it."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.fails_after = self.fails_before = False

    async def put(self, digest: str, content: AsyncIterable[bytes]) -> int:
        whole = b"".join([piece async for piece in content])
        assert digest_of(whole) == digest
        self._fail(self.fails_before)
        self.kept[digest] = whole
        self._fail(self.fails_after)
        return len(whole)

    async def size(self, digest: str) -> int | None:
        return len(self.kept[digest]) if digest in self.kept else None

    async def read(self, digest: str, offset: int = 0) -> AsyncIterator[bytes]:
        yield self.kept[digest][offset:]

    async def drop(self, digest: str) -> None:
        self._fail(self.fails_before)
        self.kept.pop(digest, None)

    def _fail(self, fails: bool) -> None:
        if fails:
            raise FieldwiseError(Fault.UNAVAILABLE, "the disk is away")


class Fleet:
    def __init__(self) -> None:
        self.clock, self.stores, self.files = SetClock(), memory_stores(), Files()
        offering = Offering(self.stores.campaigns, self.stores.contributions, self.clock)
        self.receiving = Receiving(offering, self.stores.contributions, self.files, self.clock)
        self.sweeping = Sweeping(self.stores.contributions, self.files, self.clock)

    async def submit(
        self, found: Campaign, made: Update, device: str = "d1", **changes: object
    ) -> UpdateReceipt:
        """Send an update, with other words in its head where a test wants them."""
        head = replace(head_of(made), **changes)  # type: ignore[arg-type]  # of the tests' own
        sent = Submission(made.campaign, made.round, made.space, head)
        receipt = await self.receiving.expect(device, sent)
        return await self.receiving.take(device, sent, made) if receipt is None else receipt

    async def answer_of(self, found: Campaign, device: str = "d1") -> Answer | None:
        return (await self.stores.contributions.partner(device)).parts[found.number].answer


@pytest.fixture
async def fleet() -> Fleet:
    made = Fleet()
    await partners(made.stores, "d1", "d2", "d3", consent=Consent.STATISTICS)
    return made


class TestTask:
    async def test_it_says_what_the_round_asks_for(self, fleet: Fleet) -> None:
        found = await asking(fleet.stores, "d1", "d2")
        fleet.clock.pass_by(600)
        task = await fleet.receiving.task("d1", found.id, 1)
        assert (task.campaign, task.seconds) == (found, 3000)

    async def test_nobody_else_gets_one(self, fleet: Fleet) -> None:
        found = await asking(fleet.stores, "d1", "d2")
        for device, campaign, number in (
            ("d3", found.id, 1),
            ("d1", found.id, 2),
            ("d1", found.id, 0),
            ("d1", "c9", 1),
            ("d1", "nonsense", 1),
        ):
            with pytest.raises(FieldwiseError) as caught:
                await fleet.receiving.task(device, campaign, number)
            assert caught.value.fault is Fault.NOT_FOUND

    async def test_there_is_none_after_the_round(self, fleet: Fleet) -> None:
        found = await asking(fleet.stores, "d1", "d2")
        fleet.clock.pass_by(3600)
        with pytest.raises(FieldwiseError):
            await fleet.receiving.task("d1", found.id, 1)
        await fleet.stores.campaigns.save(turned(found, CampaignTurn.STOP, NOW))
        fleet.clock.pass_by(-3000)
        with pytest.raises(FieldwiseError):
            await fleet.receiving.task("d1", found.id, 1)

    async def test_a_round_that_another_replica_opened_just_now_is_found(
        self, fleet: Fleet
    ) -> None:
        found = await asking(fleet.stores, "d1", "d2", rounds=0)
        await fleet.receiving.task("d1", found.id, 1)
        ended = reconcile(found, Tally(2, declined=2), NOW)
        saved = await fleet.stores.campaigns.save(ended)
        again = await ask(fleet.stores, saved, "d1", "d2", at=NOW + 600)
        assert (await fleet.receiving.task("d1", found.id, 2)).campaign == again


class TestSubmission:
    @pytest.mark.parametrize(
        ("kind", "level"),
        [
            (RowKind.MEANS, Consent.WEIGHTS),
            (RowKind.WEIGHTS, Consent.WEIGHTS),
            (RowKind.MEANS, Consent.STATISTICS),
        ],
    )
    async def test_what_was_sent_is_kept(self, fleet: Fleet, kind: RowKind, level: Consent) -> None:
        found = await asking(fleet.stores, "d1", "d2", kind=kind, level=level)
        made = update(found, 3.0)
        assert await fleet.submit(found, made) is UpdateReceipt.TAKEN
        [given] = await fleet.stores.contributions.standing(found.number)
        assert given.update == head_of(made)
        content = fleet.files.kept[given.update.digest]
        assert len(content) == given.update.bytes
        rows, scatter = read_content(content, SPACE, kind, level, given.update.rows)
        assert [(each.class_id, each.samples) for each in rows] == [(1, 20), (2, 20)]
        assert all((a.values == b.values).all() for a, b in zip(rows, made.rows, strict=True))
        assert len(scatter) == len(made.scatter)

    async def test_sent_again_it_is_taken_without_its_content(self, fleet: Fleet) -> None:
        found = await asking(fleet.stores, "d1", "d2")
        made = update(found)
        for _ in range(3):
            assert await fleet.submit(found, made) is UpdateReceipt.TAKEN
            fleet.files.fails_before = True
        tally = await fleet.stores.campaigns.tally(found.number, 1)
        assert tally == Tally(2, taken=1, bytes=head_of(made).bytes)

    async def test_sent_again_after_the_round_it_is_known_still(self, fleet: Fleet) -> None:
        found = await asking(fleet.stores, "d1", "d2", "d3")
        made = update(found)
        await fleet.submit(found, made)
        await fleet.submit(found, update(found, 2.0), "d2")
        tally = await fleet.stores.campaigns.tally(found.number, 1)
        await fleet.stores.campaigns.save(reconcile(found, tally, NOW + 3600))
        fleet.clock.pass_by(60)
        assert await fleet.submit(found, made) is UpdateReceipt.TAKEN
        assert await fleet.submit(found, update(found, 9.0)) is UpdateReceipt.LATE
        assert await fleet.submit(found, update(found, 3.0), "d3") is UpdateReceipt.LATE
        assert len(fleet.files.kept) == 2

    async def test_of_a_round_that_is_closing_meanwhile_nothing_is_taken(
        self, fleet: Fleet
    ) -> None:
        found = await asking(fleet.stores, "d1", "d2")
        made = update(found)
        sent = Submission(made.campaign, made.round, made.space, head_of(made))
        assert await fleet.receiving.expect("d1", sent) is None
        await fleet.stores.campaigns.save(turned(found, CampaignTurn.STOP, NOW))
        assert await fleet.receiving.take("d1", sent, made) is UpdateReceipt.LATE
        assert await fleet.stores.contributions.standing(found.number) == []

    async def test_who_was_not_asked_is_told_so(self, fleet: Fleet) -> None:
        found = await asking(fleet.stores, "d1", "d2", rounds=0)
        made = update(found)
        assert await fleet.submit(found, made, "d3") is UpdateReceipt.NOT_ASKED
        for odd in (replace(made, campaign="c9"), replace(made, round=9)):
            assert await fleet.submit(found, odd) is UpdateReceipt.LATE
        ended = reconcile(found, Tally(2, declined=2), NOW)
        saved = await fleet.stores.campaigns.save(ended)
        await ask(fleet.stores, saved, "d1", "d2", at=NOW + 600)
        fleet.clock.pass_by(60)
        assert await fleet.submit(found, made) is UpdateReceipt.LATE
        assert fleet.files.kept == {}

    async def test_what_does_not_suit_is_refused_before_its_content(self, fleet: Fleet) -> None:
        found = await asking(fleet.stores, "d1", "d2", "d3", kind=RowKind.WEIGHTS)
        made = update(found)
        for changes in (
            {"kind": RowKind.MEANS},
            {"level": Consent.STATISTICS},
            {"base_version": 1},
        ):
            assert await fleet.submit(found, made, **changes) is UpdateReceipt.UNSUITABLE
        elsewhere = replace(made, space=replace(SPACE, bundle="f" * 64))
        assert await fleet.submit(found, elsewhere, "d2") is UpdateReceipt.UNSUITABLE
        assert await fleet.submit(found, made, "d3", rows=4) is UpdateReceipt.MALFORMED
        tally = await fleet.stores.campaigns.tally(found.number, 1)
        assert tally == Tally(3, refused=3)
        assert fleet.files.kept == {}

    async def test_what_no_samples_have_is_refused(self, fleet: Fleet) -> None:
        found = await asking(fleet.stores, "d1", "d2")
        for odd in (update(found, samples=9), update(found, classes=(9,)), update(found, 1e30)):
            assert await fleet.submit(found, odd) is UpdateReceipt.MALFORMED
        assert await fleet.answer_of(found) is Answer.REFUSED
        assert fleet.files.kept == {}
        assert await fleet.submit(found, update(found)) is UpdateReceipt.TAKEN

    async def test_rubbish_does_not_undo_what_was_taken(self, fleet: Fleet) -> None:
        found = await asking(fleet.stores, "d1", "d2")
        assert await fleet.submit(found, update(found)) is UpdateReceipt.TAKEN
        assert await fleet.submit(found, update(found, samples=1)) is UpdateReceipt.MALFORMED
        assert await fleet.answer_of(found) is Answer.TAKEN

    async def test_whose_owner_took_it_back_gives_nothing(self, fleet: Fleet) -> None:
        found = await asking(fleet.stores, "d1", "d2")
        await agree(fleet.stores, "d1", Consent.OFF, sequence=2)
        assert await fleet.submit(found, update(found)) is UpdateReceipt.LATE


class TestSweeping:
    @pytest.mark.parametrize("when", ["fails_before", "fails_after"])
    async def test_what_never_came_through_is_swept_away(self, fleet: Fleet, when: str) -> None:
        found = await asking(fleet.stores, "d1", "d2", deadline_seconds=99_999)
        setattr(fleet.files, when, True)
        with pytest.raises(FieldwiseError):
            await fleet.submit(found, update(found))
        setattr(fleet.files, when, False)
        assert await fleet.answer_of(found) is None
        assert await fleet.sweeping.sweep() == 0
        fleet.clock.pass_by(EXPECTED_SECONDS + 1)
        assert await fleet.sweeping.sweep() == 1
        assert fleet.files.kept == {}
        assert await fleet.submit(found, update(found)) is UpdateReceipt.TAKEN

    async def test_what_an_owner_took_back_goes_at_once(self, fleet: Fleet) -> None:
        found = await asking(fleet.stores, "d1", "d2")
        for device in ("d1", "d2"):
            await fleet.submit(found, update(found), device)
        await fleet.stores.contributions.withdraw("d1", Consent.OFF)
        assert await fleet.sweeping.sweep() == 1
        assert len(fleet.files.kept) == 1  # the same content is another device's, too
        await fleet.stores.contributions.withdraw("d2", Consent.OFF)
        assert await fleet.sweeping.sweep() == 1
        assert fleet.files.kept == {}
        assert await fleet.sweeping.sweep() == 0

    async def test_what_comes_after_its_note_is_gone_leaves_no_file(self, fleet: Fleet) -> None:
        found = await asking(fleet.stores, "d1", "d2")
        made, other = update(found), update(found, value=2.0)
        sent = Submission(found.id, 1, SPACE, head_of(made))
        assert await fleet.receiving.expect("d1", sent) is None
        assert await fleet.receiving.expect("d1", replace(sent, update=head_of(other))) is None
        assert await fleet.sweeping.sweep() == 1
        assert await fleet.receiving.take("d1", sent, made) is UpdateReceipt.LATE
        assert fleet.files.kept == {}

    async def test_a_file_that_cannot_go_now_goes_later(self, fleet: Fleet) -> None:
        found = await asking(fleet.stores, "d1", "d2")
        await fleet.submit(found, update(found))
        await fleet.stores.contributions.withdraw("d1", Consent.OFF)
        fleet.files.fails_before = True
        with pytest.raises(FieldwiseError):
            await fleet.sweeping.sweep()
        fleet.files.fails_before = False
        assert await fleet.sweeping.sweep() == 1
        assert fleet.files.kept == {}
