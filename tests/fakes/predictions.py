"""A prediction store in memory that keeps the port's promises."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agent.learning.forgetting import Forgetting
from agent.learning.kept import Asking, Changes, Entry, Kept, size_of
from fieldwise.errors import Fault, FieldwiseError


class MemoryPredictions:
    """Everything in a dictionary; ``full`` makes it behave like a full disk."""

    def __init__(self) -> None:
        self.full = False
        self.writes = 0
        self._kept: dict[str, Kept] = {}
        self._asking = Asking()

    def entries(self) -> list[Entry]:
        return [
            Entry(
                kept.id,
                kept.time,
                kept.bundle,
                kept.label,
                kept.asked,
                kept.grid.nbytes,
                size_of(kept.image),
            )
            for kept in self._kept.values()
        ]

    def apply(self, changes: Changes) -> None:
        if self.full:
            raise FieldwiseError(Fault.DISK_FULL, "no room is left for predictions")
        self.writes += 1
        for kept in changes.new:
            self._kept.setdefault(kept.id, kept)
        self._change({each: {"image": None} for each in changes.imageless})
        self._change({each: {"asked": True} for each in changes.asked})
        self._change({each: {"label": label} for each, label in changes.labels.items()})
        for each in changes.gone:
            self._kept.pop(each, None)
        self._asking = changes.asking or self._asking

    def find(self, prediction_id: str) -> Kept | None:
        return self._kept.get(prediction_id)

    def grids(self, ids: Sequence[str]) -> list[NDArray[np.int16]]:
        nothing = np.zeros(0, np.int16)
        return [self._kept[each].grid if each in self._kept else nothing for each in ids]

    def asking(self) -> Asking:
        return self._asking

    def forget(self, forgetting: Forgetting) -> None:
        """What a sample store's forgetting means here."""
        named = [kept.id for kept in self._kept.values() if kept.label in forgetting.classes]
        self.apply(Changes(gone=(*forgetting.predictions, *named)))

    def _change(self, fields: dict[str, dict[str, object]]) -> None:
        for name, values in fields.items():
            if name in self._kept:
                self._kept[name] = replace(self._kept[name], **values)  # type: ignore[arg-type]  # by name
