"""Devices that take part in federation, played: what they give are numbers of the tests' own."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from fieldwise.federation import Consent, Row, RowKind, Update
from fieldwise.federation_messages import parts_of, space_from
from fieldwise.v1alpha1 import device_pb2, federation_pb2
from tests.faults.fleets import insist
from tests.orchestrators import Member

SAMPLES = 20
FIELDS = {
    federation_pb2.UpdateHeader: "header",
    federation_pb2.ClassRows: "rows",
    federation_pb2.ScatterPiece: "scatter",
}


@dataclass(slots=True)
class Partner:
    """A device whose owner agrees to weights.

    Args:
        member: Who it is.
        bundle: Digest of the backbone that it has in use.
        suits: Gives what a round asks for; else updates of another kind, which are refused.
    """

    member: Member
    bundle: str
    suits: bool = True
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
        assert taken or not self.suits or receipt == device_pb2.UPDATE_RECEIPT_LATE
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
        space, kind = space_from(offer.space), RowKind.MEANS if self.suits else RowKind.WEIGHTS
        row = np.full(space.width + (kind is RowKind.WEIGHTS), 0.5, np.float32)
        rows = tuple(Row(each.id, SAMPLES, row) for each in task.classes)
        return Update(offer.campaign_id, offer.round, kind, Consent.WEIGHTS, space, rows)


def _requests(update: Update) -> Iterator[device_pb2.SubmitUpdateRequest]:
    for part in parts_of(update):
        yield device_pb2.SubmitUpdateRequest(**{FIELDS[type(part)]: part})
