"""Probation on a real learner: what predictions and labels say once the new pair serves."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from agent.learning.catch_up import BATCH
from agent.learning.forgetting import Selection
from agent.learning.pair import Pair
from agent.learning.samples import Group, Origin
from agent.learning.stopping import never
from agent.predictions import Stopwatch
from agent.update.probation import Baseline, Probation, ProbationRules, Seen
from agent.update.watching import JOURNAL_SECONDS, LOOK_SECONDS, WATCHED, Watcher
from fieldwise.errors import Fault
from fieldwise.update import UpdateFailure
from fieldwise.verdict import Basis, Judgement, Verdict
from tests.fakes.agent import MemoryJournal
from tests.fakes.rivals import Bench

if TYPE_CHECKING:
    from fieldwise.answers import ProbationStatus

RULES = ProbationRules(predictions=50, seconds=60)
Deed = Callable[[], object]


class PowerCutError(Exception):
    """The process ends here."""


class Trial:
    """A device that switches to another pair; what happens to it comes a deed a second."""

    def __init__(self, bench: Bench, rules: ProbationRules = RULES) -> None:
        self.bench = bench
        self.journal = MemoryJournal()
        self.rules = rules
        self.deeds: list[Deed] = []
        self.looks = 0
        self.start()

    def start(self) -> None:
        """A process begins to count anew."""
        self.bench.stopwatch = Stopwatch()
        self.watcher = Watcher(
            self.bench, self.journal, self.bench.clock, lambda: self.rules, self._pause
        )

    def switch(self, sight: float = 1.0) -> None:
        """Let a new pair serve, as an update does."""
        self.new = self.bench.rival("two", sight=sight)
        self.watcher.begin(self.new.bundle, None)
        self.old = self.bench.serving.swap(self.new)

    async def live(self, *deeds: Deed, before: Pair | None = None) -> UpdateFailure | None:
        """Watch the new pair while this happens, and then nothing."""
        self.deeds, self.looks = list(deeds), 0
        return await self.watcher.watch(self.new.bundle, before or self.old, never)

    def predict(self, count: int) -> Deed:
        return lambda: self.bench.predict(count)

    def teach(self, scenes: int, origin: Origin = Origin.TAUGHT) -> Deed:
        return lambda: self.bench.teach(scenes, origin=origin)

    def fail(self, times: int, fault: Fault = Fault.GRAPH_FAILED) -> Deed:
        def deed() -> None:
            for _ in range(times):
                self.bench.stopwatch.refuse(fault)

        return deed

    async def _pause(self, seconds: float) -> None:
        assert seconds == LOOK_SECONDS
        self.looks += 1
        assert self.looks < 1000, "probation does not end"
        self.bench.clock.seconds += 1.0
        if self.deeds:
            self.deeds.pop(0)()


@pytest.fixture
def trial() -> Trial:
    bench = Bench()
    bench.teach(60)
    trial = Trial(bench)
    bench.predict(150)
    return trial


async def test_enough_predictions_that_go_well_end_it(trial: Trial) -> None:
    trial.switch()
    assert await trial.live(*[trial.predict(10)] * 5) is None
    assert trial.looks == 5


async def test_an_orderly_stop_writes_down_what_was_seen_last(trial: Trial) -> None:
    trial.switch()
    begun = trial.journal.probation()

    def stop() -> None:
        watch.cancel()

    watch = asyncio.create_task(trial.live(trial.predict(7), trial.predict(5), stop))
    with pytest.raises(asyncio.CancelledError):
        await watch
    seen = trial.journal.probation().seen
    assert (begun.seen.predictions, seen.predictions) == (0, 12)
    assert 0 < seen.seconds < JOURNAL_SECONDS


async def test_how_far_it_is_can_be_asked_while_it_lasts(trial: Trial) -> None:
    told: list[ProbationStatus | None] = []
    trial.switch()
    assert trial.watcher.standing is None
    await trial.live(
        trial.predict(7),
        trial.teach(3),
        lambda: told.append(trial.watcher.standing),
        trial.predict(50),
    )
    assert trial.watcher.standing is None
    (found,) = told
    assert found is not None
    assert (found.predictions, found.predictions_wanted) == (7, 50)
    assert (found.seconds, found.seconds_wanted) == (2, 60)
    assert 0 < found.samples <= 3


async def test_a_device_that_predicts_nothing_is_let_off_after_the_time(trial: Trial) -> None:
    trial.switch()
    assert await trial.live() is None
    assert trial.looks == RULES.seconds


async def test_no_probation_is_over_at_once(trial: Trial) -> None:
    trial.rules = ProbationRules(predictions=0)
    trial.switch()
    assert await trial.live() is None
    assert trial.looks == 0


async def test_predictions_that_fail_take_it_back(trial: Trial) -> None:
    trial.switch()
    found = await trial.live(trial.predict(5), trial.fail(2))
    assert found is UpdateFailure.PROBATION_ERRORS


async def test_what_was_asked_wrongly_does_not(trial: Trial) -> None:
    trial.switch()
    assert await trial.live(trial.fail(40, Fault.IMAGE_INVALID)) is None


async def test_what_the_old_pair_failed_at_as_well_does_not(trial: Trial) -> None:
    trial.fail(150)()
    trial.switch()
    assert await trial.live(trial.fail(5), trial.predict(5), trial.predict(60)) is None


async def test_predictions_that_make_people_wait_take_it_back(trial: Trial) -> None:
    def crawl() -> None:
        for _ in range(10):
            trial.bench.stopwatch.answer(0.5)

    trial.switch()
    assert await trial.live(crawl) is UpdateFailure.PROBATION_LATENCY


async def test_labels_that_the_old_pair_would_have_known_take_it_back(trial: Trial) -> None:
    trial.switch(sight=0.05)
    assert await trial.live(trial.teach(60)) is UpdateFailure.PROBATION_ACCURACY


async def test_labels_that_both_know_do_not(trial: Trial) -> None:
    trial.switch()
    assert await trial.live(trial.teach(60)) is None


async def test_labels_between_others_of_which_no_image_is_held_are_all_compared(
    trial: Trial,
) -> None:
    store = trial.bench.store
    held: list[int] = []

    def teach_and_evict() -> None:
        before = store.last_sequence()
        trial.bench.teach(4 * BATCH)
        trial.bench.serving.flush()
        new = [each for each in store.remembered() if each.sequence > before]
        kept = [each for each in new[::4] if each.share in WATCHED]
        gone = [each.id for each in new if each not in kept]
        store.commit(Group((), tuple(gone), store.counters()))
        held.append(len(kept))

    trial.switch()
    assert await trial.live(teach_and_evict) is None
    assert trial.journal.probation().seen.samples == held[0] > BATCH / 2


async def test_labels_that_a_head_had_a_part_in_say_nothing(trial: Trial) -> None:
    trial.switch(sight=0.05)
    assert await trial.live(trial.teach(60, Origin.ASKED)) is None
    assert trial.journal.watched.seen.samples == 0


@pytest.mark.parametrize("scenes", [[60], [20] * 6])
async def test_of_all_labels_that_come_in_only_those_held_out_for_judging_are_not_read(
    trial: Trial, scenes: list[int]
) -> None:
    trial.switch()
    before = trial.bench.serving.figures()
    await trial.live(*map(trial.teach, scenes))
    after = trial.bench.serving.figures()
    assert after.judge > before.judge
    seen = trial.journal.watched.seen
    assert seen.samples == seen.scenes > 40
    assert seen.samples == after.learned + after.select - before.learned - before.select


async def test_without_the_old_pair_in_memory_accuracy_is_not_watched(trial: Trial) -> None:
    trial.switch(sight=0.05)
    trial.deeds = [trial.teach(60)]
    assert await trial.watcher.watch(trial.new.bundle, None, never) is None
    assert trial.journal.watched.seen.samples == 0


async def test_an_old_pair_that_holds_what_was_taken_back_is_not_asked(trial: Trial) -> None:
    trial.switch(sight=0.05)
    trial.old.stale = True
    assert await trial.live(trial.teach(60)) is None


async def test_after_a_forgetting_the_heads_as_they_stood_are_asked_no_more(trial: Trial) -> None:
    def forget() -> None:
        trial.bench.serving.forget(Selection(class_name="class 1"))

    trial.switch(sight=0.05)
    assert await trial.live(trial.teach(6), forget, trial.teach(60)) is None
    assert 0 < trial.journal.watched.seen.samples <= 6


async def test_an_old_backbone_that_fails_is_no_measure(trial: Trial) -> None:
    trial.switch(sight=0.05)
    trial.bench.embedder.broken = True
    assert await trial.live(trial.teach(60)) is None
    assert trial.journal.watched.seen.samples == 0


async def test_a_full_disk_says_nothing_against_a_backbone(trial: Trial) -> None:
    trial.switch()
    trial.journal.full = True
    assert await trial.live(trial.predict(1)) is None


async def test_the_old_pair_s_record_is_taken_down_before_the_new_one_serves(
    trial: Trial,
) -> None:
    trial.fail(1)()
    trial.switch()
    known = Probation(trial.new.bundle, Baseline(151, 1, 10_000))
    assert trial.journal.watched == known
    assert trial.bench.stopwatch.timed == 0


async def test_where_it_predicted_too_little_judging_says_how_long_it_took() -> None:
    trial = Trial(Bench())
    verdict = Verdict(1, Judgement.ACCEPTED, Basis.TOO_FEW, old_p99_micros=70_000)
    trial.watcher.begin("d", verdict)
    assert trial.journal.watched.baseline.p99_micros == 70_000


async def test_a_restart_goes_on_with_what_was_seen(trial: Trial) -> None:
    def cut() -> None:
        raise PowerCutError

    trial.switch()
    with pytest.raises(PowerCutError):
        await trial.live(*[trial.predict(1)] * int(JOURNAL_SECONDS + 2), cut)
    seen = trial.journal.watched.seen
    assert JOURNAL_SECONDS - 2 <= seen.predictions < RULES.predictions
    trial.start()
    assert await trial.live(*[trial.predict(5)] * 20) is None
    ended = trial.journal.watched.seen
    assert RULES.predictions <= ended.predictions < RULES.predictions + 5
    assert ended.seconds > seen.seconds


async def test_a_probation_of_another_bundle_is_not_carried_on(trial: Trial) -> None:
    trial.switch()
    trial.journal.watched = Probation("another", seen=Seen(predictions=49, failures=49))
    assert await trial.live() is None


async def test_it_stops_reading_labels_when_asked_to(trial: Trial) -> None:
    trial.switch(sight=0.05)
    trial.deeds = [trial.teach(60)]
    watching = trial.watcher.watch(trial.new.bundle, trial.old, lambda: True)
    assert await watching is None
    assert trial.journal.watched.seen.samples == 0
