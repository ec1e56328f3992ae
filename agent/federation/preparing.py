"""An update worked out from what was learned: which classes leave, as what, in which words.

At the level of weights a class leaves as its mean; a campaign goes on counting on what it took of a
class before, so that what did not change is not sent to it again. At the level of statistics every
update is whole and takes the place of the one before: classes that have changed too little since
they left are in it as they left. The scatter has to be that of exactly these samples. Where these
are all that the device ever learned by itself, it is the head's own; else it is added up from the
samples, and classes of which not every sample is held are left out.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agent.federation.sharing import Content, Departure, is_what_left, leaving, may_leave
from agent.federation.softening import softened
from agent.federation.standing import Task
from agent.federation.stocktaking import Stock, as_they_left, scatter_of
from agent.ports import SampleStore
from fieldwise.federation import Consent, RoundStep, Row, RowKind, Update


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An update that is worked out and has not left yet.

    Attributes:
        update: What is to be sent.
        departures: What has to be written down before, by the mark of each class.
        words: What the ledger says of it.
    """

    update: Update
    departures: dict[str, Departure]
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class Leaving:
    """A class that leaves, and the last sample that is in it."""

    content: Content
    sequence: int


def prepare(
    task: Task,
    stock: Stock,
    store: SampleStore,
    before: Mapping[str, Departure],
    noise: float,
    secret: bytes,
) -> Prepared | RoundStep:
    """Work out an update; nothing is changed.

    Args:
        task: What the round asks for.
        stock: What was learned.
        store: What is held of the samples.
        before: What left so far, by the mark of each class.
        noise: Standard deviation of the noise that the owner wants, in lengths of a feature.
        secret: The device's own.

    Returns:
        The update, or why there is none.

    Raises:
        FieldwiseError: ``GRAPH_FAILED``.
    """
    offer = task.offer
    exact = offer.level is Consent.STATISTICS
    # Neither noise nor what was carried over by estimate goes together with exactness.
    blurred = exact and (max(noise, task.noise) > 0 or stock.estimated)
    if offer.space != stock.space or offer.kind is not RowKind.MEANS or blurred:
        return RoundStep.UNSUITABLE
    found = states_that_leave(task.classes, task.samples_min, stock, store, before)
    scatter: tuple[NDArray[np.float64], ...] = ()
    if exact and found:
        found, scatter = _with_scatter(stock, store, found)
        if any(_norm(each.content, stock) > (task.norm_max or np.inf) for each in found.values()):
            return RoundStep.UNSUITABLE
    elif not exact:
        found = _not_delivered(found, stock, before, offer.campaign)
    if not found:
        return RoundStep.TOO_FEW
    rows = [
        Row(
            task.classes[name],
            each.content.samples,
            each.content.sums
            if exact
            else softened(each.content, stock.unit, noise, task.norm_max, task.noise, secret),
        )
        for name, each in found.items()
    ]
    rows.sort(key=lambda row: row.class_id)
    update = Update(
        offer.campaign, offer.round, offer.kind, offer.level, offer.space, tuple(rows), scatter
    )
    departures = departures_of(found, stock, before)
    return Prepared(update, departures, _words(update, noise_told(noise, task)))


def states_that_leave(
    classes: Collection[str],
    samples_min: int,
    stock: Stock,
    store: SampleStore,
    before: Mapping[str, Departure],
) -> dict[str, Leaving]:
    """Those of some classes that may leave: as they are, or as they left.

    Args:
        classes: Their names.
        samples_min: What a round asks for.
        stock: What was learned.
        store: What is held of the samples.
        before: What left so far, by the mark of each class.

    Raises:
        FieldwiseError: ``GRAPH_FAILED``.
    """
    asked = {name: stock.contents[name] for name in classes if name in stock.contents}
    left = {name: before[mark] for name in asked if (mark := stock.marks[name]) in before}
    found = {
        name: Leaving(content, stock.sequence)
        for name, content in asked.items()
        if may_leave(content, left.get(name), samples_min)
    }
    held = {name: each for name, each in left.items() if name not in found}
    for name, content in as_they_left(stock, store, held).items():
        if may_leave(content, held[name], samples_min):
            found[name] = Leaving(content, held[name].sequence)
    return found


def departures_of(
    found: Mapping[str, Leaving], stock: Stock, before: Mapping[str, Departure]
) -> dict[str, Departure]:
    """What to write down before classes leave, by the mark of each."""
    return {
        stock.marks[name]: leaving(each.content, before.get(stock.marks[name]), each.sequence)
        for name, each in found.items()
    }


def noise_told(noise: float, task: Task) -> float:
    """The larger of the owner's noise and the campaign's, in lengths of a row, for the ledger."""
    return max(noise, task.noise * (task.norm_max or 1.0))


def _with_scatter(
    stock: Stock, store: SampleStore, found: dict[str, Leaving]
) -> tuple[dict[str, Leaving], tuple[NDArray[np.float64], ...]]:
    own = {name for name, content in stock.contents.items() if content.samples}
    as_it_is = all(each.content is stock.contents[name] for name, each in found.items())
    if stock.scatter and not stock.others and own == found.keys() and as_it_is:
        return found, stock.scatter
    wanted = {name: (each.content, each.sequence) for name, each in found.items()}
    whole, scatter = scatter_of(stock, store, wanted)
    return {name: each for name, each in found.items() if name in whole}, scatter


def _not_delivered(
    found: dict[str, Leaving], stock: Stock, before: Mapping[str, Departure], campaign: str
) -> dict[str, Leaving]:
    """Those of which the campaign has another state, or none."""

    def has(name: str, content: Content) -> bool:
        departure = before.get(stock.marks[name])
        known = departure is not None and departure.delivered == campaign
        return known and departure is not None and is_what_left(content, departure)

    return {name: each for name, each in found.items() if not has(name, each.content)}


def delivered(departures: Mapping[str, Departure], campaign: str) -> dict[str, Departure]:
    """The same, once a campaign has taken them."""
    return {mark: replace(each, delivered=campaign) for mark, each in departures.items()}


def _norm(content: Content, stock: Stock) -> float:
    """Length of a class's mean, in lengths of a feature."""
    return float(np.linalg.norm(content.sums)) / (content.samples * stock.unit)


def _words(update: Update, noise: float) -> str:
    samples = sum(row.samples for row in update.rows)
    exact = update.level is Consent.STATISTICS
    what = "sums and the scatter" if exact else "means"
    blurred = f", with noise of {noise:g}" if noise else ""
    return (
        f"gives campaign {update.campaign} for round {update.round} the counts and {what} of"
        f" {samples:,} samples of {len(update.rows):,} classes{blurred}:"
        f" {update.space.width:,} numbers for each class, no image and no name"
    )
