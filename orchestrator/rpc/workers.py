"""What the aggregator of a campaign calls; which campaign it is says its token (``interceptors``).

Everything may be asked again: an aggregator that is started again begins with ``GetWork`` and finds
whatever had been agreed. A head and what the strategy keeps are stored before the round is ended,
and the round is ended before the answer.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import structlog

from fieldwise.calls import Context
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Update, read_content
from fieldwise.federation_messages import parts_of, space_to
from fieldwise.v1alpha1 import federation_pb2, worker_pb2_grpc
from fieldwise.v1alpha1 import worker_pb2 as messages
from orchestrator.campaign_views import view_round
from orchestrator.federation.campaign import Campaign, RoundResult
from orchestrator.federation.contribution import Contribution
from orchestrator.federation.phases import RoundPhase
from orchestrator.federation.rounds import Rounds
from orchestrator.federation_ports import UpdateFiles
from orchestrator.ports import BundleStore
from orchestrator.rpc import translate_campaigns as to_wire
from orchestrator.rpc.interceptors import calling_campaign
from orchestrator.rpc.received_round import ReceivedRound
from orchestrator.rpc.translate import digest_from, digest_to

AWAITED_SECONDS_MAX = 60
LOOK_SECONDS = 0.5  # a look counts the answers of one round

_log = structlog.get_logger(__name__)


class Readable(Protocol):
    """Whatever gives content by digest."""

    def read(self, digest: str, offset: int = 0) -> AsyncIterator[bytes]: ...

    async def size(self, digest: str) -> int | None: ...


@dataclass(frozen=True, slots=True)
class WorkerUseCases:
    """What the calls of aggregators are made of."""

    rounds: Rounds
    heads: BundleStore
    files: UpdateFiles


class WorkerServicer(worker_pb2_grpc.WorkerServicer):
    """The service for aggregators.

    Args:
        uses: The use cases behind it.
    """

    def __init__(self, uses: WorkerUseCases) -> None:
        self._uses = uses

    async def GetWork(
        self, request: messages.GetWorkRequest, context: Context
    ) -> messages.GetWorkResponse:
        campaign = await self._look()
        names = enumerate(campaign.plan.classes, 1)
        return messages.GetWorkResponse(
            campaign_id=campaign.id,
            plan=to_wire.plan_to(campaign.plan, with_classes=False),
            classes=[federation_pb2.SharedClass(id=each, name=name) for each, name in names],
            space=space_to(campaign.space),
            phase=to_wire.CAMPAIGN_PHASES[campaign.phase],
            head=_head_to(campaign),
            state_digest=digest_to(campaign.head.state_digest) if campaign.head else b"",
            rounds_ended=campaign.rounds_ended,
        )

    async def OpenRound(
        self, request: messages.OpenRoundRequest, context: Context
    ) -> messages.OpenRoundResponse:
        opening = await self._uses.rounds.open(calling_campaign())
        campaign = opening.campaign
        current = campaign.under_way
        return messages.OpenRoundResponse(
            round=to_wire.round_to(view_round(current)) if current else None,
            phase=to_wire.CAMPAIGN_PHASES[campaign.phase],
            wait_seconds=opening.wait_seconds,
        )

    async def AwaitRound(
        self, request: messages.AwaitRoundRequest, context: Context
    ) -> messages.AwaitRoundResponse:
        ends_at = time.monotonic() + min(request.seconds, AWAITED_SECONDS_MAX)
        while True:
            current = (await self._look()).round
            if current is None or current.number != request.round:
                raise FieldwiseError(
                    Fault.ILLEGAL_COMMAND, f"round {request.round} is not the newest"
                )
            if current.phase is not RoundPhase.OPEN or time.monotonic() >= ends_at:
                return messages.AwaitRoundResponse(round=to_wire.round_to(view_round(current)))
            await asyncio.sleep(LOOK_SECONDS)

    async def FetchUpdates(
        self, request: messages.FetchUpdatesRequest, context: Context
    ) -> AsyncIterator[messages.FetchUpdatesResponse]:
        campaign = await self._look()
        if campaign.round is None or campaign.round.number != request.round:
            raise FieldwiseError(Fault.ILLEGAL_COMMAND, f"round {request.round} is not the newest")
        for each in await self._uses.rounds.contributions(campaign.id):
            content = await _whole(self._uses.files, each.update.digest)
            if content is None:
                _log.warning("update lost", campaign=campaign.id, alias=each.alias)
                continue
            for part in parts_of(_update(campaign, each, content)):
                yield _part_to(each.alias, part)

    async def FetchWork(
        self, request: messages.FetchWorkRequest, context: Context
    ) -> AsyncIterator[messages.FetchWorkResponse]:
        head, digest = (await self._look()).head, digest_from(request.digest)
        if head is None or digest not in (head.digest, head.state_digest):
            raise FieldwiseError(
                Fault.NOT_FOUND, f"the campaign does not go on with {digest[:12]} now"
            )
        kept: Readable = self._uses.heads if digest == head.digest else self._uses.files
        total, offset = await kept.size(digest), 0
        async for piece in kept.read(digest):
            yield messages.FetchWorkResponse(offset=offset, content=piece, total_bytes=total or 0)
            offset += len(piece)

    async def CommitRound(
        self, request_iterator: AsyncIterable[messages.CommitRoundRequest], context: Context
    ) -> messages.CommitRoundResponse:
        received = await ReceivedRound.begun(request_iterator)
        result = received.result
        if not result.head_digest:
            await received.ended()
            await self._uses.rounds.miss(calling_campaign(), result)
            return messages.CommitRoundResponse()
        if not await self._is_committed(result):
            await self._uses.heads.put(result.head_digest, received.head())
            if result.state_bytes:
                await self._uses.files.put(result.state_digest, received.state())
            await received.ended()
        head = await self._uses.rounds.commit(calling_campaign(), result)
        return messages.CommitRoundResponse(version=head.version)

    async def GiveUp(
        self, request: messages.GiveUpRequest, context: Context
    ) -> messages.GiveUpResponse:
        await self._uses.rounds.give_up(calling_campaign(), request.reason)
        return messages.GiveUpResponse()

    async def _look(self) -> Campaign:
        return await self._uses.rounds.look(calling_campaign())

    async def _is_committed(self, result: RoundResult) -> bool:
        """Tell whether a round came to its end before; refuse one that cannot come to any.

        Raises:
            FieldwiseError: ``ILLEGAL_COMMAND``.
        """
        current = (await self._look()).round
        number, phase = (current.number, current.phase) if current else (0, None)
        if number != result.round or phase not in (RoundPhase.CLOSED, RoundPhase.COMMITTED):
            raise FieldwiseError(Fault.ILLEGAL_COMMAND, f"round {result.round} is not closed")
        return phase is RoundPhase.COMMITTED


async def _whole(files: UpdateFiles, digest: str) -> bytes | None:
    """Return content; None where it is lost or damaged, which must not end a campaign."""
    try:
        content = b"".join([piece async for piece in files.read(digest)])
    except FieldwiseError as error:
        if error.fault is not Fault.NOT_FOUND:
            raise
        return None
    return content if hashlib.sha256(content).hexdigest() == digest else None


def _update(campaign: Campaign, given: Contribution, content: bytes) -> Update:
    told = given.update
    rows, scatter = read_content(content, campaign.space, told.kind, told.level, told.rows)
    return Update(
        campaign=campaign.id,
        round=given.round,
        kind=told.kind,
        level=told.level,
        space=campaign.space,
        rows=rows,
        scatter=scatter,
        base_version=told.base_version,
    )


def _part_to(alias: int, part: object) -> messages.FetchUpdatesResponse:
    if isinstance(part, federation_pb2.UpdateHeader):
        return messages.FetchUpdatesResponse(alias=alias, header=part)
    if isinstance(part, federation_pb2.ClassRows):
        return messages.FetchUpdatesResponse(alias=alias, rows=part)
    assert isinstance(part, federation_pb2.ScatterPiece)
    return messages.FetchUpdatesResponse(alias=alias, scatter=part)


def _head_to(campaign: Campaign) -> federation_pb2.GlobalHead | None:
    head = campaign.head
    if head is None:
        return None
    return federation_pb2.GlobalHead(
        campaign_id=campaign.id,
        version=head.version,
        digest=digest_to(head.digest),
        bytes=head.bytes,
        space=space_to(campaign.space),
    )
