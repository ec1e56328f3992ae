"""The head that is trained by gradient, as a keeper: it gathers batches and rehearses them.

Samples wait until there is a batch and are then learned as ``rehearsal`` says. The memory is
reviewed after a stated number of batches, and whenever the head has to be at its best (``settle``),
what waits having been trained on before.

What it is and is not. The head depends on the order of samples and is no function of sums: it can
be neither merged nor carried to another backbone but by learning remembered samples again, and it
knows a class only from its first trained batch on. It learns samples only: of a starter head's
classes it knows nothing.

*Taking back is approximate.* The sample leaves the memory, and the head is trained anew from what
the memory then holds: no weight was ever moved by what was taken back. But a head that had never
met it would also have learned from samples that the memory let go since. The keeper is told a
sample by its features and class, so of samples that are equal in both it takes back any.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from agent.learning.heads.head import Head
from agent.learning.heads.network import served
from agent.learning.heads.rehearsal import Rehearsal
from agent.learning.heads.replay import ID_BYTES
from agent.learning.settings import GradientSettings
from fieldwise.errors import Fault, FieldwiseError

NAME = "gradient"


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal[1]
    rehearsal: bytes
    waiting: bytes
    waiting_names: Annotated[tuple[str, ...], Meta(max_length=4096)]
    unreviewed: Annotated[int, Meta(ge=0)]
    settled: bool


class GradientKeeper:
    """Keeps a head that learns by gradient with replay and review.

    Args:
        width: D.
        unit: Length of a feature on the grid, ``2**grid_bits``.
        settings: How to train and what to keep.

    Attributes:
        settings: As given.

    Raises:
        FieldwiseError: ``EXTRA_MISSING`` where torch is not installed.
    """

    def __init__(self, width: int, unit: float, settings: GradientSettings) -> None:
        self._width = width
        self.settings = settings
        self._rehearsal = Rehearsal(width, unit, settings)
        self._rows: list[NDArray[np.int16]] = []
        self._names: list[str] = []
        self._unreviewed = 0
        self._settled = True
        self._serve()

    @property
    def name(self) -> str:
        """What the head is called."""
        return NAME

    @property
    def head(self) -> Head:
        """The head as last trained."""
        return self._head

    @property
    def trouble(self) -> str:
        """One sentence if the last training diverged, else empty."""
        return self._rehearsal.trouble

    @property
    def remembered(self) -> int:
        """Samples that the memory holds."""
        return self._rehearsal.memory.count

    def learn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Let samples wait, and train whenever there is a batch."""
        for row, name in zip(grid, class_names, strict=True):
            self._rows.append(row.copy())
            self._names.append(name)
            self._settled = False
            if len(self._rows) == self.settings.batch_samples:
                self._train()

    def settle(self) -> None:
        """Train on what waits, and review; nothing where nothing was learned since the last."""
        if self._settled:
            return
        if self._rows:
            self._train()
        self._review()
        self._settled = True

    def unlearn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Take back samples, and train anew from the memory where they had been trained on."""
        trained = [
            (name, _fingerprint(row, name))
            for row, name in zip(grid, class_names, strict=True)
            if not self._take_waiting(row, name) and name in self._rehearsal.classes
        ]
        if trained:
            self._rehearsal.memory.forget(*map(list, zip(*trained, strict=True)))
            self._relearn()

    def drop_class(self, name: str) -> None:
        """Forget a class: what waits, what is remembered, and its row."""
        kept = [place for place, each in enumerate(self._names) if each != name]
        self._rows = [self._rows[place] for place in kept]
        self._names = [self._names[place] for place in kept]
        if name in self._rehearsal.classes:
            self._rehearsal.memory.drop_class(name)
            self._relearn()

    def content(self) -> bytes:
        """Weights, memory, dice and what waits."""
        waiting = b"".join(row.astype("<i2").tobytes() for row in self._rows)
        names, settled = tuple(self._names), self._settled
        rehearsal, unreviewed = self._rehearsal.content(), self._unreviewed
        return msgspec.msgpack.encode(_Content(1, rehearsal, waiting, names, unreviewed, settled))

    def restore(self, content: bytes) -> None:
        """Go on from ``content``: what is learned from here on gives the same bits.

        Raises:
            FieldwiseError: ``STATE_DAMAGED`` for anything else; all stays as it was then.
        """
        try:
            held = msgspec.msgpack.decode(content, type=_Content)
            shape = len(held.waiting_names), self._width
            rows = np.frombuffer(held.waiting, "<i2").reshape(shape)
        except ValueError as error:
            raise FieldwiseError(
                Fault.STATE_DAMAGED, f"the head trained by gradient is damaged: {error}"
            ) from error
        self._rehearsal.restore(held.rehearsal)
        self._rows, self._names, self._settled = [], [], held.settled
        self._unreviewed = held.unreviewed
        self._serve()
        if held.waiting_names:
            self.learn(rows, held.waiting_names)

    def _train(self) -> None:
        grid, names = np.array(self._rows), self._names
        ids = [_fingerprint(row, name) for row, name in zip(grid, names, strict=True)]
        self._rows, self._names = [], []
        self._rehearsal.train(grid, names, ids)
        self._unreviewed += 1
        if self._unreviewed == self.settings.review_batches:
            self._review()
        self._serve()

    def _review(self) -> None:
        self._rehearsal.review()
        self._unreviewed = 0
        self._serve()

    def _relearn(self) -> None:
        self._rehearsal.relearn()
        self._unreviewed = 0
        self._serve()

    def _serve(self) -> None:
        rehearsal = self._rehearsal
        self._head = served(rehearsal.weights, rehearsal.classes, rehearsal.unit)

    def _take_waiting(self, row: NDArray[np.int16], name: str) -> bool:
        for place, each in enumerate(self._names):
            if each == name and np.array_equal(self._rows[place], row):
                del self._rows[place], self._names[place]
                return True
        return False


def _fingerprint(row: NDArray[np.int16], name: str) -> int:
    digest = blake2b(row.astype("<i2").tobytes() + name.encode(), digest_size=ID_BYTES)
    return int.from_bytes(digest.digest(), "little")
