"""What a device has to share: its own sums by class, without what a starter head brought.

Where the sums alone do not tell what may leave, the samples behind them may: those that came since
a class last left are taken out of it again, and the scatter of some classes alone is added up from
their samples. Both are checked against the exact sums, so that a sample which is held no more shows
as a difference and nothing wrong leaves.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agent.federation.sharing import Content, Departure, is_what_left
from agent.learning.carrying import without
from agent.learning.catch_up import BATCH, LEARNED
from agent.learning.learner import Learner
from agent.learning.names import mark_of
from agent.learning.pair import Pair
from agent.learning.samples import Sample
from agent.learning.settings import LearningSettings
from agent.learning.unlearning import exact_row
from agent.ports import SampleStore
from fieldwise.federation import HeadSpace, space_of
from fieldwise.gram import gram
from fieldwise.head import Statistics
from fieldwise.symmetric import SymmetricSum

ALL = ("all",)  # the setting that shares every class
GRAM_ROWS = 256


@dataclass(frozen=True, slots=True, eq=False)
class Stock:
    """What was learned, at one moment.

    Attributes:
        pair: The pair that learned it; it goes on learning.
        settings: How it learns.
        space: What its rows belong to.
        unit: Length of a feature on the grid.
        sequence: The last sample that it had learned of.
        contents: Of the shared classes.
        marks: Of the shared classes, by name.
        others: Whether it knows samples of its own of other classes.
        estimated: Whether anything in it was carried over by estimate.
        scatter: Of all its samples, for each view the upper triangle; empty where it was not asked
            for, or is not that of its samples alone.
    """

    pair: Pair
    settings: LearningSettings
    space: HeadSpace
    unit: float
    sequence: int
    contents: dict[str, Content]
    marks: dict[str, str]
    others: bool
    estimated: bool
    scatter: tuple[NDArray[np.float64], ...] = ()


def is_shared(name: str, shared: Collection[str]) -> bool:
    """Whether the owner's settings list a class."""
    return name in shared or tuple(shared) == ALL


def mark_of_shared(name: str, key: bytes) -> str:
    """What is kept of a class that left: nobody without the device's secret can test it."""
    return mark_of(name, key, "shared")


def take_stock(
    learner: Learner,
    shared: Collection[str],
    starters: Sequence[Statistics],
    bare: frozenset[str],
    key: bytes,
    *,
    statistics: bool = False,
) -> Stock:
    """Look at what was learned; all of it is written by then.

    Args:
        learner: What learns.
        shared: Classes that the owner shares.
        starters: The bundle's starter head for each view.
        bare: Marks of classes that were forgotten with what a starter head had brought of them. A
            head that is built anew may have it again.
        key: The device's secret.
        statistics: Whether the scatter is wanted, too.

    Raises:
        FieldwiseError: ``DISK_FULL``.
    """
    taken = learner.sums(statistics=statistics)
    pair = taken.pair
    contents, marks, others = {}, {}, False
    for name, (samples, sums) in taken.classes.items():
        mark = mark_of_shared(name, key)
        brought = _brought(starters, name)
        doubtful = brought.samples if brought and mark in bare else 0
        taken_out = brought if brought and not doubtful else None
        count = samples - taken_out.samples if taken_out else samples
        if is_shared(name, shared):
            own = sums - taken_out.sums if taken_out else sums
            contents[name] = Content(count, own, taken.carried.get(name, 0), doubtful)
            marks[name] = mark
        elif count:
            others = True
    manifest = pair.embedder.manifest
    return Stock(
        pair,
        learner.settings,
        space_of(pair.bundle, manifest),
        float(1 << manifest.transform.grid_bits),
        taken.sequence,
        contents,
        marks,
        others,
        bool(taken.carried),
        () if bare and starters else _own_scatter(taken.statistics, starters),
    )


def as_they_left(
    stock: Stock, store: SampleStore, before: Mapping[str, Departure]
) -> dict[str, Content]:
    """Classes as they last left, where that can be had to the bit.

    Args:
        stock: What was learned.
        store: What is held of the samples.
        before: What left of each class that is asked for, by name.

    Raises:
        FieldwiseError: ``GRAPH_FAILED``.
    """
    wanted = {name: each for name, each in before.items() if name in stock.contents}
    counts = {name: stock.contents[name].samples for name in wanted}
    sums = {name: stock.contents[name].sums.copy() for name in wanted}
    first = min((each.sequence for each in wanted.values()), default=stock.sequence)
    for sample, row in _held(stock, store, first):
        name = sample.class_name
        if name in wanted and sample.sequence > wanted[name].sequence:
            counts[name] -= 1
            sums[name] -= row
    found = {
        name: replace(stock.contents[name], samples=counts[name], sums=sums[name])
        for name in wanted
    }
    return {name: each for name, each in found.items() if is_what_left(each, wanted[name])}


