"""Probation carried out: watch the pair that serves since a moment ago, beside the one before it.

What predictions come to is read off the counters that they keep anyway. Labelled samples are
answered a second time, in the background: by both pairs with their heads as they stood when this
watch began, so that neither has learned from what it is asked. The one before has to look at the
image for that, and it may, as long as it is in memory; where it is not, since the agent restarted
and has no room for two backbones, accuracy is not watched. A recorded rate would be no substitute:
it is of other samples, and a new class that comes in meanwhile would be blamed on the backbone.

What was seen is journaled now and then, at the end and when the agent is told to stop, so a loss of
power costs at most the last ``JOURNAL_SECONDS`` of it.
"""

import asyncio
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from msgspec.structs import replace

from agent.learning.catch_up import BATCH
from agent.learning.heads.head import Head, predict
from agent.learning.learner import Learner
from agent.learning.pair import Pair
from agent.learning.samples import Origin, Sample, Share
from agent.learning.stopping import ShouldStop
from agent.ports import Clock, Journal, SampleStore
from agent.predictions import Stopwatch
from agent.update.probation import (
    Baseline,
    Probation,
    ProbationRules,
    Seen,
    is_over,
    shown,
    slow_seconds,
)
from fieldwise.answers import ProbationStatus
from fieldwise.errors import FieldwiseError
from fieldwise.update import UpdateFailure
from fieldwise.verdict import Verdict

LOOK_SECONDS = 0.5  # between two looks: a few failed predictions in the worst case
JOURNAL_SECONDS = 30.0  # between two writes of what was seen: a flash does not feel it
TIMED_MIN = 100  # predictions of which a 99th percentile says something
WATCHED = frozenset({Share.LEARN, Share.SELECT})  # the share for judging is read once, to judge

_log = structlog.get_logger()


class Serving(Protocol):
    """What serves, what it counts, and what is stored."""

    store: SampleStore
    stopwatch: Stopwatch

    @property
    def learner(self) -> Learner | None:
        """The learner; None before the first backbone."""
        ...


@dataclass(frozen=True, slots=True)
class _Counts:
    """Where the counters of predictions stood."""

    predictions: int = 0
    failures: int = 0
    slow: int = 0


@dataclass(slots=True)
class _Duel:
    """Two pairs on the labelled samples that come in.

    Attributes:
        old: The pair from before, with its head as it stood.
        new: The pair that serves, likewise.
        covered: Every sample up to this sequence is counted, or came too early.
        leads: By scene, how many more samples the new pair had right.
    """

    old: tuple[Pair, Head]
    new: tuple[Pair, Head]
    covered: int
    leads: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    samples: int = 0
    only_old: int = 0
    only_new: int = 0


