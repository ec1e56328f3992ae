"""An update of weights: rows of a head trained by gradient, from what may leave and nothing else.

A row of the head that serves will not do. Its samples of other classes are in it too: with softmax
the rows add up to zero, so of two classes one row is the other's with its sign turned, and whoever
has the row of a shared class has that of a class of a single sample. So what leaves is trained for
it, by the same descent as the head that serves (``agent.learning.heads.alone``),

- from exactly the samples of shared classes that may leave, each class in a state that may leave
  (``agent.federation.sharing``): any two trainings then differ in at least ten samples, or are the
  same to the bit. Classes of which not every sample is held are left out; so are, the largest
  first, those for which there is no room;
- of all of these, whatever classes and minimum a campaign asks for: who asks for other classes gets
  other rows of the same head;
- from zeros. A head that a server may choose to begin from is a question it puts to single samples:
  a row that only one of them still moves tells that one. Only the difference to the global row is
  worked out from it, which tells nothing more.

So rounds in which a device has learned nothing new get the same rows from it again, and a campaign
gains by devices and by what they learn, not by rounds.

*The scale.* How long rows are tells how long was trained, and by how many samples. So all rows of a
device are divided by the root mean square of their lengths, bias included: then they are 1 long on
average, whatever the rate and the samples were, and in that unit bounds and noise are stated. They
are for features of unit length. Of 81 classes, ten devices with a third each, the rows of one round
so are right in 35 and 42 of a hundred for two seeds, as they are trained in 31 and 35. What they
have to be multiplied by to serve, held-out samples tell (``agent.learning.trained_rows``).

A device of one class has nothing to tell it from, and gives nothing.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agent.federation.preparing import (
    Leaving,
    Prepared,
    departures_of,
    noise_told,
    states_that_leave,
)
from agent.federation.sharing import Departure, may_leave
from agent.federation.softening import blurred
from agent.federation.standing import Task
from agent.federation.stocktaking import Stock, samples_of, wholly_held
from agent.learning.heads.alone import trained_alone
from agent.learning.heads.head import LinearHead
from agent.learning.settings import GradientSettings, HeadName, LearningSettings
from agent.ports import SampleStore
from fieldwise.federation import SAMPLES_MIN, Consent, RoundStep, Row, RowKind, Update

CLASSES_MIN = 2  # a row tells a class from others
GRID_BYTES = 2  # of a number of a feature


def course_of(settings: LearningSettings) -> GradientSettings | None:
    """How rows would be trained; None where no linear head of this device learns by gradient."""
    linear = settings.gradient.hidden_width == 0  # behind a hidden layer rows are of it alone
    return settings.gradient if HeadName.GRADIENT in settings.heads.enabled and linear else None


def prepare_weights(
    task: Task,
    stock: Stock,
    store: SampleStore,
    before: Mapping[str, Departure],
    base: Mapping[int, NDArray[np.float32]],
    noise: float,
    secret: bytes,
) -> Prepared | RoundStep:
    """Work out an update of weights; nothing is changed.

    Args:
        task: What the round asks for.
        stock: What was learned.
        store: What is held of the samples.
        before: What left so far, by the mark of each class.
        base: Rows float32[D+1] of the version that the round starts from, by the campaign's ids.
        noise: Standard deviation of the noise that the owner wants, in lengths of a row.
        secret: The device's own.

    Returns:
        The update, or why there is none.

    Raises:
        FieldwiseError: ``GRAPH_FAILED``.
    """
    offer, course = task.offer, course_of(stock.settings)
    fits = (offer.space, offer.kind, offer.level) == (
        stock.space,
        RowKind.WEIGHTS,
        Consent.WEIGHTS,
    )
    if not fits or course is None:
        return RoundStep.UNSUITABLE
    trained_of = _trained_of(stock, store, before, course.memory_bytes_max)
    asked = [
        name
        for name, each in trained_of.items()
        if name in task.classes
        and may_leave(each.content, before.get(stock.marks[name]), task.samples_min)
    ]
    if len(trained_of) < CLASSES_MIN or not asked:
        return RoundStep.TOO_FEW
    wanted = {name: (each.content, each.sequence) for name, each in trained_of.items()}
    grid, names = samples_of(stock, store, wanted)
    if not _are_those(grid, names, trained_of):
        return RoundStep.WAITING  # one was taken back or corrected meanwhile
    head = trained_alone(grid, names, stock.unit, course)
    if head is None:
        return RoundStep.UNSUITABLE
    told = _told(head, noise, task, secret)
    rows = [
        Row(class_id, trained_of[name].content.samples, _change(told[name], base.get(class_id)))
        for name, class_id in sorted(task.classes.items(), key=lambda each: each[1])
        if name in asked
    ]
    update = _update_of(task, rows)
    samples = sum(each.content.samples for each in trained_of.values())
    words = _words(update, samples, len(trained_of), noise_told(noise, task))
    return Prepared(update, departures_of(trained_of, stock, before), words)


def _update_of(task: Task, rows: Sequence[Row]) -> Update:
    """What a round is given: differences to the version that it starts from."""
    offer, version = task.offer, task.head.version if task.head else 0
    return Update(
        offer.campaign,
        offer.round,
        offer.kind,
        offer.level,
        offer.space,
        tuple(rows),
        base_version=version,
    )


def _trained_of(
    stock: Stock, store: SampleStore, before: Mapping[str, Departure], bytes_max: int
) -> dict[str, Leaving]:
    """The shared classes that a head may be trained of, smallest first."""
    found = states_that_leave(stock.contents, SAMPLES_MIN, stock, store, before)
    states = {name: (each.content, each.sequence) for name, each in found.items()}
    whole = wholly_held(stock, store, states)
    room = bytes_max // (GRID_BYTES * stock.space.width)
    kept: dict[str, Leaving] = {}
    for name in sorted(whole, key=lambda each: (found[each].content.samples, each)):
        room -= found[name].content.samples
        if room < 0:
            break
        kept[name] = found[name]
    return kept


def _are_those(
    grid: NDArray[np.int16], names: Sequence[str], trained_of: Mapping[str, Leaving]
) -> bool:
    """Whether samples are exactly those of which is written down that they leave."""
    labels = np.array(names)
    for name, each in trained_of.items():
        rows = grid[labels == name]
        if len(rows) != each.content.samples:
            return False
        if not np.array_equal(rows.sum(axis=0, dtype=np.float64), each.content.sums):
            return False
    return len(names) == sum(each.content.samples for each in trained_of.values())


def _told(
    head: LinearHead, noise: float, task: Task, secret: bytes
) -> dict[str, NDArray[np.float32]]:
    """The rows float32[D+1] of a head as they may leave, by class."""
    rows = np.column_stack([head.weights, head.offsets]).astype(np.float64)
    rows /= np.sqrt((rows**2).sum() / len(rows)) or 1.0
    return {
        name: blurred(row, _identity(row), 1.0, noise, task.norm_max, task.noise, secret)
        for name, row in zip(head.classes, rows, strict=True)
    }


def _identity(row: NDArray[np.float64]) -> str:
    return hashlib.sha256(row.astype("<f8").tobytes()).hexdigest()


def _change(row: NDArray[np.float32], start: NDArray[np.float32] | None) -> NDArray[np.float32]:
    return row if start is None else row - start


def _words(update: Update, samples: int, classes: int, noise: float) -> str:
    blur = f", with noise of {noise:g}" if noise else ""
    return (
        f"gives campaign {update.campaign} for round {update.round} the counts and weights of"
        f" {len(update.rows):,} classes, trained of {samples:,} samples of {classes:,}"
        f" classes{blur}: {update.space.width + 1:,} numbers for each class, no image and no name"
    )
