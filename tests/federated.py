"""A device that takes part in federation, with everything around it in memory."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from agent.federation.preparing import Prepared, delivered, prepare
from agent.federation.standing import RoundOffer, Task
from agent.federation.stocktaking import ALL, take_stock
from fieldwise import head
from fieldwise.federation import Consent, RoundStep, RowKind, Update, space_of
from fieldwise.head import Statistics
from tests.fakes.federation import MemoryFederation
from tests.fakes.taught import Device, name

NAMES = {name(number): number + 1 for number in range(6)}


def offer_to(device: Device, level: Consent = Consent.WEIGHTS, number: int = 1) -> RoundOffer:
    space = space_of(device.embedder.bundle, device.embedder.manifest)
    return RoundOffer("c7", number, level, space, RowKind.MEANS, 600)


def task_for(device: Device, level: Consent = Consent.WEIGHTS, number: int = 1) -> Task:
    return Task(offer_to(device, level, number), NAMES)


class Sharer:
    """Answers rounds of any campaign with what may leave of a device's classes."""

    def __init__(self, device: Device, shared: Sequence[str] = ALL, noise: float = 0.0) -> None:
        self.device = device
        self.shared = tuple(shared)
        self.noise = noise
        self.notes = MemoryFederation()

    def prepare(self, task: Task) -> Prepared | RoundStep:
        device, key = self.device, self.device.store.holdout_key()
        starters, bare = device.brought(""), self.notes.bare()
        exact = task.offer.level is Consent.STATISTICS
        stock = take_stock(device.learner, self.shared, starters, bare, key, statistics=exact)
        before = self.notes.departures(stock.space.bundle)
        return prepare(task, stock, device.store, before, self.noise, key)

    def send(self, task: Task, *, taken: bool = True) -> Update | RoundStep:
        made = self.prepare(task)
        if isinstance(made, RoundStep):
            return made
        departures = made.departures
        if taken:
            departures = delivered(departures, task.offer.campaign)
        self.notes.note_departures(made.update.space.bundle, departures)
        return made.update

    def sent(self, task: Task, *, taken: bool = True) -> Update:
        update = self.send(task, taken=taken)
        assert isinstance(update, Update)
        return update


def of_campaign(task: Task, campaign: str) -> Task:
    return replace(task, offer=replace(task.offer, campaign=campaign))


def statistics_of(update: Update, like: Statistics) -> Statistics:
    """What an exact update of one view says, as statistics."""
    names = {number: each for each, number in NAMES.items()}
    width = update.space.width
    scatter = np.zeros((width, width))
    upper = np.triu_indices(width)
    scatter[upper] = update.scatter[0]
    scatter.T[upper] = update.scatter[0]
    empty = head.empty(like.bundle, like.transform, width)
    return Statistics(
        empty.bundle,
        empty.transform,
        tuple(names[row.class_id] for row in update.rows),
        np.array([row.samples for row in update.rows], np.int64),
        np.array([row.values for row in update.rows], np.float64),
        scatter,
    )
