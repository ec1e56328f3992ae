"""Training with batch-level replay and review, batch by batch.

The method that won the CLVision challenge of 2020, over stored features instead of images. A batch
is learned in a few passes; for each, a fresh random set is drawn from the memory, joined with the
whole batch and shuffled, and one pass of minibatch descent is made over both. Only then is the
batch offered to the memory. A review is one more pass over a draw from the memory that is even over
the classes, at a lower rate: it wins back what the last batches pushed aside.

Chance comes from one generator, seeded by the settings and stored with the weights: training that
is stopped anywhere and resumed is the same to the bit as training that never stopped, on the same
processor with the same build of torch. Training that diverges leaves the last sound weights in
place and says so (``trouble``); the samples are offered to the memory all the same.

Torch is loaded when the first batch is trained, not before.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from agent.learning.heads.network import Weights, fresh
from agent.learning.heads.replay import ReplayMemory
from agent.learning.settings import GradientSettings
from fieldwise.class_name import check_class_name
from fieldwise.errors import Fault, FieldwiseError

if TYPE_CHECKING:
    from numpy.random import Generator  # 4 MB that only this head needs, when it runs

ARRAYS = 4  # of Weights
State = Annotated[str, Meta(pattern=r"^[0-9a-f]{1,32}\Z")]


class _Dice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state of a PCG64 generator; its two large numbers in hexadecimal."""

    state: State
    increment: State
    has_half: Annotated[int, Meta(ge=0, le=1)]
    half: Annotated[int, Meta(ge=0, lt=2**32)]


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal[1]
    classes: tuple[str, ...]
    hidden_width: Annotated[int, Meta(ge=0, le=4096)]
    weights: tuple[bytes, ...]
    dice: _Dice
    memory: bytes
    trouble: str


