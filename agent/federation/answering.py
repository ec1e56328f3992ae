"""Rounds: hear what is offered, ask what it wants, and answer once, as far as the owner agrees.

An offer is repeated with every check-in until it is answered or over. A device answers a round
once; what is asked for and what was sent are known by campaign and round, so an answer that was
lost is given again and counts once. What leaves is written down three times before it leaves: how
far each class has left (``agent.federation.sharing``), that the round is about to be answered, and
in the ledger. The owner's consent is looked at last of all, right before the first byte, and until
the last: who withdraws it, or forgets something, while an update is on its way breaks it off.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
from msgspec.structs import replace

from agent.federation.consenting import Consents
from agent.federation.downloading import downloaded
from agent.federation.others import HEAD_BYTES_MAX, read_base
from agent.federation.preparing import Prepared, delivered, prepare
from agent.federation.standing import Standing, Task
from agent.federation.stocktaking import Stock, mark_of_shared, take_stock
from agent.federation.training import course_of, prepare_weights
from agent.federation_ports import Campaigns, FederationNotes, HeadFiles, MayLeave
from agent.learning.learner import Learner
from agent.learning.names import stored_class_name
from agent.learning.pair import Pair
from agent.learning.unlearning import Starters
from agent.ports import Clock, SampleStore
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, RoundOffer, RoundStep, RowKind, UpdateReceipt

STEPS = {
    UpdateReceipt.TAKEN: RoundStep.ANSWERED,
    UpdateReceipt.LATE: RoundStep.REFUSED,
    UpdateReceipt.NOT_ASKED: RoundStep.REFUSED,
    UpdateReceipt.UNSUITABLE: RoundStep.UNSUITABLE,
    UpdateReceipt.MALFORMED: RoundStep.REFUSED,
}
IDLE_SECONDS = 60.0  # without a prediction: nobody stands before the device

_log = structlog.get_logger()


class Serving(Protocol):
    """What serves, and what is stored."""

    store: SampleStore
    starters: Starters

    @property
    def learner(self) -> Learner | None:
        """The learner; None before the first backbone."""
        ...

    def may_learn(self) -> bool:
        """Whether this is a time for work in the background."""
        ...

    def silent_seconds(self) -> float:
        """Seconds since the last prediction."""
        ...


class Terms(Protocol):
    """What the owner has settled about federation."""

    @property
    def shared_classes(self) -> tuple[str, ...]:
        """Classes that may leave."""
        ...

    @property
    def federation_noise(self) -> float:
        """Standard deviation of the noise on what leaves, at least."""
        ...


class Rounds:
    """Answers rounds.

    Args:
        campaigns: Who asks.
        consents: The owner's word.
        notes: What outlives a restart.
        files: Files of global heads that are here.
        serving: What has learned.
        terms: What the owner has settled.
        clock: Time.
        conditions: Says whether the owner's conditions are met; None where nobody can say.
        busy: Whether a backbone is being changed.

    Attributes:
        shared: Names of the classes that may leave, as they are stored.
    """

    def __init__(
        self,
        campaigns: Campaigns,
        consents: Consents,
        notes: FederationNotes,
        files: HeadFiles,
        serving: Serving,
        terms: Terms,
        clock: Clock,
        *,
        conditions: Callable[[], Awaitable[bool]] | None,
        busy: Callable[[], bool],
    ) -> None:
        self._campaigns = campaigns
        self._consents = consents
        self._notes = notes
        self._files = files
        self._serving = serving
        self._terms = terms
        self._clock = clock
        self._conditions = conditions
        self._busy = busy
        self.shared = tuple(map(stored_class_name, terms.shared_classes))

    async def answer(self, offer: RoundOffer, until: float, standing: Standing) -> Standing:
        """Take a step towards answering a round.

        Args:
            offer: The newest one.
            until: When it is over, by the clock that never jumps.
            standing: How the device stands.

        Returns:
            How it stands now.

        Raises:
            FieldwiseError: What another try may mend.
        """
        if _is_answered(offer, standing) or self._clock.monotonic() >= until:
            return standing
        standing = replace(standing, campaign=offer.campaign, round=offer.round)
        may_leave = self._pass(offer.level)
        made = self._refusal(offer) or await self._worked_out(offer)
        if isinstance(made, RoundStep):
            return replace(standing, step=made)
        return await self._send(made, standing, may_leave)

    def stock(self, *, statistics: bool = False) -> Stock | None:
        """What there is to share; None before the first backbone.

        Raises:
            FieldwiseError: ``DISK_FULL``.
        """
        learner = self._serving.learner
        if learner is None:
            return None
        starters = self._serving.starters(learner.pair.bundle)
        key, bare = self._serving.store.holdout_key(), self._notes.bare()
        return take_stock(learner, self.shared, starters, bare, key, statistics=statistics)

    def forgetting(self, class_name: str) -> None:
        """Hear that a class is about to be forgotten, and with it what a starter head brought.

        Raises:
            FieldwiseError: ``DISK_FULL``: then it must not be forgotten yet.
        """
        key = self._serving.store.holdout_key()
        self._notes.add_bare(frozenset({mark_of_shared(class_name, key)}))

    def _pass(self, level: Consent) -> MayLeave:
        """Say, again and again, whether what is worked out from now on may leave.

        What is forgotten leaves another pair behind.
        """

        def known() -> Pair | None:
            learner = self._serving.learner
            return learner.pair if learner is not None else None

        pair = known()
        return lambda: self._consents.now().covers(level) and known() is pair

    def _refusal(self, offer: RoundOffer) -> RoundStep | None:
        if not self._consents.now().covers(offer.level):
            return RoundStep.NOT_AGREED
        if offer.only_on_conditions and self._conditions is None:
            return RoundStep.NO_HOOK
        learner = self._serving.learner
        if learner is None or offer.space.bundle != learner.pair.bundle:
            return RoundStep.UNSUITABLE
        if offer.kind is RowKind.WEIGHTS and course_of(learner.settings) is None:
            _log.info("a round asks for weights, and no linear head here learns by gradient")
            return RoundStep.UNSUITABLE
        return None

    async def _worked_out(self, offer: RoundOffer) -> Prepared | RoundStep:
        if not await self._is_time(offer):
            return RoundStep.WAITING
        try:
            task = await self._campaigns.fetch_task(offer.campaign, offer.round)
        except FieldwiseError as error:
            if error.fault is not Fault.NOT_FOUND:
                raise
            return RoundStep.REFUSED  # it is over
        if _key(task.offer) != _key(offer) or not _starts_within(task):
            return RoundStep.UNSUITABLE
        return await asyncio.to_thread(self._prepared, task, await self._base(task))

    async def _is_time(self, offer: RoundOffer) -> bool:
        learner = self._serving.learner
        works = learner is None or learner.behind > 0 or self._busy()
        silent = self._serving.silent_seconds() >= IDLE_SECONDS
        if offer.only_idle and (works or not silent or not self._serving.may_learn()):
            return False
        if not offer.only_on_conditions or self._conditions is None:
            return True
        return await self._conditions()

    async def _base(self, task: Task) -> bytes:
        """The file of the head that a round of weights starts from; empty for none."""
        head = task.head
        if head is None or task.offer.kind is not RowKind.WEIGHTS:
            return b""
        held = await asyncio.to_thread(self._files.read, head.digest)
        return held if held is not None else await downloaded(self._campaigns, head)

    def _prepared(self, task: Task, base: bytes) -> Prepared | RoundStep:
        stock = self.stock(statistics=task.offer.level is Consent.STATISTICS)
        if stock is None:
            return RoundStep.UNSUITABLE
        before = self._notes.departures(stock.space.bundle)
        store, noise = self._serving.store, self._terms.federation_noise
        key = store.holdout_key()
        if task.offer.kind is RowKind.MEANS:
            return prepare(task, stock, store, before, noise, key)
        try:
            rows = read_base(base, task.head) if task.head else {}
        except FieldwiseError as error:
            _log.warning("a round starts from what is no head", reason=error.sentence)
            return RoundStep.UNSUITABLE
        return prepare_weights(task, stock, store, before, rows, noise, key)

    async def _send(self, made: Prepared, standing: Standing, may_leave: MayLeave) -> Standing:
        update, bundle = made.update, made.update.space.bundle
        if may_leave():
            await asyncio.to_thread(self._notes.note_departures, bundle, made.departures)
        # The last look before the first byte: a consent may have ended while this was made.
        sent = may_leave() and await self._campaigns.submit_update(update, made.words, may_leave)
        if not sent:
            agreed = self._consents.now().covers(update.level)
            return replace(standing, step=RoundStep.WAITING if agreed else RoundStep.NOT_AGREED)
        receipt, size = sent
        # Who withdraws meanwhile is dropped by the campaign: it has nothing of him then.
        if receipt is UpdateReceipt.TAKEN and may_leave():
            taken = delivered(made.departures, update.campaign)
            await asyncio.to_thread(self._notes.note_departures, bundle, taken)
        _log.info("a round is answered", campaign=update.campaign, receipt=receipt.value)
        return replace(
            standing,
            step=STEPS[receipt],
            updates=standing.updates + 1,
            bytes=standing.bytes + size,
        )


def _is_answered(offer: RoundOffer, standing: Standing) -> bool:
    same = (offer.campaign, offer.round) == (standing.campaign, standing.round)
    again = {RoundStep.WAITING, RoundStep.NOT_AGREED, None}
    return same and standing.step not in again


def _starts_within(task: Task) -> bool:
    """Whether what a round starts from, if anything, is of its own campaign and space."""
    head, offer = task.head, task.offer
    if head is None:
        return True
    same = (head.campaign, head.space) == (offer.campaign, offer.space)
    return same and head.bytes <= HEAD_BYTES_MAX


def _key(offer: RoundOffer) -> tuple[object, ...]:
    return (offer.campaign, offer.round, offer.level, offer.space, offer.kind)
