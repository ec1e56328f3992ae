"""The newest predictions, so that feedback can name one by its id, and how long they took.

A prediction is kept with its features and, while there is room, its image: what it takes to learn
from it hours later, also after a restart. Both bounds are hard, in number and in bytes. First the
oldest images go, since features alone are enough for the backbone in use; then the oldest
predictions go as a whole. New ones wait here and are written with the group of samples, or in a
group of their own, never one by one. An image is brought to the form in which it is remembered when
its group is made up, not while an application waits for its answer.

Kept in memory only, they spare the flash and are gone after a restart.
"""

import math
import threading
from collections import OrderedDict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agent.learning.kept import Asking, Changes, Entry, Kept, size_of
from agent.ports import PredictionStore
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.inputs import Input, exemplar

Image = Input

GROUP_SECONDS = 1.0  # as samples wait by default
GROUP_PREDICTIONS = 32
TIMED = 1000  # predictions whose times the percentiles are of

# What fails for want of something else than a working backbone.
ASKED_WRONGLY = frozenset({Fault.IMAGE_INVALID, Fault.READINGS_INVALID, Fault.NO_BACKBONE})


@dataclass(slots=True)
class _Waiting:
    """What is not written yet."""

    new: dict[str, Kept]
    imageless: list[str]
    gone: list[str]
    labels: dict[str, str]
    asked: list[str]
    asking: Asking | None = None


