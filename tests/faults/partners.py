"""Devices that take part in federation, played: what they give are numbers of the tests' own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, Protocol

import numpy as np

from fieldwise import identity
from fieldwise.federation import Consent, Row, RowKind, Update
from fieldwise.federation_messages import KINDS, parts_of, space_from
from fieldwise.v1alpha1 import device_pb2, federation_pb2
from tests.fakes.agent_process import wait_until
from tests.faults.fleets import insist
from tests.orchestrators import Member, join

SAMPLES = 20
FIELDS: Mapping[type, str] = {
    federation_pb2.UpdateHeader: "header",
    federation_pb2.ClassRows: "rows",
    federation_pb2.ScatterPiece: "scatter",
}


class Asked(Protocol):
    """A server that is asked by commands."""

    def ask(self, *arguments: str) -> Any: ...


@dataclass(slots=True)
class Partner:
    """A device whose owner agrees to weights.

    Args:
        member: Who it is.
        bundle: Digest of the backbone that it has in use.
        kind: Of the rows that it gives, which may be another than a round asks for.
        value: That its rows are full of.
    """

    member: Member
    bundle: str
    kind: RowKind = RowKind.MEANS
    value: float = 0.5
    report: device_pb2.FederationReport = field(
        default_factory=lambda: device_pb2.FederationReport(consent=federation_pb2.CONSENT_WEIGHTS)
    )
    _sequence: Iterator[int] = field(default_factory=lambda: count(1))

    def check_in(self) -> device_pb2.CheckInResponse:
        return insist(
            lambda: self.member.check_in(
                sequence=next(self._sequence),
                bundle_in_use=bytes.fromhex(self.bundle),
                federation=self.report,
            )
        )

    def withdraw(self) -> None:
        self.report.consent = federation_pb2.CONSENT_OFF
        self.check_in()

    def take_part(self) -> None:
        """Check in, answer the round that is offered, and decline the head, if there are any."""
        told = self.check_in()
        if told.HasField("head"):
            self.report.head_campaign_id = told.head.campaign_id
            self.report.head_version = told.head.version
            self.report.outcome = device_pb2.HEAD_OUTCOME_HARM
        if not told.HasField("round"):
            return
        receipt = insist(lambda: self._answer(told.round))
        taken = receipt == device_pb2.UPDATE_RECEIPT_TAKEN
        suits = told.round.kind == KINDS[self.kind]
        assert taken or not suits or receipt == device_pb2.UPDATE_RECEIPT_LATE
        self.report.campaign_id, self.report.round = told.round.campaign_id, told.round.round
        self.report.step = (
            device_pb2.ROUND_STEP_ANSWERED if taken else device_pb2.ROUND_STEP_REFUSED
        )

    def _answer(self, offer: device_pb2.RoundOffer) -> int:
        asked = device_pb2.FetchTaskRequest(campaign_id=offer.campaign_id, round=offer.round)
        with self.member.calling() as stub:
            task = stub.FetchTask(asked, timeout=60)
            return stub.SubmitUpdate(_requests(self._update(task)), timeout=60).receipt

    def _update(self, task: device_pb2.FetchTaskResponse) -> Update:
        offer = task.round
        space = space_from(offer.space)
        trains = self.kind is RowKind.WEIGHTS
        row = np.full(space.width + trains, self.value, np.float32)
        rows = tuple(Row(each.id, SAMPLES, row) for each in task.classes)
        return Update(
            offer.campaign_id,
            offer.round,
            self.kind,
            Consent.WEIGHTS,
            space,
            rows,
            base_version=task.head.version if trains else 0,
        )


def band(server: Asked, tag: str, bundle: str, kinds: Sequence[RowKind]) -> list[Partner]:
    """Let devices join under a tag that have a backbone in use, and say that their owners agree.

    Each gives rows of its own kind, and the first ones, the second twos.
    """
    ticket = server.ask("ticket", "create", f"--tag={tag}", f"--uses={len(kinds)}")["token"]
    keys = [identity.generate_key() for _ in kinds]
    members = [insist(partial(join, ticket, key)) for key in keys]
    found = [
        Partner(member, bundle, kind, float(value))
        for value, (member, kind) in enumerate(zip(members, kinds, strict=True), start=1)
    ]
    for each in found:
        each.check_in()
    return found


def see_through(server: Asked, campaign: str, partners: Sequence[Partner]) -> None:
    """Let devices take part until every round of a campaign is made."""

    def is_complete() -> bool:
        for each in partners:
            each.take_part()
        return bool(server.ask("federation", "show", campaign)["phase"] == "complete")

    wait_until(is_complete)


def _requests(update: Update) -> Iterator[device_pb2.SubmitUpdateRequest]:
    for part in parts_of(update):
        given: dict[str, Any] = {FIELDS[type(part)]: part}
        yield device_pb2.SubmitUpdateRequest(**given)
