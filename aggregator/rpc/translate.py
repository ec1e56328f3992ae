"""Between messages of the worker's service and values."""

import hashlib
from collections.abc import Iterable, Iterator

from aggregator.ports import Unreadable
from aggregator.work import Campaign, Opening, RoundPhase, RoundResult
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Update
from fieldwise.federation_messages import CONSENTS, KINDS, UpdateReader, space_from, word_of
from fieldwise.v1alpha1 import campaign_pb2, worker_pb2

PIECE_BYTES = 262_144  # of a file in one message
_PHASES = {getattr(campaign_pb2, f"ROUND_PHASE_{each.name}"): each for each in RoundPhase}


def campaign(message: worker_pb2.GetWorkResponse) -> Campaign:
    """What is to be done.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for what no campaign is.
    """
    plan = message.plan
    return Campaign(
        id=message.campaign_id,
        runs=message.phase == campaign_pb2.CAMPAIGN_PHASE_RUNNING,
        kind=word_of(KINDS, plan.kind),
        level=word_of(CONSENTS, plan.level),
        strategy=plan.strategy,
        options=dict(plan.options),
        norm_max=plan.norm_max,
        noise=plan.noise,
        classes={each.id: each.name for each in message.classes},
        space=space_from(message.space),
        version=message.head.version,
        head=message.head.digest.hex(),
        state=message.state_digest.hex(),
        quorum=plan.quorum,
    )


def opening(message: worker_pb2.OpenRoundResponse) -> Opening:
    if not message.HasField("round"):
        return Opening(0, float(message.wait_seconds))
    return Opening(message.round.round)


def phase(message: worker_pb2.AwaitRoundResponse) -> RoundPhase:
    """How far a round is.

    Raises:
        FieldwiseError: ``UNKNOWN_FIELD`` for a phase that this version does not know.
    """
    found = message.round.phase
    if found not in _PHASES:
        raise FieldwiseError(Fault.UNKNOWN_FIELD, f"a round in the unknown phase {found}")
    return _PHASES[found]


def updates(
    messages: Iterable[worker_pb2.FetchUpdatesResponse],
) -> Iterator[tuple[int, Update | Unreadable]]:
    """Put updates together, and go on behind one that is none."""
    held: _Assembling | None = None
    for message in messages:
        if message.WhichOneof("part") == "header":
            if held is not None:
                yield held.alias, held.finish()
            held = _Assembling(message)
        elif held is not None and message.alias == held.alias:
            held.take(message)
    if held is not None:
        yield held.alias, held.finish()


class _Assembling:
    """An update on its way in."""

    def __init__(self, message: worker_pb2.FetchUpdatesResponse) -> None:
        self.alias = message.alias
        self._rows = message.header.rows
        self._why = ""
        try:
            self._reader: UpdateReader | None = UpdateReader(message.header)
        except FieldwiseError as error:
            self._spoil(error)

    def take(self, message: worker_pb2.FetchUpdatesResponse) -> None:
        if self._reader is None:
            return
        try:
            if message.WhichOneof("part") == "rows":
                self._reader.rows(message.rows)
            else:
                self._reader.scatter(message.scatter)
        except FieldwiseError as error:
            self._spoil(error)

    def finish(self) -> Update | Unreadable:
        if self._reader is None:
            return Unreadable(self._rows, self._why)
        try:
            return self._reader.finish()
        except FieldwiseError as error:
            return Unreadable(self._rows, error.sentence)

    def _spoil(self, error: FieldwiseError) -> None:
        self._reader, self._why = None, error.sentence


def committing(result: RoundResult) -> Iterator[worker_pb2.CommitRoundRequest]:
    """A round's end in the messages that it travels in."""
    tally = result.tally
    yield worker_pb2.CommitRoundRequest(
        result=worker_pb2.RoundResult(
            round=result.round,
            classes=tally.classes,
            classes_held_back=tally.held_back,
            rows_left_out=tally.left_out,
            head_bytes=len(result.head),
            head_digest=hashlib.sha256(result.head).digest() if result.head else b"",
            state_bytes=len(result.state),
            state_digest=hashlib.sha256(result.state).digest() if result.state else b"",
        )
    )
    for piece in _pieces(result.head):
        yield worker_pb2.CommitRoundRequest(head=piece)
    for piece in _pieces(result.state):
        yield worker_pb2.CommitRoundRequest(state=piece)


def _pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]