class RecentPredictions:
    """Predictions by id, the oldest making room for the newest.

    Args:
        count_max: Most predictions held.
        bytes_max: Most bytes of features and images held.
        store: Where they outlive a restart; None keeps them in memory only.

    Attributes:
        written: How many were written to the store.
        written_bytes: Bytes of features and images in them.
    """

    def __init__(
        self, count_max: int, bytes_max: int, store: PredictionStore | None = None
    ) -> None:
        self._count_max = count_max
        self._bytes_max = bytes_max
        self._store = store
        self._lock = threading.RLock()
        found = store.entries() if store else ()
        self._entries = OrderedDict((entry.id, entry) for entry in found)
        self._pictured = deque(each.id for each in self._entries.values() if each.image_bytes)
        self._bytes = sum(map(_bytes_of, self._entries.values()))
        self._memory: dict[str, Kept] = {}
        self._waiting = _nothing()
        self.asking = store.asking() if store else Asking()
        self.written = 0
        self.written_bytes = 0
        self._shrink()

    @property
    def size_bytes(self) -> int:
        """Bytes of features and images held."""
        return self._bytes

    def put(self, kept: Kept) -> None:
        """Keep a prediction, without its image where that alone is more than the room."""
        if size_of(kept.image) + kept.grid.nbytes > self._bytes_max:
            kept = replace(kept, image=None)
        if kept.grid.nbytes > self._bytes_max or not self._count_max:
            return
        with self._lock:
            self._memory[kept.id] = self._waiting.new[kept.id] = kept
            self._enter(_entry(kept))
            self._shrink()

    def find(self, prediction_id: str) -> Kept:
        """A prediction with what is held of it.

        Raises:
            FieldwiseError: ``NOT_FOUND`` when it made room for newer ones or never was.
        """
        with self._lock:
            known = prediction_id in self._entries
            kept = self._memory.get(prediction_id)
            if known and kept is None and self._store is not None:
                kept = self._store.find(prediction_id)
            if known and kept is not None:
                return self._as_it_is_now(kept)
        raise FieldwiseError(
            Fault.NOT_FOUND,
            f"prediction {prediction_id[:64]!r} is not among those kept for feedback: the newest"
            f" {self._count_max:,}, as far as {self._bytes_max:,} bytes hold them",
        )

    def entries(self) -> list[Entry]:
        """All that are kept, oldest first, without their contents."""
        with self._lock:
            return list(self._entries.values())

    def grids(self, ids: Sequence[str]) -> list[NDArray[np.int16]]:
        """The features of predictions, in this order; none of those that are gone."""
        with self._lock:
            stored = [each for each in ids if each not in self._memory]
            found = (
                {}
                if self._store is None
                else dict(zip(stored, self._store.grids(stored), strict=True))
            )
            nothing = np.zeros(0, np.int16)
            return [
                self._memory[each].grid if each in self._memory else found.get(each, nothing)
                for each in ids
            ]

    def label(self, prediction_id: str, class_name: str) -> None:
        """Note what a prediction was labelled as."""
        with self._lock:
            if prediction_id in self._entries:
                self._mark(prediction_id, label=class_name)
                self._waiting.labels[prediction_id] = class_name

    def ask(self, ids: Sequence[str], asking: Asking) -> None:
        """Note which predictions are asked about from now on, and how many that makes today."""
        with self._lock:
            for each in ids:
                if each in self._entries:
                    self._mark(each, asked=True)
                    self._waiting.asked.append(each)
            self.asking = self._waiting.asking = asking

    def forget(self, ids: Collection[str], class_names: Collection[str]) -> None:
        """Let predictions go that the store has forgotten: by id, and all of some label."""
        with self._lock:
            named = [each.id for each in self._entries.values() if each.label in class_names]
            for each in (*ids, *named):
                self._leave(each)
                self._waiting.new.pop(each, None)

    def is_due(self, now: float) -> bool:
        """Whether predictions wait that should be written by now, Unix seconds."""
        with self._lock:
            waiting = self._waiting
            if self._store is None:
                return False
            if len(waiting.new) >= GROUP_PREDICTIONS or waiting.labels or waiting.asked:
                return True
            oldest = next(iter(waiting.new.values()), None)
            return oldest is not None and abs(now - oldest.time) >= GROUP_SECONDS

    def changes(self) -> Changes:
        """What is to be written; images are encoded for it."""
        if self._store is None:
            return Changes()
        with self._lock:
            raw = [kept for kept in self._waiting.new.values() if kept.image is not None]
        encoded = {kept.id: _encoded(kept) for kept in raw}
        with self._lock:
            for kept in encoded.values():
                self._replace(kept)
            waiting = self._waiting
            return Changes(
                tuple(waiting.new.values()),
                tuple(waiting.imageless),
                tuple(waiting.gone),
                dict(waiting.labels),
                tuple(waiting.asked),
                waiting.asking,
            )

    def settle(self, changes: Changes) -> None:
        """Take note that changes are written: they wait no longer and leave the memory."""
        with self._lock:
            waiting = self._waiting
            waiting.imageless = waiting.imageless[len(changes.imageless) :]
            waiting.gone = waiting.gone[len(changes.gone) :]
            waiting.asked = waiting.asked[len(changes.asked) :]
            for kept in changes.new:
                self._settle_new(kept)
            for each, label in changes.labels.items():
                if waiting.labels.get(each) == label:
                    del waiting.labels[each]
            if waiting.asking == changes.asking:
                waiting.asking = None
            self.written += len(changes.new)
            self.written_bytes += changes.value_bytes

    def _settle_new(self, kept: Kept) -> None:
        self._waiting.new.pop(kept.id, None)
        self._memory.pop(kept.id, None)
        entry = self._entries.get(kept.id)
        if entry is None:  # it made room while it was written
            self._waiting.gone.append(kept.id)
        elif kept.image is not None and not entry.image_bytes:
            self._waiting.imageless.append(kept.id)

    def _enter(self, entry: Entry) -> None:
        self._entries[entry.id] = entry
        self._bytes += _bytes_of(entry)
        if entry.image_bytes:
            self._pictured.append(entry.id)

    def _leave(self, prediction_id: str) -> None:
        entry = self._entries.pop(prediction_id, None)
        if entry is None:
            return
        self._bytes -= _bytes_of(entry)
        self._memory.pop(prediction_id, None)
        self._waiting.labels.pop(prediction_id, None)
        if entry.image_bytes:
            self._pictured.remove(prediction_id)  # nearly always the first

    def _shrink(self) -> None:
        while len(self._entries) > self._count_max:
            self._drop(next(iter(self._entries)))
        while self._bytes > self._bytes_max and self._pictured:
            self._drop_image(self._pictured[0])
        while self._bytes > self._bytes_max:
            self._drop(next(iter(self._entries)))

    def _drop(self, prediction_id: str) -> None:
        self._leave(prediction_id)
        if self._waiting.new.pop(prediction_id, None) is None:
            self._waiting.gone.append(prediction_id)

    def _drop_image(self, prediction_id: str) -> None:
        self._pictured.popleft()
        self._bytes -= self._entries[prediction_id].image_bytes
        self._mark(prediction_id, image_bytes=0)
        kept = self._memory.get(prediction_id)
        if kept is not None:
            self._memory[prediction_id] = bare = replace(kept, image=None)
            if prediction_id in self._waiting.new:
                self._waiting.new[prediction_id] = bare
        if prediction_id not in self._waiting.new:
            self._waiting.imageless.append(prediction_id)

    def _replace(self, kept: Kept) -> None:
        """Hold the encoded image instead, if it is still held at all."""
        entry = self._entries.get(kept.id)
        if entry is None or kept.id not in self._waiting.new or not entry.image_bytes:
            return
        self._memory[kept.id] = self._waiting.new[kept.id] = kept
        size = size_of(kept.image)
        self._bytes += size - entry.image_bytes
        self._mark(kept.id, image_bytes=size)
        self._shrink()

    def _mark(self, prediction_id: str, **values: object) -> None:
        entry = self._entries[prediction_id]
        self._entries[prediction_id] = replace(entry, **values)  # type: ignore[arg-type]  # by name

    def _as_it_is_now(self, kept: Kept) -> Kept:
        entry = self._entries[kept.id]
        image = kept.image if entry.image_bytes else None
        return replace(kept, image=image, label=entry.label, asked=entry.asked)


