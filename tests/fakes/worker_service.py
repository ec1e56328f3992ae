"""The service for aggregators over an orchestrator in memory: real calls, TLS and a token."""

import hashlib
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
import trustme

from aggregator.ports import Unreadable
from aggregator.work import Campaign, RoundPhase, RoundResult, Tally
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation_messages import CONSENTS, KINDS, parts_of, space_to
from fieldwise.status import status_code, trailing_metadata
from fieldwise.v1alpha1 import campaign_pb2, federation_pb2, worker_pb2, worker_pb2_grpc
from tests.fakes.orchestrating import MemoryOrchestrator

TOKEN = "c7." + "t" * 43
PIECE = 1000


@dataclass(slots=True)
class WorkerService(worker_pb2_grpc.WorkerServicer):
    """Answers calls.

    Attributes:
        behind: What knows the answers.
        token: The one in force.
        spoil: Turns the pieces of a file into others.
    """

    behind: MemoryOrchestrator
    token: str = TOKEN
    spoil: Any = None
    reasons: list[str] = field(default_factory=list)

    def GetWork(self, request: Any, context: Any) -> worker_pb2.GetWorkResponse:  # noqa: N802 -- the proto file names it
        self._check(context)
        return work_of(self.behind.campaign(), self.behind)

    def OpenRound(self, request: Any, context: Any) -> worker_pb2.OpenRoundResponse:  # noqa: N802 -- the proto file names it
        self._check(context)
        opening = self.behind.open_round()
        if not opening.round:
            return worker_pb2.OpenRoundResponse(wait_seconds=int(opening.wait_seconds))
        return worker_pb2.OpenRoundResponse(round=round_of(opening.round, RoundPhase.OPEN))

    def AwaitRound(self, request: Any, context: Any) -> worker_pb2.AwaitRoundResponse:  # noqa: N802 -- the proto file names it
        self._check(context)
        phase = self.behind.await_round(request.round, request.seconds)
        return worker_pb2.AwaitRoundResponse(round=round_of(request.round, phase))

    def FetchUpdates(  # noqa: N802 -- the proto file names it
        self, request: Any, context: Any
    ) -> Iterator[worker_pb2.FetchUpdatesResponse]:
        self._check(context)
        for alias, update in self.behind.updates(request.round):
            yield from spoken(alias, update)

    def FetchWork(self, request: Any, context: Any) -> Iterator[worker_pb2.FetchWorkResponse]:  # noqa: N802 -- the proto file names it
        self._check(context)
        content = self.behind.fetch(request.digest.hex())
        pieces = [
            worker_pb2.FetchWorkResponse(
                offset=start, content=content[start : start + PIECE], total_bytes=len(content)
            )
            for start in range(0, len(content), PIECE)
        ]
        yield from self.spoil(pieces) if self.spoil else pieces

    def CommitRound(self, request_iterator: Any, context: Any) -> worker_pb2.CommitRoundResponse:  # noqa: N802 -- the proto file names it
        self._check(context)
        said = next(request_iterator).result
        parts = {"head": b"", "state": b""}
        for message in request_iterator:
            name = message.WhichOneof("part")
            assert not (name == "head" and parts["state"])
            parts[name] += getattr(message, name)
        assert hashlib.sha256(parts["head"]).digest() == said.head_digest
        assert (len(parts["head"]), len(parts["state"])) == (said.head_bytes, said.state_bytes)
        tally = Tally(said.classes, said.classes_held_back, said.rows_left_out)
        try:
            version = self.behind.commit(RoundResult(said.round, tally, **parts))
        except FieldwiseError as error:
            refuse(context, error)
        return worker_pb2.CommitRoundResponse(version=version)

    def GiveUp(self, request: Any, context: Any) -> worker_pb2.GiveUpResponse:  # noqa: N802 -- the proto file names it
        self._check(context)
        self.behind.give_up(request.reason)
        return worker_pb2.GiveUpResponse()

    def _check(self, context: Any) -> None:
        given = dict(context.invocation_metadata()).get("authorization")
        if given != f"Bearer {self.token}":
            refuse(context, FieldwiseError(Fault.UNAUTHENTICATED, "the token is not in force"))


def refuse(context: Any, error: FieldwiseError) -> NoReturn:
    context.set_trailing_metadata(trailing_metadata(error.fault))
    context.abort(status_code(error.fault), error.sentence)
    raise AssertionError("abort raises")


def work_of(campaign: Campaign, behind: MemoryOrchestrator) -> worker_pb2.GetWorkResponse:
    phase = campaign_pb2.CAMPAIGN_PHASE_RUNNING
    return worker_pb2.GetWorkResponse(
        campaign_id=campaign.id,
        plan=campaign_pb2.CampaignPlan(
            quorum=campaign.quorum,
            kind=KINDS[campaign.kind],
            level=CONSENTS[campaign.level],
            strategy=campaign.strategy,
            options=campaign.options,
            norm_max=campaign.norm_max,
            noise=campaign.noise,
        ),
        classes=[
            federation_pb2.SharedClass(id=each, name=name)
            for each, name in campaign.classes.items()
        ],
        space=space_to(campaign.space),
        phase=phase if campaign.runs else campaign_pb2.CAMPAIGN_PHASE_COMPLETE,
        head=federation_pb2.GlobalHead(
            version=campaign.version, digest=bytes.fromhex(campaign.head)
        ),
        state_digest=bytes.fromhex(campaign.state),
        rounds_ended=behind.ended,
    )


def round_of(number: int, phase: RoundPhase) -> campaign_pb2.CampaignRound:
    return campaign_pb2.CampaignRound(
        round=number, phase=getattr(campaign_pb2, f"ROUND_PHASE_{phase.name}")
    )


def spoken(alias: int, update: Any) -> Iterator[worker_pb2.FetchUpdatesResponse]:
    """An update in parts, or a list of parts that are none."""
    assert not isinstance(update, Unreadable)
    names = {
        federation_pb2.UpdateHeader: "header",
        federation_pb2.ClassRows: "rows",
        federation_pb2.ScatterPiece: "scatter",
    }
    for part in update if isinstance(update, list) else parts_of(update):
        yield worker_pb2.FetchUpdatesResponse(alias=alias, **{names[type(part)]: part})


@dataclass(frozen=True, slots=True)
class Running:
    """A server under way: its address, and the certificate that vouches for it."""

    address: str
    roots: bytes


@contextmanager
def serving(service: WorkerService) -> Iterator[Running]:
    """Serve on a free port of this machine alone."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    key, chain = issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes()
    server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    worker_pb2_grpc.add_WorkerServicer_to_server(service, server)
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, chain)]))
    server.start()
    try:
        yield Running(f"127.0.0.1:{port}", authority.cert_pem.bytes())
    finally:
        server.stop(None).wait(30)
