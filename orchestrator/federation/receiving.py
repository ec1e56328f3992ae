"""What a device sends in a round: whether it may, whether it is one, and that it is kept for good.

Content goes into a file before the book is written that says so, and the device hears that it was
taken after both: killed at any moment, an update is taken whole or not at all, and the device sends
it again. That it is about to come is noted first, so that a file that no book knows is found and
taken away (``sweeping``). Sent again, what was taken is told to be taken, and its content need not
come again.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import RowKind, Update, UpdateReceipt, content_of
from orchestrator.federation.campaign import Campaign, campaign_number
from orchestrator.federation.content import check_update
from orchestrator.federation.contribution import (
    NO_PART,
    Answer,
    Part,
    Submission,
    is_taken,
)
from orchestrator.federation.offering import Offering
from orchestrator.federation_ports import ContributionStore, UpdateFiles
from orchestrator.ports import Clock

PIECE_BYTES = 256 * 1024
REFUSED = (UpdateReceipt.UNSUITABLE, UpdateReceipt.MALFORMED)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """What a device that was asked is to do, and the seconds it has for that."""

    campaign: Campaign
    seconds: int


class Receiving:
    """The use cases of devices that were asked.

    Args:
        offering: What knows the campaigns.
        contributions: Where it is kept what devices gave.
        files: Where its content is kept.
        clock: What time it is.
    """

    def __init__(
        self,
        offering: Offering,
        contributions: ContributionStore,
        files: UpdateFiles,
        clock: Clock,
    ) -> None:
        self._offering = offering
        self._contributions = contributions
        self._files = files
        self._clock = clock

    async def task(self, device: str, campaign_id: str, round_number: int) -> Task:
        """Say what a round asks for.

        Raises:
            FieldwiseError: ``NOT_FOUND`` where it does not ask this device, or not any more.
        """
        campaign = await self._asking(campaign_id, round_number)
        if campaign is not None and campaign.open_round is not None:
            part = await self._part(device, campaign)
            seconds = int(campaign.open_round.deadline - self._clock.now())
            if part.asked == round_number and seconds > 0:
                return Task(campaign, seconds)
        raise FieldwiseError(
            Fault.NOT_FOUND,
            f"round {round_number} of {campaign_id[:32]} does not ask this device, or not any more",
        )

    async def expect(self, device: str, sent: Submission) -> UpdateReceipt | None:
        """Say what becomes of an update before its content comes; None where it is to come.

        Raises:
            FieldwiseError: As the store.
        """
        campaign = await self._asking(sent.campaign, sent.round)
        if campaign is None:
            return UpdateReceipt.LATE
        now = self._clock.now()
        part = await self._contributions.expect(
            campaign.number, sent.round, device, sent.update, now
        )
        receipt = _known_at_once(campaign, part, sent)
        if receipt in REFUSED:
            return await self.refuse(device, sent, receipt)
        return receipt

    async def take(self, device: str, sent: Submission, update: Update) -> UpdateReceipt:
        """Keep an update that was expected and has come whole.

        Raises:
            FieldwiseError: As the stores, with nothing taken: the device sends it again.
        """
        campaign = await self._asking(sent.campaign, sent.round)
        if campaign is None:
            return UpdateReceipt.LATE
        try:
            check_update(campaign, update)
        except FieldwiseError as error:
            _log.warning("update refused", device=device, campaign=campaign.id, why=error.sentence)
            return await self.refuse(device, sent, UpdateReceipt.MALFORMED)
        await self._files.put(sent.update.digest, _content(update))
        classes = frozenset(row.class_id for row in update.rows)
        taken = await self._contributions.take(
            campaign.number, sent.round, device, sent.update, classes
        )
        if taken:
            return UpdateReceipt.TAKEN
        if not await self._contributions.needs(sent.update.digest):  # its note may be gone already
            await self._files.drop(sent.update.digest)
        return UpdateReceipt.LATE

    async def refuse(self, device: str, sent: Submission, receipt: UpdateReceipt) -> UpdateReceipt:
        """Note that a device has answered with what is no update of the round."""
        number = campaign_number(sent.campaign)
        await self._contributions.answer(number, sent.round, device, Answer.REFUSED)
        return receipt

    async def _asking(self, campaign_id: str, round_number: int) -> Campaign | None:
        """Return the campaign whose newest round this is; None where there is none such."""
        for look in (False, True):
            if look:  # another replica may have opened it a moment ago
                await self._offering.look()
            for each in await self._offering.known():
                newest = each.round.number if each.round else 0
                if each.id == campaign_id and newest >= round_number:
                    return each if newest == round_number else None
        return None

    async def _part(self, device: str, campaign: Campaign) -> Part:
        partner = await self._contributions.partner(device)
        return partner.parts.get(campaign.number, NO_PART)


def _known_at_once(campaign: Campaign, part: Part, sent: Submission) -> UpdateReceipt | None:
    """Say what becomes of an update as far as its head tells."""
    if part.asked != sent.round:
        return UpdateReceipt.LATE if part.asked > sent.round else UpdateReceipt.NOT_ASKED
    if is_taken(part, sent.update):
        return UpdateReceipt.TAKEN
    if campaign.open_round is None:
        return UpdateReceipt.LATE
    if not _is_suitable(campaign, sent):
        return UpdateReceipt.UNSUITABLE
    too_many = sent.update.rows > len(campaign.plan.classes)
    return UpdateReceipt.MALFORMED if too_many else None


def _is_suitable(campaign: Campaign, sent: Submission) -> bool:
    update, plan = sent.update, campaign.plan
    assert campaign.round is not None
    # What training changed means something only beside what it began with.
    begins = update.base_version == campaign.round.base_version or plan.kind is RowKind.MEANS
    same = (update.kind, update.level) == (plan.kind, plan.level)
    return begins and same and sent.space == campaign.space


async def _content(update: Update) -> AsyncIterator[bytes]:
    """Yield what is kept, in pieces that are worth a call each."""
    waiting: list[bytes] = []
    for piece in content_of(update.rows, update.scatter):
        waiting.append(piece)
        if sum(map(len, waiting)) >= PIECE_BYTES:
            yield b"".join(waiting)
            waiting.clear()
    yield b"".join(waiting)
