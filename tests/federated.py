"""A device that takes part in federation, with everything around it in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.config import AgentSettings
from agent.federation.adopting import Heads
from agent.federation.answering import Rounds
from agent.federation.consenting import Consents
from agent.federation.federating import Federating
from agent.federation.preparing import Prepared, delivered, prepare
from agent.federation.standing import Standing, Task
from agent.federation.stocktaking import ALL, take_stock
from agent.federation.training import prepare_weights
from agent.learning.learner import Learner
from agent.reporting import LedgerEntry, Membership, Orders, Total
from agent.rpc import summaries
from fieldwise import head
from fieldwise.federation import (
    Consent,
    HeadOffer,
    RoundOffer,
    RoundStep,
    RowKind,
    Update,
    space_of,
)
from fieldwise.head import Statistics
from tests.fakes.agent import PlayedOrchestrator, TurnedClock
from tests.fakes.federation import MemoryFederation, MemoryHeads
from tests.fakes.membership import member
from tests.fakes.samples import MemorySamples
from tests.fakes.taught import Device, name

NAMES = {name(number): number + 1 for number in range(6)}


def offer_to(device: Device, level: Consent = Consent.WEIGHTS, number: int = 1) -> RoundOffer:
    space = space_of(device.embedder.bundle, device.embedder.manifest)
    return RoundOffer("c7", number, level, space, RowKind.MEANS, 600)


def task_for(device: Device, level: Consent = Consent.WEIGHTS, number: int = 1) -> Task:
    return Task(offer_to(device, level, number), NAMES)


class Sharer:
    """Answers rounds of any campaign with what may leave of a device's classes.

    ``base`` are the rows that rounds of weights start from.
    """

    def __init__(
        self,
        device: Device,
        shared: Sequence[str] = ALL,
        noise: float = 0.0,
        base: Mapping[int, NDArray[np.float32]] | None = None,
    ) -> None:
        self.device = device
        self.shared = tuple(shared)
        self.noise = noise
        self.base = base or {}
        self.notes = MemoryFederation()

    def prepare(self, task: Task, store: Any = None) -> Prepared | RoundStep:
        device, key = self.device, self.device.store.holdout_key()
        starters, bare = device.brought(""), self.notes.bare()
        exact = task.offer.level is Consent.STATISTICS
        stock = take_stock(device.learner, self.shared, starters, bare, key, statistics=exact)
        before = self.notes.departures(stock.space.bundle)
        if task.offer.kind is RowKind.WEIGHTS:
            held = store or device.store
            return prepare_weights(task, stock, held, before, self.base, self.noise, key)
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


class Fleet(PlayedOrchestrator):
    """An orchestrator from a script, and the device's membership."""

    membership: Membership | None = None


class Pages:
    """A ledger in memory."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, int, str]] = []
        self.last: list[LedgerEntry] = []

    def append(self, kind: str, size_bytes: int, summary: str, time: float) -> None:
        self.entries.append((kind, size_bytes, summary))
        self.last.append(LedgerEntry(len(self.entries), time, kind, size_bytes, summary))

    def newest(self, count: int) -> Sequence[LedgerEntry]:
        return self.last[-count:]

    def totals(self) -> dict[str, Total]:
        return {}


@dataclass
class World:
    """A device in a fleet; ``restart`` is the same device after its daemon was killed."""

    device: Device
    settings: AgentSettings = field(default_factory=lambda: AgentSettings(shared_classes=ALL))
    notes: MemoryFederation = field(default_factory=MemoryFederation)
    files: MemoryHeads = field(default_factory=MemoryHeads)
    fleet: Fleet = field(default_factory=Fleet)
    clock: TurnedClock = field(default_factory=TurnedClock)
    ledger: Pages = field(default_factory=Pages)
    conditions: bool | None = None
    busy: bool = False
    silent: float = 1000.0
    hurried: int = 0

    def __post_init__(self) -> None:
        self.fleet.membership = member()
        self.fleet.task = task_for(self.device)
        self.restart(fresh=False)

    @property
    def store(self) -> MemorySamples:
        return self.device.store

    @property
    def learner(self) -> Learner:
        return self.device.learner

    def starters(self, bundle: str) -> tuple[Statistics, ...]:
        return self.device.brought(bundle)

    def may_learn(self) -> bool:
        return True

    def silent_seconds(self) -> float:
        return self.silent

    async def are_met(self) -> bool:
        return bool(self.conditions)

    def restart(self, *, fresh: bool = True) -> None:
        if fresh:
            self.device.start()
        self.consents = Consents(self.notes, self.ledger, self.clock, summaries.consent)
        met = None if self.conditions is None else self.are_met
        rounds = Rounds(
            self.fleet,
            self.consents,
            self.notes,
            self.files,
            self,
            self.settings,
            self.clock,
            conditions=met,
            busy=lambda: self.busy,
        )
        heads = Heads(self.fleet, self.files, self, self.settings)
        self.federating = Federating(
            self.consents, self.notes, rounds, heads, self.fleet, self.clock
        )
        self.federating.hurry = self.hurry
        self.federating.restore()

    def hurry(self) -> None:
        self.hurried += 1

    async def agree(self, consent: Consent = Consent.WEIGHTS, until: float | None = None) -> None:
        await self.federating.set_consent(consent, until)

    async def offered(
        self, round_: RoundOffer | None = None, head: HeadOffer | None = None
    ) -> Standing:
        """What comes of the next check-in's offers."""
        orders = Orders(None, None, None, "", 60, 0, round=round_, head=head)
        self.federating.hear(orders)
        await self.federating.step()
        return self.notes.stands