class Watcher:
    """Watches one pair at a time.

    Args:
        serving: What serves.
        journal: Where what was seen is kept.
        clock: Time.
        rules: What a pair has to stand, as it is set now.
        pause: Waits for so many seconds.
    """

    def __init__(
        self,
        serving: Serving,
        journal: Journal,
        clock: Clock,
        rules: Callable[[], ProbationRules],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._serving = serving
        self._journal = journal
        self._clock = clock
        self._rules = rules
        self._pause = pause
        self._mark = _Counts()  # a restart begins to count at 0
        self._latest: Seen | None = None
        self._unwritten: Probation | None = None

    @property
    def standing(self) -> ProbationStatus | None:
        """How far the probation under way is; None while there is none."""
        seen, rules = self._latest, self._rules()
        if seen is None:
            return None
        return ProbationStatus(
            predictions=seen.predictions,
            predictions_wanted=rules.predictions,
            seconds=int(seen.seconds),
            seconds_wanted=int(rules.seconds),
            failures=seen.failures,
            slow=seen.slow,
            samples=seen.samples,
            only_old=seen.only_old,
            only_new=seen.only_new,
        )

    def begin(self, digest: str, verdict: Verdict | None) -> None:
        """Take down what the old pair was like; to be called right before the new one serves.

        Args:
            digest: Of the new pair's bundle.
            verdict: What judging found, for the old pair's time where it predicted too little.

        Raises:
            FieldwiseError: ``DISK_FULL``.
        """
        stopwatch = self._serving.stopwatch
        self._mark = self._counted()
        p99 = stopwatch.percentile_micros(99)
        if stopwatch.timed < TIMED_MIN and verdict is not None:
            p99 = max(p99, verdict.old_p99_micros)
        found = Baseline(self._mark.predictions, self._mark.failures, p99)
        self._journal.write_probation(Probation(digest, found))
        stopwatch.forget_times()

    async def watch(
        self, digest: str, before: Pair | None, should_stop: ShouldStop
    ) -> UpdateFailure | None:
        """Watch until probation is over, or until something is shown.

        Args:
            digest: Of the bundle of the pair that serves.
            before: The pair to compare with; None where it is not in memory.
            should_stop: Asked while labelled samples are answered.

        Returns:
            Why to go back to the pair from before; None where nothing speaks for it.

        Raises:
            FieldwiseError: ``STATE_DAMAGED``.
        """
        try:
            return await self._watched(digest, before, should_stop)
        except asyncio.CancelledError:  # an orderly stop loses nothing
            if self._unwritten is not None:
                await self._write(self._unwritten)
            raise
        finally:
            self._latest = self._unwritten = None
            self._serving.stopwatch.slow_seconds = math.inf

    async def _watched(
        self, digest: str, before: Pair | None, should_stop: ShouldStop
    ) -> UpdateFailure | None:
        known = await asyncio.to_thread(self._journal.probation)
        begun = known if known.digest == digest else Probation(digest)
        duel = self._duel(before)
        self._serving.stopwatch.slow_seconds = slow_seconds(begun.baseline, self._rules())
        began = written = self._clock.monotonic()
        while True:
            if duel is not None and not self._is_fair(duel):
                begun, duel = replace(begun, seen=_with(begun.seen, duel)), None
            if duel is not None:
                await asyncio.to_thread(_meet, duel, self._serving.store, should_stop)
            now, rules = self._clock.monotonic(), self._rules()
            probation = replace(begun, seen=self._seen(begun.seen, now - began, duel))
            self._latest, self._unwritten = probation.seen, probation
            failure = shown(probation, rules)
            if failure is not None or is_over(probation.seen, rules):
                return await self._end(probation, failure)
            if now - written >= JOURNAL_SECONDS:
                await self._write(probation)
                written = now
            await self._pause(LOOK_SECONDS)

    async def _end(
        self, probation: Probation, failure: UpdateFailure | None
    ) -> UpdateFailure | None:
        seen = probation.seen
        _log.info(
            "probation is over",
            bundle=probation.digest[:12],
            predictions=seen.predictions,
            failures=seen.failures,
            slow=seen.slow,
            samples=seen.samples,
            **({"failure": failure} if failure else {}),
        )
        await self._write(probation)
        return failure

    async def _write(self, probation: Probation) -> None:
        try:
            await asyncio.to_thread(self._journal.write_probation, probation)
        except FieldwiseError as error:  # a full disk says nothing against a backbone
            _log.warning("what was seen on probation is not on disk", reason=error.sentence)

    def _duel(self, before: Pair | None) -> _Duel | None:
        learner = self._serving.learner
        if before is None or learner is None:
            return None
        new = learner.pair
        last = self._serving.store.last_sequence()
        return _Duel((before, before.head), (new, new.head), last)

    def _is_fair(self, duel: _Duel) -> bool:
        """Whether nothing was taken back since, which the heads as they stood still know."""
        learner = self._serving.learner
        return learner is not None and learner.pair is duel.new[0] and not duel.old[0].stale

    def _counted(self) -> _Counts:
        watch = self._serving.stopwatch
        return _Counts(watch.answered + watch.failed, watch.failed, watch.slow)

    def _seen(self, before: Seen, seconds: float, duel: _Duel | None) -> Seen:
        """What was seen before this watch and in it."""
        counts, mark = self._counted(), self._mark
        seen = replace(
            before,
            seconds=before.seconds + seconds,
            predictions=before.predictions + counts.predictions - mark.predictions,
            failures=before.failures + counts.failures - mark.failures,
            slow=before.slow + counts.slow - mark.slow,
        )
        return seen if duel is None else _with(seen, duel)


def _with(seen: Seen, duel: _Duel) -> Seen:
    leads = duel.leads.values()
    return replace(
        seen,
        samples=seen.samples + duel.samples,
        only_old=seen.only_old + duel.only_old,
        only_new=seen.only_new + duel.only_new,
        scenes=seen.scenes + len(leads),
        scenes_worse=seen.scenes_worse + sum(lead < 0 for lead in leads),
        scenes_better=seen.scenes_better + sum(lead > 0 for lead in leads),
    )


def _meet(duel: _Duel, store: SampleStore, should_stop: ShouldStop) -> None:
    """Count the samples that came in since."""
    seen = store.samples_after(duel.covered, BATCH, duel.old[0].bundle, WATCHED)
    rows = _rows_of(seen, duel, store)
    for sample in seen:
        if should_stop():
            return
        duel.covered = sample.sequence
        if sample.origin is Origin.TAUGHT and sample.id in rows:
            was, now = _is_right(sample, *duel.old), _is_right(rows[sample.id], *duel.new)
            if was is not None and now is not None:
                _count(duel, sample.burst, was=was, now=now)


def _rows_of(seen: Sequence[Sample], duel: _Duel, store: SampleStore) -> dict[str, Sample]:
    """Those samples as the new pair sees them; others, of which no image is held, lie between."""
    wanted, reached = {sample.id for sample in seen}, duel.covered
    rows: dict[str, Sample] = {}
    while seen and reached < seen[-1].sequence:
        batch = store.samples_after(reached, BATCH, duel.new[0].bundle, WATCHED)
        if not batch:
            break
        rows.update({sample.id: sample for sample in batch if sample.id in wanted})
        reached = batch[-1].sequence
    return rows


def _count(duel: _Duel, scene: str, *, was: bool, now: bool) -> None:
    duel.samples += 1
    duel.only_old += was and not now
    duel.only_new += now and not was
    duel.leads[scene] += now - was


def _is_right(sample: Sample, pair: Pair, head: Head) -> bool | None:
    """Whether a head names a sample's class; None where its backbone cannot see it, or fails."""
    try:
        rows, names = pair.features_of([sample])
    except FieldwiseError as error:
        _log.debug("a sample is not compared", reason=error.sentence)
        return None
    return predict(head, rows) == names if names else None
