"""What a learner writes down: samples, which images stay, what is counted.

Records gather in a group that one transaction writes, when it is full or has waited long enough;
until then they are known here. Nobody but the learner calls this, one thread at a time.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from random import Random

from agent.learning.holdout import Placement, place
from agent.learning.memory import Memory, budgets, remembered
from agent.learning.samples import Burst, Counters, Group, Origin, Remembered, Sample, Share
from agent.learning.settings import LearningSettings
from agent.ports import SampleStore
from fieldwise.errors import FieldwiseError


class Recorder:
    """The group that waits to be written, and what the records so far come to.

    Args:
        store: Where groups are written.
        settings: Group, budgets and held-out shares.
        random: Chance for choosing which images go.

    Attributes:
        counters: Counts of all samples recorded, those that wait included; the caller may replace
            what is its own in it.
        sequence: The highest sequence given so far.
    """

    def __init__(self, store: SampleStore, settings: LearningSettings, random: Random) -> None:
        self._store = store
        self._settings = settings
        self._random = random
        self._key = store.holdout_key()
        self._bursts = {burst.class_name: burst for burst in store.bursts()}
        self._memory = Memory(store.remembered(), *budgets(settings))
        self.sequence = store.last_sequence()
        self.counters: Counters = store.counters()
        self._waiting: list[Sample] = []
        self._waiting_since = 0.0
        self._forgotten: list[str] = []
        self._let_go(self._memory.resize(*budgets(settings), random))

    @property
    def images(self) -> int:
        """Images remembered."""
        return self._memory.count

    @property
    def image_bytes(self) -> int:
        """Bytes of them."""
        return self._memory.size

    @property
    def classes(self) -> frozenset[str]:
        """Every class of which there is or was a sample."""
        return frozenset(self._bursts)

    @property
    def is_full(self) -> bool:
        """Whether a group waits that should be written before anything else is recorded."""
        return len(self._waiting) >= self._settings.group_samples

    def images_of(self, share: Share) -> int:
        """Images remembered of one share."""
        return self._memory.count_of(share)

    def configure(self, settings: LearningSettings) -> None:
        """Adopt settings; images beyond a smaller budget go with the next group."""
        self._settings = settings
        self._let_go(self._memory.resize(*budgets(settings), self._random))

    def is_known(self, sample_id: str) -> bool:
        """Whether a sample of that id is recorded, written or not."""
        waits = any(sample.id == sample_id for sample in self._waiting)
        return waits or bool(self._store.known([sample_id]))

    def place(
        self, sample_id: str, name: str, scene: str, time: float, learned: int, origin: Origin
    ) -> Placement:
        """Burst and share of a sample to come (``agent.learning.holdout``)."""
        return place(
            sample_id,
            name,
            time,
            scene,
            self._bursts.get(name),
            learned,
            self._key,
            self._settings.holdout,
            origin=origin,
        )

    def record(self, sample: Sample, burst: Burst) -> None:
        """Add a sample to the group, with its image if there is room for it."""
        kept, gone = self._memory.offer(remembered(sample), self._random)
        self._let_go(gone)
        if not self._waiting:
            self._waiting_since = sample.time
        self._waiting.append(sample if kept else replace(sample, image=None))
        self._bursts[sample.class_name] = burst
        self.counters = _counted(self.counters, sample.share)
        self.sequence = sample.sequence

    def expire(self, certain: float) -> None:
        """Let images go that are older than the retention, by time that has come for certain."""
        self._let_go(self._memory.expire(certain, self._settings.retention_days))

    def is_due(self, now: float) -> bool:
        """Whether something waits that should be written by now."""
        waited = abs(now - self._waiting_since) >= self._settings.group_seconds
        return bool(self._forgotten or (self._waiting and waited))

    def flush(self) -> None:
        """Write everything that waits.

        Raises:
            FieldwiseError: ``DISK_FULL``; what waits goes on waiting.
        """
        if self._waiting or self._forgotten:
            group = Group(tuple(self._waiting), tuple(self._forgotten), self.counters)
            self._store.commit(group)
            self._waiting, self._forgotten = [], []

    def flush_when_full(self) -> None:
        """Write a full group; on a full disk it waits, and the next sample is refused."""
        if self.is_full:
            with suppress(FieldwiseError):
                self.flush()

    def _let_go(self, images: Iterable[Remembered]) -> None:
        self._forgotten += [image.id for image in images]


def _counted(counters: Counters, share: Share) -> Counters:
    return replace(
        counters,
        learned=counters.learned + (share is Share.LEARN),
        select=counters.select + (share is Share.SELECT),
        judge=counters.judge + (share is Share.JUDGE),
    )
