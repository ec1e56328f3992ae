"""Corrected labels: the later one wins, and what was learned of the earlier one is taken back.

The earlier label is taken back to the bit, for which the features that were learned have to be
there: in the feature log, in the kept prediction that the label was given on, or from an image that
the pair learned them from (``agent.learning.unlearning``). Where they are nowhere the correction is
refused and says so: learned on top of the first label it would leave both.

Of a sample that is in the head by estimate only, carried over from an earlier backbone, what it was
to the head is not known; its class is scaled down by one sample (``Pair.fade``).

A held-out sample that is corrected leaves its share, since its first label was wrong, and is put to
no use: a correction says too little of how a head does, and its scene may still be held out.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from agent.learning.kept import Kept
from agent.learning.pair import Pair
from agent.learning.recorder import Recorder
from agent.learning.samples import Sample, Share
from agent.learning.unlearning import exact_row, is_carried
from fieldwise.errors import Fault, FieldwiseError


def row_of(pair: Pair, kept: Kept) -> NDArray[np.int16]:
    """Features int16[D] of a kept prediction for a pair.

    Raises:
        FieldwiseError: ``NOT_FOUND`` where another backbone saw it and its image is not held.
    """
    if kept.bundle == pair.bundle:
        return kept.grid
    if kept.image is None:
        raise FieldwiseError(
            Fault.NOT_FOUND,
            f"of prediction {kept.id} only the features of an earlier backbone are kept",
        )
    row: NDArray[np.int16] = pair.grid(kept.image)[0]
    return row


def require_the_same(kept: Kept, class_name: str) -> None:
    """Refuse another label for a prediction whose first was learned and is on no record any more.

    Raises:
        FieldwiseError: ``CONFLICT``.
    """
    if kept.label != class_name:
        raise _cannot(kept.id)


def take_back(pair: Pair, recorder: Recorder, held: Sample, row: NDArray[np.int16] | None) -> None:
    """Take a recorded sample out of the head and off the record.

    Args:
        pair: The pair that serves.
        recorder: The record.
        held: The sample under its earlier label.
        row: Features int16[D] that it was learned by, where they are known to the bit.

    Raises:
        FieldwiseError: ``CONFLICT`` where what was learned is not held; nothing is changed then.
    """
    if held.share is Share.LEARN and held.sequence <= pair.covered:
        learned = exact_row(pair, held)
        if learned is None and held.bundle == pair.bundle:
            learned = row
        if learned is not None:
            _unlearn(pair, learned, held.class_name)
        elif is_carried(pair, held):
            pair.fade(held.class_name)
        else:
            raise _cannot(held.id)
    recorder.take_back(held)


def take_back_elsewhere(pairs: Iterable[Pair], held: Sample) -> None:
    """Take it out of pairs that may serve next; one that cannot give it back is stale."""
    for pair in pairs:
        if held.share is not Share.LEARN or held.sequence > pair.covered or pair.stale:
            continue
        learned = exact_row(pair, held)
        if learned is not None:
            _unlearn(pair, learned, held.class_name)
        elif is_carried(pair, held):
            pair.fade(held.class_name)
        else:
            pair.stale = True


def _unlearn(pair: Pair, row: NDArray[np.int16], class_name: str) -> None:
    pair.unlearn(row[None], [class_name])
    if not pair.count(class_name):
        pair.forget_class(class_name)


def _cannot(sample_id: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.CONFLICT,
        f"what was learned of {sample_id} cannot be taken back to the bit:"
        " neither its features nor the image they were of is held any more",
    )