class Rehearsal:
    """Weights, what they rehearse from, and the dice.

    Args:
        width: D, of the features.
        unit: Length of a feature on the grid, ``2**grid_bits``.
        settings: How to train and what to keep.

    Attributes:
        classes: Names of the rows, in order of arrival.
        weights: As trained so far; replaced as a whole.
        memory: What is rehearsed from.
        trouble: One sentence if the last training diverged, else empty.

    Raises:
        FieldwiseError: ``EXTRA_MISSING`` where torch is not installed.
    """

    def __init__(self, width: int, unit: float, settings: GradientSettings) -> None:
        if find_spec("torch") is None:
            raise FieldwiseError(
                Fault.EXTRA_MISSING,
                "a head trained by gradient needs torch, which comes with the extra 'agent'",
            )
        self.unit = unit
        self.classes: tuple[str, ...] = ()
        self.trouble = ""
        self.memory = ReplayMemory(
            width, settings.memory_bytes_max, settings.keep, settings.keep_samples
        )
        self._settings = settings
        self._chance = np.random.Generator(np.random.PCG64(settings.seed))
        self.weights = fresh(width, settings.hidden_width, self._chance)

    def train(self, grid: NDArray[np.int16], names: Sequence[str], ids: Sequence[int]) -> None:
        """Learn a batch int16[N,D] with replay, then offer it to the memory."""
        self._meet(names)
        new = self._places(names)
        for _ in range(self._settings.replay_epochs):
            drawn = self.memory.draw(self._settings.replay_samples, self._chance)
            rows = np.concatenate([grid, self.memory.grid[drawn]])
            targets = np.concatenate([new, self._remembered_targets()[drawn]])
            order = self._chance.permutation(len(targets))
            self._descend(rows[order], targets[order], self._settings.learning_rate)
        self.memory.learn(grid, names, ids, self._chance)

    def review(self) -> None:
        """Rehearse once more, evenly over the classes, at the lower rate."""
        rate = self._settings.learning_rate * self._settings.review_rate_factor
        for _ in range(self._settings.review_epochs):
            drawn = self.memory.draw_balanced(self._settings.review_samples, self._chance)
            self._descend(self.memory.grid[drawn], self._remembered_targets()[drawn], rate)

    def relearn(self) -> None:
        """Begin anew, from what the memory holds and nothing else."""
        self.weights = fresh(self.memory.width, self._settings.hidden_width, self._chance)
        self.classes = ()
        self._meet(self.memory.classes)
        for _ in range(self._settings.relearn_epochs):
            drawn = self.memory.draw(self.memory.count, self._chance)
            targets = self._remembered_targets()[drawn]
            self._descend(self.memory.grid[drawn], targets, self._settings.learning_rate)
        self.review()

    def content(self) -> bytes:
        """Everything there is to resume from."""
        return msgspec.msgpack.encode(
            _Content(
                1,
                self.classes,
                len(self.weights.hidden),
                tuple(array.tobytes() for array in self.weights.arrays),
                _dice_of(self._chance),
                self.memory.encode(),
                self.trouble,
            )
        )

    def restore(self, content: bytes) -> None:
        """Resume. A hidden layer of another width than the settings' is trained anew.

        Raises:
            FieldwiseError: ``STATE_DAMAGED`` for anything but the content of features so wide; all
                stays as it was then.
        """
        try:
            held = msgspec.msgpack.decode(content, type=_Content)
            weights = _weights_of(held, self.memory.width)
            chance = _generator(held.dice)
            self.memory.restore(held.memory, chance)
        except (FieldwiseError, ValueError) as error:
            raise FieldwiseError(
                Fault.STATE_DAMAGED, f"the head trained by gradient is damaged: {error}"
            ) from error
        self._chance, self.weights = chance, weights
        self.classes, self.trouble = held.classes, held.trouble
        if held.hidden_width != self._settings.hidden_width:
            self.relearn()

    def _meet(self, names: Sequence[str]) -> None:
        self.classes = tuple(dict.fromkeys((*self.classes, *names)))
        self.weights = self.weights.with_classes(len(self.classes))

    def _places(self, names: Sequence[str]) -> NDArray[np.int64]:
        index = {name: place for place, name in enumerate(self.classes)}
        return np.array([index[name] for name in names], np.int64)

    def _remembered_targets(self) -> NDArray[np.int64]:
        return self._places(self.memory.classes)[self.memory.labels]

    def _descend(self, rows: NDArray[np.int16], targets: NDArray[np.int64], rate: float) -> None:
        # 230 MB of torch come with this import: only what trains pays for them.
        from agent.learning.heads.descent import Course, descend  # noqa: PLC0415 - as said

        settings = self._settings
        course = Course(rate, settings.momentum, settings.weight_decay, settings.minibatch_samples)
        trained = descend(self.weights, rows, targets, self.unit, course)
        if trained.sound:
            self.weights, self.trouble = trained, ""
        else:
            self.trouble = f"training at a rate of {rate:g} diverged; the weights before it serve"


def _dice_of(chance: "Generator") -> _Dice:
    held = chance.bit_generator.state
    words = held["state"]
    return _Dice(
        f"{words['state']:x}", f"{words['inc']:x}", int(held["has_uint32"]), int(held["uinteger"])
    )


def _generator(dice: _Dice) -> "Generator":
    source = np.random.PCG64(0)
    source.state = {
        "bit_generator": "PCG64",
        "state": {"state": int(dice.state, 16), "inc": int(dice.increment, 16)},
        "has_uint32": dice.has_half,
        "uinteger": dice.half,
    }
    return np.random.Generator(source)


def _weights_of(held: _Content, width: int) -> Weights:
    hidden, classes = held.hidden_width, len(held.classes)
    if len(held.weights) != ARRAYS:
        _refuse(f"{len(held.weights)} arrays of weights")
    if len(set(held.classes)) < classes:
        _refuse("a class that is listed twice")
    for name in held.classes:
        check_class_name(name)
    shapes = ((hidden, width), (hidden,), (classes, hidden or width), (classes,))
    weights = Weights(
        *(
            np.frombuffer(part, "<f4").reshape(shape)
            for part, shape in zip(held.weights, shapes, strict=True)
        )
    )
    if not weights.sound:
        _refuse("a weight out of range")
    return weights


def _refuse(sentence: str) -> NoReturn:
    raise ValueError(sentence)