def wholly_held(
    stock: Stock,
    store: SampleStore,
    leaving: Mapping[str, tuple[Content, int]],
) -> dict[str, tuple[Content, int]]:
    """Those of some classes of which every sample is held.

    Args:
        stock: What was learned.
        store: What is held of the samples.
        leaving: What leaves of each class, and the last sample that is in it.

    Raises:
        FieldwiseError: ``GRAPH_FAILED``.
    """
    counts = dict.fromkeys(leaving, 0)
    sums = {name: np.zeros(stock.space.width) for name in leaving}
    for name, row in _of(stock, store, leaving):
        counts[name] += 1
        sums[name] += row
    return {
        name: each
        for name, each in leaving.items()
        if counts[name] == each[0].samples and np.array_equal(sums[name], each[0].sums)
    }


def samples_of(
    stock: Stock,
    store: SampleStore,
    leaving: Mapping[str, tuple[Content, int]],
) -> tuple[NDArray[np.int16], list[str]]:
    """Features int16[N,D] of the held samples of some classes, and the class of each.

    They come in the order in which they were learned.

    Args:
        stock: What was learned.
        store: What is held of the samples.
        leaving: What leaves of each class, and the last sample that is in it.

    Raises:
        FieldwiseError: ``GRAPH_FAILED``.
    """
    names: list[str] = []
    rows: list[NDArray[np.int16]] = []
    for name, row in _of(stock, store, leaving):
        names.append(name)
        rows.append(row)
    return np.array(rows, np.int16).reshape(len(rows), stock.space.width), names


def scatter_of(
    stock: Stock,
    store: SampleStore,
    leaving: Mapping[str, tuple[Content, int]],
) -> tuple[frozenset[str], tuple[NDArray[np.float64], ...]]:
    """The scatter of some classes, from their samples.

    Args:
        stock: What was learned.
        store: What is held of the samples.
        leaving: What leaves of each class, and the last sample that is in it.

    Returns:
        Those of the classes of which every sample is held, and their scatter for each view: its
        upper triangle row by row, float64[D(D+1)/2].

    Raises:
        FieldwiseError: ``GRAPH_FAILED``.
    """
    whole = wholly_held(stock, store, leaving)
    squares = [SymmetricSum(np.zeros((width, width))) for width in stock.space.widths]
    waiting: list[NDArray[np.int16]] = []
    for _, row in _of(stock, store, whole):
        waiting.append(row)
        if len(waiting) == GRAM_ROWS:
            _fold(squares, stock, waiting)
    _fold(squares, stock, waiting)
    return frozenset(whole), tuple(triangle_of(each.square()) for each in squares)


def triangle_of(square: NDArray[np.float64]) -> NDArray[np.float64]:
    """The upper triangle float64[D(D+1)/2] of float64[D,D], row by row."""
    upper: NDArray[np.float64] = square[np.triu_indices(len(square))]
    return upper


def _fold(squares: Sequence[SymmetricSum], stock: Stock, waiting: list[NDArray[np.int16]]) -> None:
    if not waiting:
        return
    rows = np.array(waiting)
    for square, columns in zip(squares, stock.pair.embedder.manifest.columns, strict=True):
        square.add(gram(rows[:, columns]))
    waiting.clear()


def _of(
    stock: Stock, store: SampleStore, leaving: Mapping[str, tuple[Content, int]]
) -> Iterator[tuple[str, NDArray[np.int16]]]:
    for sample, row in _held(stock, store, 0):
        name = sample.class_name
        if name in leaving and sample.sequence <= leaving[name][1]:
            yield name, row


def _held(
    stock: Stock, store: SampleStore, after: int
) -> Iterator[tuple[Sample, NDArray[np.int16]]]:
    """Learned samples above a sequence, with the features that they were learned by."""
    pair = stock.pair
    while batch := store.samples_after(after, BATCH, pair.bundle, LEARNED):
        for sample in batch:
            after = sample.sequence
            if after > stock.sequence:
                return
            row = exact_row(pair, sample)
            if row is not None:
                yield sample, row


def _own_scatter(
    learned: Sequence[Statistics], starters: Sequence[Statistics]
) -> tuple[NDArray[np.float64], ...]:
    """The scatter of the device's own samples; nothing where others' stays in it."""
    if not learned or any(each.orphans for each in learned):
        return ()
    own = [
        without(each, starter) if starters else each
        for each, starter in zip(learned, starters or learned, strict=True)
    ]
    return tuple(triangle_of(each.scatter) for each in own)


def _brought(starters: Sequence[Statistics], name: str) -> Content | None:
    """What a starter head brought of a class."""
    if not starters or name not in starters[0].classes:
        return None
    places = [each.classes.index(name) for each in starters]
    sums = np.concatenate([each.sums[place] for each, place in zip(starters, places, strict=True)])
    return Content(int(starters[0].counts[places[0]]), sums)
