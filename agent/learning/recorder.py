"""What a learner writes down: samples, which images stay, what is counted.

Records gather in a group that one transaction writes, when it is full or has waited long enough;
until then they are known here. Nobody but the learner calls this, one thread at a time.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Protocol

from agent.learning.forgetting import Selection
from agent.learning.holdout import Placement, place
from agent.learning.kept import Changes
from agent.learning.memory import Memory, budgets, remembered
from agent.learning.names import mark_of
from agent.learning.samples import (
    Burst,
    Counters,
    Group,
    Origin,
    Remembered,
    Sample,
    Share,
    Snapshot,
)
from agent.learning.settings import LearningSettings
from agent.ports import SampleStore
from fieldwise.errors import FieldwiseError


class Writes(Protocol):
    """What else is written with a group."""

    def is_due(self, now: float) -> bool:
        """Whether something waits that should be written by now."""
        ...

    def changes(self) -> Changes:
        """What is to be written."""
        ...

    def settle(self, changes: Changes) -> None:
        """Hear that it is written."""
        ...


class Track(Protocol):
    """What was measured, written with a group now and then."""

    def to_write(self) -> bytes:
        """The record if it is time to write it, else nothing."""
        ...

    def wrote(self, content: bytes) -> None:
        """Hear that it is written."""
        ...


def no_snapshot(sequence: int) -> None:
    """For stores without statistics."""


class Recorder:
    """The group that waits to be written, and what the records so far come to.

    Args:
        store: Where groups are written.
        settings: Group, budgets and held-out shares.
        random: Chance for choosing which images go.
        predictions: Kept predictions, which are written with the groups.
        restate: Gives statistics to be written with a group that takes a sample of that sequence
            back; None where the stored ones do not hold it.
        track: What was measured.

    Attributes:
        counters: Counts of all samples recorded, those that wait included; the caller may replace
            what is its own in it.
        sequence: The highest sequence given so far.
    """

    def __init__(
        self,
        store: SampleStore,
        settings: LearningSettings,
        random: Random,
        predictions: Writes | None = None,
        restate: Callable[[int], Snapshot | None] = no_snapshot,
        track: Track | None = None,
    ) -> None:
        self._store = store
        self._restate = restate
        self._track = track
        self._predictions = predictions
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
        self._replaced: list[str] = []
        self._replaced_from: int | None = None
        self._absent = store.absent()
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

    def find(self, sample_id: str) -> Sample | None:
        """A recorded sample with what is held of it, written or not."""
        for sample in self._waiting:
            if sample.id == sample_id:
                return sample
        found = self._store.chosen(Selection(sample_id=sample_id), 0, 1)
        return found[0] if found and sample_id not in self._replaced else None

    def take_back(self, sample: Sample) -> None:
        """Drop a recorded sample: it is about to be recorded anew, or put to no use any more."""
        self._memory.remove(sample.id)
        self._forgotten = [each for each in self._forgotten if each != sample.id]
        if any(waiting.id == sample.id for waiting in self._waiting):
            self._waiting = [each for each in self._waiting if each.id != sample.id]
        else:
            self._replaced.append(sample.id)
            self._replaced_from = min(sample.sequence, self._replaced_from or sample.sequence)
        self.counters = _counted(self.counters, sample, -1)

    def welcome(self, class_name: str) -> None:
        """Let starter heads bring a class again, since it is taught again.

        Raises:
            FieldwiseError: ``DISK_FULL``.
        """
        if not self._absent:
            return
        mark = mark_of(class_name, self._key)
        if mark in self._absent:
            self._store.set_absent(self._absent - {mark})
            self._absent -= {mark}

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
        self._waiting.append(sample if kept else _without_image(sample))
        self._bursts[sample.class_name] = burst
        self.counters = _counted(self.counters, sample, 1)
        self.sequence = sample.sequence

    def expire(self, certain: float) -> None:
        """Let images go that are older than the retention, by time that has come for certain."""
        self._let_go(self._memory.expire(certain, self._settings.retention_days))

    def is_due(self, now: float) -> bool:
        """Whether something waits that should be written by now."""
        waited = abs(now - self._waiting_since) >= self._settings.group_seconds
        mine = bool(self._forgotten or self._replaced or self._waiting)
        theirs = self._predictions is not None and self._predictions.is_due(now)
        return bool(self._forgotten) or (mine and waited) or theirs

    def flush(self) -> None:
        """Write everything that waits, and what has to stand instead of the stored statistics.

        Raises:
            FieldwiseError: ``DISK_FULL``; what waits goes on waiting.
        """
        changes = Changes() if self._predictions is None else self._predictions.changes()
        track = b"" if self._track is None else self._track.to_write()
        if not (self._waiting or self._forgotten or self._replaced or changes or track):
            return
        self._store.commit(
            Group(
                samples=tuple(self._waiting),
                forgotten=tuple(self._forgotten),
                counters=self.counters,
                replaced=tuple(self._replaced),
                snapshot=self._restated(),
                predictions=changes,
                track=track,
            )
        )
        self._waiting, self._forgotten, self._replaced = [], [], []
        self._replaced_from = None
        if self._predictions is not None:
            self._predictions.settle(changes)
        if self._track is not None:
            self._track.wrote(track)

    def flush_when_full(self) -> None:
        """Write a full group; on a full disk it waits, and the next sample is refused."""
        if self.is_full:
            with suppress(FieldwiseError):
                self.flush()

    def _restated(self) -> Snapshot | None:
        return None if self._replaced_from is None else self._restate(self._replaced_from)

    def _let_go(self, images: Iterable[Remembered]) -> None:
        self._forgotten += [image.id for image in images]


def _without_image(sample: Sample) -> Sample:
    """What is recorded where there is no room for the image; held out, its features go as well.

    Those of learned samples have a budget of their own. Those of held-out ones go with the image,
    or nothing would ever let them go.
    """
    learned = sample.share is Share.LEARN
    return replace(sample, image=None, grid=sample.grid if learned else None)


def _counted(counters: Counters, sample: Sample, number: int) -> Counters:
    share, name = sample.share, sample.class_name
    mine = dict(counters.self_labelled)
    if sample.origin is Origin.SELF and share is Share.LEARN:
        mine[name] = mine.get(name, 0) + number
        if mine[name] <= 0:
            del mine[name]
    return replace(
        counters,
        learned=counters.learned + number * (share is Share.LEARN),
        select=counters.select + number * (share is Share.SELECT),
        judge=counters.judge + number * (share is Share.JUDGE),
        self_labelled=mine,
    )
