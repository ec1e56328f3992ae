"""Rows of others' heads trained by gradient, beside those of a device's own.

What a device learned stays what it is. Where its linear head serves, a class that others know too
has as its row

    w o + (1 - w) (s t + c),   o its own row, t theirs

*The scale s.* Logits of two heads cannot be averaged before they mean the same: how long rows are
tells how long was trained. Each head has the temperature under which held-out labels of the classes
that both know are most likely (``agent.learning.measures.calibration``), and s is the own one over
theirs, so that the mix has the scale of the device's own head.

*The centre c.* A vector that is added to every row of a softmax changes nothing, so heads that were
trained of different classes may differ by any. Rows of classes that both know are moved by one
vector so that their mean is that of the device's own: what classes of the device alone are compared
with stays where it was.

A class that only others know has s t + c as its row, and is there only where the owner wants it.
With w = 1 and without such classes this is the device's own head to the bit. The mix is made anew
whenever the own head is: it costs a copy of its rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.federation.standing import Mix
from agent.learning.heads.head import Head, LinearHead
from agent.learning.heads.keeper import KeepsHead
from agent.learning.measures.calibration import fit_temperature


@dataclass(frozen=True, slots=True, eq=False)
class TrainedRows:
    """What a global head of weights says, for features of unit length.

    Attributes:
        classes: Names.
        weights: float32[K,D] of all views.
        offsets: float32[K].
    """

    classes: tuple[str, ...]
    weights: NDArray[np.float32]
    offsets: NDArray[np.float32]

    def known_to_both(self, known: tuple[str, ...]) -> tuple[str, ...]:
        """The classes that a device that knows some shares with it."""
        theirs = frozenset(self.classes)
        return tuple(name for name in known if name in theirs)


def scale_between(
    own: LinearHead, others: TrainedRows, grid: NDArray[np.int16], names: Sequence[str]
) -> float:
    """What others' rows are multiplied by to mean what own ones do.

    Args:
        own: The device's own head.
        others: The others' rows.
        grid: Held-out samples int16[N,D].
        names: Their classes.
    """
    common = others.known_to_both(own.classes)
    held = [number for number, name in enumerate(names) if name in common]
    if not held:
        return 1.0
    place = {name: number for number, name in enumerate(common)}
    labels = np.array([place[names[number]] for number in held], np.int64)
    mine, theirs = (
        fit_temperature(head.scores(grid[held]), labels)
        for head in (_of(own, common, own.unit), _of(others, common, own.unit))
    )
    return mine / theirs


def mixed(own: LinearHead, others: TrainedRows, mix: Mix) -> LinearHead:
    """A head of own and others' rows."""
    common = others.known_to_both(own.classes)
    if not common:
        return own
    mine, theirs = _of(own, common, own.unit), _of(others, common, own.unit)
    scale, share = np.float32(mix.scale), np.float32(mix.own)
    centre = mine.weights.mean(axis=0) - scale * theirs.weights.mean(axis=0)
    middle = mine.offsets.mean() - scale * theirs.offsets.mean()
    weights, offsets = own.weights.copy(), own.offsets.copy()
    if mix.own < 1:
        rows = [own.classes.index(name) for name in common]
        moved = scale * theirs.weights + centre
        weights[rows] = share * mine.weights + (1 - share) * moved
        offsets[rows] = share * mine.offsets + (1 - share) * (scale * theirs.offsets + middle)
    known = frozenset(own.classes)
    foreign = tuple(name for name in others.classes if mix.foreign and name not in known)
    added = _of(others, foreign, own.unit)
    return LinearHead(
        (*own.classes, *foreign),
        np.concatenate([weights, scale * added.weights + centre]),
        np.concatenate([offsets, scale * added.offsets + middle]),
        own.unit,
    )


class MixedRows:
    """Keeps others' rows mixed with those of a head that learns by gradient.

    Args:
        own: Keeps the device's own head; it is only read.
        others: The others' rows.
        mix: How they are mixed.
    """

    def __init__(self, own: KeepsHead, others: TrainedRows, mix: Mix) -> None:
        self._own = own
        self._others = others
        self._mix = mix
        self._made: tuple[Head, Head] | None = None

    @property
    def head(self) -> Head:
        """The mix with the own head as it is now; the own head alone where it has a hidden layer.

        Safe for any thread: whoever finds another own head makes the mix, and it is the same one.
        """
        own, made = self._own.head, self._made
        if made is None or made[0] is not own:
            mix = mixed(own, self._others, self._mix) if isinstance(own, LinearHead) else own
            made = self._made = own, mix
        return made[1]


def _of(head: LinearHead | TrainedRows, names: tuple[str, ...], unit: float) -> LinearHead:
    """The part of a head that is of some classes."""
    place = {name: number for number, name in enumerate(head.classes)}
    rows = [place[name] for name in names]
    return LinearHead(names, head.weights[rows], head.offsets[rows], unit)
