"""A sample store in memory that keeps the port's promises, for tests of what stands on it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agent.learning.forgetting import Forgetting, Selection
from agent.learning.samples import (
    Burst,
    Counters,
    Group,
    Remembered,
    Sample,
    Share,
    Snapshot,
)
from fieldwise.errors import Fault, FieldwiseError
from tests.fakes.predictions import MemoryPredictions


class MemorySamples:
    """Everything in dictionaries; ``full`` makes it behave like a full disk."""

    def __init__(
        self, key: bytes = b"k" * 32, predictions: MemoryPredictions | None = None
    ) -> None:
        self.full = False
        self.predictions = predictions
        self._absent: frozenset[str] = frozenset()
        self.commits = 0
        self._key = key
        self._samples: dict[str, Sample] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._counters = Counters()
        self._track = b""
        self._last = 0
        self._ahead: dict[tuple[int, str], NDArray[np.int16]] = {}

    def holdout_key(self) -> bytes:
        return self._key

    def commit(self, group: Group) -> None:
        self._require_room()
        self.commits += 1
        for replaced in group.replaced:
            self._samples.pop(replaced, None)
        for sample in group.samples:
            self._last = max(self._last, sample.sequence)
            self._samples.setdefault(sample.id, sample)
        for forgotten in group.forgotten:
            self._forget(forgotten)
        self._counters = group.counters
        self._track = group.track or self._track
        if group.snapshot is not None:
            self._snapshots = {group.snapshot.bundle: group.snapshot}
        if self.predictions is not None:
            self.predictions.apply(group.predictions)

    def feature_bytes(self) -> int:
        return sum(
            sample.grid.nbytes
            for sample in self._samples.values()
            if sample.grid is not None and sample.share is Share.LEARN
        )

    def last_sequence(self) -> int:
        return self._last

    def known(self, ids: Iterable[str]) -> frozenset[str]:
        return frozenset(ids) & self._samples.keys()

    def samples_after(
        self, sequence: int, limit: int, bundle: str, shares: frozenset[Share]
    ) -> list[Sample]:
        found = []
        for sample in self._ordered():
            if sample.sequence > sequence and sample.share in shares:
                if sample.grid is not None and sample.bundle == bundle:
                    found.append(replace(sample, image=None))
                elif (sample.sequence, bundle) in self._ahead:
                    ahead = self._ahead[sample.sequence, bundle]
                    found.append(replace(sample, image=None, grid=ahead, bundle=bundle))
                elif sample.image is not None:
                    found.append(replace(sample, grid=None))
        return found[:limit]

    def chosen(self, selection: Selection, sequence: int, limit: int) -> list[Sample]:
        found = [
            sample
            for sample in self._ordered()
            if sample.sequence > sequence and _is_meant(sample, selection)
        ]
        return found[:limit]

    def forget(self, forgetting: Forgetting) -> None:
        self._require_room()
        for sample in self._ordered():
            named = sample.class_name in forgetting.classes
            if named or _is_meant(sample, forgetting.selection):
                del self._samples[sample.id]
        self._snapshots = {forgetting.snapshot.bundle: forgetting.snapshot}
        self._counters = forgetting.counters
        self._absent = forgetting.absent
        self._track = forgetting.track or self._track
        if self.predictions is not None:
            self.predictions.forget(forgetting)

    def absent(self) -> frozenset[str]:
        return self._absent

    def set_absent(self, marks: frozenset[str]) -> None:
        self._require_room()
        self._absent = marks

    def remembered(self) -> list[Remembered]:
        return [
            Remembered(
                sample.id,
                sample.sequence,
                sample.time,
                sample.class_name,
                sample.share,
                len(sample.image),
            )
            for sample in self._ordered()
            if sample.image is not None
        ]

    def bursts(self) -> list[Burst]:
        sizes = Counter(sample.burst for sample in self._samples.values())
        newest = {sample.class_name: sample for sample in self._ordered()}
        return [
            Burst(name, sample.burst, sample.time, sizes[sample.burst])
            for name, sample in newest.items()
        ]

    def track(self) -> bytes:
        return self._track

    def counters(self) -> Counters:
        return self._counters

    def save_snapshot(self, snapshot: Snapshot, log_bytes_max: int) -> None:
        self._require_room()
        self._snapshots[snapshot.bundle] = snapshot
        learned = [
            sample
            for sample in self._ordered()
            if sample.share is Share.LEARN and sample.grid is not None
        ]
        held = sum(sample.grid.nbytes for sample in learned if sample.grid is not None)
        for sample in learned:
            if held <= log_bytes_max or sample.sequence > snapshot.sequence:
                break
            assert sample.grid is not None
            held -= sample.grid.nbytes
            self._samples[sample.id] = replace(sample, grid=None)
        self._ahead = {key: row for key, row in self._ahead.items() if key[1] != snapshot.bundle}
        self._drop_empty()

    def keep_ahead(self, bundle: str, grids: Mapping[int, NDArray[np.int16]]) -> None:
        self._require_room()
        for sample in self._ordered():
            if sample.sequence in grids:
                self._ahead[sample.sequence, bundle] = grids[sample.sequence]

    def keep_grids(self, bundle: str, grids: Mapping[str, NDArray[np.int16]]) -> None:
        self._require_room()
        for name, grid in grids.items():
            sample = self._samples.get(name)
            if sample is not None and sample.share is not Share.LEARN:
                self._samples[name] = replace(sample, bundle=bundle, grid=grid)

    def load_snapshot(self, bundle: str) -> Snapshot | None:
        return self._snapshots.get(bundle)

    def drop_snapshots(self, keep: frozenset[str]) -> None:
        self._snapshots = {
            bundle: snapshot for bundle, snapshot in self._snapshots.items() if bundle in keep
        }
        self._ahead = {key: row for key, row in self._ahead.items() if key[1] in keep}
        for sample in self._ordered():
            if sample.bundle not in keep:
                self._samples[sample.id] = replace(sample, bundle="", grid=None)
        self._drop_empty()

    def spoil(self, identity: str) -> None:
        """Damage a stored image, as a failing disk does."""
        self._samples[identity] = replace(self._samples[identity], image=b"damaged")

    def _ordered(self) -> list[Sample]:
        known = {sample.sequence for sample in self._samples.values()}
        self._ahead = {key: row for key, row in self._ahead.items() if key[0] in known}
        return sorted(self._samples.values(), key=lambda sample: sample.sequence)

    def _forget(self, identity: str) -> None:
        sample = self._samples.get(identity)
        if sample is None or sample.image is None:
            return
        if sample.share is Share.LEARN:
            self._samples[identity] = replace(sample, image=None)
        else:
            del self._samples[identity]

    def _drop_empty(self) -> None:
        newest = {sample.class_name: sample.id for sample in self._ordered()}
        for sample in self._ordered():
            empty = sample.grid is None and sample.image is None
            if empty and newest[sample.class_name] != sample.id:
                del self._samples[sample.id]

    def _require_room(self) -> None:
        if self.full:
            raise FieldwiseError(Fault.DISK_FULL, "no room is left for samples")


def _is_meant(sample: Sample, selection: Selection) -> bool:
    if selection.since is not None:
        return sample.time >= selection.since
    if selection.origin is not None:
        return sample.origin is selection.origin
    if selection.sample_id:
        return sample.id == selection.sample_id
    return sample.class_name == selection.class_name