class Stopwatch:
    """Counts of predictions answered, refused and skipped, and percentiles of their times.

    Attributes:
        answered: How many were.
        refused: Those that failed, whatever the reason.
        failed: Those of them that were asked for rightly.
        slow: Answered ones that took longer than ``slow_seconds``.
        skipped: Frames of streams that nobody was ready for.
        slow_seconds: As set by who watches; infinite while nobody does.
    """

    def __init__(self) -> None:
        self.answered = 0
        self.refused = 0
        self.failed = 0
        self.slow = 0
        self.skipped = 0
        self.slow_seconds = math.inf
        self._seconds: deque[float] = deque(maxlen=TIMED)
        self._lock = threading.Lock()

    def answer(self, seconds: float) -> None:
        """Count a prediction that was answered."""
        with self._lock:
            self.answered += 1
            self.slow += seconds > self.slow_seconds
            self._seconds.append(seconds)

    def refuse(self, fault: Fault) -> None:
        """Count a prediction that failed."""
        with self._lock:
            self.refused += 1
            self.failed += fault not in ASKED_WRONGLY

    def skip(self, frames: int) -> None:
        """Count frames of a stream that nobody was ready for."""
        with self._lock:
            self.skipped += frames

    @property
    def timed(self) -> int:
        """How many predictions the percentiles are of."""
        return len(self._seconds)

    def forget_times(self) -> None:
        """Let the percentiles be of what comes from now on: another pair serves."""
        with self._lock:
            self._seconds.clear()

    def percentile_micros(self, percent: int) -> int:
        """That percentile of the newest times, in microseconds; 0 before the first."""
        with self._lock:
            times = sorted(self._seconds)
        if not times:
            return 0
        return round(times[min(len(times) - 1, len(times) * percent // 100)] * 1e6)


def _nothing() -> _Waiting:
    return _Waiting({}, [], [], {}, [])


def _entry(kept: Kept) -> Entry:
    sizes = kept.grid.nbytes, size_of(kept.image)
    return Entry(kept.id, kept.time, kept.bundle, kept.label, kept.asked, *sizes)


def _bytes_of(entry: Entry) -> int:
    return entry.grid_bytes + entry.image_bytes


def _encoded(kept: Kept) -> Kept:
    return kept if kept.image is None else replace(kept, image=exemplar(kept.image))
